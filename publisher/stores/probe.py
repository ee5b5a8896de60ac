"""What a store really does with single requests, found out by trying.

A store that accepts a condition may ignore it, and one that honours it may not be atomic, so nothing is decided by
product name. A probe can show that a store is unsafe, never that it is safe. It touches only `.publish/probe/`.
Uploads in parts have a probe of their own (`probe_uploads`), which need not run before the first write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from publisher.errors import CapabilityError, DestinationError
from publisher.stores.capabilities import Capabilities, Enforcement
from publisher.stores.port import Body, BodyDigest, CreateAnswer, ObjectStore, RepairStore, ReplaceAnswer
from publisher.stores.probe_bodies import put_body
from publisher.stores.probe_traces import FIRST, METADATA, SECOND, Traces, unclear
from publisher.stores.race import Race

__all__ = ["PROBE_VERSION", "Capabilities", "Enforcement", "glance", "probe"]

PROBE_VERSION = 3
"""Raised whenever a probe learns to ask more: older remembered answers are void then."""

_STALE = '"0123456789abcdef0123456789abcdef"'


def probe(store: RepairStore, *, new_id: Callable[[], str]) -> Capabilities:
    """Find out what `store` does, with objects of a few bytes which are deleted afterwards.

    `new_id` makes a name that nobody used before. Raises `CredentialsError`, `TransportError` or whatever else keeps
    the probe from an answer: an incomplete probe is none. A failed delete is a note.
    """
    traces = Traces(store, new_id=new_id)
    try:
        found = _ask(store, traces)
    finally:
        left = traces.remove()
    return replace(found, notes=(*found.notes, *left))


def glance(store: ObjectStore, *, new_id: Callable[[], str]) -> Enforcement:
    """Ask only whether a second create is refused: never RACY. Raises like `probe`; a few requests."""
    traces = Traces(store, new_id=new_id)
    try:
        return _conditional_put(store, traces, traces.new_key())
    finally:
        traces.remove()


def _ask(store: RepairStore, traces: Traces) -> Capabilities:
    key = traces.new_key()
    conditional = _conditional_put(store, traces, key)
    seen = store.head(key) if conditional is not Enforcement.REFUSED else None
    server = seen.server if seen else ""
    if conditional is not Enforcement.ENFORCED:
        return Capabilities(conditional, server=server)
    raced = Race(lambda key, data: _writer(store, key, data), new_key=traces.new_key, bytes_of=traces.bytes_of).run()
    if raced is None:
        raise unclear(store)
    return Capabilities(
        raced,
        checks_md5=_checks(store, traces, BodyDigest.MD5),
        checks_payload_sha256=_checks(store, traces, BodyDigest.SHA256),
        checks_crc32=_checks(store, traces, BodyDigest.CRC32),
        keeps_metadata=seen is not None and METADATA.items() <= seen.metadata.items(),
        consistent_reads=seen is not None and seen.size_bytes == len(FIRST) and traces.bytes_of(key) == FIRST,
        if_match=seen is not None and _honours_if_match(store, traces, key, seen.etag),
        clock_offset_s=seen.clock_offset_s if seen else None,
        server=server,
    )


def _conditional_put(store: ObjectStore, traces: Traces, key: str) -> Enforcement:
    try:
        first = store.create(key, Body.of(FIRST), metadata=METADATA)
        second = store.create(key, Body.of(SECOND), metadata={})
    except CapabilityError:
        return Enforcement.REFUSED
    if first is not CreateAnswer.CREATED or second not in {CreateAnswer.CREATED, CreateAnswer.EXISTS}:
        raise unclear(store)
    if second is CreateAnswer.CREATED or traces.bytes_of(key) == SECOND:
        return Enforcement.IGNORED
    return Enforcement.ENFORCED


def _writer(store: ObjectStore, key: str, data: bytes) -> Callable[[], CreateAnswer]:
    # Opens this writer's connection beforehand: a handshake would keep the writers apart.
    store.head(key)
    return lambda: store.create(key, Body.of(data), metadata={})


def _checks(store: ObjectStore, traces: Traces, digest: BodyDigest) -> bool:
    """Tell whether a good body with this digest is stored, and one with a wrong digest refused and not stored.

    Some do not know a digest's header and refuse whatever has it; some call a wrong digest a wrong signature (403).
    """
    good, damaged = traces.new_key(), traces.new_key()
    try:
        answer = store.create(good, put_body(digest), metadata={})
    except DestinationError:
        return False
    if answer is not CreateAnswer.CREATED:
        raise unclear(store)
    try:
        store.create(damaged, put_body(digest, wrong=True), metadata={})
    except DestinationError:
        return store.head(damaged) is None
    return False


def _honours_if_match(store: RepairStore, traces: Traces, key: str, etag: str) -> bool:
    """Tell whether a stale ETag changes nothing and the right one replaces the object."""
    try:
        stale = store.replace(key, Body.of(SECOND), metadata=METADATA, if_match=_STALE)
        if stale is not ReplaceAnswer.CHANGED or traces.bytes_of(key) != FIRST:
            return False
        right = store.replace(key, Body.of(SECOND), metadata=METADATA, if_match=etag)
    except DestinationError:
        return False
    return right is ReplaceAnswer.REPLACED and traces.bytes_of(key) == SECOND
