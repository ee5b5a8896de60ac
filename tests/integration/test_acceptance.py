"""The acceptance criteria AC-1 to AC-5 of the task, end to end against real servers."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from publisher import publish_artifact
from tests.support.command import (
    ONE_MODEL,
    bare_environment,
    open_by_hand,
    publish,
    read_report,
    sqlite_rows,
    statuses,
    tree,
    write_manifest,
)
from tests.support.fleets import Fleet

RELEASE = Path(__file__).parent.parent.parent / "manifests" / "release.yaml"
MODEL = b"weights " * 5000
TWO_FILES = """\
version: 1
destinations: {fleet: {kind: fleet}}
defaults: {destination: fleet, dev_stage: dev, architecture: any, version: 1}
artifacts:
  - {resource_name: a, file: a.bin}
  - {resource_name: b, file: b.bin}
"""


def flags(file: Path, version: str) -> list[str]:
    return [
        "artifact",
        *("--file", str(file), "--resource-name", "model", "--dev-stage", "dev"),
        *("--architecture", "arm64", "--version", version),
    ]


def test_ac1_a_local_file_ends_compressed_encrypted_stored_and_registered(fleet: Fleet, tmp_path: Path) -> None:
    """AC-1: given a file and four names, the file ends compressed, encrypted with a random key, in S3, with a row."""
    (tmp_path / "model.bin").write_bytes(MODEL)
    environment = bare_environment(tmp_path, fleet.settings)

    done = publish(*flags(tmp_path / "model.bin", "1"), "--report", tmp_path / "r.json", environment=environment)

    assert done.code == 0, done.said
    [row] = fleet.rows()
    assert (row["resource_name"], row["dev_stage"], row["architecture"], row["version"]) == (
        "model",
        "dev",
        "arm64",
        "1",
    )
    sealed = fleet.stored("dev/model-arm64-1.enc")
    assert len(sealed) == row["size_bytes"] < len(MODEL)
    assert open_by_hand(sealed, row["encryption_key"]) == MODEL


def test_ac3_two_publishes_use_two_keys(fleet: Fleet, tmp_path: Path) -> None:
    """AC-3: two publishes of the same resource in a row use two different random keys."""
    (tmp_path / "model.bin").write_bytes(MODEL)
    environment = bare_environment(tmp_path, fleet.settings)

    for version in ("1", "2"):
        done = publish(
            *flags(tmp_path / "model.bin", version), "--report", tmp_path / "r.json", environment=environment
        )
        assert done.code == 0, done.said

    first, second = fleet.rows()
    assert first["encryption_key"] != second["encryption_key"]
    assert fleet.stored("dev/model-arm64-1.enc") != fleet.stored("dev/model-arm64-2.enc")


def test_ac4_the_rows_sha256_is_that_of_the_stored_object(fleet: Fleet, tmp_path: Path) -> None:
    """AC-4: SHA-256 computed over each object in S3 equals `sha256` in its row."""
    environment = bare_environment(tmp_path, fleet.settings)

    done = publish("apply", RELEASE, "--report", tmp_path / "r.json", environment=environment)

    assert done.code == 0, done.said
    rows = fleet.rows()
    assert len(rows) == 6
    for row in rows:
        key = f"{row['dev_stage']}/{row['resource_name']}-{row['architecture']}-{row['version']}.enc"
        assert sha256(fleet.stored(key)).hexdigest() == row["sha256"]
        assert row["cdn_url"].endswith(key)


def test_ac5_the_training_service_publishes_from_python(fleet: Fleet, tmp_path: Path) -> None:
    """AC-5: the training service calls the installed package after it made a `.trt` model."""
    model = tmp_path / "detector.trt"
    model.write_bytes(MODEL)

    result = publish_artifact(
        file=model,
        resource_name="detector",
        dev_stage="stage",
        architecture="arm64",
        version="2026-04-15",
        environment=bare_environment(tmp_path, fleet.settings),
    )

    assert result.status == "published"
    [row] = fleet.rows()
    assert result.object is not None
    assert result.object.key is not None
    assert (result.object.sha256, result.object.size_bytes) == (row["sha256"], row["size_bytes"])
    assert open_by_hand(fleet.stored(result.object.key), row["encryption_key"]) == MODEL


def test_a_second_apply_publishes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    """The same manifest applied again skips every artifact and changes neither objects nor rows."""
    environment = bare_environment(tmp_path, fleet.settings)
    first = publish("apply", RELEASE, "--report", tmp_path / "1.json", environment=environment)
    before = (fleet.keys(), [dict(row) for row in fleet.rows()])

    second = publish("apply", RELEASE, "--report", tmp_path / "2.json", environment=environment)

    assert (first.code, second.code) == (0, 0), first.said + second.said
    assert set(statuses(read_report(tmp_path / "1.json")).values()) == {"published"}
    assert set(statuses(read_report(tmp_path / "2.json")).values()) == {"skipped"}
    assert (fleet.keys(), [dict(row) for row in fleet.rows()]) == before


def test_every_fleet_gives_the_same_results(admin_fleet: Fleet, tmp_path: Path) -> None:
    """The admin API and the folder end with the same artifacts, states and sources for the same manifest."""
    environment = bare_environment(tmp_path, admin_fleet.settings)
    publish("apply", RELEASE, "--report", tmp_path / "a.json", environment=environment)
    publish("apply", RELEASE, "--local", tmp_path / "L", "--report", tmp_path / "b.json", environment=environment)

    def facts(name: str) -> list[tuple[str, str, str, str]]:
        entries = read_report(tmp_path / name)["artifacts"]
        return [(e["id"], e["status"], e["source"]["sha256"], e["object"]["key"]) for e in entries]

    assert facts("a.json") == facts("b.json")


def test_other_content_under_a_published_version_is_a_conflict(fleet: Fleet, tmp_path: Path) -> None:
    """The same identity with other bytes exits 5 and blocks that artifact; nothing is overwritten."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)
    environment = bare_environment(tmp_path, fleet.settings)
    publish("apply", manifest, "--report", tmp_path / "1.json", environment=environment)
    before = fleet.stored("dev/model-arm64-2026-04-15.enc")
    (tmp_path / "model.bin").write_bytes(MODEL + b"!")

    done = publish("apply", manifest, "--report", tmp_path / "2.json", environment=environment)

    assert done.code == 5, done.said
    [entry] = read_report(tmp_path / "2.json")["artifacts"]
    assert (entry["status"], entry["reason"]) == ("blocked", "content_conflict")
    assert fleet.stored("dev/model-arm64-2026-04-15.enc") == before


