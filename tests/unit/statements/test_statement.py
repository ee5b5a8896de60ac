"""What a statement says, and what is believed of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import ProtocolError
from publisher.provenance import CI_FACTS as ALL_CI_FACTS
from publisher.provenance import GIT_FACTS as ALL_GIT_FACTS
from publisher.statements.checking import LIMIT_BYTES, Verdict, check
from publisher.statements.envelope import Envelope
from publisher.statements.statement import CI_FACTS, GIT_FACTS, PAYLOAD_TYPE, read_claim
from tests.unit.statements.samples import IDENTITY, KEY, OTHER_KEY, claim, line, statement

TRUSTED = [KEY.public]


def test_a_statement_is_an_in_toto_statement() -> None:
    """The payload is an in-toto Statement v1 with one subject, our predicate type and every promised field."""
    made = statement(git={"sha": "a" * 40, "dirty": "false"}, ci={"system": "woodpecker"})

    document = json.loads(made.to_payload())

    assert document == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "dev/detector-arm64-2026-04-15.enc", "digest": {"sha256": sha256(b"object").hexdigest()}}],
        "predicateType": "urn:publisher:predicate:release:v1",
        "predicate": {
            "identity": IDENTITY.fields(),
            "object": {"size_bytes": 1234},
            "source": {"sha256": sha256(b"source").hexdigest()},
            "compression": "gzip",
            "manifest": {"sha256": sha256(b"manifest").hexdigest()},
            "git": {"sha": "a" * 40, "dirty": "false"},
            "ci": {"system": "woodpecker"},
            "tool": {"name": "publisher", "version": "0.1.0"},
            "created": "2026-04-15T09:30:00Z",
        },
    }


def test_a_manifest_of_one_has_no_digest() -> None:
    """An artifact that was named by flags has a null manifest digest, and is as valid."""
    made = statement(manifest_sha256=None)

    assert json.loads(made.to_payload())["predicate"]["manifest"] == {"sha256": None}
    assert check(line(made), claim(), TRUSTED).is_valid


def test_the_time_is_utc() -> None:
    """`created` is written in UTC, whatever the clock's zone."""
    made = statement(created=datetime(2026, 4, 15, 11, 30, tzinfo=timezone(timedelta(hours=2))))

    assert json.loads(made.to_payload())["predicate"]["created"] == "2026-04-15T09:30:00Z"


def test_people_and_messages_stay_out() -> None:
    """Of the facts only the listed ones are written: a statement is as public as the object, a message may not be."""
    made = statement(git=dict.fromkeys(ALL_GIT_FACTS, "fact"), ci=dict.fromkeys(ALL_CI_FACTS, "fact"))

    predicate = json.loads(made.to_payload())["predicate"]

    assert set(predicate["git"]) == set(GIT_FACTS) <= set(ALL_GIT_FACTS)
    assert set(predicate["ci"]) == set(CI_FACTS) <= set(ALL_CI_FACTS)
    assert not {"message", "author"} & set(predicate["git"])


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(
    name=names,
    identity=st.dictionaries(names, names, max_size=4),
    sha=digests,
    size=st.integers(0, 2**63),
    source=digests,
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_claim_survives_the_round_trip(name: str, identity: dict[str, str], sha: str, size: int, source: str) -> None:
    """What was claimed is what is read and believed, for any names and numbers; the line is one line."""
    claimed = claim(name=name, identity=identity, sha256=sha, size_bytes=size, source_sha256=source)
    signed = line(statement(claim=claimed))

    assert read_claim(Envelope.parse(signed).payload) == claimed
    assert check(signed, claimed, TRUSTED).is_valid
    assert signed.count(b"\n") == 1


OTHER = sha256(b"other").hexdigest()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "dev/other-arm64-1.enc"}, "object key"),
        ({"identity": {**IDENTITY.fields(), "version": "2026-04-16"}}, "identity"),
        ({"identity": {**IDENTITY.fields(), "more": "x"}}, "identity"),
        ({"sha256": OTHER}, "object sha256"),
        ({"size_bytes": 1235}, "object size"),
        ({"source_sha256": OTHER}, "source sha256"),
        ({"compression": "none"}, "compression"),
    ],
)
def test_a_signed_statement_about_something_else_is_named(changes: dict[str, Any], named: str) -> None:
    """A foreign statement, signed as it should be, is refused for each single field, and the field is named."""
    found = check(line(statement(claim=claim(**changes))), claim(), TRUSTED)

    assert found.verdict is Verdict.MISMATCH
    assert found.detail.endswith(f": {named}")


