"""One package against a real handler of each generation and the channel behind it: every answer of the contract."""

from __future__ import annotations

import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.conda.destination import CondaDestination
from publisher.events import Event, Progress, Retrying
from publisher.model import Outcome, ReadyArtifact, State, Status
from tests.support.canary import found, told_by_logs
from tests.support.conda_channel import Instead
from tests.support.conda_handler import Fault as HandlerFault
from tests.support.conda_packages import build_package
from tests.support.conda_world import TOKEN, CondaWorld, ready, sha256_of
from tests.support.fault_proxy import Fault, FaultProxy, Kind


def publish(world: CondaWorld, item: ReadyArtifact, **options: object) -> Outcome:
    with world.destination(**options) as destination:  # type: ignore[arg-type] # options of one call
        return destination.publish(item, world.host())


def observed(destination: CondaDestination, item: ReadyArtifact) -> State:
    return destination.observe([item])[item.artifact.id].state


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package for linux-64."""
    return build_package(tmp_path / "dist", "x", subdir="linux-64")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A package of the same name with other content."""
    return build_package(tmp_path / "other", "x", subdir="linux-64", content=b"other\n")


def code(outcome: Outcome) -> tuple[str, int]:
    assert outcome.failure is not None
    return outcome.failure.code, outcome.failure.exit_code


def test_a_package_is_published_once(conda: CondaWorld, package: Path) -> None:
    """It is stored whole, visible in the index with its sha256, and skipped the next time without a request."""
    item = ready(package)

    with conda.destination() as destination:
        assert observed(destination, item) is State.MISSING
        first = destination.publish(item, conda.host())
        assert observed(destination, item) is State.PUBLISHED
        second = destination.publish(item, conda.host())

    assert (first.status, first.attempts, first.verification) == (Status.PUBLISHED, 1, "head")
    assert first.uploaded_bytes == package.stat().st_size
    assert first.object is not None
    assert first.object.url == f"{conda.server.url}/linux-64/x-1.0-0.tar.bz2"
    assert first.object.sha256 == sha256_of(package.read_bytes()) == conda.index("linux-64")[package.name]["sha256"]
    assert conda.stored() == {"linux-64/x-1.0-0.tar.bz2": package.read_bytes()}
    assert (second.status, second.attempts) == (Status.SKIPPED, 0)
    assert conda.handler.uploads == [package.name]


def test_the_request_is_the_contracts(conda: CondaWorld, package: Path) -> None:
    """One form with the token as a text field, the file under its bare name, and `arch` only for who reads it."""
    publish(conda, ready(package))

    (received,) = conda.handler.received
    fields = {"token": TOKEN, **({"arch": "linux-64"} if conda.handler.generation == 1 else {})}
    assert received.fields == fields
    assert received.filenames == (package.name,)
    assert received.path == "/"
    assert received.body == package.read_bytes()
    assert "transfer-encoding" not in received.headers
    assert TOKEN not in str(received.headers)


def test_other_content_under_the_name_is_never_overwritten(conda: CondaWorld, package: Path, other: Path) -> None:
    """A conflict is seen before anything is sent: the first generation would replace the file in silence."""
    conda.put(other, "linux-64")

    with conda.destination() as destination:
        assert observed(destination, ready(package)) is State.CONFLICT
        outcome = destination.publish(ready(package), conda.host())

    assert outcome.status is Status.BLOCKED
    assert code(outcome) == ("content_conflict", 5)
    assert conda.handler.received == []
    assert conda.stored() == {"linux-64/x-1.0-0.tar.bz2": other.read_bytes()}


def test_a_file_that_is_not_indexed_is_not_overwritten(conda: CondaWorld, package: Path, other: Path) -> None:
    """A stale index does not show a file that lies there; it is asked for itself, and stays what it is."""
    conda.put(other, "linux-64", is_indexed=False)

    with conda.destination() as destination:
        assert observed(destination, ready(package)) is State.CONFLICT
        outcome = destination.publish(ready(package), conda.host())

    assert code(outcome) == ("content_conflict", 5)
    assert conda.stored() == {"linux-64/x-1.0-0.tar.bz2": other.read_bytes()}


