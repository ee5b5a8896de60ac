"""The artifact upload handler over HTTP, both of its generations: one form for each package, one after the other.

Sends each file once and says what is known afterwards; it never decides to try again. The token is a field of the
form: never a part of an address, a header or a message. Source: contracts, "Conda upload handler".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from publisher.destinations.conda.ports import Answered, Received
from publisher.destinations.port import Finding
from publisher.errors import (
    CredentialsError,
    ProtocolError,
    PublisherError,
    RejectedError,
    SettingsError,
    TransportError,
)
from publisher.http import Answer, FormFile, HttpClient, Masked, NothingSentError, RedirectError, error_of, form_body
from publisher.model import CondaIdentity

_ADDRESS = "is CONDA_UPLOAD_URL the address of the upload handler?"

SERVER_LIMIT_BYTES = 100 << 20
"""Both generations refuse larger requests; there is no option to raise it (contracts 2.6)."""


class HttpHandler:
    """One handler. `sends_arch`: the subdir is sent as the field `arch`, which the first generation can be told by."""

    def __init__(
        self, client: HttpClient, token: Masked, *, sends_arch: bool = False, only_subdir: str | None = None
    ) -> None:
        if not token.reveal().isprintable() or not token.reveal():
            raise SettingsError(
                "CONDA_UPLOAD_TOKEN is empty or has characters that are not printable",
                hint="look for a line break at the end of the secret",
            )
        self._client = client
        self._token = token
        self._sends_arch = sends_arch
        self._only_subdir = only_subdir

    @property
    def location(self) -> str:
        return self._client.location

    @property
    def only_subdir(self) -> str | None:
        return self._only_subdir

    def upload(self, identity: CondaIdentity, size_bytes: int, pieces: Iterable[bytes]) -> Answered:
        fields: list[tuple[str, str | Masked]] = [("token", self._token)]
        if self._sends_arch:
            fields.append(("arch", identity.subdir))
        is_whole = False

        def watched() -> Iterator[bytes]:
            nonlocal is_whole
            yield from pieces
            # The end of the form follows. Without it no server can take the file for whole.
            is_whole = True

        body = form_body(fields, FormFile("artifact", identity.filename, size_bytes, watched()))
        try:
            answer = self._client.request("POST", "", body=body)
        except NothingSentError as error:
            return Answered(Received.UNSENT, error)
        except RejectedError as error:
            return Answered(Received.REFUSED, error)
        except RedirectError as error:
            return Answered(Received.UNCLEAR, error)
        except TransportError as error:
            return Answered(Received.LOST if is_whole else Received.UNSENT, _with_limit(error, size_bytes))
        return self._meaning(answer, size_bytes)

    def look(self) -> Sequence[Finding]:
        """Ask with GET, which every handler refuses: it shows the address, the line and the certificate."""
        try:
            status = self._client.request("GET", "").status
        except PublisherError as error:
            return [Finding("upload handler", error.message, "failure", error.hint, error.exit_code)]
        if status != 405:
            return [
                Finding(
                    "upload handler",
                    f"{self.location} answers GET with {status}, and an upload handler with 405",
                    "warning",
                    _ADDRESS,
                )
            ]
        return [Finding("upload handler", f"{self.location} answers; the token shows with the first upload", "ok")]

    def _meaning(self, answer: Answer, size_bytes: int) -> Answered:
        secrets = (self._token.reveal(),)
        what = f"POST {self.location}"
        if 200 <= answer.status < 300:
            if answer.body.lstrip().startswith(b"<"):
                error = ProtocolError(f"{what}: {answer.quote(*secrets)}", hint=_ADDRESS)
                return Answered(Received.UNCLEAR, error)
            return Answered(Received.ACCEPTED)
        failure = error_of(answer, what, secrets)
        match answer.status:
            case 401:
                return Answered(Received.DENIED, _denied(failure))
            case 502 | 504:  # of a gateway: the server behind it may have the file, and be busy with it
                return Answered(Received.LOST, failure)
            case 404 | 405 as status:
                return Answered(Received.REFUSED, RejectedError(failure.message, hint=_ADDRESS, status=status))
            case status if status in (408, 425, 429) or status >= 500:
                return Answered(Received.FAILED, failure)
        return Answered(Received.REFUSED, _with_limit(failure, size_bytes))


def _denied(error: PublisherError) -> CredentialsError:
    # The second generation answers so for a file that it has, too; whoever tells this saw that there is none.
    hint = (
        "check CONDA_UPLOAD_TOKEN: the plain token, not its hash; and that CONDA_CHANNEL_URL is this server's channel"
    )
    return CredentialsError(error.message, hint=hint)


def _with_limit(error: PublisherError, size_bytes: int) -> PublisherError:
    if size_bytes > SERVER_LIMIT_BYTES and error.hint is None:
        error.hint = "the package is larger than 100 MiB, and the upload handler takes no more"
    return error