def _set(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = "0" * 64 if isinstance(place[path[-1]], str) else 1

    return change


FIELDS = [
    ("_type",),
    ("predicateType",),
    ("subject", 0, "name"),
    ("subject", 0, "digest", "sha256"),
    ("predicate", "identity", "version"),
    ("predicate", "object", "size_bytes"),
    ("predicate", "source", "sha256"),
    ("predicate", "compression"),
    ("predicate", "manifest", "sha256"),
    ("predicate", "git", "sha"),
    ("predicate", "ci", "system"),
    ("predicate", "tool", "version"),
    ("predicate", "created"),
]


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: ".".join(map(str, path)))
def test_a_change_of_any_field_after_signing_is_found(path: tuple[str | int, ...]) -> None:
    """Each field of the payload is covered by the signature."""
    envelope = Envelope.parse(line(statement(git={"sha": "a" * 40}, ci={"system": "woodpecker"})))
    document = json.loads(envelope.payload)
    _set(*path)(document)
    changed = replace(envelope, payload=json.dumps(document, sort_keys=True, separators=(",", ":")).encode())

    assert changed.payload != envelope.payload
    assert check(changed.to_line(), claim(), TRUSTED).verdict is Verdict.UNTRUSTED


@given(position=st.integers(0, 63), bit=st.integers(0, 7))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_flipped_bit_of_the_signature_is_found(position: int, bit: int) -> None:
    """No single changed bit leaves a valid signature."""
    envelope = Envelope.parse(line())
    [signature] = envelope.signatures
    value = bytearray(signature.value)
    value[position] ^= 1 << bit

    changed = replace(envelope, signatures=(replace(signature, value=bytes(value)),))

    assert check(changed.to_line(), claim(), TRUSTED).verdict is Verdict.UNTRUSTED


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_found(length: int) -> None:
    """A cut or padded signature is no signature, and no failure."""
    envelope = Envelope.parse(line())
    [signature] = envelope.signatures
    value = (signature.value * 2)[:length]

    changed = replace(envelope, signatures=(replace(signature, value=value),))

    assert check(changed.to_line(), claim(), TRUSTED).verdict is Verdict.UNTRUSTED


def test_only_trusted_keys_count_and_any_of_them_does() -> None:
    """A statement by another key is untrusted; with several trusted keys one suffices, and it is named."""
    signed = line(key=OTHER_KEY)

    assert check(signed, claim(), TRUSTED).verdict is Verdict.UNTRUSTED
    assert check(signed, claim(), []).verdict is Verdict.UNTRUSTED
    assert check(signed, claim(), [KEY.public, OTHER_KEY.public]).keyid == OTHER_KEY.public.keyid


def test_one_good_line_among_others_is_enough() -> None:
    """A file may hold several envelopes and rubbish: the best line counts, wherever it is."""
    foreign = line(statement(claim=claim(size_bytes=1)))
    several = b"\n".join([b"rubbish", line(key=OTHER_KEY), foreign, b"", line()])

    assert check(several, claim(), TRUSTED).is_valid
    assert check(several.replace(line(), b""), claim(), TRUSTED).verdict is Verdict.MISMATCH


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", Verdict.MISSING),
        (b"\n \n", Verdict.MISSING),
        (b"hello", Verdict.UNREADABLE),
        (line().rstrip(b"\n")[:-1], Verdict.UNREADABLE),
        (b" " * (LIMIT_BYTES + 1), Verdict.UNREADABLE),
        (b"x\n" * 64 + line(), Verdict.UNREADABLE),
    ],
)
def test_what_is_no_statement_has_a_verdict_too(data: bytes, verdict: Verdict) -> None:
    """Nothing, rubbish, a cut file, too many bytes and too many lines are told apart without a failure."""
    assert check(data, claim(), TRUSTED).verdict is verdict


def test_another_payload_type_is_not_believed() -> None:
    """Our key's signature over the same bytes under another type is not a statement."""
    signed = Envelope.signed("text/plain", statement().to_payload(), KEY).to_line()

    assert check(signed, claim(), TRUSTED).verdict is Verdict.MISMATCH


def drop(name: str) -> bytes:
    document = json.loads(statement().to_payload())
    del document["predicate"][name]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        statement().to_payload().replace(b"Statement/v1", b"Statement/v2"),
        statement().to_payload().replace(b"release:v1", b"release:v2"),
        statement().to_payload().replace(b"1234", b"true"),
        statement().to_payload().replace(b"1234", b"-1"),
        statement().to_payload().replace(b"1234", b'"1234"'),
        statement().to_payload().replace(b'"subject":[', b'"subject":[{},'),
        statement().to_payload().replace(b'"gzip"', b"null"),
        statement().to_payload().replace(sha256(b"object").hexdigest().encode(), b"abc"),
        *(drop(name) for name in ("identity", "object", "source", "compression")),
    ],
)
def test_what_is_signed_and_no_statement_is_refused(payload: bytes) -> None:
    """A payload of another shape, type or version is refused even if the trusted key signed it."""
    with pytest.raises(ProtocolError, match="not a statement"):
        read_claim(payload)

    assert check(Envelope.signed(PAYLOAD_TYPE, payload, KEY).to_line(), claim(), TRUSTED).verdict is Verdict.MISMATCH


def test_fields_of_a_newer_publisher_do_no_harm() -> None:
    """Unknown fields are ignored, so that a later version may say more."""
    document = json.loads(statement().to_payload())
    document["predicate"]["expires"] = "2027-01-01T00:00:00Z"
    signed = Envelope.signed(PAYLOAD_TYPE, json.dumps(document).encode(), KEY).to_line()

    assert check(signed, claim(), TRUSTED).is_valid
