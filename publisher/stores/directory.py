"""A folder as an object store: for `--local`, for tests, and for shared disks.

ROOT/objects/{key}            the bytes, 0644; nothing else ever appears below `objects`
ROOT/.publish/...             objects below the control prefix, 0600
ROOT/metadata/{key}/*.json    metadata, durable before the object exists (see `sidecar`)
ROOT/staging/                 files being written, linked into place when whole, then removed

An object appears by link(2): whole, or not at all, and only where nothing was. It is replaced by rename(2), under a
lock of the staging folder; a file is never written to again, so that a copy is one more link to it. Refuses file
systems without hard links, and to follow a link below ROOT.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from publisher.errors import (
    CapabilityError,
    LocalResourceError,
    NotFoundError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.stores import anchored, sidecar, staged
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import (
    CONTROL_PREFIX,
    Body,
    CreateAnswer,
    ObjectInfo,
    Progress,
    ReplaceAnswer,
    VersionInfo,
)

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
            etag=_etag(file),
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
            if staged.state(segments[-1], inside=target):
                return CreateAnswer.EXISTS
            note = f"{token}.json"
            linked = False
            try:
                file = staged.stage(body, token, inside=staging, mode=0o600 if control else 0o644, progress=progress)
                wanted = sidecar.Sidecar.of(file.facts, sha256=file.sha256_hex, metadata=metadata)
                sidecar.write(wanted, note, inside=notes)
                linked = self._link(token, segments[-1], source=staging, target=target)
            finally:
                staged.remove(token, inside=staging)
                if not linked:
                    staged.remove(note, inside=notes)
            if not linked:
                return CreateAnswer.EXISTS
            return CreateAnswer.CREATED if staged.settled(target) else CreateAnswer.AMBIGUOUS

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
                    staged.remove(name, inside=notes)
            with suppress(FileNotFoundError), self._folder(("metadata", *segments[:-1])) as parent:
                os.rmdir(segments[-1], dir_fd=parent)

    def replace(self, key: str, body: Body, *, metadata: Mapping[str, str], if_match: str) -> ReplaceAnswer:
        segments = require_key(key)
        control = key.startswith(CONTROL_PREFIX)
        token = secrets.token_hex(16)
        note, replaced = f"{token}.json", False
        with (
            self._translated(f"replacing {key}"),
            self._folder(_place(segments)[:-1], create=True, mode=0o700 if control else 0o755) as target,
            self._folder(("staging",), create=True, mode=0o700) as staging,
            self._folder(("metadata", *segments), create=True) as notes,
        ):
            try:
                file = staged.stage(body, token, inside=staging, mode=0o600 if control else 0o644, progress=None)
                wanted = sidecar.Sidecar.of(file.facts, sha256=file.sha256_hex, metadata=metadata)
                sidecar.write(wanted, note, inside=notes)
                # Held by this open folder, so that threads wait for each other, too; closing it lets go.
                fcntl.flock(staging, fcntl.LOCK_EX)
                there = staged.state(segments[-1], inside=target)
                if there is None or not stat.S_ISREG(there.st_mode) or if_match not in {"*", _etag(there)}:
                    return ReplaceAnswer.CHANGED
                os.replace(token, segments[-1], src_dir_fd=staging, dst_dir_fd=target)
                replaced = True
            finally:
                staged.remove(token, inside=staging)
                if not replaced:
                    staged.remove(note, inside=notes)
            return ReplaceAnswer.REPLACED if staged.settled(target) else ReplaceAnswer.AMBIGUOUS

    def copy_to_control(self, key: str, control_key: str) -> None:
        wanted, copy = require_key(key), require_control_key(control_key)
        action = f"copying {key}"
        with (
            self._translated(action),
            self._folder(_place(copy)[:-1], create=True, mode=0o700) as target,
            self._folder(("metadata", *copy), create=True) as notes,
        ):
            try:
                handle = self._open(wanted)
            except FileNotFoundError:
                raise NotFoundError(f"{action}: nothing is there in {self.location}") from None
            try:
                file = os.fstat(handle)
                digest = self._digest(handle)
                metadata = self._metadata(wanted, file=file, handle=handle)
            finally:
                os.close(handle)
            # A link has the file's own inode and time: its sidecar describes both.
            note = f"{secrets.token_hex(16)}.json"
            sidecar.write(sidecar.Sidecar.of(file, sha256=digest, metadata=metadata), note, inside=notes)
            with self._folder(_place(wanted)[:-1]) as source:
                linked = self._link(wanted[-1], copy[-1], source=source, target=target)
            if not linked:
                staged.remove(note, inside=notes)
            there = staged.state(copy[-1], inside=target)
            if there is None or there.st_size != file.st_size:
                raise RejectedError(
                    f"{action}: another object is at {control_key}", hint="look at both, then delete it"
                )
            os.fsync(target)

    def versions(self, key: str) -> Sequence[VersionInfo]:
        """Return nothing: a folder keeps no older versions."""
        require_key(key)
        return ()

    def read_version(self, key: str, version_id: str) -> AbstractContextManager[Iterator[bytes]]:
        """Raise `NotFoundError`: a folder keeps no older versions."""
        require_key(key)
        raise NotFoundError(f"reading version {version_id} of {key}: {self.location} keeps no older versions")

    @contextmanager
    def _folder(self, segments: tuple[str, ...], *, create: bool = False, mode: int = 0o755) -> Iterator[int]:
        with anchored.folder(self._root, segments, create=create, mode=mode) as handle:
            yield handle

    def _open(self, segments: tuple[str, ...]) -> int:
        place = _place(segments)
        with self._folder(place[:-1]) as parent:
            return anchored.open_regular(place[-1], inside=parent)

    def _metadata(self, segments: tuple[str, ...], *, file: os.stat_result, handle: int) -> Mapping[str, str]:
        try:
            with self._folder(("metadata", *segments)) as notes:
                return sidecar.find(notes, file=file, sha256=lambda: self._digest(handle))
        except FileNotFoundError:
            return {}

    def _digest(self, handle: int) -> str:
        seen = sha256()
        for piece in staged.contents(handle):
            seen.update(piece)
        return seen.hexdigest()

    def _pieces(self, handle: int, *, action: str) -> Iterator[bytes]:
        size, received = os.fstat(handle).st_size, 0
        with self._translated(action):
            for piece in staged.contents(handle):
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


def _etag(file: os.stat_result) -> str:
    return f'"{file.st_ino:x}-{file.st_mtime_ns:x}"'
