"""Files that change, disks that are full, odd terminals, clocks that jump: the machine on which `publish` runs."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.commands.apply import ApplyOptions, apply
from publisher.destinations.fleet.spool import Spool
from publisher.errors import LocalResourceError, SourceChangedError, SourceError
from publisher.events import ignore
from publisher.manifest import load_manifest
from publisher.model import FileSource
from publisher.sources.files import fingerprint, open_file
from publisher.wiring import compose
from tests.support.chaos.messages import PASSES, Fate, Message
from tests.support.chaos.stage import Stage
from tests.support.command import (
    ONE_MODEL,
    PROJECT,
    bare_environment,
    command,
    open_by_hand,
    publish,
    read_report,
    sqlite_rows,
    write_manifest,
)

MIB = 1 << 20


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, 1000)


def rewrite_with_the_same_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"?" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rename_over(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(b"!" * path.stat().st_size)
    other.rename(path)


CHANGES: dict[str, Callable[[Path], None]] = {
    "append": append,
    "truncate": truncate,
    "rewrite": rewrite_with_the_same_time,
    "rename": rename_over,
}


def test_sources_that_change_after_the_plan_are_refused(stage: Stage) -> None:
    """F1: appended, cut, rewritten with its old time or replaced after it was planned: exit 1, nothing is uploaded."""
    for name in CHANGES:
        stage.add(name, b"x" * 5000)
    lookups: list[Message] = []

    def change_all() -> None:
        for name, change in CHANGES.items():
            change(stage.folder / f"{name}.bin")

    def chosen(message: Message) -> Fate:
        lookups.append(message)
        # The first lookup is the plan's, the second is made right before the first source is read again.
        return Fate(before=change_all) if len(lookups) == 2 else PASSES

    assert stage.registry is not None
    stage.registry.decide = chosen

    done = stage.run("--jobs", "1")
    stage.sources |= {name: (stage.folder / f"{name}.bin").read_bytes() for name in CHANGES}

    assert done.code == 1, done.said
    assert done.statuses == dict.fromkeys(CHANGES, "failed") | {"model": "published"}
    assert done.said.count("changed") >= len(CHANGES)
    assert stage.objects() == ["dev/model-any-1.enc"]
    assert stage.temporary_files() == []


@pytest.mark.parametrize("name", ["append", "truncate", "rewrite"])
def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path: Path, name: str) -> None:
    """F1, F2: what was read of a file that changed meanwhile is never used, and a cut file is no fatal signal."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"x" * 3 * MIB)
    buffer = memoryview(bytearray(MIB))

    with open_file(FileSource(path, tmp_path, "model.bin")) as file:
        file.read_into(buffer)
        CHANGES[name](path)
        while file.read_into(buffer):
            pass
        with pytest.raises(SourceChangedError, match="changed while it was read"):
            file.check_untouched()


def test_a_full_disk_is_named_before_the_upload(stage: Stage) -> None:
    """F3: a spool that cannot be written whole fails its artifact with the folder's name; nothing is left or sent."""
    stage.add("large", os.urandom(9 * MIB))
    done = stage.end(stage.start(limits={"RLIMIT_FSIZE": 256 * 1024}))

    assert done.code == 1, done.said
    assert done.statuses == {"model": "published", "large": "failed"}
    assert "cannot spool to" in done.said
    assert stage.bodies_sent("large") == 0
    assert stage.temporary_files() == []


@pytest.mark.parametrize(("folder", "size"), [("/proc", 1000), ("", 1 << 60)], ids=["unwritable", "too-small"])
def test_an_unusable_spool_folder_says_what_to_set(tmp_path: Path, folder: str, size: int) -> None:
    """F3: a folder that is read-only or too small is named, with the setting that names another one."""
    with pytest.raises(LocalResourceError) as caught:
        Spool.make(Path(folder) if folder else tmp_path, source_bytes=size)

    assert (folder or str(tmp_path)) in caught.value.message
    assert "PUBLISH_SPOOL_DIR" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_any_content_is_published(stage: Stage) -> None:
    """F6: empty, one byte, packed already, incompressible and all zero: each opens to what it was."""
    contents = {
        "empty": b"",
        "one": b"1",
        "packed": gzip.compress(b"a" * 10_000),
        "noise": os.urandom(300_000),
        "zeros": bytes(3 * MIB),
    }
    for name, content in contents.items():
        stage.add(name, content)

    done = stage.run()

    assert done.code == 0, done.said
    assert (len(stage.rows()), stage.broken()) == (len(contents) + 1, [])


