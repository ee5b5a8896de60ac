"""Every error a user can meet, in one tree.

PublisherError                   code, hint, retryable and exit_code are attributes, never parsed from text
├── InputError                   the manifest, a source or a setting is wrong: the user can fix it      exit 3
│   ├── ManifestError            every diagnostic of one manifest at once
│   ├── SourceError              missing, unreadable, not a regular file, outside the project root
│   │   └── SourceMismatchError  a source is not what the manifest says of it
│   ├── SettingsError            missing or malformed settings, all of them named
│   └── StalePlanError           a saved plan whose premises moved                                      exit 6
├── SourceChangedError           the source was written to while it was read                            exit 1
├── LocalResourceError           this machine lacks disk space, permission or memory                    exit 1
├── DestinationError             the world answered, and the answer is no
│   ├── CredentialsError         the destination refused the credentials                                exit 4
│   ├── CapabilityError          the destination cannot keep the promise a safe publish needs           exit 5
│   ├── DamagedObjectError       stored bytes are not the bytes that were registered or sealed          exit 5
│   ├── RejectedError            the request was refused and will be refused again                      exit 1
│   └── NotFoundError            what was asked for is not there                                        exit 1
├── TransportError               the world did not answer, or not in a shape we know                    exit 1
│   ├── UploadLostError          an upload in parts is gone before it was completed
│   ├── ProtocolError            an answer came, but not the promised one (HTML, a redirect, cut JSON)
│   └── OutcomeUnknownError      a write may or may not have happened; running again settles it         exit 7
├── Cancelled                    the user or the CI system asked to stop
└── InternalError                a fault of this program, or no memory                                  exit 1

Programmers' mistakes (ValueError, RuntimeError, AssertionError) are never part of this tree.
Messages say what happened to what; hints say what to do; none holds a secret. Whoever loops adds the artifact's id.
"""

from __future__ import annotations

from typing import ClassVar


class PublisherError(Exception):
    """Base of every error shown to a user.

    `code` is a stable machine-readable word, `retryable` says whether the same call may succeed later,
    `exit_code` is the process's exit code if this error alone decides it (README, "Exit codes").
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(PublisherError):
    code = "input_invalid"
    exit_code = 3


class SourceError(InputError):
    code = "source_missing"


class SourceMismatchError(SourceError):
    code = "source_mismatch"


class SettingsError(InputError):
    code = "settings_invalid"


class StalePlanError(InputError):
    code = "plan_stale"
    exit_code = 6


class SourceChangedError(PublisherError):
    code = "source_changed"
    retryable = True


class LocalResourceError(PublisherError):
    code = "local_resource"
    retryable = True


class DestinationError(PublisherError):
    code = "destination_refused"


class CredentialsError(DestinationError):
    code = "credentials_refused"
    exit_code = 4


class CapabilityError(DestinationError):
    code = "capability_missing"
    exit_code = 5


class DamagedObjectError(DestinationError):
    code = "object_damaged"
    exit_code = 5


class RejectedError(DestinationError):
    """`status` is the HTTP status, or None where the destination does not speak HTTP."""

    code = "request_rejected"

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class NotFoundError(DestinationError):
    code = "not_found"


class TransportError(PublisherError):
    """`retry_after_s` is what the destination asked for (HTTP Retry-After), already bounded, or None."""

    code = "no_answer"
    retryable = True

    def __init__(self, message: str, *, hint: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class UploadLostError(TransportError):
    code = "upload_lost"


class ProtocolError(TransportError):
    code = "unexpected_answer"


class OutcomeUnknownError(TransportError):
    code = "outcome_unknown"
    exit_code = 7


class Cancelled(PublisherError):  # noqa: N818 - it is the end of a story, not a fault
    """`signal` is the number of the signal that asked for it, or None (a time budget, a caller)."""

    code = "cancelled"
    retryable = True

    def __init__(self, message: str, *, hint: str | None = None, signal: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.signal = signal


class InternalError(PublisherError):
    """A fault of this program, told without the text of its cause, which may hold anything."""

    code = "internal_error"
