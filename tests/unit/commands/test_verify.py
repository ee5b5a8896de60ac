"""Verifying many artifacts: what cannot be reached is not asked about each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from publisher.commands.verify import verify
from publisher.destinations.asking import PATIENCE, unknown
from publisher.destinations.port import Destination, VerifyResult
from publisher.errors import CredentialsError, PublisherError, TransportError
from publisher.manifest import artifact_from_flags
from publisher.manifest.manifest import Manifest
from publisher.model import DestinationSpec, FleetIdentity, ReadyArtifact, State
from publisher.provenance import Provenance
from publisher.selection import Selection
from publisher.world import World


class Failing:
    """A destination that answers every look with one error, and counts."""

    def __init__(self, error: PublisherError) -> None:
        self.error = error
        self.asked = 0

    def verify(self, _item: ReadyArtifact, _mode: str, *, trusted: object) -> VerifyResult:
        assert trusted == ()
        self.asked += 1
        return VerifyResult(unknown(self.error), content_compared=False)


def manifest_of(folder: Path, count: int) -> Manifest:
    file = folder / "model.bin"
    file.write_bytes(b"model")
    one = artifact_from_flags(file=file, resource_name="m", dev_stage="dev", architecture="any", version="1")
    artifacts = (
        replace(one.artifacts[0], identity=FleetIdentity(f"m{number}", "dev", "any", "1")) for number in range(count)
    )
    return replace(one, artifacts=tuple(artifacts))


@pytest.mark.parametrize(
    ("error", "asked"), [(TransportError("no answer"), PATIENCE), (CredentialsError("refused"), 40)]
)
def test_an_unreachable_destination_is_given_up(tmp_path: Path, error: PublisherError, asked: int) -> None:
    """Silence ends the asking after a few artifacts, and every result is unknown; a refusal is an answer."""
    destination = Failing(error)

    @contextlib.contextmanager
    def connect(specs: Sequence[DestinationSpec]) -> Iterator[Mapping[str, Destination]]:
        yield {spec.name: cast("Destination", destination) for spec in specs}

    results = verify(
        lambda: manifest_of(tmp_path, 40),
        World(connect, {}, lambda _root: Provenance({}, {})),
        selection=Selection(),
        mode="head",
        jobs=1,
    )

    assert [found.result.observation.state for found in results] == [State.UNKNOWN] * 40
    assert {found.result.observation.detail for found in results} == {error.message}
    assert destination.asked == asked
