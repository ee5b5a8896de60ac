"""What one schedule is about: who publishes what, into which kinds of registry and escrow, and how bad the weather is.

Drawn from the seed alone. Weather differs from schedule to schedule on purpose: with every fault in every schedule,
few would get past the first requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from publisher.destinations.port import VerifyMode
from publisher.model import Compression

EscrowKind = Literal["sql", "sql-wrapped", "object", "none"]
DuplicateAnswer = Literal["sha256", "bare", "conflict"]
"""What a rejecting registry says of a row that is there: its sha256, only that it is there, or an unexplained 409."""


@dataclass(frozen=True, slots=True)
class RegistryKind:
    on_duplicate: Literal["reject", "upsert", "append"]
    has_lookup: bool
    duplicate: DuplicateAnswer = "sha256"
    lag_s: float = 0.0
    """For how long a lookup may still answer "absent" after a row was added."""


REGISTRIES = (
    RegistryKind("reject", has_lookup=True),
    RegistryKind("reject", has_lookup=True, duplicate="bare"),
    RegistryKind("reject", has_lookup=True, duplicate="conflict"),
    RegistryKind("reject", has_lookup=False),
    RegistryKind("reject", has_lookup=False, duplicate="bare"),
    RegistryKind("upsert", has_lookup=True),
    RegistryKind("upsert", has_lookup=False),
    RegistryKind("append", has_lookup=False),
    RegistryKind("reject", has_lookup=True, lag_s=3.0),
    RegistryKind("reject", has_lookup=True, duplicate="conflict", lag_s=30.0),
    RegistryKind("upsert", has_lookup=True, lag_s=30.0),
)
ESCROWS: tuple[EscrowKind, ...] = ("sql", "sql-wrapped", "object", "none")

Way = Literal["put", "stream", "claims", "sql-claim"]
"""One conditional PUT; parts with a conditional completion; agreed by a claim in the store, because completions are not
conditional there; pinned by a claim in the database, because nothing is."""

WAYS: tuple[Way, ...] = ("put", "stream", "claims", "sql-claim")

Role = Literal["same", "other-source", "other-identity", "stale-plan"]
"""What a publisher wants to publish: the artifact, the same names with other content, other names with the same object
key, or the artifact from a file that is no longer what was planned."""

CASTS: tuple[tuple[Role, ...], ...] = (
    ("same", "same"),
    ("same", "same", "same"),
    ("same", "same", "same", "same"),
    ("same", "other-source"),
    ("same", "same", "other-source"),
    ("same", "other-identity"),
    ("same", "same", "other-identity"),
    ("same", "same", "stale-plan"),
    ("same", "other-source", "other-identity"),
)
_CAST_WEIGHTS = (20, 30, 8, 6, 6, 4, 4, 4, 4)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`faults` is how many faults may happen at all; the rates say how likely each step has one, while any is left."""

    seed: int
    cast: tuple[Role, ...]
    registry: RegistryKind
    escrow: EscrowKind
    verify: VerifyMode
    store_checks_uploads: bool
    way: Way
    """How an object gets into the store, which follows from what the store can do."""
    put_limit_bytes: int
    """The largest object of one request; a larger one is pinned by a claim where the way needs claims."""
    held_bytes: int
    """Up to which size sealed bytes wait in memory; larger ones in a file."""
    attempts: int
    compression: Compression
    reads_late: bool
    """Whether sources are read only while they are sealed, so that an object that is streamed does not name its own."""
    faults: int
    message_fault: float
    crash: float
    stop: float
    suspend: float
    late: float
    stickiness: float
    leftovers: Literal["dropped", "delivered", "pending"]
    """What happens to requests still under way when everybody has ended, before the fault-free run."""

    @property
    def is_calm(self) -> bool:
        """Whether nothing but the order of steps is left to chance."""
        return self.faults == 0 and self.registry.lag_s == 0.0


def draw(seed: int) -> Scenario:
    """Return the scenario of this seed."""
    random = Random(seed)
    is_calm = random.random() < 0.15
    way = random.choices(WAYS, (30, 35, 25, 10))[0]
    kills, stops, freezes = random.random(), random.random(), random.random()
    # A claim without its key in escrow is refused before anything is sent.
    escrow = random.choice(ESCROWS if way in {"put", "stream"} else ESCROWS[:-1])
    return Scenario(
        seed=seed,
        cast=random.choices(CASTS, _CAST_WEIGHTS)[0],
        registry=random.choice(REGISTRIES),
        escrow=escrow,
        verify=random.choice(("head", "head", "full")),
        store_checks_uploads=random.random() < 0.7,
        way=way,
        put_limit_bytes=random.choice((16, 1 << 30)),
        held_bytes=0 if way == "stream" else random.choice((0, 1 << 20)),
        attempts=random.choice((2, 3, 6)),
        compression=random.choice((Compression.FAST, Compression.NONE)),
        faults=0 if is_calm else random.choice((1, 2, 3, 4, 6, 9)),
        message_fault=random.choice((0.03, 0.1, 0.25)),
        crash=0.04 if kills < 0.5 else 0.0,
        stop=0.02 if stops < 0.2 else 0.0,
        suspend=0.02 if freezes < 0.3 else 0.0,
        late=random.choice((0.05, 0.2)),
        stickiness=random.choice((0.5, 0.8, 0.95)),
        leftovers=random.choice(("dropped", "delivered", "pending")),
        # Without an escrow nothing but the object could name the source until there is a receipt.
        reads_late=escrow != "none" and random.random() < 0.4,
    )
