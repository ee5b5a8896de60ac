"""Signed statements end to end: the command, a real store and a real registry, and others' tools as the judge."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # has no __all__

from tests.integration.test_secrets import EVERY_OUTPUT, assert_nothing_leaked, spellings
from tests.support.admin_api import PUBLISH_PATH, AdminApi
from tests.support.command import (
    ONE_MODEL,
    Ended,
    bare_environment,
    command,
    publish,
    read_report,
    statuses,
    write_manifest,
)
from tests.support.fleets import Fleet
from tests.support.programs import need
from tests.support.s3_servers import S3Server

ID = "fleet:dev/model/arm64/2026-04-15"
OBJECT = "dev/model-arm64-2026-04-15.enc"
STATEMENT = f"{OBJECT}.intoto.jsonl"
RECOVERY_KEY = "cmVjb3Zlcnkga2V5IG9mIHRoZSB0ZXN0cywgMzIgYnk="


@dataclass(frozen=True)
class Keys:
    """A pair that openssl made: files in PEM."""

    private: Path
    public: Path


def new_keys(folder: Path, name: str = "signing") -> Keys:
    openssl, keys = need("openssl", "openssl"), Keys(folder / f"{name}.pem", folder / f"{name}.pub")
    subprocess.run([openssl, "genpkey", "-algorithm", "ed25519", "-out", keys.private], check=True)
    subprocess.run([openssl, "pkey", "-in", keys.private, "-pubout", "-out", keys.public], check=True)
    return keys


@pytest.fixture
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A pair outside of the folder where the run writes."""
    return new_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights " * 1000)


def environment_of(fleet: Fleet, home: Path, keys: Keys | None, **more: str) -> dict[str, str]:
    signing = {"PUBLISH_SIGNING_KEY": keys.private.read_text()} if keys else {}
    return bare_environment(home, {**fleet.settings, **signing, **more})


def put(server: S3Server, fleet: Fleet, key: str, data: bytes) -> None:
    server.client.delete_object(Bucket=fleet.bucket, Key=key)
    server.client.put_object(Bucket=fleet.bucket, Key=key, Body=data)


def test_a_release_is_signed_and_others_can_check_it(fleet: Fleet, keys: Keys, manifest: Path, tmp_path: Path) -> None:
    """The statement names the stored object, and securesystemslib and openssl verify it with the public key alone."""
    environment = environment_of(fleet, tmp_path, keys, CI="woodpecker", CI_COMMIT_SHA="a" * 40)

    done = publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment)

    assert done.code == 0, done.said
    assert fleet.keys() == [OBJECT, STATEMENT]
    envelope = Envelope.from_dict(json.loads(fleet.stored(STATEMENT)))
    [signature] = envelope.signatures.values()
    theirs = SSlibKey.from_crypto(load_pem_public_key(keys.public.read_bytes()), keyid=signature.keyid)
    assert envelope.verify([theirs], 1)
    (tmp_path / "signed").write_bytes(envelope.pae())
    (tmp_path / "signature").write_bytes(bytes.fromhex(signature.signature))
    checking = [need("openssl", "openssl"), "pkeyutl", "-verify", "-pubin", "-inkey", str(keys.public), "-rawin"]
    subprocess.run([*checking, "-in", tmp_path / "signed", "-sigfile", tmp_path / "signature"], check=True)
    said = json.loads(envelope.payload)
    [row] = fleet.rows()
    assert said["subject"] == [{"name": OBJECT, "digest": {"sha256": row["sha256"]}}]
    assert said["subject"][0]["digest"]["sha256"] == sha256(fleet.stored(OBJECT)).hexdigest()
    assert said["predicate"]["object"] == {"size_bytes": row["size_bytes"]}
    assert said["predicate"]["source"] == {"sha256": sha256(b"weights " * 1000).hexdigest()}
    assert said["predicate"]["manifest"] == {"sha256": sha256(manifest.read_bytes()).hexdigest()}
    assert said["predicate"]["git"]["sha"] == "a" * 40
    assert said["predicate"]["ci"]["system"] == "woodpecker"


def test_verify_believes_the_public_key(admin_fleet: Fleet, keys: Keys, manifest: Path, tmp_path: Path) -> None:
    """`verify --public-key` accepts what was signed, in PEM and in base64, and needs no private key."""
    publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment_of(admin_fleet, tmp_path, keys))
    environment = environment_of(admin_fleet, tmp_path, None)
    raw = tmp_path / "raw.pub"
    pem = keys.public.read_text().splitlines()[1]
    raw.write_bytes(b64encode(b64decode(pem)[-32:]))
    strangers = new_keys(tmp_path, "stranger").public

    one = publish("verify", manifest, "--public-key", keys.public, environment=environment)
    other = publish("verify", manifest, "--public-key", strangers, "--public-key", raw, environment=environment)
    wrong = publish("verify", manifest, "--public-key", strangers, environment=environment)

    assert (one.code, other.code, wrong.code) == (0, 0, 5), one.said + other.said + wrong.said
    assert "signed by" in one.out
    assert "statement untrusted: no trusted key signed the statement as it is" in " ".join(wrong.out.split())


