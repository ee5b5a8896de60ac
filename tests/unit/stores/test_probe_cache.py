"""The probe's memory: valid for a while, strict, and never fooled by a file."""

from __future__ import annotations

import stat
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from publisher.stores.capabilities import Capabilities, Enforcement, UploadCapabilities, stricter
from publisher.stores.probe import PROBE_VERSION
from publisher.stores.probe_cache import ProbeCache

GOOD = Capabilities(
    Enforcement.ENFORCED,
    checks_md5=True,
    checks_payload_sha256=True,
    checks_crc32=True,
    keeps_metadata=True,
    consistent_reads=True,
    if_match=True,
    clock_offset_s=0.5,
    server="Store 1.0",
)
GOOD_UPLOADS = UploadCapabilities(
    Enforcement.ENFORCED,
    checks_part_md5=True,
    checks_part_sha256=True,
    checks_part_crc32=True,
    keeps_upload_metadata=True,
    consistent_reads=True,
    lists_uploads=True,
    aborts_uploads=True,
    replayed_complete="gone",
)
RACY = replace(GOOD, conditional_put=Enforcement.RACY)
DAY = 86400.0


@dataclass(frozen=True)
class Site:
    location: str = "https://s3.example.com/bucket"
    region: str = "eu-west-1"


SITE = Site()


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


def known(cache: ProbeCache) -> Capabilities | None:
    record = cache.load(SITE)
    return record.capabilities if record else None


def the_file(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "state").iterdir()
    return file


def test_a_result_is_remembered_for_its_store_only(cache: ProbeCache, tmp_path: Path) -> None:
    """What was saved is loaded for the same location, from a file of the user alone."""
    assert cache.load(SITE) is None

    assert cache.save(SITE, GOOD) == GOOD

    assert known(cache) == GOOD
    assert cache.load(Site(location="https://s3.example.com/other")) is None
    assert cache.load(Site(region="eu-west-2")) is None
    assert stat.S_IMODE(the_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(("found", "days"), [(GOOD, 7), (RACY, 1)])
def test_a_result_expires(cache: ProbeCache, clock: Clock, found: Capabilities, days: int) -> None:
    """A good result holds for seven days, one with problems for one; a clock set back voids it."""
    cache.save(SITE, found)

    clock.now += days * DAY - 1
    assert known(cache) == found
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
    bad_uploads = replace(GOOD_UPLOADS, conditional_complete=Enforcement.IGNORED, lists_uploads=False)
    one = replace(GOOD, checks_md5=False, clock_offset_s=-90.0, notes=("a",), uploads=bad_uploads)
    other = replace(RACY, keeps_metadata=False, if_match=False, notes=("a", "b"), uploads=GOOD_UPLOADS)

    assert stricter(one, other) == Capabilities(
        Enforcement.RACY,
        checks_md5=False,
        checks_payload_sha256=True,
        checks_crc32=True,
        keeps_metadata=False,
        consistent_reads=True,
        if_match=False,
        clock_offset_s=-90.0,
        server="Store 1.0",
        notes=("a", "b"),
        uploads=bad_uploads,
    )


@pytest.mark.parametrize("name", [field.name for field in fields(Capabilities) if field.type == "bool"])
def test_every_virtue_can_be_lost(name: str) -> None:
    """No promise is forgotten when two opinions are joined, whichever of them lacks it."""
    worse = replace(GOOD, **{name: False})  # type: ignore[arg-type]  # the name is a virtue's

    assert getattr(stricter(GOOD, worse), name) is False
    assert getattr(stricter(worse, GOOD), name) is False


@pytest.mark.parametrize("name", [field.name for field in fields(UploadCapabilities) if field.type == "bool"])
def test_every_virtue_of_uploads_can_be_lost(name: str) -> None:
    """The same for uploads in parts."""
    bad_uploads = replace(GOOD_UPLOADS, **{name: False})  # type: ignore[arg-type]  # the name is a virtue's
    good, worse = replace(GOOD, uploads=GOOD_UPLOADS), replace(GOOD, uploads=bad_uploads)

    assert getattr(stricter(good, worse).uploads, name) is False
    assert getattr(stricter(worse, good).uploads, name) is False


def test_what_is_known_of_uploads_is_kept(cache: ProbeCache, clock: Clock) -> None:
    """A later probe of single requests keeps what was found about uploads, for as long as that holds."""
    cache.save(SITE, replace(GOOD, uploads=GOOD_UPLOADS))
    clock.now += 6 * DAY

    assert cache.save(SITE, GOOD).uploads == GOOD_UPLOADS

    clock.now += DAY
    assert cache.load(SITE) is None


def test_a_bad_second_result_is_new(cache: ProbeCache, clock: Clock) -> None:
    """A store that turned bad is known to be bad for a day from then on, however old the good result was."""
    cache.save(SITE, GOOD)
    clock.now += 6 * DAY
    cache.save(SITE, RACY)

    clock.now += DAY - 1
    assert known(cache) == RACY
    clock.now += 1
    assert cache.load(SITE) is None


def test_another_server_is_judged_anew(cache: ProbeCache) -> None:
    """The bad opinion of one version of a server says nothing about the next."""
    cache.save(SITE, RACY)

    assert cache.save(SITE, replace(GOOD, server="Store 1.1")) == replace(GOOD, server="Store 1.1")


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

    file.write_text(text.replace(f'"probe_version": {PROBE_VERSION}', '"probe_version": 0'))
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
