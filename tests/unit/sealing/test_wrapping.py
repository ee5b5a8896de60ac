"""Recovery keys: what is accepted as one, what wrapping promises, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import pickle

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from publisher.errors import DamagedObjectError, NotFoundError, SettingsError
from publisher.model import DataKey
from publisher.sealing.wrapping import RecoveryKeys

SECRET = bytes(range(100, 132))
PRIMARY = base64.b64encode(SECRET).decode()
OLDER = base64.b64encode(b"\xfb" * 32).decode()
KEY = DataKey(bytes(range(32)))
AAD = b'{"nonce":"00"}'


def derived(secret: bytes, info: bytes, size: int) -> bytes:
    """Return HKDF-SHA256 without salt for up to 32 bytes. Source: RFC 5869, section 2."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()[:size]


def test_a_wrapped_key_comes_back() -> None:
    """What was wrapped is unwrapped under the same key id and the same fields."""
    keys = RecoveryKeys.parse(PRIMARY)

    assert keys.unwrap(keys.wrap(KEY, AAD), keys.kid, AAD).reveal() == KEY.reveal()


def test_wrapping_is_aes_gcm_under_the_derived_key() -> None:
    """Another implementation reads the record: base64 of a 12-byte IV, the ciphertext and the tag."""
    keys = RecoveryKeys.parse(PRIMARY)
    raw = base64.b64decode(keys.wrap(KEY, AAD, random=io.BytesIO(b"i" * 12).read))

    opened = AESGCM(derived(SECRET, b"publish-escrow-v1", 32)).decrypt(raw[:12], raw[12:], AAD)

    assert raw[:12] == b"i" * 12
    assert len(raw) == 12 + 32 + 16
    assert opened == KEY.reveal()


def test_every_wrapping_has_its_own_iv() -> None:
    """Wrapping the same key twice gives two different records."""
    keys = RecoveryKeys.parse(PRIMARY)

    assert keys.wrap(KEY, AAD) != keys.wrap(KEY, AAD)


def test_records_in_rfc_3394_key_wrap_are_read() -> None:
    """A record made by AES key wrap is accepted; it has no associated data."""
    keys = RecoveryKeys.parse(PRIMARY)
    wrapped = aes_key_wrap(derived(SECRET, b"publish-escrow-v1", 32), KEY.reveal())

    opened = keys.unwrap(base64.b64encode(wrapped).decode(), keys.kid, b"whatever")

    assert opened.reveal() == KEY.reveal()


def test_the_key_id_is_eight_digits_of_a_second_derivation() -> None:
    """The id is stable, differs between keys and is no part of the wrapping key."""
    keys = RecoveryKeys.parse(PRIMARY)

    assert keys.kid == derived(SECRET, b"publish-escrow-kid-v1", 4).hex()
    assert keys.kid != RecoveryKeys.parse(OLDER).kid


def test_older_keys_unwrap_but_never_wrap() -> None:
    """After a rotation, records of the old key are still read; new ones carry the new id."""
    old = RecoveryKeys.parse(OLDER)
    rotated = RecoveryKeys.parse(PRIMARY, [OLDER])

    assert rotated.unwrap(old.wrap(KEY, AAD), old.kid, AAD).reveal() == KEY.reveal()
    assert rotated.kid == RecoveryKeys.parse(PRIMARY).kid
    with pytest.raises(NotFoundError):
        old.unwrap(rotated.wrap(KEY, AAD), rotated.kid, AAD)


@pytest.mark.parametrize("position", range(0, 60, 7))
def test_a_changed_record_is_damaged(position: int) -> None:
    """A flipped bit in IV, ciphertext or tag is found."""
    keys = RecoveryKeys.parse(PRIMARY)
    raw = bytearray(base64.b64decode(keys.wrap(KEY, AAD)))
    raw[position] ^= 1

    with pytest.raises(DamagedObjectError):
        keys.unwrap(base64.b64encode(raw).decode(), keys.kid, AAD)


def test_a_record_is_bound_to_its_fields() -> None:
    """A record moved to another object's fields is refused."""
    keys = RecoveryKeys.parse(PRIMARY)

    with pytest.raises(DamagedObjectError):
        keys.unwrap(keys.wrap(KEY, AAD), keys.kid, AAD + b" ")


