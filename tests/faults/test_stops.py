"""Interrupts and hang-ups: what is finished, what is left alone, how soon it is over, and what the user is told."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.chaos.messages import PASSES, Fate, Message
from tests.support.chaos.stage import Stage, key_of
from tests.support.command import ONE_MODEL, PROJECT, bare_environment, command, read_report, write_manifest
from tests.support.scripted_http import Answer, scripted

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
SOON_S = 4.0
"""A stop takes a second or two while a server is silent; the machine that tests may be busy."""


def is_create(message: Message) -> bool:
    return message.is_a("PUT") and message.path.endswith(key_of("model")) and "/.publish/" not in message.path


def silent_at(matches: Callable[[Message], bool], asked: threading.Event) -> Callable[[Message], Fate]:
    """Give such requests no answer for a long time, and say when the first one came."""
    return lambda message: Fate(before=asked.set, arrives=False, holds_s=60.0) if matches(message) else PASSES


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_between_create_and_registration_the_artifact_is_finished(stage: Stage, number: int, code: int) -> None:
    """C12: a stop in between is held back until the row is there; others are not attempted; no orphan, a report."""
    stage.add("other", b"other")
    created = threading.Event()
    stage.store.decide = lambda message: Fate(after=created.set, holds_s=2.5) if is_create(message) else PASSES
    child = stage.start("--jobs", "1")
    assert created.wait(30)

    child.send(number)
    done = stage.end(child)

    assert done.code == code, done.said
    assert done.statuses == {"model": "published", "other": "cancelled"}
    assert [entry["reason"] for entry in done.report["artifacts"]] == ["registered", "not_attempted"]
    assert stage.objects() == [key_of("model")]
    assert (len(stage.rows()), stage.broken()) == (1, [])
    assert stage.temporary_files() == []
    assert stage.run().statuses == {"model": "skipped", "other": "published"}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_second_signal_leaves_at_once(stage: Stage, number: int, code: int) -> None:
    """C13: the second signal in the shield ends at once, saying so and what is not known; a later run adopts."""
    created = threading.Event()
    stage.store.decide = lambda message: Fate(after=created.set, holds_s=30.0) if is_create(message) else PASSES
    child = stage.start()
    assert created.wait(30)

    child.send(number)
    assert not child.ended.wait(0.5)
    child.send(number)
    started = time.monotonic()
    done = stage.end(child)

    assert time.monotonic() - started < SOON_S
    assert done.code == code, done.said
    assert "leaving at once; running the same command again settles what was under way" in done.said
    assert (done.first["status"], done.first["error"]["code"]) == ("failed", "outcome_unknown")
    assert stage.rows() == []
    stage.store.decide = lambda _message: PASSES
    again = stage.run()
    assert (again.code, again.statuses) == (0, {"model": "adopted"}), again.said
    assert stage.broken() == []


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_stop_before_the_upload_leaves_nothing(stage: Stage, number: int, code: int) -> None:
    """C11: a stop while an artifact is being prepared cancels it: no object, no row, no file, a report."""
    asked = threading.Event()
    assert stage.registry is not None
    stage.store.decide = lambda message: (
        Fate(before=asked.set, holds_s=0.5) if message.is_a("PUT", stage.control_path("keys")) else PASSES
    )
    child = stage.start()
    assert asked.wait(30)

    child.send(number)
    done = stage.end(child)

    assert done.code == code, done.said
    assert done.statuses == {"model": "cancelled"}
    assert (stage.objects(), list(stage.rows()), stage.temporary_files()) == ([], [], [])
    assert stage.open_uploads() == []


WAITS: dict[str, Callable[[Message], bool]] = {
    "plan": lambda message: message.is_a("HEAD") and message.path.endswith(key_of("model")),
    "lookup": lambda message: message.is_a("GET", "/resources"),
    "escrow": lambda message: message.is_a("PUT") and "/.publish/keys/" in message.path,
}


@pytest.mark.parametrize("where", WAITS)
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_silent_server_does_not_hold_up_a_stop(stage: Stage, where: str, number: int, code: int) -> None:
    """C11, S7: while a request has no answer, one signal ends the run soon: a report, and nothing is made."""
    asked = threading.Event()
    for proxy in (stage.store, stage.registry):
        assert proxy is not None
        proxy.decide = silent_at(WAITS[where], asked)
    child = stage.start()
    assert asked.wait(30)

    child.send(number)
    started = time.monotonic()
    done = stage.end(child)

    assert time.monotonic() - started < SOON_S
    assert done.code == code, done.said
    assert (done.report["exit_code"], done.statuses) == (code, {"model": "cancelled"})
    assert (stage.objects(), list(stage.rows()), stage.temporary_files()) == ([], [], [])
    for proxy in (stage.store, stage.registry):
        assert proxy is not None
        proxy.decide = lambda _message: PASSES
    assert stage.run().statuses == {"model": "published"}


def test_a_hang_up_while_the_answer_to_the_create_is_waited_for(stage: Stage) -> None:
    """C16: SIGHUP is a stop request like SIGTERM: what was begun is finished, a report is written, exit 129."""
    created = threading.Event()
    stage.store.decide = lambda message: Fate(after=created.set, holds_s=2.5) if is_create(message) else PASSES
    child = stage.start()
    assert created.wait(30)

    child.send(signal.SIGHUP)
    done = stage.end(child)

    assert (done.code, done.report["exit_code"]) == (129, 129), done.said
    assert done.statuses == {"model": "published"}
    assert (len(stage.rows()), stage.broken()) == (1, [])


def test_a_signal_that_comes_twice_at_once_is_one(stage: Stage) -> None:
    """C12: `timeout` and wrappers send a signal to the process and to its group: that is no second request."""
    created = threading.Event()
    stage.store.decide = lambda message: Fate(after=created.set, holds_s=1.0) if is_create(message) else PASSES
    child = stage.start()
    assert created.wait(30)

    for _ in range(3):
        child.send(signal.SIGTERM)
    done = stage.end(child)

    assert done.code == 143, done.said
    assert done.statuses == {"model": "published"}


@pytest.mark.parametrize(("verb", "extra"), [("verify", ()), ("fetch", ("--output", "model.out"))])
def test_a_silent_cdn_does_not_hold_up_a_stop(stage: Stage, verb: str, extra: tuple[str, ...]) -> None:
    """S7, S21: `verify` and `fetch` end soon after a signal although a download hangs; nothing is left behind."""
    base = f"{stage.store.url}/{stage.bucket}"
    assert stage.run(CDN_PUBLIC_BASE_URL=base).code == 0
    asked = threading.Event()
    stage.store.decide = silent_at(lambda message: message.is_a("GET", stage.object_path("model")), asked)
    wanted = stage.manifest if verb == "verify" else "fleet:dev/model/any/1"
    child = stage.begin(verb, wanted, *extra, CDN_PUBLIC_BASE_URL=base)
    assert asked.wait(30)

    child.send(signal.SIGINT)
    started = time.monotonic()

    assert child.wait() == 130, child.said
    assert time.monotonic() - started < SOON_S
    assert "stopped on request" in child.said
    assert stage.temporary_files() == []
    assert not list(stage.folder.glob("*model.out*"))


def test_a_slow_download_notices_a_stop(tmp_path: Path) -> None:
    """C11: a download that does not hang but takes its time ends with the piece at which the stop was requested."""
    from publisher.cancellation import Cancellation
    from publisher.download import downloader
    from publisher.errors import Cancelled

    cancellation = Cancellation()
    with scripted(Answer(200, body=b"x" * (3 << 20))) as server:
        download = downloader(None, files_below=None, cancellation=cancellation)
        with download(f"{server.url}/object") as pieces:
            next(pieces)
            cancellation.request()
            with pytest.raises(Cancelled):
                next(pieces)


def test_the_process_itself_ends_although_a_thread_hangs(tmp_path: Path) -> None:
    """C11, C16: the real process, without a terminal, ends soon with its report while a connection stays silent."""
    import socket

    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "S3_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "S3_ACCESS_KEY": "fake",
            "S3_SECRET_KEY": "fake",
            "S3_BUCKET": "bucket",
            "ADMIN_API_URL": "http://127.0.0.1:9",
            "ADMIN_API_TOKEN": "fake",
        }
        process = subprocess.Popen(
            command("apply", manifest, "--report", tmp_path / "r.json"),
            env=bare_environment(tmp_path, settings),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            silent.settimeout(30)
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                started = time.monotonic()
                said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()

    assert time.monotonic() - started < SOON_S
    assert process.returncode == 143, said.decode()
    assert b"Traceback" not in said
    assert read_report(tmp_path / "r.json")["exit_code"] == 143


def test_an_ignored_hang_up_stays_ignored(stage: Stage) -> None:
    """C16: under nohup the parent process ignores SIGHUP, and so do we: the run goes on."""
    program = [*command("apply", stage.manifest, "--report", stage.folder / "report-1.json")]
    created = threading.Event()
    stage.store.decide = lambda message: Fate(before=created.set, holds_s=1.0) if is_create(message) else PASSES
    process = subprocess.Popen(
        ["nohup", *program],
        env=stage.environment(),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert created.wait(30)
        process.send_signal(signal.SIGHUP)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0, said.decode()
    assert len(stage.rows()) == 1
