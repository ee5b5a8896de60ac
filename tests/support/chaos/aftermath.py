"""What has to hold after every scenario, whatever went wrong in it: INV, RERUN, NOKEY and CLEAN.

INV: every row points to bytes that open to its source. RERUN: a run in peace ends well, with one row an artifact.
NOKEY: no secret, and no data key that any publisher made, is in any output, log, report or file. CLEAN: no temporary
file and no open upload is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.canary import found
from tests.support.chaos.messages import everything_passes

if TYPE_CHECKING:
    from tests.support.chaos.stage import Stage

SECRETS = ("S3_SECRET_KEY", "ADMIN_API_TOKEN", "PUBLISH_RECOVERY_KEY")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a scenario may leave behind. A test that expects more than the default says why beside it."""

    rerun: int = 0
    """The exit code of a run in peace: 5 where a person has to decide."""
    is_broken: bool = False
    has_open_uploads: bool = False


def problems(stage: Stage, expected: Expected) -> list[str]:
    """Let a publisher run in peace on this stage, and return which promises are not kept."""
    for proxy in (stage.store, stage.registry):
        if proxy is not None:
            proxy.settle()
            proxy.decide = everything_passes
    if stage.pipe is not None:
        stage.pipe.decide = lambda _number: None
    return [*_clean(stage, expected, "before a run in peace"), *_rerun(stage, expected), *leaks(stage)]


def _rerun(stage: Stage, expected: Expected) -> Iterator[str]:
    done = stage.run()
    if done.code != expected.rerun:
        yield f"RERUN: exit {done.code} instead of {expected.rerun}: {done.said}"
    rows = Counter(row["resource_name"] for row in stage.rows())
    if expected.rerun == 0 and rows != dict.fromkeys(stage.sources, 1):
        yield f"RERUN: rows {dict(rows)} for {sorted(stage.sources)}"
    broken = stage.broken()
    if bool(broken) != expected.is_broken:
        yield f"INV: {broken or 'a broken row was expected'}"
    yield from _clean(stage, expected, "after a run in peace")


def _clean(stage: Stage, expected: Expected, when: str) -> Iterator[str]:
    if stage.temporary_files():
        yield f"CLEAN: temporary files {when}: {stage.temporary_files()}"
    if when.startswith("after") and not expected.has_open_uploads and stage.open_uploads():
        yield f"CLEAN: open uploads {when}: {stage.open_uploads()}"


def leaks(stage: Stage) -> Iterator[str]:
    """Yield the files of this stage that show a piece of a secret or of a data key."""
    secrets = {stage.settings[name] for name in SECRETS if name in stage.settings}
    secrets |= {row["encryption_key"] for row in stage.rows()}
    secrets |= set(stage.canary.read_text().split()) if stage.canary.exists() else set()
    password = urlsplit(stage.settings.get("RESOURCES_DATABASE_URL", "")).password
    secrets |= {password} if password else set()
    for path in sorted([*stage.folder.rglob("*"), *stage.logs.iterdir()]):
        if path.is_file() and path.suffix != ".bin":
            text = path.read_bytes().decode("latin-1")
            for piece in found(secrets, text)[:1]:
                # Every secret here is a fake, or the key of a test's artifact: it may be told.
                at = text.index(piece)
                yield f"NOKEY: {path.name} shows {piece!r} in {text[max(0, at - 200) : at + 50]!r}"
