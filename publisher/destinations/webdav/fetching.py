"""One file of a repository downloaded as anyone may, into a file that is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from publisher.destinations.port import Fetched
from publisher.destinations.webdav.ports import Repository
from publisher.errors import InputError, LocalResourceError, NotFoundError
from publisher.model import Digest
from publisher.model.repository_paths import path_problem


def fetch_file(repository: Repository, path: str, output: Path, *, check: Callable[[], None]) -> Fetched:
    """Download `path` to `output`; `check` may raise to stop.

    The repository keeps no digest to compare with: what is returned is what came, complete by its length. Of an
    artifact of several files each file is fetched by its own path. Raises `InputError` for a path that no artifact
    has, `NotFoundError`, `LocalResourceError` and the errors of the transport.
    """
    problem = path_problem(path)
    if problem is not None:
        raise InputError(f"no artifact has this path: {problem[0]}", hint="copy the id from `publish plan`")
    there = repository.look(path)
    if there is None:
        raise NotFoundError(f"{path} is not at {repository.location}", hint="look at `publish plan` of its manifest")
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            digest, seen = sha256(), 0
            with os.fdopen(handle, "wb") as file, repository.read(path, size_bytes=there.size_bytes or 0) as pieces:
                for piece in pieces:
                    check()
                    seen += file.write(piece)
                    digest.update(piece)
            Path(name).replace(output)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise LocalResourceError(f"cannot write {output}: {error.strerror}", hint="check the folder") from error
    return Fetched(seen, Digest(digest.hexdigest()))