def test_a_removed_file_is_a_conflict(conda: CondaWorld, package: Path) -> None:
    """What the owners took out of the index is not put back by a publisher."""
    path = conda.folder / "linux-64" / "repodata.json"
    path.write_text(path.read_text().replace('"packages":{}', f'"packages":{{}},"removed":["{package.name}"]'))

    outcome = publish(conda, ready(package))

    assert code(outcome) == ("content_conflict", 5)
    assert conda.handler.received == []


def test_a_wrong_token_is_told_as_such(conda: CondaWorld, package: Path) -> None:
    """401 with no such file in the channel: the token is wrong, exit 4, nothing is stored, one request was enough."""
    outcome = publish(conda, ready(package), token="wrong")

    assert outcome.status is Status.FAILED
    assert code(outcome) == ("credentials_refused", 4)
    assert conda.stored() == {}
    assert len(conda.handler.received) == 1


def test_a_failed_index_is_made_good_or_told(conda: CondaWorld, package: Path) -> None:
    """500 after the file was written: the first generation takes it again and indexes; the second answers 401, which is
    then not taken for a bad token: the file is there, and no client sees it.
    """
    conda.handler.fail("index-fails")

    outcome = publish(conda, ready(package))

    assert outcome.attempts == 2
    assert conda.stored() == {"linux-64/x-1.0-0.tar.bz2": package.read_bytes()}
    if conda.handler.generation == 1:
        assert outcome.status is Status.PUBLISHED
    else:
        assert code(outcome) == ("not_indexed", 1)
        assert "is stored, but the channel's index does not list it" in str(outcome.failure)


def test_an_unindexed_file_heals_with_the_next_upload(second_conda: CondaWorld, package: Path, tmp_path: Path) -> None:
    """After a failed index the next package indexes both; the first is then seen as published, and not sent again."""
    second_conda.handler.fail("index-fails")
    publish(second_conda, ready(package))
    with second_conda.destination() as destination:
        assert observed(destination, ready(package)) is State.UNFINISHED

    second = publish(second_conda, ready(build_package(tmp_path / "dist", "y", subdir="linux-64")))
    again = publish(second_conda, ready(package))

    assert second.status is Status.PUBLISHED
    assert again.status is Status.SKIPPED


def test_a_failure_before_storing_is_tried_again(conda: CondaWorld, package: Path) -> None:
    """500 and nothing stored: the file is sent again after a look, and published."""
    conda.handler.fail("fails", "busy")

    outcome = publish(conda, ready(package))

    assert (outcome.status, outcome.attempts) == (Status.PUBLISHED, 3)
    assert len([event for event in conda.events if isinstance(event, Retrying)]) == 2


def test_a_server_that_keeps_failing_is_given_up(conda: CondaWorld, package: Path) -> None:
    """After three failures it ends: not stored, running again may help."""
    conda.handler.fail("fails", "fails", "fails", "fails")

    outcome = publish(conda, ready(package))

    assert outcome.attempts == 3
    assert code(outcome) == ("no_answer", 1)
    assert "is not stored" in str(outcome.failure)
    assert conda.stored() == {}


def test_the_second_generation_fails_for_conda_packages(second_conda: CondaWorld, tmp_path: Path) -> None:
    """It takes .tar.bz2 only and answers 500; the hint says so, since the answer does not."""
    package = build_package(tmp_path / "dist", "x", subdir="linux-64", extension=".conda")

    outcome = publish(second_conda, ready(package))

    assert outcome.failure is not None
    assert ".tar.bz2 only" in str(outcome.failure.hint)
    assert second_conda.stored() == {}


def test_the_first_generation_takes_both_formats(first_conda: CondaWorld, tmp_path: Path) -> None:
    """`.conda` is published as `.tar.bz2` is."""
    package = build_package(tmp_path / "dist", "x", subdir="linux-64", extension=".conda")

    assert publish(first_conda, ready(package)).status is Status.PUBLISHED
    assert list(first_conda.index("linux-64")) == [package.name]


