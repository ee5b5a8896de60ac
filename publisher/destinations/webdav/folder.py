"""A repository that is a folder on this machine: the stand-in of `--local`, with the same recipe.

Paths are walked without following a link, and a rename that must not overwrite is a hard link, which the system makes
only where nothing is. What the disk refuses is a `LocalResourceError`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from publisher.destinations.webdav.ports import Found, MoveAnswer
from publisher.errors import LocalResourceError, NotFoundError
from publisher.http import StreamedBody
from publisher.stores import anchored

_PIECE_BYTES = 1 << 20


class FolderRepository:
    """Files below `root`, which is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def location(self) -> str:
        return str(self._root)

    def url(self, path: str) -> str:
        return (self._root / path).as_uri()

    def look(self, path: str) -> Found | None:
        with self._errors(path), contextlib.suppress(FileNotFoundError), self._folder(path) as (folder, name):
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(there.st_mode):
                raise IsADirectoryError(errno.EISDIR, "not a regular file")
            return Found(there.st_size)
        return None

    @contextlib.contextmanager
    def read(self, path: str, *, size_bytes: int) -> Iterator[Iterator[bytes]]:
        handle = self._open(path)
        try:
            yield self._pieces(path, handle)
        finally:
            os.close(handle)

    def enter(self, folder: str) -> None:
        """Nothing is needed."""

    def make_folder(self, path: str) -> None:
        with self._errors(path), anchored.folder(self._root, tuple(path.split("/")), create=True):
            return

    def upload(self, path: str, body: Callable[[], StreamedBody]) -> None:
        with (
            self._errors(path),
            self._folder(path) as (folder, name),
            os.fdopen(anchored.create_new(name, inside=folder, mode=0o644), "wb") as file,
        ):
            for piece in body():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def move(self, source: str, target: str) -> MoveAnswer:
        with self._errors(target), self._folder(source) as (folder, name), self._folder(target) as (there, new_name):
            try:
                os.link(name, new_name, src_dir_fd=folder, dst_dir_fd=there, follow_symlinks=False)
            except FileExistsError:
                return MoveAnswer.OCCUPIED
            os.fsync(there)
            os.unlink(name, dir_fd=folder)
        return MoveAnswer.MOVED

    def discard(self, path: str) -> bool:
        with self._errors(path), contextlib.suppress(FileNotFoundError), self._folder(path) as (folder, name):
            os.unlink(name, dir_fd=folder)
            return True
        return False

    def close(self) -> None:
        """Nothing is kept open."""

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[tuple[int, str]]:
        *segments, name = path.split("/")
        with anchored.folder(self._root, tuple(segments)) as folder:
            yield folder, name

    def _open(self, path: str) -> int:
        try:
            with self._errors(path), self._folder(path) as (folder, name):
                return anchored.open_regular(name, inside=folder)
        except LocalResourceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NotFoundError(f"{path} is not in {self._root}") from None
            raise

    def _pieces(self, path: str, handle: int) -> Iterator[bytes]:
        with self._errors(path):
            while piece := os.read(handle, _PIECE_BYTES):
                yield piece

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LocalResourceError(
                f"{self._root / path}: {error.strerror or error}", hint="look at this folder, or choose another one"
            ) from error
