"""What is no failure and yet worth a look: said by every command that meets it, and kept in its documents."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.chaos.fixtures import OpenStage, forks, open_stage, stage, used_bucket
from tests.support.chaos.stage import Stage, key_of
from tests.support.command import ONE_MODEL, bare_environment, publish, read_report, write_manifest

__all__ = ["forks", "open_stage", "stage", "used_bucket"]

OTHER_CDN = "http://127.0.0.1:9/other"


def said(text: str) -> str:
    return " ".join(text.split())


def test_another_cdn_url_is_told(stage: Stage) -> None:
    """A row with another cdn_url than these settings give is skipped, and plan, apply, verify and reports say so."""
    assert stage.run().code == 0

    planned = stage.run("--json", command="plan", CDN_PUBLIC_BASE_URL=OTHER_CDN)
    shown = stage.run(command="plan", CDN_PUBLIC_BASE_URL=OTHER_CDN)
    applied = stage.run(CDN_PUBLIC_BASE_URL=OTHER_CDN)
    verified = stage.run(command="verify", CDN_PUBLIC_BASE_URL=OTHER_CDN)

    assert [done.code for done in (planned, shown, applied, verified)] == [0] * 4, applied.said
    sentence = f"these settings would give {OTHER_CDN}/{key_of('model')}"
    for done in (planned, shown, applied, verified):
        assert sentence in said(done.said)
    assert applied.first["status"] == "skipped"
    assert sentence in applied.first["notes"][0]


def test_a_fleet_without_escrow_is_warned_of(stage: Stage) -> None:
    """Where a killed run would leave an object that nobody can register, plan and apply say so beforehand."""
    del stage.settings["PUBLISH_RECOVERY_KEY"]

    planned = stage.run(command="plan")
    applied = stage.run()

    for done in (planned, applied):
        assert done.code == 0, done.said
        assert "fleet: no key escrow" in said(done.said)
        assert "PUBLISH_RECOVERY_KEY" in done.said


def test_a_rehearsal_and_a_fleet_with_escrow_are_not_warned_of(stage: Stage, tmp_path: Path) -> None:
    """Nothing is said of escrow where there is one, and where nothing was rehearsed yet."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")

    rehearsed = publish("plan", manifest, "--local", tmp_path / "L", environment=bare_environment(tmp_path))
    planned = stage.run(command="plan")

    assert (rehearsed.code, planned.code) == (0, 0), rehearsed.said + planned.said
    assert "escrow" not in rehearsed.said + planned.said


def test_without_a_lookup_the_receipt_is_checked_against_the_download(open_stage: OpenStage) -> None:
    """`verify --mode full` hashes what devices download even if no row can be looked up, and says what it did not."""
    with open_stage("post", "stage") as made:
        made.add("model", b"weights " * 500)
        assert made.run().code == 0
        good = made.run("--json", command="verify")
        stored = made.server.client.get_object(Bucket=made.bucket, Key=key_of("model"))
        data = stored["Body"].read()
        made.server.client.put_object(
            Bucket=made.bucket,
            Key=key_of("model"),
            Body=data[:-1] + bytes([data[-1] ^ 1]),
            Metadata=stored["Metadata"],
        )

        shallow = made.run("--mode", "head", command="verify")
        deep = made.run(command="verify")

    [entry] = json.loads(good.said[good.said.index("[\n") :])
    assert (entry["state"], entry["downloaded"], entry["content_compared"]) == ("published", True, False)
    assert (shallow.code, deep.code) == (0, 5), shallow.said + deep.said
    assert "damaged" in deep.said


def test_the_report_keeps_what_a_plan_only_warned_of(tmp_path: Path) -> None:
    """A note of the plan is a note of the report's entry, so that a CI job's artifact shows it."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    arguments = ("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json")
    publish(*arguments, environment=bare_environment(tmp_path))
    (tmp_path / "L").rename(tmp_path / "M")
    moved = ("apply", manifest, "--local", tmp_path / "M", "--report", tmp_path / "r.json")

    done = publish(*moved, environment=bare_environment(tmp_path))

    assert done.code == 0, done.said
    [entry] = read_report(tmp_path / "r.json")["artifacts"]
    assert entry["status"] == "skipped"
    assert "registered cdn_url file://" in entry["notes"][0]
