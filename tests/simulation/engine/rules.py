"""What must hold after every step, whatever the engine, the network and the stores do (DESIGN.md, "Invariants").

Knows nothing of how the engine works; opens objects with its own few lines instead of the engine's.
"""

from __future__ import annotations

import zlib
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from publisher.model import FleetIdentity
from publisher.registries.port import Row
from tests.simulation.engine.scheduler import Violation
from tests.simulation.engine.world import World
from tests.support.memory_store import Stored


class Rules:
    """`check` raises a `Violation`; it is called after every change of the world. `watched` leaves out other rules."""

    def __init__(self, world: World, contents: frozenset[bytes], *, watched: frozenset[str] | None = None) -> None:
        self._watched = watched
        self._world = world
        self._contents = contents
        self._first: dict[str, Stored] = {}
        self._digests: dict[str, str] = {}
        self._sent: dict[FleetIdentity, tuple[object, ...]] = {}
        self._opens: set[tuple[str, bytes]] = set()

    def check(self) -> None:
        self._written_once()
        for row in self._world.rows:
            self._row_opens(row)
            self._one_set_of_values(row)
        self._recoverable()

    def is_openable(self, row: Row) -> bool:
        """Whether a device could download and open the object of `row` now."""
        stored = self._world.store.objects.get(row.identity.object_key)
        if stored is None or row.encryption_key is None:
            return False
        digest, key = sha256(stored.data).hexdigest(), row.encryption_key.reveal()
        if digest != row.sha256.hex or len(stored.data) != row.size_bytes:
            return False
        if (digest, key) not in self._opens and _opened(stored.data, key) in self._contents:
            self._opens.add((digest, key))
        return (digest, key) in self._opens

    def _break(self, rule: str, how: str) -> None:
        if self._watched is None or rule in self._watched:
            raise Violation(f"{rule}: {how}")

    def _written_once(self) -> None:
        objects = self._world.store.objects
        for key, stored in objects.items():
            if key.startswith(".publish/"):
                continue
            first = self._first.setdefault(key, stored)
            # Pinned bytes may be stored again and again: the same bytes with the same marks are the same object.
            if (first.data, first.metadata) != (stored.data, stored.metadata):
                self._break("WRITE ONCE", f"the object {key} was replaced")
        for key in self._first:
            if key not in objects:
                self._break("WRITE ONCE", f"the object {key} was deleted")

    def _row_opens(self, row: Row) -> None:
        if not self.is_openable(row):
            self._break("INV", f"the row of {row.identity.path} does not fit the object that is there")

    def _one_set_of_values(self, row: Row) -> None:
        key = row.encryption_key.reveal() if row.encryption_key else None
        values = (row.cdn_url, row.sha256, row.size_bytes, key)
        if self._sent.setdefault(row.identity, values) != values:
            self._break("ONE SET OF VALUES", f"{row.identity.path} has been registered with different values")

    def _recoverable(self) -> None:
        """An object whose key could be lost with its writer can never be finished by another run."""
        world = self._world
        if world.scenario.escrow == "none":
            return
        for key, stored in self._first.items():
            nonce = stored.metadata["publish-nonce"]
            if world.has_record(nonce):
                continue
            if world.scenario.registry.has_lookup:
                is_confirmed = any(row.identity.object_key == key for row in world.rows)
            else:
                is_confirmed = world.has_receipt(key)
            if not is_confirmed:
                self._break("RECOVERABLE", f"{key} is there, unconfirmed, and its key is not in escrow")


def _opened(data: bytes, key: bytes) -> bytes | None:
    decryptor = Cipher(AES256(key), CBC(data[:16])).decryptor()
    padded = decryptor.update(data[16:]) + decryptor.finalize()
    plain = padded[: -padded[-1]]
    try:
        return zlib.decompress(plain, wbits=31) if plain.startswith(b"\x1f\x8b") else plain
    except zlib.error:
        return None