@pytest.mark.parametrize(("fault", "said"), [("html", "Sign in"), ("redirect", "login.example.com")])
def test_another_kind_of_server_is_not_believed(conda: CondaWorld, package: Path, fault: str, said: str) -> None:
    """A page with 200 and a redirect publish nothing; nothing is sent anywhere else, nor twice."""
    conda.handler.fail(fault)  # type: ignore[arg-type] # one of the faults

    outcome = publish(conda, ready(package))

    assert code(outcome) == ("unexpected_answer", 1)
    assert outcome.failure is not None
    assert said in outcome.failure.message
    assert len(conda.handler.received) == 1
    assert conda.stored() == {}


def test_a_success_that_no_client_can_see_is_not_one(conda: CondaWorld, package: Path) -> None:
    """200 without the package in the index is an open outcome, exit 7, and never `published`."""
    conda.handler.fail("ok-without-storing")

    outcome = publish(conda, ready(package))

    assert outcome.status is Status.FAILED
    assert code(outcome) == ("outcome_unknown", 7)
    assert len(conda.handler.received) == 1


def test_a_late_index_is_waited_for(conda: CondaWorld, package: Path) -> None:
    """A cache that shows the old index for a while delays a package, and does not fail it."""
    old = (conda.folder / "linux-64" / "repodata.json").read_bytes()
    conda.server.answer("/linux-64/repodata.json", Instead(body=old, times=3))

    outcome = publish(conda, ready(package))

    assert (outcome.status, outcome.attempts) == (Status.PUBLISHED, 1)
    assert all(headers.get("cache-control") == "no-cache" for headers in conda.server.asked_headers)


def test_a_race_that_was_lost_is_a_conflict(conda: CondaWorld, package: Path) -> None:
    """Where another run's content is there after our upload, it is told as a conflict, not as published."""
    conda.handler.fail("other-content")

    outcome = publish(conda, ready(package))

    assert outcome.status is Status.BLOCKED
    assert code(outcome) == ("content_conflict", 5)


@pytest.mark.parametrize("kind", [Kind.LOST_ANSWER, Kind.LOST_REQUEST, Kind.RESET_UP, Kind.TRUNCATE_UP, Kind.REFUSE])
def test_a_broken_line_ends_in_one_package(conda: CondaWorld, package: Path, kind: Kind) -> None:
    """Whatever breaks on the way, the next look tells what happened, and the package is there once, whole."""
    with FaultProxy(conda.handler.port) as proxy:
        proxy.arm(Fault(kind, method="POST", after=200))
        outcome = publish(conda, ready(package), upload_url=f"http://127.0.0.1:{proxy.port}")

    assert outcome.status is Status.PUBLISHED
    assert outcome.attempts == (1 if kind is Kind.LOST_ANSWER else 2)
    assert conda.stored() == {"linux-64/x-1.0-0.tar.bz2": package.read_bytes()}
    assert conda.index("linux-64")[package.name]["sha256"] == sha256_of(package.read_bytes())


def test_an_answer_that_never_comes_is_settled_by_the_index(conda: CondaWorld, package: Path) -> None:
    """A time limit runs out while the server is done already: the index shows the package, and that counts."""
    with FaultProxy(conda.handler.port) as proxy:
        proxy.arm(Fault(Kind.STALL, method="POST"))
        outcome = publish(conda, ready(package), upload_url=f"http://127.0.0.1:{proxy.port}", timeout_s=1.0)

    assert (outcome.status, outcome.attempts) == (Status.PUBLISHED, 1)
    assert outcome.notes


def test_a_server_that_is_down_is_told_and_nothing_is_unknown(conda: CondaWorld, package: Path) -> None:
    """Without a connection nothing was sent: a plain failure, exit 1."""
    with FaultProxy(conda.handler.port) as proxy:
        port = proxy.port
    outcome = publish(conda, ready(package), upload_url=f"http://127.0.0.1:{port}")

    assert code(outcome) == ("no_answer", 1)
    assert outcome.failure is not None
    assert "no connection" in outcome.failure.message
    assert conda.stored() == {}