def test_memory_stays_flat(tmp_path: Path) -> None:
    """F6: a source of 400 MiB is published with less than 200 MiB of memory."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"")
    os.truncate(tmp_path / "model.bin", 400 * MIB)
    # The process tells its own peak: what wait4 tells begins with the memory of the process that forked it.
    program = (
        "import sys; from publisher.cli.process import run; code = run(sys.argv[1:]); "
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(code)"
    )
    arguments = command("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json")[3:]

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=bare_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200 * 1024


def test_an_input_output_error_is_an_error_of_that_source() -> None:
    """F7: a file that opens and then fails to be read is a SourceError which names it."""
    # Reading this regular file at its beginning fails with EIO: nothing is mapped there.
    memory = Path(f"/proc/{os.getpid()}/mem")
    source = FileSource(memory, memory.parent, "model.bin")

    with pytest.raises(SourceError, match=r"model\.bin"):
        fingerprint(source, lambda: None)


def test_spools_of_two_workers_are_apart_and_private(tmp_path: Path) -> None:
    """F8: a spool is private and has no name that anybody could plant or find; files of others stay as they are."""
    target = tmp_path / "victim"
    target.write_bytes(b"keep")
    one, two = (Spool.make(tmp_path, source_bytes=10) for _ in range(2))
    try:
        one.write(memoryview(b"first"))
        two.write(memoryview(b"second"))
        opened = [spool.open() for spool in (one, two)]

        assert [file.read() for file in opened] == [b"first", b"second"]
        assert [path.name for path in tmp_path.iterdir()] == ["victim"]
        assert {stat.S_IMODE(os.fstat(file.fileno()).st_mode) for file in opened} == {0o600}
    finally:
        one.discard()
        two.discard()
    assert target.read_bytes() == b"keep"
    assert target.read_bytes() == b"keep"


def test_a_processor_without_aes_instructions_will_do(tmp_path: Path) -> None:
    """F9: without AES-NI and carry-less multiplication the same format comes out."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    environment = {**bare_environment(tmp_path), "OPENSSL_ia32cap": "~0x200000200000000"}

    done = publish(
        "apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json", environment=environment
    )

    assert done.code == 0, done.said
    [row] = sqlite_rows(tmp_path / "L" / "resources.db")
    sealed = (tmp_path / "L" / "objects" / "dev" / "model-arm64-2026-04-15.enc").read_bytes()
    assert open_by_hand(sealed, row["encryption_key"]) == b"weights"


@pytest.mark.parametrize("terminal", [{"TERM": "dumb"}, {"TERM": "xterm", "COLUMNS": "40"}, {}])
def test_any_terminal_gets_plain_lines(tmp_path: Path, terminal: dict[str, str]) -> None:
    """C16: without a terminal, on a dumb or narrow one: plain lines without control characters, a whole report."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")

    done = publish(
        *("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        environment={**bare_environment(tmp_path), **terminal},
    )

    assert done.code == 0, done.said
    assert "\x1b" not in done.said
    assert "fleet:dev/model/arm64/2026-04-15: published" in done.err
    assert read_report(tmp_path / "r.json")["exit_code"] == 0


def test_a_clock_that_jumps_changes_no_duration(tmp_path: Path) -> None:
    """C18: the wall clock jumps an hour back and forth: published, and durations come from the monotonic clock."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    jumps = iter(range(1_000_000))

    def jumping() -> datetime:
        return datetime.now(UTC) + timedelta(hours=1 if next(jumps) % 2 else -1)

    world = compose({}, local=tmp_path / "L", writes=True, verify="head", emit=ignore, cancellation=Cancellation())

    report = apply(
        lambda: load_manifest(manifest, variables={}, environment={}, facts=lambda _name: None),
        replace(world, now=jumping),
        ApplyOptions(manifest_path=str(manifest), root=tmp_path),
    )

    assert report.exit_code == 0
    assert 0 <= report.summary.seconds < 60
    assert 0 <= report.artifacts[0].seconds["total"] < 60
