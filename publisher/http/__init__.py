"""The HTTP client of every destination that speaks HTTP; the only home of `requests`."""

from publisher.http.address import is_loopback
from publisher.http.answer import Answer, NothingSentError, RedirectError, error_of
from publisher.http.client import HttpClient
from publisher.secrecy import Masked, sanitise

__all__ = [
    "Answer",
    "HttpClient",
    "Masked",
    "NothingSentError",
    "RedirectError",
    "error_of",
    "is_loopback",
    "sanitise",
]