def test_a_channel_that_is_down_stops_before_anything_is_sent(conda: CondaWorld, package: Path) -> None:
    """What cannot be read is unknown, never absent: no upload."""
    for answer in (Instead(500), Instead(200, b"<html>"), Instead(403), Instead(301, headers=(("Location", "/x"),))):
        conda.server.answer("/linux-64/repodata.json", answer)
        with conda.destination() as destination:
            assert observed(destination, ready(package)) is State.UNKNOWN
            outcome = destination.publish(ready(package), conda.host())
        assert outcome.status is Status.FAILED

    assert conda.handler.received == []


def test_a_channel_that_breaks_after_an_upload_leaves_the_outcome_open(conda: CondaWorld, package: Path) -> None:
    """The upload was accepted and the channel cannot be read any more: exit 7, and the next run settles it."""
    index = "/linux-64/repodata.json"

    with conda.destination() as destination:
        item = ready(package)
        conda.server.answer(index, Instead(body=b"x"))
        original = (conda.folder / "linux-64" / "repodata.json").read_bytes()
        conda.server.behave()
        conda.server.answer(index, Instead(body=original, times=1))
        host = replace(conda.host(), emit=lambda event: _break(conda, event, index))
        outcome = destination.publish(item, host)
        conda.server.behave()
        again = destination.publish(item, conda.host())

    assert code(outcome) == ("outcome_unknown", 7)
    assert again.status is Status.SKIPPED


def _break(world: CondaWorld, event: Event, path: str) -> None:
    """Break the index once the upload has begun."""
    if isinstance(event, Progress):
        world.server.answer(path, Instead(500))


def test_a_missing_subdir_is_empty_only_in_a_channel(conda: CondaWorld, package: Path, tmp_path: Path) -> None:
    """404 for one subdir of a channel that answers is an empty subdir; 404 for everything is a wrong address."""
    item = ready(build_package(tmp_path / "dist", "y", subdir="osx-64"), "osx-64")

    with conda.destination() as destination:
        assert observed(destination, item) is State.MISSING
    for subdir in ("noarch", "linux-64"):
        (conda.folder / subdir / "repodata.json").unlink()
    with conda.destination() as destination:
        answer = destination.observe([item])[item.artifact.id]

    assert answer.state is State.UNKNOWN
    assert "no index of a channel" in answer.detail


def test_an_index_without_sha256_is_compared_by_md5_and_size(conda: CondaWorld, package: Path, other: Path) -> None:
    """Old indexers know md5 only: enough to skip or to see a conflict."""
    conda.put(package, "linux-64")
    conda.edit_index("linux-64", sha256=None)

    with conda.destination() as destination:
        assert observed(destination, ready(package)) is State.PUBLISHED
        assert observed(destination, ready(other)) is State.CONFLICT
        conda.edit_index("linux-64", md5=None)
        assert observed(destination, ready(package)) is State.UNKNOWN


def test_after_publishing_md5_is_not_enough(conda: CondaWorld, package: Path) -> None:
    """`published` means the right sha256: where the index has none, the file is downloaded and compared."""
    real = conda.handler.index

    def index() -> None:
        real()
        conda.edit_index("linux-64", sha256=None)

    conda.handler.index = index  # type: ignore[method-assign] # an old indexer
    outcome = publish(conda, ready(package))

    assert outcome.status is Status.PUBLISHED
    asked = conda.server.asked.count(("GET", "/linux-64/x-1.0-0.tar.bz2"))
    assert asked == 2, "once before the upload, where it was not there, and once to compare it"


def test_a_full_verification_downloads_what_was_published(conda: CondaWorld, package: Path) -> None:
    """With `--verify full` what the channel serves is compared, too; a damaged file is not `published`."""
    outcome = publish(conda, ready(package), verify="full")
    (conda.folder / "linux-64" / package.name).write_bytes(b"damaged")
    with conda.destination() as destination:
        head = destination.verify(ready(package), "head")
        full = destination.verify(ready(package), "full")

    assert (outcome.status, outcome.verification) == (Status.PUBLISHED, "full")
    assert head.observation.state is State.PUBLISHED
    assert (full.observation.state, full.content_compared) == (State.DAMAGED, True)


