"""`publish repair` against real stores and registries: a rehearsal's folder, and SeaweedFS with PostgreSQL."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.command import (
    ONE_MODEL,
    bare_environment,
    open_by_hand,
    publish,
    read_report,
    statuses,
    write_manifest,
)
from tests.support.fleets import Fleet
from tests.support.s3_servers import S3Server
from tests.support.sabotage import Place, local_place, make_old, remote_place

pytestmark = pytest.mark.long

MODEL = b"weights " * 50_000
KEY = "dev/model-arm64-2026-04-15.enc"
ID = "fleet:dev/model/arm64/2026-04-15"
DAMAGE = b"somebody else's bytes"


@pytest.fixture(params=["local", "remote"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of fleet in turn, with one model published."""
    if request.param == "local":
        made = local_place(tmp_path)
    else:
        made = remote_place(tmp_path, request.getfixturevalue("sql_fleet"), request.getfixturevalue("seaweedfs"))
    return made


def published(place: Place, folder: Path, text: str = ONE_MODEL) -> Path:
    manifest = write_manifest(folder, text, model__bin=MODEL)
    done = place.run("apply", manifest, "--report", folder / "apply.json")
    assert done.code == 0, done.said
    return manifest


def outcome(folder: Path) -> tuple[str, str]:
    [entry] = read_report(folder / "r.json")["artifacts"]
    return entry["status"], entry["reason"]


def kept(place: Place, data: bytes) -> bytes | None:
    return place.stored(f".publish/quarantine/{sha256(data).hexdigest()}")


@pytest.mark.parametrize("compression", ["fast", "none"])
def test_a_deleted_object_is_sealed_again_to_the_same_bytes(place: Place, tmp_path: Path, compression: str) -> None:
    """S16, R13: the row's key and the same source give the registered bytes again; devices open them as before."""
    manifest = published(place, tmp_path, ONE_MODEL + f"    compression: {compression}\n")
    before = place.stored(KEY)
    place.remove(KEY)

    done = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert done.code == 0, done.said
    assert outcome(tmp_path) == ("published", "repaired_by_rebuild")
    assert place.stored(KEY) == before
    assert place.run("verify", manifest).code == 0


def test_a_replaced_object_is_quarantined_and_restored(place: Place, tmp_path: Path) -> None:
    """S16: another object under a registered key is kept in quarantine, and the registered bytes take its place."""
    manifest = published(place, tmp_path)
    before = place.stored(KEY)
    place.overwrite(KEY, DAMAGE)

    done = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert done.code == 0, done.said
    assert outcome(tmp_path) == ("published", "repaired_by_rebuild")
    assert (place.stored(KEY), kept(place, DAMAGE)) == (before, DAMAGE)
    [row] = place.rows()
    assert open_by_hand(place.stored(KEY) or b"", row["encryption_key"]) == MODEL
    assert place.run("verify", manifest).code == 0
    assert place.run("apply", manifest, "--report", tmp_path / "again.json").code == 0
    assert set(statuses(read_report(tmp_path / "again.json")).values()) == {"skipped"}


def test_flipped_bits_are_found_by_reading_and_restored(place: Place, tmp_path: Path) -> None:
    """An object of the right size with wrong bits is damaged as well, whatever its marks say."""
    manifest = published(place, tmp_path)
    before = place.stored(KEY)
    assert before is not None
    place.overwrite(KEY, before[:-1] + bytes([before[-1] ^ 1]))

    done = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert done.code == 0, done.said
    assert (outcome(tmp_path)[0], place.stored(KEY)) == ("published", before)


def test_registered_bytes_come_back_from_quarantine_without_the_source(place: Place, tmp_path: Path) -> None:
    """A copy in the store serves where the source is gone."""
    manifest = published(place, tmp_path)
    before = place.stored(KEY)
    assert before is not None
    place.overwrite(f".publish/quarantine/{sha256(before).hexdigest()}", before)
    place.remove(KEY)
    (tmp_path / "model.bin").unlink()

    done = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert done.code == 0, done.said
    assert (outcome(tmp_path), place.stored(KEY)) == (("published", "repaired_from_quarantine"), before)
    (tmp_path / "model.bin").write_bytes(MODEL)
    assert place.run("apply", manifest, "--report", tmp_path / "again.json").code == 0


def test_nothing_is_changed_where_the_registered_bytes_cannot_be_had(place: Place, tmp_path: Path) -> None:
    """Exit 5 with the reason, and both object and row as they were, if no copy is left and the source is another."""
    manifest = published(place, tmp_path)
    place.overwrite(KEY, DAMAGE)
    (tmp_path / "model.bin").write_bytes(MODEL + b"!")

    done = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert done.code == 5, done.said
    assert outcome(tmp_path) == ("blocked", "damaged_object")
    assert "nothing was changed" in done.err
    assert (place.stored(KEY), kept(place, DAMAGE)) == (DAMAGE, None)


