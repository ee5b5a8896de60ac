"""Looking for secrets where none may be: in everything an error, a value or a log says."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable


def forms(secret: str) -> set[str]:
    """Return the ways in which a secret may show: as it is, in base64, as bytes, and 16-character pieces of it."""
    raw = secret.encode()
    shapes = {secret, repr(raw)[2:-1], base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    if len(secret) == 64:
        key = bytes.fromhex(secret)
        shapes |= {
            secret.upper(),
            repr(key)[2:-1],
            base64.b64encode(key).decode(),
            base64.urlsafe_b64encode(key).decode(),
        }
    pieces = {shape[start : start + 16] for shape in shapes for start in range(0, max(len(shape) - 15, 1))}
    return {piece for piece in pieces if len(piece) >= min(16, len(secret))}


def told_by(error: BaseException) -> str:
    """Return all that an error and every error behind it say: texts, attributes and notes."""
    told: list[str] = []
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        item = todo.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        told += [str(item), repr(item), repr(item.args), repr(vars(item))]
        told += [repr(vars(value)) for value in vars(item).values() if hasattr(value, "__dict__")]
        todo += [item.__cause__, item.__context__]
    return "\n".join(told)


def told_by_logs(records: Iterable[logging.LogRecord]) -> str:
    """Return all that log records say, exceptions included."""
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join(formatter.format(record) for record in records)


def found(secrets: Iterable[str], text: str) -> list[str]:
    """Return the pieces of `secrets` that `text` shows."""
    return sorted(form for secret in secrets for form in forms(secret) if form in text)