def test_verify_and_fetch_see_what_a_device_sees(sql_fleet: Fleet, tmp_path: Path) -> None:
    """`verify` downloads through the CDN and opens every artifact; `fetch` writes the original bytes."""
    environment = bare_environment(tmp_path, sql_fleet.settings)
    publish("apply", RELEASE, "--report", tmp_path / "r.json", environment=environment)

    verified = publish("verify", RELEASE, environment=environment)
    fetched = publish(
        *("fetch", "fleet:dev/detector-small/arm64/2026-04-15", "-o", str(tmp_path / "out.onnx")),
        environment=environment,
    )

    assert verified.code == 0, verified.said
    assert verified.out.count("equals its source") == 6
    assert fetched.code == 0, fetched.said
    source = RELEASE.parent / "inputs" / "models" / "detector-small-arm64.onnx"
    assert (tmp_path / "out.onnx").read_bytes() == source.read_bytes()


def test_the_local_rehearsal_is_idempotent_and_blocks_only_what_changed(tmp_path: Path) -> None:
    """Under --local: published, then skipped with nothing changed, then exit 5 for the one changed input."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.bin").write_bytes(name.encode() * 1000)
    manifest = write_manifest(tmp_path, TWO_FILES)
    environment, local = bare_environment(tmp_path), tmp_path / "D"
    arguments = ("apply", manifest, "--local", local, "--report", tmp_path / "r.json")

    assert publish(*arguments, environment=environment).code == 0
    assert set(statuses(read_report(tmp_path / "r.json")).values()) == {"published"}
    before = tree(local / "objects")

    assert publish(*arguments, environment=environment).code == 0
    assert set(statuses(read_report(tmp_path / "r.json")).values()) == {"skipped"}
    assert tree(local / "objects") == before

    (tmp_path / "b.bin").write_bytes(b"other")
    assert publish(*arguments, environment=environment).code == 5
    assert statuses(read_report(tmp_path / "r.json")) == {
        "fleet:dev/a/any/1": "skipped",
        "fleet:dev/b/any/1": "blocked",
    }
    assert read_report(tmp_path / "r.json")["artifacts"][1]["reason"] == "content_conflict"
    assert tree(local / "objects") == before


def test_every_local_object_opens_with_openssl_and_gunzip(tmp_path: Path) -> None:
    """Every object below `objects` decrypts with nothing but its row, openssl and gunzip, to the source's bytes."""
    environment = bare_environment(tmp_path)
    done = publish(
        "apply", RELEASE, "--local", tmp_path / "D", "--report", tmp_path / "r.json", environment=environment
    )

    assert done.code == 0, done.said
    rows = sqlite_rows(tmp_path / "D" / "resources.db")
    objects = [path for path in (tmp_path / "D" / "objects").rglob("*") if path.is_file()]
    assert len(objects) == len(rows) == 6
    sources = {e["object"]["key"]: e["source"]["path"] for e in read_report(tmp_path / "r.json")["artifacts"]}
    for row in rows:
        key = f"{row['dev_stage']}/{row['resource_name']}-{row['architecture']}-{row['version']}.enc"
        sealed = (tmp_path / "D" / "objects" / key).read_bytes()
        assert (sha256(sealed).hexdigest(), len(sealed)) == (row["sha256"], row["size_bytes"])
        assert open_by_hand(sealed, row["encryption_key"]) == (RELEASE.parent / sources[key]).read_bytes()


@pytest.mark.parametrize("verify", ["head", "full"])
def test_an_upload_is_verified_before_it_is_registered(admin_fleet: Fleet, tmp_path: Path, verify: str) -> None:
    """Both depths of verification publish a sound store's object, and the report says which one was used."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)
    environment = bare_environment(tmp_path, admin_fleet.settings)

    done = publish("apply", manifest, "--verify", verify, "--report", tmp_path / "r.json", environment=environment)

    assert done.code == 0, done.said
    assert read_report(tmp_path / "r.json")["artifacts"][0]["verification"] == verify
