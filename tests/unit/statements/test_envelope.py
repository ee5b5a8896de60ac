"""DSSE envelopes: the official vector, an independent implementation, and envelopes that are none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # has no __all__

from publisher.errors import ProtocolError
from publisher.statements.envelope import Envelope, Signature, pre_authentication_encoding
from tests.unit.statements.samples import KEY, OTHER_KEY, RAW_KEY

HELLO = "http://example.com/HelloWorld"
OFFICIAL = b"""{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig":
 "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"""
"""The envelope of the DSSE protocol, section "Test Vectors"."""


class NistP256:
    """The key of the official vector, whose signature is r and s, 32 bytes each, over SHA-256."""

    keyid = ""
    X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820

    def verify(self, signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key = EllipticCurvePublicNumbers(self.X, self.Y, SECP256R1()).public_key()
        try:
            key.verify(encode_dss_signature(*halves), data, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def their_key() -> SSlibKey:
    return SSlibKey.from_crypto(RAW_KEY.public_key(), keyid=KEY.public.keyid)


def test_the_official_vector_of_the_encoding() -> None:
    """What is signed is byte for byte what the DSSE protocol prints as its example."""
    encoded = pre_authentication_encoding(HELLO, b"hello world")

    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_official_envelope_verifies_with_its_key() -> None:
    """The example envelope of the DSSE protocol is read, and its signature is its key's over what we encode."""
    envelope = Envelope.parse(OFFICIAL)

    assert (envelope.payload_type, envelope.payload) == (HELLO, b"hello world")
    assert envelope.signer_of([KEY.public, NistP256()]) is not None
    assert envelope.signer_of([KEY.public]) is None


@given(payload_type=st.text(max_size=40), payload=st.binary(max_size=200))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_both_implementations_read_and_believe_each_other(payload_type: str, payload: bytes) -> None:
    """securesystemslib verifies what we sign, and we verify what it signs, for any type and payload."""
    ours = Envelope.signed(payload_type, payload, KEY)
    theirs = TheirEnvelope(payload, payload_type, {})
    theirs.sign(CryptoSigner(RAW_KEY))

    read_by_them = TheirEnvelope.from_dict(json.loads(ours.to_line()))
    read_by_us = Envelope.parse(json.dumps(theirs.to_dict()).encode())

    assert read_by_them.pae() == pre_authentication_encoding(payload_type, payload)
    assert KEY.public.keyid in read_by_them.verify([their_key()], 1)
    assert (read_by_us.payload_type, read_by_us.payload) == (payload_type, payload)
    assert read_by_us.signer_of([KEY.public]) is KEY.public


def test_both_implementations_refuse_a_foreign_signature() -> None:
    """A signature by another key is refused here as by securesystemslib, also under the trusted key's id."""
    [foreign] = Envelope.signed(HELLO, b"hello", OTHER_KEY).signatures
    forged = Envelope(HELLO, b"hello", (Signature(KEY.public.keyid, foreign.value),))

    assert forged.signer_of([KEY.public]) is None
    with pytest.raises(VerificationError):
        TheirEnvelope.from_dict(json.loads(forged.to_line())).verify([their_key()], 1)


@pytest.mark.parametrize("keyid", ["", "somebody else", KEY.public.keyid])
def test_the_key_id_decides_nothing(keyid: str) -> None:
    """A signature counts by its bytes: a missing or wrong key id neither hinders nor helps."""
    [signature] = Envelope.signed(HELLO, b"hello", KEY).signatures

    assert Envelope(HELLO, b"hello", (Signature(keyid, signature.value),)).signer_of([KEY.public]) is KEY.public


def test_what_is_signed_holds_the_type() -> None:
    """The same bytes under another type, or moved between type and payload, are not what was signed."""
    [signature] = Envelope.signed("type a", b"hello", KEY).signatures

    for payload_type, payload in (("type b", b"hello"), ("type", b"a hello"), ("type a", b"hello ")):
        assert Envelope(payload_type, payload, (signature,)).signer_of([KEY.public]) is None


def test_either_base64_alphabet_is_read() -> None:
    """Standard and URL-safe base64 are both accepted, as verifiers must."""
    envelope = Envelope.signed(HELLO, b"\xfb\xff\xfe", KEY)
    document = json.loads(envelope.to_line())
    document["payload"] = document["payload"].replace("+", "-").replace("/", "_")
    document["signatures"][0]["sig"] = base64.urlsafe_b64encode(envelope.signatures[0].value).decode()

    assert document["payload"] == "-__-"
    assert Envelope.parse(json.dumps(document).encode()) == envelope


def without(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Envelope.signed(HELLO, b"hello", KEY).to_line())
    del document[name]
    return document


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 200_000,
        b'{"payload": "a", "payloadType": "t", "signatures": []}',
        b'{"payload": "", "payloadType": 7, "signatures": []}',
        b'{"payload": 7, "payloadType": "t", "signatures": []}',
        b'{"payload": "", "payloadType": "t", "signatures": ["x"]}',
        b'{"payload": "", "payloadType": "t", "signatures": [{"sig": "\xc3\xa4"}]}',
        b'{"payload": "", "payloadType": "t", "signatures": 7}',
        *(json.dumps(without(name)).encode() for name in ("payload", "payloadType", "signatures")),
    ],
)
def test_anything_else_is_not_an_envelope(line: bytes) -> None:
    """What is not an envelope is refused with one error, however broken or deep."""
    with pytest.raises(ProtocolError, match="not a signed envelope"):
        Envelope.parse(line)


@given(line=st.binary(max_size=300))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_no_bytes_break_the_reader(line: bytes) -> None:
    """Any bytes are an envelope or a `ProtocolError`, never another failure."""
    try:
        Envelope.parse(line)
    except ProtocolError:
        return


def test_many_signatures_are_not_all_tried() -> None:
    """An envelope with a flood of signatures costs a bounded number of verifications."""
    [mine] = Envelope.signed(HELLO, b"hello", KEY).signatures
    flood = (*([Signature("", b"x" * 64)] * 10_000), mine)

    assert Envelope(HELLO, b"hello", flood).signer_of([KEY.public]) is None