@pytest.mark.parametrize("wrapped", ["", "A", "not base64!", "AAAA", "A" * 80, "A" * 56, "é"])
def test_nonsense_is_damaged(wrapped: str) -> None:
    """A record that is no base64, too short, of the wrong length or rubbish is damaged, never another exception."""
    keys = RecoveryKeys.parse(PRIMARY)

    with pytest.raises(DamagedObjectError):
        keys.unwrap(wrapped, keys.kid, AAD)


def test_a_wrapped_key_of_another_size_is_damaged() -> None:
    """What unwraps to anything but 32 bytes is no data key."""
    keys = RecoveryKeys.parse(PRIMARY)
    wrapped = aes_key_wrap(derived(SECRET, b"publish-escrow-v1", 32), bytes(16))

    with pytest.raises(DamagedObjectError):
        keys.unwrap(base64.b64encode(wrapped).decode(), keys.kid, b"")


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(b"\xfb\xff" * 16).decode(),
        base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode(),
        base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode().rstrip("="),
        f"  {base64.b64encode(bytes([0xFB, 0xFF]) * 16).decode()}\n",
    ],
    ids=["standard", "urlsafe", "unpadded", "file with newline"],
)
def test_spellings_of_one_key_are_the_same_key(text: str) -> None:
    """Both alphabets, with or without padding, and a file's last newline are accepted."""
    assert RecoveryKeys.parse(text).kid == RecoveryKeys.parse(base64.b64encode(b"\xfb\xff" * 16).decode()).kid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2hvcnQ=",
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"x" * 31).decode(),
        base64.b64encode(b"x" * 33).decode(),
        SECRET.hex(),
        PRIMARY[:20] + "\n" + PRIMARY[20:],
        "hunter2-hunter2-hunter2-hunter2-hunter2-hunté",
    ],
    ids=["empty", "short", "zeros", "31", "33", "hex", "broken line", "not ascii"],
)
@pytest.mark.parametrize("place", ["primary", "older"])
def test_what_is_no_key_is_refused_without_repeating_it(text: str, place: str) -> None:
    """Another length, all zeros or another alphabet is a settings error whose text never holds the value."""
    with pytest.raises(SettingsError) as caught:
        RecoveryKeys.parse(*((text,) if place == "primary" else (PRIMARY, [text])))

    shown = f"{caught.value} {caught.value.hint} {caught.value!r}"
    assert not text.strip() or text.strip() not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_every_key_that_is_none_is_named() -> None:
    """All problems of the current and the older keys are in one error, by their number."""
    with pytest.raises(SettingsError) as caught:
        RecoveryKeys.parse("short", [OLDER, "short", base64.b64encode(bytes(32)).decode()], setting="EU_KEY")

    assert caught.value.message == (
        "EU_KEY is not 32 bytes, not all zero, in base64; "
        "EU_KEY_OLD, key 2, is not 32 bytes, not all zero, in base64; "
        "EU_KEY_OLD, key 3, is not 32 bytes, not all zero, in base64"
    )


@pytest.mark.parametrize(
    ("older", "what"),
    [([PRIMARY], "key 1, is the current key"), ([OLDER, OLDER.rstrip("=")], "key 2, is there twice")],
    ids=["current", "twice"],
)
def test_an_older_key_is_another_one(older: list[str], what: str) -> None:
    """A current key among the older ones was not rotated at all, and twice the same one is a slip: both are said."""
    with pytest.raises(SettingsError, match=what):
        RecoveryKeys.parse(PRIMARY, older)


def test_several_older_keys_unwrap() -> None:
    """After several rotations each record is read with the key that wrapped it, whichever that was."""
    secrets = [base64.b64encode(bytes([number]) * 32).decode() for number in range(1, 5)]
    keys = RecoveryKeys.parse(secrets[0], secrets[1:])

    for secret in secrets:
        old = RecoveryKeys.parse(secret)
        assert keys.unwrap(old.wrap(KEY, AAD), old.kid, AAD).reveal() == KEY.reveal()


def test_recovery_keys_do_not_leak() -> None:
    """Neither printing nor pickling reveals key material."""
    keys = RecoveryKeys.parse(PRIMARY, [OLDER])

    assert repr(keys) == f"RecoveryKeys(kid='{keys.kid}', keys=2)"
    with pytest.raises(TypeError):
        pickle.dumps(keys)
