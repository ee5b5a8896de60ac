"""What the answer to a registration means (DESIGN.md, "Registration answers"). Pure: one answer in, one verdict out.

The success status and body of the admin API are not documented, so success is what looks like success and does not say
that it failed. What looks like neither success nor refusal leaves the outcome open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from publisher.errors import CredentialsError, ProtocolError, RejectedError, TransportError
from publisher.http.answer import Answer
from publisher.model import Digest
from publisher.registries.admin_options import AdminApiOptions
from publisher.registries.port import Accepted, Duplicate, NoAnswer, Refused, RegisterAnswer

_SUCCESS_FLAGS = {"ok", "success", "succeeded", "successful", "issuccess"}
_ERROR_FIELDS = {"error", "errors", "errorcode", "errormessage", "exception", "failure"}
_FAILURE_WORDS = {"error", "errors", "fail", "failed", "failure", "rejected", "denied", "invalid"}
_STORED_ROW_FIELDS = {"existing", "existingrow", "resource", "row", "data"}
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


def verdict(answer: Answer, options: AdminApiOptions, secrets: tuple[str, ...]) -> RegisterAnswer:
    """Decide what `answer` says about the row. `secrets` are kept out of messages: a server may repeat its input.

    Redirects never come here: they are refusals, raised by the HTTP client. A row that was written all the same is
    found by the next run, since no refusal gives up what another run needs to finish.
    """
    body = answer.body.decode(errors="replace")
    if options.duplicate is not None and options.duplicate.matches(answer.status, body):
        return Duplicate(stored_sha256(answer))
    is_success = answer.status in (200, 201, 204)
    doubt = _why_not_accepted(answer) if is_success else None
    if is_success and doubt is None:
        return Accepted()
    quoted = answer.quote(*secrets)
    match answer.status:
        case 200 | 201 | 204:
            return NoAnswer(
                ProtocolError(
                    f"unexpected answer of the admin API ({doubt}): {quoted}",
                    hint="is the publish path right, and nothing but the API in between?",
                )
            )
        case 401 | 403:
            return Refused(
                CredentialsError(
                    f"the admin API refused the token: {quoted}",
                    hint=f"tokens expire: renew {options.setting('ADMIN_API_TOKEN')}; it needs the right to publish",
                )
            )
        case 425 | 429:
            return Refused(
                TransportError(f"the admin API asks to wait: {quoted}", retry_after_s=answer.retry_after_s())
            )
        case 409:
            return Refused(
                RejectedError(
                    f"the admin API refused the row: {quoted}",
                    hint=f"if this means that the row exists, set {options.setting('ADMIN_API_DUPLICATE')}",
                    status=409,
                ),
                business=True,
            )
        case 404 | 405 | 410 | 415:
            return Refused(
                RejectedError(
                    f"the admin API takes no rows there: {quoted}",
                    hint=f"is {options.setting('ADMIN_API_PUBLISH_PATH')} right? Some servers use resources/publish",
                    status=answer.status,
                )
            )
        case status if 400 <= status < 500 and status != 408:
            return Refused(RejectedError(f"the admin API refused the row: {quoted}", status=status))
        case status if status == 408 or status >= 500:
            return NoAnswer(TransportError(f"the admin API failed: {quoted}", retry_after_s=answer.retry_after_s()))
    return NoAnswer(ProtocolError(f"unexpected answer of the admin API: {quoted}"))


def _why_not_accepted(answer: Answer) -> str | None:
    """Say what is wrong with an answer whose status is success; None if nothing is."""
    if answer.problem is None and not answer.body.strip():
        return None
    try:
        document = answer.json()
    except TransportError as error:
        return error.message
    if not isinstance(document, dict):
        return "its JSON is not an object"
    return "it says that it failed" if says_failure(document) else None


def says_failure(document: Mapping[str, object]) -> bool:
    """Say whether an object calls itself a failure: `ok: false`, a filled `error` or `ErrorCode`, a bad `status`."""
    for name, value in document.items():
        plain = name.replace("_", "").replace("-", "").lower()
        if plain in _SUCCESS_FLAGS and value in (False, 0, None, "false"):
            return True
        if plain in _ERROR_FIELDS and value not in (None, False, 0, "", [], {}):
            return True
        if plain in ("status", "statuscode", "code", "result"):
            if isinstance(value, str) and value.strip().lower() in _FAILURE_WORDS:
                return True
            if plain != "result" and isinstance(value, int) and value >= 400:
                return True
    return False


def stored_sha256(answer: Answer) -> Digest | None:
    """Return the sha256 of the stored row if the answer shows it, at the top level or in a member named like a row."""
    try:
        document = answer.json()
    except TransportError:
        return None
    if not isinstance(document, dict):
        return None
    members = [document]
    members += [
        value
        for name, value in document.items()
        if isinstance(value, dict) and name.replace("_", "").lower() in _STORED_ROW_FIELDS
    ]
    for member in members:
        value = member.get("sha256")
        if isinstance(value, str) and _SHA256.fullmatch(value):
            return Digest(value.lower())
    return None
