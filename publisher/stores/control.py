"""Small objects of the publisher's own below `.publish/`: written once, read whole, bounded.

Escrow records, receipts and claims are such objects. They are never overwritten; the same bytes again are fine.
"""

from __future__ import annotations

from publisher.errors import NotFoundError, ProtocolError, TransportError
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectStore

LIMIT_BYTES = 64 * 1024


def write_control_once(store: ObjectStore, key: str, data: bytes) -> bytes:
    """Put `data` if nothing is there, and return what is there afterwards: `data`, or what another run wrote first.

    Raises `TransportError` if it is not certain that anything is there.
    """
    _require_control(key)
    answer = store.create(key, Body.of(data), metadata={})
    if answer is CreateAnswer.CREATED:
        return data
    try:
        return read_control(store, key)
    except NotFoundError:
        raise TransportError(f"{key} could not be written: the store gave no clear answer") from None


def read_control(store: ObjectStore, key: str) -> bytes:
    """Return the whole object. Raises `NotFoundError`, or `ProtocolError` if it is larger than 64 KiB."""
    _require_control(key)
    data = bytearray()
    with store.read(key) as pieces:
        for piece in pieces:
            data += piece
            if len(data) > LIMIT_BYTES:
                raise ProtocolError(f"{key} is larger than {LIMIT_BYTES} bytes and was not written by a publisher")
    return bytes(data)


def _require_control(key: str) -> None:
    if not key.startswith(CONTROL_PREFIX):
        raise ValueError("only keys below .publish/ are control objects")
