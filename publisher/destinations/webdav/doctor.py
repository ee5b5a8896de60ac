"""`publish doctor` for an artifact repository: what the recipe relies on, tried with small files of its own.

They lie in the folder `publish-doctor`, which is left there, empty. Where tokens are used one is made and revoked.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from publisher.destinations.port import Finding
from publisher.destinations.webdav.access import Access, Released
from publisher.destinations.webdav.dav import DavRepository
from publisher.destinations.webdav.folder import FolderRepository
from publisher.destinations.webdav.ports import MoveAnswer
from publisher.destinations.webdav.tokens import TokenService
from publisher.errors import PublisherError
from publisher.exit_codes import ExitCode
from publisher.http import Authorization, StreamedBody

OWN_FOLDER = "publish-doctor/own"
OTHER_FOLDER = "publish-doctor/other"
CONTENT = b"written by publish doctor\n"


def diagnose(repository: DavRepository, access: Access, service: TokenService | None) -> Iterator[Finding]:
    """Yield one finding after another; a failed question is a finding, too."""
    trial = _Trial(repository, access, service)
    for label, ask in (("repository", trial.reading), ("writing", trial.writing), ("credentials", trial.limits)):
        try:
            yield from ask()
        except PublisherError as error:
            yield Finding(label, error.message, "failure", error.hint, error.exit_code)
    yield from trial.ending(access.release())


def diagnose_folder(repository: FolderRepository) -> Iterator[Finding]:
    """Say where a rehearsal goes."""
    yield Finding("repository", repository.location, "ok")


class _Trial:
    """The questions to one repository, in their order."""

    def __init__(self, repository: DavRepository, access: Access, service: TokenService | None) -> None:
        self._repository = repository
        self._access = access
        self._service = service
        self._nonce = secrets.token_hex(8)
        self._used: Authorization | None = None

    def reading(self) -> Iterator[Finding]:
        if self._repository.look(self._name("absent")) is not None:
            yield Finding(
                "repository",
                f"{self._repository.location} shows something under a name that cannot exist",
                "failure",
                "is WEBDAV_URL the address of a page or of an application that answers everything?",
                ExitCode.FAILED,
            )
            return
        yield Finding("repository", f"{self._repository.location} answers", "ok")

    def writing(self) -> Iterator[Finding]:
        """Do what a publish does, and try to overwrite; what was written is deleted again."""
        first, second, target = self._name("first"), self._name("second"), self._name("target")
        self._used = self._access.for_writing(OWN_FOLDER)
        if self._service is not None:
            yield Finding("token service", f"{self._service.location} made a token", "ok")
        self._repository.make_folder(OWN_FOLDER)
        for path in (first, second):
            self._repository.upload(path, lambda: StreamedBody(len(CONTENT), [CONTENT]))
        moved = self._repository.move(first, target)
        with self._repository.read(target, size_bytes=len(CONTENT)) as pieces:
            is_same = b"".join(pieces) == CONTENT
        again = self._repository.move(second, target)
        yield from self._written(is_same=moved is MoveAnswer.MOVED and is_same, again=again)
        yield from self._deleted(target, *([second] if again is MoveAnswer.OCCUPIED else []))

    def limits(self) -> Iterator[Finding]:
        """Try what must be refused: writing without credentials, and with a token outside of its folders."""
        if self._used is None:
            return
        yield self._refused("writing without credentials", self._name("anybody"), None, "anybody can write there")
        if self._service is not None:
            yield self._refused(
                "the token in another folder",
                f"{OTHER_FOLDER}/{self._nonce}",
                self._used,
                "a token is not limited to its folders; compare nginx's configuration with DESIGN.md, `WebDAV`",
            )

    def ending(self, released: Released) -> Iterator[Finding]:
        """Say what became of the token, and try it once more."""
        for error in released.failures:
            yield Finding("token service", f"the token was not revoked: {error.message}", "failure", error.hint, 1)
        if released.revoked and self._used is not None:
            yield Finding("token service", "the token was revoked", "ok")
            try:
                yield self._refused("the revoked token", self._name("late"), self._used, "revoked tokens go on working")
            except PublisherError as error:
                yield Finding("the revoked token", error.message, "failure", error.hint, error.exit_code)

    def _written(self, *, is_same: bool, again: MoveAnswer) -> Iterator[Finding]:
        if not is_same:
            yield Finding(
                "writing", "a file does not come back as it was written", "failure", exit_code=ExitCode.NEEDS_A_PERSON
            )
        if again is MoveAnswer.OCCUPIED:
            yield Finding("writing", "works, and a MOVE does not overwrite", "ok")
        else:
            yield Finding(
                "writing",
                "the server ignores `Overwrite: F`: of two publishers the later one replaces the earlier one's file",
                "failure",
                "use another WebDAV server, or let the token service give a folder to one build at a time",
                ExitCode.NEEDS_A_PERSON,
            )

    def _deleted(self, *paths: str) -> Iterator[Finding]:
        try:
            for path in paths:
                self._repository.discard(path)
        except PublisherError as error:
            yield Finding(
                "deleting",
                f"not permitted, so {', '.join(paths)} and the parts of interrupted uploads stay: {error.message}",
                "warning",
                error.hint,
            )

    def _refused(self, label: str, path: str, authorization: Authorization | None, danger: str) -> Finding:
        status = self._repository.try_upload(path, authorization)
        if status in {401, 403}:
            return Finding(label, f"is refused ({status})", "ok")
        if status < 300:
            self._forget(path)
            return Finding(label, danger, "failure", exit_code=ExitCode.NEEDS_A_PERSON)
        return Finding(label, f"the server answered {status}, which says nothing of permissions", "warning")

    def _forget(self, path: str) -> None:
        try:
            self._repository.discard(path)
        except PublisherError:
            return  # an empty file in a folder of its own; that it could be written is the finding

    def _name(self, what: str) -> str:
        return f"{OWN_FOLDER}/{what}-{self._nonce}"
