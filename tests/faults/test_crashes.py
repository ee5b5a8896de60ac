"""Kill -9 at each point of the write order, and other ways to be interrupted. Every row says what the next run does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.admin_api import PUBLISH_PATH
from tests.support.chaos.aftermath import Expected
from tests.support.chaos.fixtures import OpenStage
from tests.support.chaos.forks import Child
from tests.support.chaos.messages import PASSES, Fate, Message, MessageProxy
from tests.support.chaos.stage import Stage, key_of

OBJECT = "/dev/model-any-1.enc"


@dataclass(frozen=True)
class Point:
    """The n-th request that matches; the publisher is killed before it arrives, or after, before the answer is read."""

    matches: Callable[[Message], bool]
    is_before: bool
    at: int = 1


def head(message: Message) -> bool:
    return message.is_a("HEAD") and message.path.endswith(OBJECT)


def create(message: Message) -> bool:
    return message.is_a("PUT") and message.path.endswith(OBJECT) and "/.publish/" not in message.path


def escrow(message: Message) -> bool:
    return message.is_a("PUT") and "/.publish/keys/" in message.path


def receipt(message: Message) -> bool:
    return message.is_a("PUT") and "/.publish/receipts/" in message.path


def drop(message: Message) -> bool:
    return message.is_a("DELETE")


def read_back(message: Message) -> bool:
    return message.is_a("GET") and message.path.endswith(OBJECT)


def register(message: Message) -> bool:
    return message.is_a("POST", f"/{PUBLISH_PATH}")


def lookup(message: Message) -> bool:
    return message.is_a("GET", "/resources")


POINTS = [
    pytest.param(Point(lookup, is_before=False, at=1), "published", id="C1-lookup"),
    pytest.param(Point(escrow, is_before=True), "published", id="C2-spool"),
    pytest.param(Point(escrow, is_before=False), "published", id="C3-escrow"),
    pytest.param(Point(create, is_before=True), "published", id="C6-create-lost"),
    pytest.param(Point(create, is_before=False), "adopted", id="C6-create-sent"),
    pytest.param(Point(head, is_before=True, at=2), "adopted", id="C7-create-ok"),
    pytest.param(Point(read_back, is_before=False), "adopted", id="C8-read-back"),
    pytest.param(Point(register, is_before=True), "adopted", id="C8-verified"),
    pytest.param(Point(register, is_before=False), "skipped", id="C9-post-sent"),
    pytest.param(Point(receipt, is_before=True), "skipped", id="registered"),
    pytest.param(Point(drop, is_before=True), "skipped", id="receipt-written"),
]


class Killer:
    """Kills its victim when the moment has come."""

    def __init__(self, point: Point) -> None:
        self.victim: Child | None = None
        self._point = point
        self._seen = 0
        self._armed = threading.Event()

    def aim(self, child: Child) -> None:
        self.victim = child
        self._armed.set()

    def fate(self, message: Message) -> Fate:
        if not self._point.matches(message):
            return PASSES
        self._seen += 1
        if self._seen != self._point.at:
            return PASSES
        if self._point.is_before:
            return Fate(arrives=False, answers=False, before=self._strike)
        return Fate(answers=False, after=self._strike)

    def _strike(self) -> None:
        self._armed.wait(10)
        if self.victim is not None:
            self.victim.kill()
            self.victim.ended.wait(10)


def proxies(stage: Stage) -> list[MessageProxy]:
    return [proxy for proxy in (stage.store, stage.registry) if proxy is not None]


def kill_at(stage: Stage, point: Point) -> None:
    """Run a publisher that dies at this point."""
    killer = Killer(point)
    for proxy in proxies(stage):
        proxy.decide = killer.fate
    killer.aim(child := stage.start("--verify", "full"))
    assert child.wait() == -signal.SIGKILL
    assert stage.temporary_files() == []
    for proxy in proxies(stage):
        proxy.decide = lambda _message: PASSES


@pytest.mark.parametrize(("point", "ends"), POINTS)
def test_the_next_run_finishes_what_was_killed(stage: Stage, point: Point, ends: str) -> None:
    """C1, C2, C3, C6, C7, C8, C9: the next run publishes or adopts; it uploads again only if no object was made."""
    kill_at(stage, point)
    assert stage.broken() == []
    bodies = stage.bodies_sent("model")

    done = stage.run()

    assert done.code == 0, done.said
    assert done.statuses == {"model": ends}
    assert stage.bodies_sent("model") - bodies == (1 if ends == "published" else 0)
    assert len(stage.rows()) == 1
    assert stage.broken() == []
    assert stage.open_uploads() == []


@pytest.mark.parametrize(
    ("point", "ends"),
    [
        pytest.param(Point(create, is_before=False), "adopted", id="C6"),
        pytest.param(Point(register, is_before=True), "adopted", id="C8"),
        pytest.param(Point(register, is_before=False), "adopted", id="C9"),
        pytest.param(Point(receipt, is_before=False), "skipped", id="receipt-written"),
    ],
)
def test_without_a_lookup_the_receipt_decides(open_stage: OpenStage, point: Point, ends: str) -> None:
    """C6, C8, C9: where rows cannot be looked up, a later run finishes too, and the row is there once."""
    with open_stage("post", "stage") as stage:
        stage.add("model", b"weights")
        kill_at(stage, point)
        bodies = stage.bodies_sent("model")

        done = stage.run()

        assert done.code == 0, done.said
        assert done.statuses == {"model": ends}
        assert stage.bodies_sent("model") == bodies
        assert len(stage.rows()) == 1
        assert stage.broken() == []
        assert stage.run().statuses == {"model": "skipped"}


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(Point(create, is_before=False), id="C6"),
        pytest.param(Point(head, is_before=True, at=2), id="C7"),
    ],
)
def test_with_a_database_any_run_finishes_without_a_recovery_key(open_stage: OpenStage, point: Point) -> None:
    """C6, C7: the key waits in the database, so the next run adopts the object without a recovery key."""
    with open_stage("sql", "stage") as stage:
        stage.add("model", b"weights")
        kill_at(stage, point)

        done = stage.run()

        assert (done.code, done.statuses) == (0, {"model": "adopted"}), done.said
        assert (len(stage.rows()), stage.broken()) == (1, [])


def test_a_recovery_key_may_be_rotated_between_crash_and_rescue(stage: Stage) -> None:
    """C6: the record of the killed run was wrapped under a key that is an old one now: the next run adopts."""
    kill_at(stage, Point(create, is_before=False))
    old = stage.settings["PUBLISH_RECOVERY_KEY"]
    new, other = ("bmV3IHJlY292ZXJ5IGtleSBvZiB0ZXN0cywgMzIgYi4=", "YSB0aGlyZCByZWNvdmVyeSBrZXkgb2YgdGVzdHMsIDM=")

    lost = stage.run(PUBLISH_RECOVERY_KEY=new)
    done = stage.run(PUBLISH_RECOVERY_KEY=new, PUBLISH_RECOVERY_KEY_OLD=f"{other}, {old}")

    assert (lost.code, lost.first["reason"]) == (5, "orphan_object"), lost.said
    assert (done.code, done.statuses) == (0, {"model": "adopted"}), done.said
    assert (len(stage.rows()), stage.broken()) == (1, [])


def test_killed_while_sealing_it_leaves_no_file(stage: Stage) -> None:
    """C2: killed while a large source is sealed to a spool, the spool is gone with the process."""
    stage.add("large", os.urandom(96 << 20))
    child = stage.start("--only", "*/large/*")
    while not _nameless_files(child.pid, below=stage.folder):
        assert not child.ended.wait(0.002), child.said

    child.kill()

    assert child.wait() == -signal.SIGKILL
    assert stage.temporary_files() == []
    assert stage.bodies_sent("large") == 0


def _nameless_files(pid: int, *, below: Path) -> list[str]:
    """Return the open files of a process that have no name any more, or never had one."""
    links: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                links.append(str(entry.readlink()))
    return [link for link in links if link.startswith(str(below)) and link.endswith("(deleted)")]


def test_a_write_that_lands_after_the_next_run_changes_nothing(stage: Stage) -> None:
    """C6: the create of a killed run arrives while nobody waits for it any more, and is refused by the store."""
    died = threading.Event()

    def late(message: Message) -> Fate:
        if not create(message):
            return PASSES
        stage.store.decide = lambda _message: PASSES
        died.set()
        return Fate(late_s=3.0)

    stage.store.decide = late
    first = stage.start()
    assert died.wait(30)
    first.kill()
    first.wait()

    second = stage.run()
    before = stage.download(key_of("model"))
    stage.store.settle()

    assert (second.code, second.statuses) == (0, {"model": "published"}), second.said
    assert stage.download(key_of("model")) == before
    assert stage.broken() == []


def test_without_escrow_a_killed_run_leaves_an_orphan_that_is_named(stage: Stage) -> None:
    """C7: with escrow `none` the key is gone; the next run says so, exits 5 and touches nothing."""
    stage.expected = Expected(rerun=5)
    del stage.settings["PUBLISH_RECOVERY_KEY"]
    kill_at(stage, Point(head, is_before=True, at=2))
    before = stage.download(key_of("model"))

    done = stage.run()

    assert done.code == 5, done.said
    assert (done.first["status"], done.first["reason"]) == ("blocked", "orphan_object")
    assert stage.rows() == []
    assert stage.download(key_of("model")) == before


def test_a_stopped_run_that_wakes_up_breaks_nothing(stage: Stage) -> None:
    """C14: another run adopts while the first is stopped before its POST; the woken one finds an equal row."""
    stopped = threading.Event()
    sleeper: list[Child] = []

    def stop() -> None:
        sleeper[0].send(signal.SIGSTOP)
        stopped.set()

    def once(message: Message) -> Fate:
        if not head(message) or stage.store.count("HEAD", stage.object_path("model")) < 2:
            return PASSES
        stage.store.decide = lambda _message: PASSES
        return Fate(after=stop)

    stage.store.decide = once
    sleeper.append(stage.start())
    assert stopped.wait(30)

    other = stage.run()
    sleeper[0].send(signal.SIGCONT)
    woken = stage.end(sleeper[0])

    assert (other.code, other.statuses) == (0, {"model": "adopted"}), other.said
    assert woken.code == 0, woken.said
    assert woken.first["status"] in {"published", "skipped"}
    assert (len(stage.rows()), stage.broken()) == (1, [])
