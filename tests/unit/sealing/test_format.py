"""The constants, sizes and derived values of the wire format."""

from __future__ import annotations

import hashlib
import hmac
import io

import pytest

from publisher.model import DataKey
from publisher.sealing.format import derive_iv, new_data_key, new_nonce, sealed_size
from tests.unit.sealing.samples import KEY, seal_bytes


def test_iv_is_derived_from_the_data_key() -> None:
    """The IV is the first half of HMAC-SHA256 over a fixed label, so that bytes can be rebuilt from key and source."""
    expected = hmac.new(KEY.reveal(), b"publish-iv-v1", hashlib.sha256).digest()[:16]

    assert derive_iv(KEY) == expected
    assert seal_bytes(b"x")[0][:16] == expected


def test_other_keys_have_other_ivs() -> None:
    """Two data keys never share an IV."""
    assert derive_iv(DataKey(b"a" * 32)) != derive_iv(DataKey(b"b" * 32))


def test_keys_and_nonces_come_from_the_given_randomness() -> None:
    """A data key takes 32 bytes and a nonce 16 from the injected source, and nothing else."""
    stream = io.BytesIO(bytes(range(48)))

    assert new_data_key(stream.read).reveal() == bytes(range(32))
    assert new_nonce(stream.read) == bytes(range(32, 48)).hex()


def test_keys_and_nonces_are_fresh() -> None:
    """Without an argument every key and every nonce differs from the one before."""
    assert new_data_key().reveal() != new_data_key().reveal()
    assert new_nonce() != new_nonce()


@pytest.mark.parametrize(("compressed", "sealed"), [(0, 32), (1, 32), (15, 32), (16, 48), (17, 48), (33, 64)])
def test_padding_is_always_added(compressed: int, sealed: int) -> None:
    """The size is IV plus whole cipher blocks, one more where the content already fills its last block."""
    assert sealed_size(compressed) == sealed