def test_without_the_setting_nothing_changes(admin_fleet: Fleet, keys: Keys, manifest: Path, tmp_path: Path) -> None:
    """Without a key there is no statement; `verify` minds it only if it is told to look for one."""
    environment = environment_of(admin_fleet, tmp_path, None)
    publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment)

    plain = publish("verify", manifest, environment=environment)
    strict = publish("verify", manifest, "--public-key", keys.public, "--json", environment=environment)

    assert admin_fleet.keys() == [OBJECT]
    assert (plain.code, strict.code) == (0, 5), plain.said + strict.said
    assert "statement" not in plain.out
    [found] = json.loads(strict.out)
    assert (found["state"], found["statement"]["verdict"]) == ("published", "missing")


def forged(stored: bytes) -> bytes:
    """Change the source that a statement names and keep its signature."""
    document: dict[str, Any] = json.loads(stored)
    payload = json.loads(b64decode(document["payload"]))
    payload["predicate"]["source"]["sha256"] = "0" * 64
    changed = Envelope(json.dumps(payload).encode(), document["payloadType"], {})
    return json.dumps({**document, "payload": changed.to_dict()["payload"]}).encode()


@pytest.mark.parametrize(
    ("replaced", "verdict"),
    [(None, "missing"), (forged, "untrusted"), (lambda _stored: b"rubbish", "unreadable")],
    ids=["missing", "forged", "unreadable"],
)
def test_verify_finds_a_wrong_statement(
    *,
    admin_fleet: Fleet,
    seaweedfs: S3Server,
    keys: Keys,
    manifest: Path,
    tmp_path: Path,
    replaced: Callable[[bytes], bytes] | None,
    verdict: str,
) -> None:
    """A missing, forged or unreadable statement of a sound artifact ends 5, and 2 with --detailed-exitcode."""
    environment = environment_of(admin_fleet, tmp_path, keys)
    publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment)
    stored = admin_fleet.stored(STATEMENT)
    seaweedfs.client.delete_object(Bucket=admin_fleet.bucket, Key=STATEMENT)
    if replaced is not None:
        put(seaweedfs, admin_fleet, STATEMENT, replaced(stored))
    asked = ("verify", manifest, "--public-key", keys.public)

    shown = publish(*asked, environment=environment)
    detailed = publish(*asked, "--json", "--detailed-exitcode", environment=environment)

    assert (shown.code, detailed.code) == (5, 2), shown.said + detailed.said
    assert f"statement {verdict}:" in shown.out
    [found] = json.loads(detailed.out)
    assert (found["state"], found["statement"]["verdict"]) == ("published", verdict)


def test_verify_finds_a_foreign_statement(
    admin_fleet: Fleet, seaweedfs: S3Server, keys: Keys, manifest: Path, tmp_path: Path
) -> None:
    """A statement that the right key signed for another version is not this version's."""
    environment = environment_of(admin_fleet, tmp_path, keys)
    publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment)
    manifest.write_text(ONE_MODEL.replace("2026-04-15", "2026-04-16"))
    publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment)
    put(seaweedfs, admin_fleet, STATEMENT.replace("15", "16"), admin_fleet.stored(STATEMENT))

    done = publish("verify", manifest, "--public-key", keys.public, "--json", environment=environment)

    assert done.code == 5, done.said
    [found] = json.loads(done.out)
    assert found["statement"]["verdict"] == "mismatch"
    assert "object key, object sha256" in found["statement"]["detail"]


def kill_while_registering(manifest: Path, api: AdminApi, environment: dict[str, str], folder: Path) -> None:
    """Run `apply` until its registration has arrived, and kill it; the registry does not store the row."""
    api.fail("slow")
    arguments = command("apply", manifest, "--report", folder / "killed.json")
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        until = time.monotonic() + 30
        while not any(request.path == f"/{PUBLISH_PATH}" for request in api.recorded):
            assert run.poll() is None, "the run ended before it registered"
            assert time.monotonic() < until, "the run did not register"
            time.sleep(0.02)
        run.kill()


@pytest.mark.parametrize("is_rotated", [False, True], ids=["same key", "rotated key"])
def test_a_killed_runs_statement_is_kept(
    *, post_only_fleet: Fleet, admin_api: AdminApi, keys: Keys, manifest: Path, tmp_path: Path, is_rotated: bool
) -> None:
    """The next run keeps the statement of a killed one; with another key it writes its own under the second name."""
    killed = environment_of(post_only_fleet, tmp_path, keys, PUBLISH_RECOVERY_KEY=RECOVERY_KEY)
    kill_while_registering(manifest, admin_api, killed, tmp_path)
    before = post_only_fleet.stored(STATEMENT)
    assert not post_only_fleet.rows()
    used = new_keys(tmp_path, "rotated") if is_rotated else keys
    environment = environment_of(post_only_fleet, tmp_path, used, PUBLISH_RECOVERY_KEY=RECOVERY_KEY)

    done = publish("apply", manifest, "--report", tmp_path / "r.json", environment=environment)
    verified = [
        publish("verify", manifest, "--public-key", pair.public, environment=environment) for pair in (keys, used)
    ]

    assert done.code == 0, done.said
    assert statuses(read_report(tmp_path / "r.json")) == {ID: "adopted"}
    assert post_only_fleet.stored(STATEMENT) == before
    assert len(post_only_fleet.keys()) == (3 if is_rotated else 2)
    assert [ended.code for ended in verified] == [0, 0], verified[0].said + verified[1].said