def test_an_orphan_is_given_up_only_by_name_and_only_when_old_or_alone(place: Place, tmp_path: Path) -> None:
    """Refused without the flag and refused while young; with --exclusive it is kept, replaced and registered."""
    manifest = published(place, tmp_path)
    before = place.stored(KEY)
    assert before is not None
    place.sql("DELETE FROM resources")
    arguments = ("repair", manifest, "--report", tmp_path / "r.json")

    unnamed = place.run(*arguments, "--exclusive")
    young = place.run(*arguments, "--take-over", ID)
    assert (unnamed.code, young.code, place.stored(KEY), place.rows()) == (5, 5, before, [])
    assert "--take-over" in unnamed.err
    assert "hours old" in young.err
    done = place.run(*arguments, "--take-over", ID, "--exclusive")

    assert done.code == 0, done.said
    assert outcome(tmp_path) == ("published", "repaired_by_takeover")
    [row] = place.rows()
    after = place.stored(KEY)
    assert after is not None
    assert after != before
    assert sha256(after).hexdigest() == row["sha256"]
    assert open_by_hand(after, row["encryption_key"]) == MODEL
    assert kept(place, before) == before
    assert "could not be" not in done.err
    assert place.run("verify", manifest).code == 0


def test_an_old_orphan_needs_no_exclusive(tmp_path: Path) -> None:
    """More than a day old by the store's clock, an orphan that was named is given up."""
    place = local_place(tmp_path)
    manifest = published(place, tmp_path)
    place.sql("DELETE FROM resources")
    make_old(tmp_path, KEY)

    done = place.run("repair", manifest, "--take-over", ID, "--report", tmp_path / "r.json")

    assert done.code == 0, done.said
    assert outcome(tmp_path) == ("published", "repaired_by_takeover")


def test_an_unfinished_artifact_is_registered_as_it_is(place: Place, tmp_path: Path) -> None:
    """What a crash left between upload and registration is finished without another upload."""
    manifest = published(place, tmp_path, ONE_MODEL.replace("model\n", "other\n"))
    place.refuse_rows_of("model")
    manifest.write_text(ONE_MODEL)
    failed = place.run("apply", manifest, "--report", tmp_path / "r.json")
    place.accept_rows()
    before = place.stored(KEY)

    done = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert (failed.code, done.code) == (1, 0), failed.said + done.said
    assert (outcome(tmp_path)[0], place.stored(KEY)) == ("adopted", before)


def test_what_is_in_order_is_left_alone(place: Place, tmp_path: Path) -> None:
    """Published is skipped and so is missing, which is left to apply; a conflict is explained and blocks."""
    manifest = published(place, tmp_path)
    before = place.stored(KEY)

    sound = place.run("repair", manifest, "--report", tmp_path / "r.json")
    assert (sound.code, outcome(tmp_path)) == (0, ("skipped", "already_registered"))
    (tmp_path / "model.bin").write_bytes(b"other")
    conflict = place.run("repair", manifest, "--report", tmp_path / "r.json")
    assert (conflict.code, outcome(tmp_path)) == (5, ("blocked", "content_conflict"))
    manifest.write_text(ONE_MODEL.replace("2026-04-15", "2026-04-16"))
    missing = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert (missing.code, outcome(tmp_path)) == (0, ("skipped", "not_registered"))
    assert (place.stored(KEY), len(place.rows())) == (before, 1)


def test_a_take_over_names_one_selected_artifact(tmp_path: Path) -> None:
    """A pattern or an unknown id is refused before anything is looked at: exit 3."""
    place = local_place(tmp_path)
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)

    done = place.run("repair", manifest, "--take-over", "fleet:*", "--report", tmp_path / "r.json")

    assert done.code == 3
    assert read_report(tmp_path / "r.json")["error"]["code"] == "input_invalid"


def test_repair_needs_the_settings_of_apply(tmp_path: Path) -> None:
    """Without settings and without --local every missing variable is named: exit 3."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)

    done = publish("repair", manifest, "--report", tmp_path / "r.json", environment=bare_environment(tmp_path))

    assert done.code == 3
    assert "S3_ENDPOINT" in done.err


def test_an_older_version_of_the_object_is_taken_where_the_bucket_keeps_them(
    sql_fleet: Fleet, seaweedfs: S3Server, tmp_path: Path
) -> None:
    """With bucket versioning the registered bytes come from the version before, also when the source is gone."""
    seaweedfs.client.put_bucket_versioning(Bucket=sql_fleet.bucket, VersioningConfiguration={"Status": "Enabled"})
    place = remote_place(tmp_path, sql_fleet, seaweedfs)
    manifest = published(place, tmp_path)
    before = place.stored(KEY)
    place.overwrite(KEY, DAMAGE)
    (tmp_path / "model.bin").unlink()

    replaced = place.run("repair", manifest, "--report", tmp_path / "r.json")
    assert (replaced.code, outcome(tmp_path)) == (0, ("published", "repaired_from_version")), replaced.said
    place.remove(KEY)
    deleted = place.run("repair", manifest, "--report", tmp_path / "r.json")

    assert (deleted.code, outcome(tmp_path)) == (0, ("published", "repaired_from_version")), deleted.said
    assert place.stored(KEY) == before
