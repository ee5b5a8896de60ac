"""`publish verify` finds every state there is, reads only, and says what to do next; with and without the sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import write_manifest
from tests.support.sabotage import Place, local_place, remote_place

pytestmark = pytest.mark.long

HEAD = "version: 1\ndestinations: {fleet: {kind: fleet}}\ndefaults: {destination: fleet, dev_stage: dev}\nartifacts:\n"
STATES = ("published", "missing", "unfinished", "orphan", "conflict", "damaged")
COLLIDING = "  - {resource_name: owner-x86, architecture: '64', version: '1', file: owner.bin}\n"
NEXT = {
    "published": None,
    "missing": "publish apply",
    "unfinished": "publish apply",
    "orphan": "publish repair --take-over",
    "conflict": "new version",
    "damaged": "publish repair",
    "collision": "rename",
}


def entry(name: str, architecture: str = "arm64") -> str:
    return f"  - {{resource_name: {name}, architecture: {architecture}, version: '1', file: {name}.bin}}\n"


def key(name: str) -> str:
    return f"dev/{name}-arm64-1.enc"


@pytest.fixture(params=["local", "remote"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of fleet in turn, still empty."""
    if request.param == "local":
        return local_place(tmp_path)
    return remote_place(tmp_path, request.getfixturevalue("sql_fleet"), request.getfixturevalue("seaweedfs"))


def every_state(place: Place, folder: Path) -> Path:
    """Publish, then break; return a manifest with one artifact in each state, named like it."""
    files = {f"{name}__bin": name.encode() * 1000 for name in (*STATES, "owner")}
    present = [name for name in STATES if name not in ("missing", "unfinished")]
    first = HEAD + "".join(map(entry, present)) + entry("owner", "x86-64")
    manifest = write_manifest(folder, first, **files)
    done = place.run("apply", manifest, "--report", folder / "r.json")
    assert done.code == 0, done.said
    place.refuse_rows_of("unfinished")
    manifest.write_text(HEAD + entry("unfinished"))
    assert place.run("apply", manifest, "--report", folder / "r.json").code == 1
    place.accept_rows()
    place.sql("DELETE FROM resources WHERE resource_name = 'orphan'")
    place.remove(key("damaged"))
    (folder / "conflict.bin").write_bytes(b"other content")
    manifest.write_text(HEAD + "".join(map(entry, STATES)) + COLLIDING)
    return manifest


def test_verify_finds_every_state_and_changes_nothing(place: Place, tmp_path: Path) -> None:
    """Both modes find each of the seven states, exit 5 (2 with --detailed-exitcode), and say what to do next."""
    manifest = every_state(place, tmp_path)
    before = (place.rows(), [place.stored(key(name)) for name in STATES])

    for mode in ("head", "full"):
        done = place.run("verify", manifest, "--mode", mode, "--json")

        assert done.code == 5, done.said
        found = {item["id"].split("/")[1]: item for item in json.loads(done.out)}
        assert {name: item["state"] for name, item in found.items()} == {
            **{name: name for name in STATES},
            "owner-x86": "collision",
        }
        for item in found.values():
            wanted = NEXT[item["state"]]
            assert (item["hint"] is None) if wanted is None else (wanted in item["hint"]), item
        assert found["published"]["content_compared"] is (mode == "full")
    detailed = place.run("verify", manifest, "--detailed-exitcode")
    assert detailed.code == 2
    assert "hint: `publish repair` puts the registered bytes back" in " ".join(detailed.out.split())
    assert (place.rows(), [place.stored(key(name)) for name in STATES]) == before


def test_only_reading_finds_flipped_bits(place: Place, tmp_path: Path) -> None:
    """Right size and wrong bytes: `head` cannot see it, `full` says damaged and exits 5."""
    manifest = write_manifest(tmp_path, HEAD + entry("model"), model__bin=b"weights " * 1000)
    place.run("apply", manifest, "--report", tmp_path / "r.json")
    stored = place.stored(key("model"))
    assert stored is not None
    place.overwrite(key("model"), stored[:-1] + bytes([stored[-1] ^ 1]))

    head, full = (place.run("verify", manifest, "--mode", mode) for mode in ("head", "full"))

    assert (head.code, full.code) == (0, 5), head.said + full.said
    assert "damaged" in full.out


def test_without_the_sources_row_and_object_are_still_compared(place: Place, tmp_path: Path) -> None:
    """A source that is gone is said and not compared; damage, orphans and unfinished uploads are found all the same."""
    manifest = every_state(place, tmp_path)
    for path in tmp_path.glob("*.bin"):
        path.unlink()

    done = place.run("verify", manifest, "--json")

    assert done.code == 5, done.said
    found = {item["id"].split("/")[1]: item for item in json.loads(done.out)}
    assert {name: item["state"] for name, item in found.items()} == {
        **{name: name for name in STATES},
        "conflict": "published",
        "owner-x86": "collision",
    }
    assert not any(item["content_compared"] for item in found.values() if item["state"] == "published")
    assert all("source not compared" in item["detail"] for item in found.values())


def test_a_nightly_verify_without_sources_is_green_where_all_is_well(place: Place, tmp_path: Path) -> None:
    """Where every row has its object, a machine without the build's files exits 0 and says what was not compared."""
    manifest = write_manifest(tmp_path, HEAD + entry("model"), model__bin=b"weights " * 1000)
    place.run("apply", manifest, "--report", tmp_path / "r.json")
    (tmp_path / "model.bin").unlink()

    done = place.run("verify", manifest, "--detailed-exitcode")

    assert done.code == 0, done.said
    text = " ".join(done.out.split())
    assert "downloads and opens; row and object agree; source not compared" in text
