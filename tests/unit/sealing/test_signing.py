"""Signing keys: what is read as one, what they sign, and that they are never shown."""

from __future__ import annotations

import base64
import pickle
import subprocess
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from publisher.errors import InputError, SettingsError
from publisher.sealing.signing import PublicKey, SigningKey
from tests.support.programs import need

# RFC 8032, section 7.1, TEST 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = bytes.fromhex("72")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
KEY = Ed25519PrivateKey.from_private_bytes(SEED)


def private_pem(key: Ed25519PrivateKey = KEY, *, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def public_pem() -> str:
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "text",
    [
        private_pem(),
        f"\n{private_pem()}\n",
        private_pem().replace("\n", "\r\n"),
        b64(SEED),
        f" {b64(SEED)}\n",
        b64(SEED).rstrip("="),
        base64.urlsafe_b64encode(SEED).decode(),
    ],
)
def test_a_private_key_is_read_in_each_form(text: str) -> None:
    """PEM and base64, with whatever a CI system's secret field adds around, sign as RFC 8032's vector says."""
    assert SigningKey.parse(text, setting="KEY").sign(MESSAGE) == SIGNATURE


@pytest.mark.parametrize("text", [public_pem(), b64(PUBLIC), f"{b64(PUBLIC)}\n"])
def test_a_public_key_is_read_in_each_form(text: str) -> None:
    """PEM and base64 are the same key, with the same id, and it verifies RFC 8032's vector."""
    key = PublicKey.parse(text, name="key.pem")

    assert key.verify(SIGNATURE, MESSAGE)
    assert not key.verify(SIGNATURE, MESSAGE + b"!")
    assert key.keyid == SigningKey.parse(b64(SEED), setting="KEY").public.keyid


def test_keys_made_with_openssl_are_read() -> None:
    """The two commands that the hints name make a pair that works, and the id is the digest of openssl's DER."""
    openssl = need("openssl", "openssl")
    private = subprocess.run([openssl, "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True).stdout
    public = subprocess.run([openssl, "pkey", "-pubout"], input=private, capture_output=True, check=True).stdout
    der = subprocess.run(
        [openssl, "pkey", "-pubout", "-outform", "DER"], input=private, capture_output=True, check=True
    ).stdout
    digest = subprocess.run([openssl, "sha256", "-r"], input=der, capture_output=True, check=True).stdout

    signing, checking = (
        SigningKey.parse(private.decode(), setting="KEY"),
        PublicKey.parse(public.decode(), name="key.pem"),
    )

    assert checking.verify(signing.sign(b"data"), b"data")
    assert checking.keyid == signing.public.keyid == digest.decode().split(" ")[0]


ENCRYPTED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
ELLIPTIC = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
AGREEMENT = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a key",
        "ключ",
        "\udcff",
        b64(SEED + b"x"),
        b64(SEED[:31]),
        b64(bytes(32)),
        SEED.hex(),
        public_pem(),
        ENCRYPTED,
        ELLIPTIC,
        AGREEMENT,
        private_pem()[:60],
        private_pem().replace("-----END", "-----ENT"),
    ],
)
def test_anything_else_is_refused_without_showing_it(text: str) -> None:
    """Another kind of key, an encrypted one, a wrong length and rubbish are one error, which repeats no piece of it."""
    with pytest.raises(SettingsError, match="FLEET_PUBLISH_SIGNING_KEY is not an ed25519 private key") as caught:
        SigningKey.parse(text, setting="FLEET_PUBLISH_SIGNING_KEY")

    # Without the source lines of this file, which may look like anything.
    said = "".join(traceback.format_exception_only(caught.value)) + str(caught.value.hint)
    assert caught.value.exit_code == 3
    assert caught.value.__suppress_context__
    for piece in (line for line in text.splitlines() if len(line) > 8):
        assert piece[:16] not in said


@pytest.mark.parametrize("text", ["", "not a key", b64(PUBLIC[:31]), b64(bytes(32)), private_pem(), ELLIPTIC])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    """A private key in PEM, handed over by mistake, is refused and not shown."""
    with pytest.raises(InputError, match=r"key\.pem is not an ed25519 public key") as caught:
        PublicKey.parse(text, name="key.pem")

    assert not any(part in str(caught.value) for part in text.split("\n")[1:2] if part)


def test_a_signing_key_is_never_shown() -> None:
    """Neither repr nor str nor pickle gives a signing key away."""
    key = SigningKey.parse(b64(SEED), setting="KEY")

    for shown in (repr(key), str(key), f"{key!r:>200}"):
        assert b64(SEED)[:16] not in shown
        assert SEED.hex()[:16] not in shown
    with pytest.raises(TypeError, match="not to be pickled"):
        pickle.dumps(key)