def refused(fleet: Fleet, home: Path, manifest: Path, **settings: str) -> Ended:
    environment = environment_of(fleet, home, None, **settings)
    return publish("apply", manifest, "--report", home / "r.json", environment=environment)


def test_a_wrong_key_is_refused_before_anything_is_sent(
    admin_fleet: Fleet, keys: Keys, manifest: Path, tmp_path: Path
) -> None:
    """What is no signing key ends 3, names the setting, shows no piece of it, and publishes nothing."""
    secret = keys.private.read_text().replace("PRIVATE", "SECRET")

    done = refused(admin_fleet, tmp_path, manifest, PUBLISH_SIGNING_KEY=secret)
    both = refused(admin_fleet, tmp_path, manifest, PUBLISH_SIGNING_KEY="x", PUBLISH_SIGNING_KEY_FILE="/nowhere")

    assert (done.code, both.code) == (3, 3), done.said + both.said
    assert "PUBLISH_SIGNING_KEY is not an ed25519 private key" in " ".join(done.err.split())
    assert not any(piece in done.said for piece in spellings(secret.splitlines()[1]))
    assert "PUBLISH_SIGNING_KEY and PUBLISH_SIGNING_KEY_FILE are both set" in " ".join(both.err.split())
    assert not admin_fleet.keys()


def test_the_key_may_come_from_a_file(admin_fleet: Fleet, keys: Keys, manifest: Path, tmp_path: Path) -> None:
    """`PUBLISH_SIGNING_KEY_FILE` names a file with the key, as for every secret."""
    done = refused(admin_fleet, tmp_path, manifest, PUBLISH_SIGNING_KEY_FILE=str(keys.private))

    assert done.code == 0, done.said
    assert admin_fleet.keys() == [OBJECT, STATEMENT]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"rubbish", "private"])
def test_what_is_no_public_key_is_refused(
    keys: Keys, manifest: Path, tmp_path: Path, content: bytes | str | None
) -> None:
    """A missing file, rubbish and a private key handed over by mistake end 3 and name the file."""
    file = tmp_path / "key.pub"
    if content is not None:
        file.write_bytes(keys.private.read_bytes() if isinstance(content, str) else content)

    done = publish(
        *("verify", manifest, "--local", tmp_path / "L", "--public-key", file), environment=bare_environment(tmp_path)
    )

    assert done.code == 3, done.said
    assert "key.pub" in done.err
    assert keys.private.read_text().splitlines()[1][:16] not in done.said


def test_a_rehearsal_is_not_signed(keys: Keys, manifest: Path, tmp_path: Path) -> None:
    """`--local` reads no setting: nothing is signed with the real key, and `verify --public-key` says so."""
    environment = bare_environment(tmp_path, {"PUBLISH_SIGNING_KEY": keys.private.read_text()})
    local = ("--local", tmp_path / "L")

    done = publish("apply", manifest, *local, "--report", tmp_path / "r.json", environment=environment)
    verified = publish("verify", manifest, *local, "--public-key", keys.public, environment=environment)

    assert (done.code, verified.code) == (0, 5), done.said + verified.said
    assert not list((tmp_path / "L").rglob("*.intoto.jsonl"))
    assert "statement missing" in verified.out


def test_signing_shows_no_secret(admin_fleet: Fleet, keys: Keys, manifest: Path, tmp_path: Path) -> None:
    """Neither the signing key nor any other secret is shown, written to a file, or held by the statement."""
    environment = environment_of(admin_fleet, tmp_path, keys)

    ended = [
        publish("apply", manifest, *EVERY_OUTPUT, environment=environment, folder=tmp_path),
        publish("verify", manifest, "--public-key", keys.public, "--json", environment=environment, folder=tmp_path),
        publish("doctor", manifest, environment=environment, folder=tmp_path),
    ]

    assert [done.code for done in ended[:2]] == [0, 0], ended[0].said + ended[1].said
    said = "".join(done.said for done in ended) + admin_fleet.stored(STATEMENT).decode()
    said += b64decode(json.loads(admin_fleet.stored(STATEMENT))["payload"]).decode()
    assert_nothing_leaked(admin_fleet, tmp_path, said)
    pem, seed = keys.private.read_text().splitlines()[1], b64decode(keys.private.read_text().splitlines()[1])[-32:]
    # The PEM form's first 21 characters are the same for every ed25519 key.
    for spelling in spellings(pem[22:]) | spellings(seed.hex()) | spellings(b64encode(seed).decode()):
        assert spelling not in said
