"""The probe's memory: valid for a while, strict, and never fooled by a file."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.stores.probe import Capabilities, Enforcement
from publisher.stores.probe_cache import ProbeCache, stricter

GOOD = Capabilities(
    Enforcement.ENFORCED, checks_md5=True, keeps_metadata=True, consistent_reads=True, clock_offset_s=0.5
)
RACY = replace(GOOD, conditional_put=Enforcement.RACY)
SITE = "https://s3.example.com/bucket"
DAY = 86400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> ProbeCache:
    return ProbeCache(tmp_path / "state", now=clock)


def the_file(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "state").iterdir()
    return file


def test_a_result_is_remembered_for_its_store_only(cache: ProbeCache, tmp_path: Path) -> None:
    """What was saved is loaded for the same location, from a file of the user alone."""
    assert cache.load(SITE) is None

    assert cache.save(SITE, GOOD) == GOOD

    assert cache.load(SITE) == GOOD
    assert cache.load("https://s3.example.com/other") is None
    assert stat.S_IMODE(the_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(("found", "days"), [(GOOD, 7), (RACY, 1)])
def test_a_result_expires(cache: ProbeCache, clock: Clock, found: Capabilities, days: int) -> None:
    """A good result holds for seven days, one with problems for one; a clock set back voids it."""
    cache.save(SITE, found)

    clock.now += days * DAY - 1
    assert cache.load(SITE) == found
    clock.now += 1
    assert cache.load(SITE) is None
    clock.now -= days * DAY + 1
    assert cache.load(SITE) is None


def test_the_stricter_result_wins(cache: ProbeCache, clock: Clock) -> None:
    """A better second result does not replace a bad one while that holds, nor make it live longer."""
    cache.save(SITE, RACY)
    clock.now += 0.75 * DAY

    assert cache.save(SITE, GOOD) == RACY

    clock.now += 0.25 * DAY
    assert cache.load(SITE) is None
    assert cache.save(SITE, GOOD) == GOOD


def test_stricter_takes_the_worse_of_each() -> None:
    """Every respect is compared by itself."""
    one = replace(GOOD, checks_md5=False, clock_offset_s=-90.0, notes=("a",))
    other = replace(RACY, keeps_metadata=False, notes=("a", "b"))

    assert stricter(one, other) == Capabilities(
        Enforcement.RACY,
        checks_md5=False,
        keeps_metadata=False,
        consistent_reads=True,
        clock_offset_s=-90.0,
        notes=("a", "b"),
    )


def test_a_broken_promise_is_not_forgotten_by_keeping(cache: ProbeCache) -> None:
    """After a violation the result is dropped, and dropping twice is fine."""
    cache.save(SITE, GOOD)

    cache.forget(SITE)
    cache.forget(SITE)

    assert cache.load(SITE) is None


@pytest.mark.parametrize(
    "text",
    ["", "{}", "null", "{", "[" * 100_000, '{"probe_version": 1}', "\ud800".encode("utf-8", "surrogatepass")],
    ids=["empty", "object", "null", "cut", "deep", "partial", "not-utf8"],
)
def test_a_damaged_file_is_ignored(cache: ProbeCache, tmp_path: Path, text: str | bytes) -> None:
    """Whatever is in the file, the answer is "not known", never an error."""
    cache.save(SITE, GOOD)
    the_file(tmp_path).write_bytes(text if isinstance(text, bytes) else text.encode())

    assert cache.load(SITE) is None


def test_another_version_or_store_is_ignored(cache: ProbeCache, tmp_path: Path) -> None:
    """A file of another probe version, or copied from another store's, says nothing."""
    cache.save(SITE, GOOD)
    file = the_file(tmp_path)
    text = file.read_text()

    file.write_text(text.replace('"probe_version": 1', '"probe_version": 0'))
    assert cache.load(SITE) is None
    file.write_text(text.replace("example.com", "example.org"))
    assert cache.load(SITE) is None


def test_a_file_others_may_write_is_ignored(cache: ProbeCache, tmp_path: Path) -> None:
    """A result that somebody else could have forged is not believed; nor is a link."""
    cache.save(SITE, GOOD)
    file = the_file(tmp_path)

    file.chmod(0o666)
    assert cache.load(SITE) is None
    file.chmod(0o600)
    moved = file.rename(tmp_path / "elsewhere")
    file.symlink_to(moved)
    assert cache.load(SITE) is None
