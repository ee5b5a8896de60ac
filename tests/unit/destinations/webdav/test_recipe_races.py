"""The recipe against every order, loss and crash of two runs: nothing half, nothing overwritten, nobody stuck."""

from __future__ import annotations

import pytest

from publisher.destinations.webdav.recipe import Ending
from publisher.errors import TransportError
from publisher.model import Status
from tests.unit.destinations.webdav.races import Fate, Player, World, finish, schedules, wanted

FAULTS = (Fate.ANSWER_LOST, Fate.REQUEST_LOST, Fate.CUT, Fate.SHORT, Fate.KILLED)
ONE, TWO = ("t/1/x",), ("t/1/x", "t/1/y")


def assert_sound(players: list[Player], world: World, paths: tuple[str, ...]) -> None:
    """Check what must hold at the end of any schedule."""
    for path in paths:
        assert world.files.get(path) != "half of it", "a half upload was taken for the file"
    for player in players:
        # No other error: where moves are atomic nobody is told of damage or of a server that breaks its word.
        assert player.is_killed or isinstance(player.ending, Ending | TransportError)
        if player.has_published:
            assert all(world.files.get(path) == player.files[0].sha256 for path in paths)


def assert_never_replaced(world: World) -> None:
    for path, contents in world.history.items():
        assert len(contents) == 1, f"{path} was written {len(contents)} times"


@pytest.mark.parametrize(
    ("contents", "faults"), [(("A", "A"), 1), (("A", "B"), 2)], ids=["same content", "other content"]
)
def test_two_runs_with_faults_keep_what_is_there(contents: tuple[str, str], faults: int) -> None:
    """Where a move is atomic: in every order, with any request or answer lost, cut or a run killed, a file that is in
    its place is whole and stays, and a run that says it published finds its own content there. The next, quiet run
    ends: published, skipped, or blocked by other content that is there whole."""
    seen = 0
    for players, world in schedules(contents, ONE, is_atomic=True, faults=FAULTS, most_faults=faults):
        seen += 1
        assert_sound(players, world, ONE)
        assert_never_replaced(world)
        again = Player(9, players[0].files)
        finish(again, world)
        assert isinstance(again.ending, Ending)
        if again.ending.status is Status.BLOCKED:
            assert world.files[ONE[0]] == contents[1] != contents[0]
        else:
            assert world.files[ONE[0]] == contents[0]
    assert seen > 50


def test_a_run_that_ends_takes_its_parts_along() -> None:
    """Only a run that was killed, or whose last request to delete was lost, leaves a part behind."""
    for players, world in schedules(("A", "B"), ONE, is_atomic=True, faults=(Fate.CUT, Fate.BUSY), most_faults=2):
        assert all(player.ending is not None for player in players)
        assert not [name for name in world.files if ".part-" in name]


def test_an_artifact_of_two_files_is_whole_or_unfinished() -> None:
    """Alone and with two faults: a run that says it published has both files; the next run brings what is missing."""
    seen = 0
    for players, world in schedules(("A",), TWO, is_atomic=True, faults=FAULTS, most_faults=2):
        seen += 1
        assert_sound(players, world, TWO)
        assert_never_replaced(world)
        again = Player(9, wanted("A", *TWO))
        finish(again, world)
        assert again.has_published
        assert all(world.files[path] == "A" for path in TWO)
    assert seen > 100


@pytest.mark.parametrize("is_atomic", [True, False], ids=["source first", "target first"])
def test_a_lost_answer_is_not_another_publisher(is_atomic: bool) -> None:
    """A run that is alone and is not told of its move ends with its own success, whatever a repeated move is told."""
    seen = set()
    for players, _ in schedules(("A",), ONE, is_atomic=is_atomic, faults=(Fate.MOVED_UNTOLD,), most_faults=1):
        assert isinstance(players[0].ending, Ending)
        seen.add(players[0].ending.status)
    assert seen == {Status.PUBLISHED}


def test_no_part_is_moved_before_all_are_there() -> None:
    """A run that is stopped by its second file's upload has not shown the first one."""
    for players, world in schedules(("A",), TWO, is_atomic=True, faults=(Fate.REQUEST_LOST,), most_faults=2):
        if isinstance(players[0].ending, Exception) and players[0].names >= 3:
            assert "t/1/x" not in world.files or "t/1/y" in world.files


def test_the_race_that_is_left_on_a_move_is_known() -> None:
    """Where check and rename of a move are two steps, as in nginx, two runs with other content can both be told that
    they moved: the second replaces the first. Nothing half is ever seen, and with equal content nothing is lost."""
    lost, caught = 0, 0
    for players, world in schedules(("A", "B"), ONE, is_atomic=False, faults=(), most_faults=0):
        assert world.files[ONE[0]] in {"A", "B"}
        if len(world.history[ONE[0]]) == 2:
            lost += 1
            caught += any(not player.has_published for player in players)
    assert lost > 0
    assert caught > 0, "the comparison after the move never noticed it"
    for players, _ in schedules(("A", "A"), ONE, is_atomic=False, faults=(), most_faults=0):
        assert all(player.has_published for player in players)
