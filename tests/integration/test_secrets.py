"""K1: no key, token, password or setting's value is ever shown or left behind, in success and in failure."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.admin_api import AdminApi
from tests.support.command import ONE_MODEL, bare_environment, publish, write_manifest
from tests.support.fleets import Fleet

SECRETS = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "ADMIN_API_TOKEN", "PUBLISH_RECOVERY_KEY")

EVERY_OUTPUT = ("--verbose", "--report", "r.json", "--junit", "j.xml", "--summary", "s.md", "--events", "e.jsonl")

FAULTS = ("html", "500", "lost-answer", "401", "422", "not-ok")


def spellings(secret: str) -> set[str]:
    """Return the secret as text, base64, urlsafe base64, Python bytes, and its pieces of 16 characters."""
    raw = secret.encode()
    whole = {secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return whole | {secret[start : start + 16] for start in range(0, max(1, len(secret) - 15), 8)}


def secrets_of(fleet: Fleet) -> set[str]:
    found = {fleet.settings[name] for name in SECRETS if name in fleet.settings}
    url = fleet.settings.get("RESOURCES_DATABASE_URL")
    if url is not None and (password := urlsplit(url).password):
        found.add(password)
    for row in fleet.rows():
        key = row["encryption_key"]
        found |= {key, key.upper(), base64.b64encode(bytes.fromhex(key)).decode(), repr(bytes.fromhex(key))}
    return found


def assert_nothing_leaked(fleet: Fleet, folder: Path, said: str) -> None:
    written = {path: path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}
    for secret in secrets_of(fleet):
        for spelling in spellings(secret):
            assert spelling not in said, "a secret was shown"
            for path, content in written.items():
                assert spelling not in content, f"a secret was left in {path.name}"


def test_a_whole_life_shows_no_secret(fleet: Fleet, tmp_path: Path) -> None:
    """Plan, apply, a conflict, verify and explain, at --verbose and with every output file: no secret in any."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    environment = bare_environment(tmp_path, fleet.settings)

    ended = [
        publish("plan", manifest, "--out", "plan.json", environment=environment, folder=tmp_path),
        publish("apply", manifest, *EVERY_OUTPUT, environment=environment, folder=tmp_path),
        publish("verify", manifest, "--json", environment=environment, folder=tmp_path),
        publish("plan", manifest, "--json", environment=environment, folder=tmp_path),
        publish("explain", manifest, "fleet:dev/model/arm64/2026-04-15", environment=environment, folder=tmp_path),
    ]
    (tmp_path / "model.bin").write_bytes(b"other")
    ended.append(publish("apply", manifest, *EVERY_OUTPUT, environment=environment, folder=tmp_path))

    assert [done.code for done in ended] == [0, 0, 0, 0, 0, 5], [done.said for done in ended]
    assert len(fleet.rows()) == 1
    assert_nothing_leaked(fleet, tmp_path, "".join(done.said for done in ended))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_misbehaving_registry_shows_no_secret(
    fault: str, admin_fleet: Fleet, admin_api: AdminApi, tmp_path: Path
) -> None:
    """Whatever the registry answers to the registration, neither the token nor the key reaches a message or a file."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    settings = {name: value for name, value in admin_fleet.settings.items() if not name.startswith("ADMIN_API_LOOKUP")}
    environment = bare_environment(tmp_path, settings)
    admin_api.fail(fault)

    done = publish("apply", manifest, *EVERY_OUTPUT, environment=environment, folder=tmp_path)

    sent = [request for request in admin_api.recorded if b"encryption_key" in request.body]
    assert sent, done.said
    assert "Traceback" not in done.said
    assert_nothing_leaked(admin_fleet, tmp_path, done.said)
