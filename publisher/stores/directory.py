"""A folder as an object store: for `--local`, for tests, and for shared disks.

ROOT/objects/{key}            the bytes, 0644; nothing else ever appears below `objects`
ROOT/.publish/...             objects below the control prefix, 0600
ROOT/metadata/{key}/*.json    metadata, durable before the object exists (see `sidecar`)
ROOT/staging/                 files being written, linked into place when whole, then removed

An object appears by link(2): whole, or not at all, and only where nothing was. Refuses file systems without hard
links, and to follow a link below ROOT.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import md5, sha256
from pathlib import Path

from publisher.errors import (
    CapabilityError,
    LocalResourceError,
    NotFoundError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.stores import anchored, sidecar
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectInfo, Progress
from publisher.stores.upload_body import UploadBody

_PIECE = 1024 * 1024
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK}


class DirectoryStore:
    """Objects below a folder, which is made by the first write. Safe for any number of threads and processes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __repr__(self) -> str:
        return f"DirectoryStore({self.location!r})"

    @property
    def location(self) -> str:
        return str(self._root)

    def head(self, key: str) -> ObjectInfo | None:
        segments = require_key(key)
        with self._translated(f"looking up {key}"):
            try:
                handle = self._open(segments)
            except FileNotFoundError:
                return None
            try:
                file = os.fstat(handle)
                metadata = self._metadata(segments, file=file, handle=handle)
            finally:
                os.close(handle)
        return ObjectInfo(
            size_bytes=file.st_size,
            etag=f'"{file.st_ino:x}-{file.st_mtime_ns:x}"',
            metadata=metadata,
            age_s=max(0.0, time.time() - file.st_mtime),
        )

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        segments = require_key(key)
        control = key.startswith(CONTROL_PREFIX)
        token = secrets.token_hex(16)
        with (
            self._translated(f"storing {key}"),
            self._folder(_place(segments)[:-1], create=True, mode=0o700 if control else 0o755) as target,
            self._folder(("staging",), create=True, mode=0o700) as staging,
            self._folder(("metadata", *segments), create=True, mode=0o755) as notes,
        ):
            if _there(segments[-1], inside=target):
                return CreateAnswer.EXISTS
            note = f"{token}.json"
            linked = False
            try:
                staged = _stage(body, token, inside=staging, mode=0o600 if control else 0o644, progress=progress)
                wanted = sidecar.Sidecar.of(staged, sha256=body.sha256.hex, metadata=metadata)
                sidecar.write(wanted, note, inside=notes)
                linked = self._link(token, segments[-1], source=staging, target=target)
            finally:
                _remove(token, inside=staging)
                if not linked:
                    _remove(note, inside=notes)
            return _settle(target) if linked else CreateAnswer.EXISTS

    @contextmanager
    def read(self, key: str) -> Iterator[Iterator[bytes]]:
        segments, action = require_key(key), f"reading {key}"
        with self._translated(action):
            try:
                handle = self._open(segments)
            except FileNotFoundError:
                raise NotFoundError(f"{action}: nothing is there in {self.location}") from None
        try:
            yield self._pieces(handle, action=action)
        finally:
            os.close(handle)

    def delete_control(self, key: str) -> None:
        segments = require_control_key(key)
        with self._translated(f"deleting {key}"):
            with suppress(FileNotFoundError), self._folder(_place(segments)[:-1]) as parent:
                os.unlink(segments[-1], dir_fd=parent)
            with suppress(FileNotFoundError), self._folder(("metadata", *segments)) as notes:
                for name in os.listdir(notes):  # noqa: PTH208  # a descriptor has no path
                    _remove(name, inside=notes)
            with suppress(FileNotFoundError), self._folder(("metadata", *segments[:-1])) as parent:
                os.rmdir(segments[-1], dir_fd=parent)

    @contextmanager
    def _folder(self, segments: tuple[str, ...], *, create: bool = False, mode: int = 0o755) -> Iterator[int]:
        with anchored.folder(self._root, segments, create=create, mode=mode) as handle:
            yield handle

    def _open(self, segments: tuple[str, ...]) -> int:
        place = _place(segments)
        with self._folder(place[:-1]) as parent:
            return anchored.open_regular(place[-1], inside=parent)

    def _metadata(self, segments: tuple[str, ...], *, file: os.stat_result, handle: int) -> Mapping[str, str]:
        def digest() -> str:
            seen = sha256()
            for piece in _read(handle):
                seen.update(piece)
            return seen.hexdigest()

        try:
            with self._folder(("metadata", *segments)) as notes:
                return sidecar.find(notes, file=file, sha256=digest)
        except FileNotFoundError:
            return {}

    def _pieces(self, handle: int, *, action: str) -> Iterator[bytes]:
        size, received = os.fstat(handle).st_size, 0
        with self._translated(action):
            for piece in _read(handle):
                received += len(piece)
                yield piece
        if received != size:
            raise TransportError(f"{action}: {received} of {size} bytes were there")

    def _link(self, name: str, final: str, *, source: int, target: int) -> bool:
        try:
            os.link(name, final, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            raise CapabilityError(
                f"{self.location}: this file system has no hard links ({error.strerror})",
                hint="use a folder on a local disk (ext4, xfs, btrfs, zfs, tmpfs) or an object store",
            ) from error
        return True

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._meaning(error, action) from error

    def _meaning(self, error: OSError, action: str) -> PublisherError:
        text = f"{action} in {self.location}: {error.strerror or error}"
        if error.errno in {errno.ENOTDIR, errno.ELOOP, errno.EISDIR}:
            hint = "a part of the path is a link or a file where a folder is needed; links are not followed"
            return RejectedError(text, hint=hint)
        if error.errno in {errno.EIO, errno.ESTALE, errno.ETIMEDOUT}:
            return TransportError(text, hint="check the disk or the network mount")
        return LocalResourceError(text, hint="check the folder's permissions, free space and quota")


def _place(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Return where an object lies below the root: control objects are kept out of `objects`."""
    return segments if "/".join(segments).startswith(CONTROL_PREFIX) else ("objects", *segments)


def _there(name: str, *, inside: int) -> bool:
    try:
        os.stat(name, dir_fd=inside, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _stage(body: Body, name: str, *, inside: int, mode: int, progress: Progress | None) -> os.stat_result:
    """Write the body to a new file, checking both digests as a store does, and flush it to disk."""
    seen_md5, seen_sha256 = md5(usedforsecurity=False), sha256()
    with (
        closing(UploadBody(body, progress)) as source,
        os.fdopen(anchored.create_new(name, inside=inside), "wb") as file,
    ):
        while piece := source.read(_PIECE):
            seen_md5.update(piece)
            seen_sha256.update(piece)
            file.write(piece)
        if (seen_md5.digest(), seen_sha256.hexdigest()) != (body.md5, body.sha256.hex):
            raise RejectedError("the bytes do not match their digest", hint="was the temporary file changed?")
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


def _settle(folder: int) -> CreateAnswer:
    """Make the new name durable; if that fails, the object may be gone after a power loss."""
    try:
        os.fsync(folder)
    except OSError:
        return CreateAnswer.AMBIGUOUS
    return CreateAnswer.CREATED


def _read(handle: int) -> Iterator[bytes]:
    offset = 0
    while piece := os.pread(handle, _PIECE, offset):
        offset += len(piece)
        yield piece


def _remove(name: str, *, inside: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=inside)
