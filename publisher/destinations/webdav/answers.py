"""What a WebDAV server's refusal means and what a person does about it: one table for all its methods. No IO."""

from __future__ import annotations

from collections.abc import Iterable

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    NotFoundError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.http import Answer, error_of


def refusal(answer: Answer, what: str, secrets: Iterable[str]) -> PublisherError:
    """Return the error that a status other than success stands for. `what` is the method and the path."""
    quoted = f"{what}: {answer.quote(*secrets)}"
    status = answer.status
    match status:
        case 401:
            return CredentialsError(quoted, hint="the server did not accept the user or the token")
        case 403:
            return CredentialsError(
                quoted, hint="the user or the token may not write there; does the token's folder cover this path?"
            )
        case 404 | 409:
            return RejectedError(
                quoted,
                hint="the folder is missing and cannot be made, or a file is where a folder should be (or a folder"
                " where a file should be); is WEBDAV_URL right?",
                status=status,
            )
        case 405 | 501:
            return CapabilityError(
                quoted, hint="the server does not permit this method there; nginx: `dav_methods PUT DELETE MKCOL MOVE;`"
            )
        case 413:
            return RejectedError(
                quoted, hint="the file is too large for the server; nginx: `client_max_body_size 0;`", status=status
            )
        case 500:
            return TransportError(
                quoted,
                hint="nginx answers so where a folder is missing or its check fails: see its log and DESIGN.md",
            )
        case 507:
            return RejectedError(quoted, hint="the server has no space left", status=status)
    return error_of(answer, what, secrets)


def unreadable(answer: Answer, what: str, secrets: Iterable[str], *, is_public: bool) -> PublisherError:
    """Return the error that a status other than 200 and 404 stands for when something was only read."""
    if answer.status in {401, 403} and is_public:
        return CredentialsError(
            f"{what}: {answer.quote(*secrets)}",
            hint="where tokens are used for writing, the repository must be readable by anyone;"
            " else set WEBDAV_USER and WEBDAV_PASSWORD",
        )
    error = error_of(answer, what, secrets)
    return TransportError(error.message) if isinstance(error, NotFoundError) else error
