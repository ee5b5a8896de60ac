"""The folder store: what is on disk, at any moment, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import stat
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import LocalResourceError, RejectedError
from publisher.stores.directory import DirectoryStore
from publisher.stores.port import Body, CreateAnswer
from publisher.stores.sidecar import Sidecar

KEY = "dev/model-arm64-1.enc"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> DirectoryStore:
    return DirectoryStore(root)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_objects_hold_nothing_but_objects(store: DirectoryStore, root: Path) -> None:
    """Below `objects` lies each object under its key; control objects, metadata and staging are elsewhere."""
    store.create(KEY, Body.of(b"sealed"), metadata={"publish-nonce": "1"})
    store.create(".publish/keys/n.json", Body.of(b"{}"), metadata={})

    assert files(root / "objects") == {KEY}
    assert (root / "objects" / KEY).read_bytes() == b"sealed"
    assert (root / ".publish/keys/n.json").read_bytes() == b"{}"
    assert files(root / "staging") == set()


def test_modes_are_as_open_as_needed(store: DirectoryStore, root: Path) -> None:
    """Objects are 0644, control objects 0600 in folders of 0700, and so is the staging folder."""
    store.create(KEY, Body.of(b"sealed"), metadata={})
    store.create(".publish/keys/n.json", Body.of(b"{}"), metadata={})

    def mode(name: str) -> int:
        return stat.S_IMODE((root / name).stat().st_mode)

    assert mode(f"objects/{KEY}") == 0o644
    assert mode(".publish/keys/n.json") == 0o600
    assert (mode(".publish"), mode(".publish/keys"), mode("staging")) == (0o700, 0o700, 0o700)


def test_looking_makes_nothing(store: DirectoryStore, root: Path) -> None:
    """HEAD in a folder that does not exist says "absent" and creates no folder."""
    assert store.head(KEY) is None
    assert not root.exists()


def test_the_loser_leaves_nothing(store: DirectoryStore, root: Path) -> None:
    """A create that finds an object removes its staging file and its metadata."""
    store.create(KEY, Body.of(b"first"), metadata={})
    before = files(root)

    assert store.create(KEY, Body.of(b"second"), metadata={}) is CreateAnswer.EXISTS

    assert files(root) == before


@pytest.mark.parametrize(
    "body",
    [
        replace(Body.of(b"abc"), md5=b"\0" * 16),
        replace(Body.of(b"abc"), sha256=Body.of(b"x").sha256),
        replace(Body.of(b"abc"), crc32=7),
        replace(Body.of(b"abc"), size_bytes=4),
    ],
    ids=["md5", "sha256", "crc32", "size"],
)
def test_a_wrong_digest_leaves_nothing(store: DirectoryStore, root: Path, body: Body) -> None:
    """A body that is not what was announced is rejected; no object, metadata or staging file remains."""
    with pytest.raises((RejectedError, LocalResourceError)):
        store.create(KEY, body, metadata={"a": "b"})

    assert files(root) == set()


class BrokenFile(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_broken_source_leaves_nothing(store: DirectoryStore, root: Path) -> None:
    """An error while the body is read is an error of this side, and nothing remains."""
    body = replace(Body.of(b"abc"), open=BrokenFile)

    with pytest.raises(LocalResourceError):
        store.create(KEY, body, metadata={})

    assert files(root) == set()


def test_leftovers_of_a_crash_say_nothing(store: DirectoryStore, root: Path) -> None:
    """Metadata whose object was never linked belongs to no object that comes later."""
    notes = root / "metadata" / KEY
    notes.mkdir(parents=True)
    stale = Sidecar({"publish-nonce": "dead"}, sha256(b"dead").hexdigest(), 4, device=1, inode=2, mtime_ns=3)
    (notes / "0.json").write_bytes(stale.to_json())
    (notes / "1.json").write_bytes(stale.to_json()[:40])
    (notes / "2.json").write_text("[" * 100_000)

    store.create(KEY, Body.of(b"live"), metadata={"publish-nonce": "live"})

    info = store.head(KEY)
    assert info is not None
    assert dict(info.metadata) == {"publish-nonce": "live"}


def test_a_copied_store_keeps_its_metadata(store: DirectoryStore, root: Path) -> None:
    """After a copy (other inode, other time) metadata is found by the object's digest."""
    store.create(KEY, Body.of(b"sealed"), metadata={"publish-nonce": "1"})
    place = root / "objects" / KEY
    copy = place.with_name("copy")
    copy.write_bytes(place.read_bytes())
    copy.replace(place)

    info = store.head(KEY)

    assert info is not None
    assert dict(info.metadata) == {"publish-nonce": "1"}


def test_foreign_bytes_have_no_metadata(store: DirectoryStore, root: Path) -> None:
    """An object that somebody replaced by hand is not passed off as ours."""
    store.create(KEY, Body.of(b"sealed"), metadata={"publish-nonce": "1"})
    (root / "objects" / KEY).unlink()
    (root / "objects" / KEY).write_bytes(b"SEALED")

    info = store.head(KEY)

    assert info is not None
    assert dict(info.metadata) == {}


def test_links_do_not_lead_out(store: DirectoryStore, root: Path, tmp_path: Path) -> None:
    """A linked folder or object is refused for writing, looking and reading."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "objects").mkdir(parents=True)
    (root / "objects" / "dev").symlink_to(outside)
    (root / "objects" / "file").symlink_to(outside / "secret")

    for call in (
        lambda: store.create("dev/x", Body.of(b"x"), metadata={}),
        lambda: store.head("dev/secret"),
        lambda: store.read("dev/secret").__enter__(),
        lambda: store.head("file"),
    ):
        with pytest.raises(RejectedError, match=r"dev|file"):
            call()
    assert files(outside) == {"secret"}


def test_something_else_in_the_place_of_an_object_is_an_error(store: DirectoryStore, root: Path) -> None:
    """A FIFO or a folder under an object's key is neither absent nor an object, and nobody waits for it."""
    (root / "objects").mkdir(parents=True)
    os.mkfifo(root / "objects" / "pipe")
    (root / "objects" / "folder").mkdir()

    for key in ("pipe", "folder"):
        with pytest.raises(RejectedError):
            store.head(key)
        assert store.create(key, Body.of(b"x"), metadata={}) is CreateAnswer.EXISTS


def test_a_key_below_an_object_is_refused(store: DirectoryStore) -> None:
    """A key whose folder is an object cannot be stored, and the message says why."""
    store.create("dev/a", Body.of(b"x"), metadata={})

    with pytest.raises(RejectedError) as caught:
        store.create("dev/a/b", Body.of(b"y"), metadata={})

    assert caught.value.hint
    assert "folder" in caught.value.hint


def test_a_folder_that_cannot_be_made_is_a_local_problem() -> None:
    """What this machine forbids is an error of this machine, with a hint."""
    store = DirectoryStore(Path("/proc/nobody-may-write-here"))

    with pytest.raises(LocalResourceError) as caught:
        store.create(KEY, Body.of(b"x"), metadata={})

    assert caught.value.hint


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps))
def test_a_sidecar_is_read_or_ignored(data: bytes | str) -> None:
    """No bytes in a sidecar's place raise: they are a sidecar or nothing."""
    raw = data.encode() if isinstance(data, str) else data

    assert Sidecar.from_json(raw) is None


def test_a_sidecar_survives_the_round_trip() -> None:
    """What was written is what is read."""
    sidecar = Sidecar({"a": "b"}, "0" * 64, 3, device=1, inode=2, mtime_ns=3)

    assert Sidecar.from_json(sidecar.to_json()) == sidecar