def test_a_source_that_changes_while_it_is_sent_stores_nothing(conda: CondaWorld, tmp_path: Path) -> None:
    """The last piece is not sent before the whole file was read and is the planned one: no server has a half."""
    package = build_package(tmp_path / "dist", "x", subdir="linux-64", content=_noise(600_000))
    item = ready(package)
    original = package.read_bytes()

    package.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    outcome = publish(conda, item)

    assert code(outcome) == ("source_changed", 1)
    assert conda.stored() == {}
    assert conda.handler.received == []


def test_a_stop_in_the_middle_of_an_upload_stores_nothing(conda: CondaWorld, tmp_path: Path) -> None:
    """A stop request before the last byte is obeyed: cancelled, and no server has a half."""
    package = build_package(tmp_path / "dist", "x", subdir="linux-64", content=_noise(600_000))
    cancellation = Cancellation()
    host = replace(conda.host(cancellation), emit=lambda event: _stop(cancellation, event))

    with conda.destination() as destination:
        outcome = destination.publish(ready(package), host)

    assert outcome.status is Status.CANCELLED
    assert conda.stored() == {}
    assert conda.handler.received == []


def _stop(cancellation: Cancellation, event: Event) -> None:
    if isinstance(event, Progress):
        cancellation.request()


def test_a_stop_just_before_the_end_stores_nothing(conda: CondaWorld, package: Path) -> None:
    """All of the file was sent, but not the end of the form: a stop still leaves nothing behind."""
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.done_bytes == event.total_bytes:
            cancellation.request()

    with conda.destination() as destination:
        outcome = destination.publish(ready(package), replace(conda.host(cancellation), emit=stop))

    assert outcome.status is Status.CANCELLED
    assert conda.stored() == {}


def test_a_stop_after_the_last_byte_waits_for_the_answer(conda: CondaWorld, package: Path) -> None:
    """Once the file is whole at the server the answer is waited for and looked at: the outcome is what happened."""
    cancellation = Cancellation()

    def stop() -> None:
        cancellation.request()
        conda.server.answer("/linux-64/repodata.json", Instead(500, times=1))

    with conda.destination() as destination:
        outcome = destination.publish(ready(package), replace(conda.host(cancellation), commit=stop))

    assert outcome.status is Status.PUBLISHED


def test_a_package_over_the_servers_limit_is_refused_with_the_limit(first_conda: CondaWorld, tmp_path: Path) -> None:
    """More than 100 MiB is refused by the framework of the handler; the hint names the limit."""
    package = build_package(tmp_path / "dist", "x", subdir="linux-64", extension=".conda")
    with zipfile.ZipFile(package, "a") as outer:
        outer.writestr("padding", bytes(101 << 20))

    outcome = publish(first_conda, ready(package))

    assert outcome.failure is not None
    assert "100 MiB" in str(outcome.failure.hint)
    assert first_conda.stored() == {}


def _noise(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def test_nothing_shows_the_token(
    conda: CondaWorld, package: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever the server answers, the token is in the form only: in no outcome, event, log or output."""
    caplog.set_level(0)
    outcomes = []
    episodes: list[tuple[HandlerFault, ...]] = [
        *(("fails",) * 3, ("html",), ("redirect",), ("gateway",) * 3, ("ok-without-storing",), ()),
    ]
    for faults in episodes:
        conda.handler.fail(*faults)
        outcomes.append(publish(conda, ready(package)))
    conda.handler.expires_after = 0
    (conda.folder / "linux-64" / package.name).unlink()
    conda.handler.index()
    outcomes.append(publish(conda, ready(package)))

    shown = repr(outcomes) + repr(conda.events) + told_by_logs(caplog.records) + "".join(capfd.readouterr())
    assert outcomes[-1].failure is not None
    assert outcomes[-1].failure.exit_code == 4
    assert found([TOKEN], shown) == []
