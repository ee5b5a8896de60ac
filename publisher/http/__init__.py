"""The HTTP client of every destination that speaks HTTP, and the connections below it."""

from publisher.http.address import is_loopback
from publisher.http.answer import Answer, NothingSentError, RedirectError, error_of
from publisher.http.authorization import Authorization, basic, bearer
from publisher.http.body import PIECE_BYTES, StreamedBody
from publisher.http.client import HttpClient
from publisher.http.form import FormFile, form_body
from publisher.secrecy import Masked, sanitise

__all__ = [
    "PIECE_BYTES",
    "Answer",
    "Authorization",
    "FormFile",
    "HttpClient",
    "Masked",
    "NothingSentError",
    "RedirectError",
    "StreamedBody",
    "basic",
    "bearer",
    "error_of",
    "form_body",
    "is_loopback",
    "sanitise",
]
