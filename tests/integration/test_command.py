"""The command as a user meets it: wrong input, missing settings, saved plans, signals, pipes, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.command import (
    ONE_MODEL,
    bare_environment,
    command,
    publish,
    read_report,
    sqlite_rows,
    statuses,
    tree,
    write_manifest,
)
from tests.support.fleets import Fleet
from tests.support.s3_servers import S3Server

SETTINGS = ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "ADMIN_API_URL", "ADMIN_API_TOKEN")


def test_missing_settings_are_named_all_at_once_with_the_way_out(tmp_path: Path) -> None:
    """Without settings: one error that names every missing variable and mentions --local; exit 3, nothing written."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")

    done = publish("apply", manifest, "--report", tmp_path / "r.json", environment=bare_environment(tmp_path))

    assert done.code == 3
    for name in SETTINGS:
        assert name in done.err
    assert "--local" in done.err
    assert read_report(tmp_path / "r.json")["error"]["code"] == "settings_invalid"


def test_an_invalid_manifest_writes_nothing_but_the_report(tmp_path: Path) -> None:
    """A wrong manifest: every problem with its place, exit 3, a report that says so, and no folder of a rehearsal."""
    text = ONE_MODEL.replace("version: 2026", "verison: 2026").replace("architecture: arm64", "architecture: 'a/b'")
    manifest = write_manifest(tmp_path, text, model__bin=b"x")

    done = publish(
        *("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        environment=bare_environment(tmp_path),
    )

    assert done.code == 3
    assert "manifest.yaml:8:" in done.err
    assert "did you mean `version`" in done.err.lower() or "version" in done.err
    assert not (tmp_path / "L").exists()
    assert read_report(tmp_path / "r.json")["error"]["code"] == "manifest_invalid"


def test_a_plan_writes_nothing_and_offline_needs_no_setting(tmp_path: Path) -> None:
    """`plan --offline` needs no setting and says that remote facts are unknown; `plan --local` makes no folder."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    before = tree(tmp_path)
    environment = bare_environment(tmp_path)

    offline = publish("plan", manifest, "--offline", "--json", environment=environment)
    local = publish("plan", manifest, "--local", tmp_path / "L", "--detailed-exitcode", environment=environment)

    assert offline.code == 0
    [entry] = json.loads(offline.out)["artifacts"]
    assert (entry["action"], entry["observed"]["certainty"]) == ("create", "unknown")
    assert (local.code, local.err.count("error")) == (2, 0)
    assert tree(tmp_path) == before


def test_a_saved_plan_is_applied_and_refuses_what_moved(tmp_path: Path) -> None:
    """`apply --plan` publishes what was planned; a changed source or manifest makes it stale, exit 6."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    environment, local = bare_environment(tmp_path), tmp_path / "L"
    planned = publish("plan", manifest, "--local", local, "--out", tmp_path / "plan.json", environment=environment)
    assert planned.code == 0, planned.said
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600
    arguments = ("apply", "--plan", tmp_path / "plan.json", "--local", local, "--report", tmp_path / "r.json")

    (tmp_path / "model.bin").write_bytes(b"y")
    changed = publish(*arguments, environment=environment)
    (tmp_path / "model.bin").write_bytes(b"x")
    sound = publish(*arguments, environment=environment)
    again = publish(*arguments, environment=environment)
    manifest.write_text(ONE_MODEL + "# changed\n")
    moved = publish(*arguments, environment=environment)

    assert (changed.code, sound.code, again.code, moved.code) == (6, 0, 0, 6)
    assert "not the file that was planned" in changed.err


def test_a_conflict_is_visible_in_the_plan(tmp_path: Path) -> None:
    """`plan` shows a published version with other content as blocked and exits 5."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    environment, local = bare_environment(tmp_path), tmp_path / "L"
    publish("apply", manifest, "--local", local, "--report", tmp_path / "r.json", environment=environment)
    (tmp_path / "model.bin").write_bytes(b"y")

    done = publish("plan", manifest, "--local", local, environment=environment)

    assert done.code == 5
    assert "content_conflict" in done.out


@pytest.mark.parametrize(
    "arguments",
    [("aply",), ("apply", "--bogus"), ("apply",), ("plan",), ("apply", "m.yaml", "--jobs", "0"), ("schema", "x")],
)
def test_wrong_usage_exits_64(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """A wrong command line exits 64, never 2, and shows no traceback."""
    done = publish(*arguments, environment=bare_environment(tmp_path))

    assert done.code == 64
    assert "Traceback" not in done.err


def test_selection_leaves_the_others_alone(tmp_path: Path) -> None:
    """--only publishes what matches; a pattern that matches nothing is an error, not an empty success."""
    environment = bare_environment(tmp_path)
    common = ("apply", "manifests/release.yaml", "--local", tmp_path / "L", "--report", tmp_path / "r.json")

    some = publish(*common, "--only", "fleet:dev/detector-small/*", environment=environment)
    chosen = statuses(read_report(tmp_path / "r.json"))
    none = publish(*common, "--only", "fleet:prod/*", environment=environment)

    assert some.code == 0
    assert set(chosen) == {f"fleet:dev/detector-small/{name}/2026-04-15" for name in ("arm64", "amd64")}
    assert none.code == 3
    assert "matches no artifact" in none.err


def test_refused_credentials_exit_4_and_nothing_is_registered(admin_fleet: Fleet, tmp_path: Path) -> None:
    """A store that refuses the credentials ends with exit 4, no row and no retry storm."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    settings = {**admin_fleet.settings, "S3_SECRET_KEY": "wrong-secret-for-the-test"}

    done = publish("apply", manifest, "--report", tmp_path / "r.json", environment=bare_environment(tmp_path, settings))

    assert done.code == 4, done.said
    assert admin_fleet.rows() == []
    assert "wrong-secret" not in done.said


def test_a_failed_lookup_uploads_nothing(admin_fleet: Fleet, tmp_path: Path) -> None:
    """R1: an unanswered lookup is never "absent": nothing is uploaded and the plan says so."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    settings = {**admin_fleet.settings, "ADMIN_API_LOOKUP_PATH": "no/such/path"}

    done = publish("apply", manifest, "--report", tmp_path / "r.json", environment=bare_environment(tmp_path, settings))

    assert done.code == 1, done.said
    [entry] = read_report(tmp_path / "r.json")["artifacts"]
    assert (entry["status"], entry["reason"]) == ("blocked", "lookup_failed")
    assert admin_fleet.keys() == []


def test_a_store_that_ignores_conditions_is_refused(rclone_s3: S3Server, admin_fleet: Fleet, tmp_path: Path) -> None:
    """S11: a store that overwrites in spite of If-None-Match gets nothing, exit 5, and the reason is said."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    bucket = rclone_s3.new_bucket()
    settings = {**admin_fleet.settings, "S3_ENDPOINT": rclone_s3.endpoint, "S3_BUCKET": bucket}

    done = publish("apply", manifest, "--report", tmp_path / "r.json", environment=bare_environment(tmp_path, settings))

    assert done.code == 5, done.said
    assert "does not honour create-if-absent" in done.err
    assert admin_fleet.rows() == []


def test_two_fleets_by_prefix_are_published_apart(tmp_path: Path) -> None:
    """Destinations with different env_prefix are different places, in a rehearsal too."""
    text = """\
version: 1
destinations: {us: {kind: fleet}, eu: {kind: fleet, env_prefix: EU_}}
defaults: {resource_name: model, dev_stage: dev, architecture: arm64, version: 1}
artifacts: [{destination: us, file: model.bin}, {destination: eu, file: model.bin}]
"""
    manifest = write_manifest(tmp_path, text, model__bin=b"x")

    done = publish(
        *("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        environment=bare_environment(tmp_path),
    )
    missing = publish("apply", manifest, "--report", tmp_path / "r2.json", environment=bare_environment(tmp_path))

    assert done.code == 0, done.said
    assert (tmp_path / "L" / "objects" / "dev" / "model-arm64-1.enc").exists()
    assert (tmp_path / "L" / "fleet-eu" / "objects" / "dev" / "model-arm64-1.enc").exists()
    assert missing.code == 3
    assert "EU_S3_ENDPOINT" in missing.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_in_order_and_writes_the_report(number: int, code: int, tmp_path: Path) -> None:
    """SIGINT and SIGTERM end with 130 and 143, every artifact is in the report, and a second run finishes the rest."""
    (tmp_path / "model.bin").write_bytes(os.urandom(1 << 20) * 64)
    names = "".join(f"  - {{resource_name: m{index}, file: model.bin}}\n" for index in range(8))
    text = (
        "version: 1\ndestinations: {fleet: {kind: fleet}}\n"
        "defaults: {destination: fleet, dev_stage: dev, architecture: any, version: 1}\nartifacts:\n" + names
    )
    manifest = write_manifest(tmp_path, text)
    arguments = ("apply", manifest, "--local", tmp_path / "L", "--jobs", "1", "--report", tmp_path / "r.json")
    with subprocess.Popen(
        command(*arguments),
        env=bare_environment(tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        process_group=0,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "published" in line:
                break
        process.send_signal(number)
        process.stderr.read()
        assert process.wait(timeout=60) == code

    ended = statuses(read_report(tmp_path / "r.json"))
    assert len(ended) == 8
    assert "published" in ended.values()
    assert "cancelled" in ended.values()
    assert read_report(tmp_path / "r.json")["exit_code"] == code
    again = publish(*arguments, environment=bare_environment(tmp_path))
    assert again.code == 0, again.said
    assert list((tmp_path / "L" / "staging").iterdir()) == []


def test_a_closed_pipe_ends_nothing(tmp_path: Path) -> None:
    """C16: standard error closed by its reader: the run goes on, the report is complete, no traceback."""
    environment = bare_environment(tmp_path)
    arguments = command("apply", "manifests/release.yaml", "--local", tmp_path / "L", "--report", tmp_path / "r.json")
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(arguments, env=environment, stderr=writer, stdout=writer)
    os.close(writer)

    assert process.wait(timeout=60) == 0
    assert len(statuses(read_report(tmp_path / "r.json"))) == 6


def test_report_on_standard_output_is_nothing_but_json(tmp_path: Path) -> None:
    """`--report -` prints the report alone on standard output; text for people is on standard error."""
    done = publish(
        *("apply", "manifests/release.yaml", "--local", tmp_path / "L", "--report", "-"),
        *("--junit", tmp_path / "j.xml", "--summary", tmp_path / "s.md", "--events", tmp_path / "e.jsonl"),
        environment=bare_environment(tmp_path),
    )

    assert json.loads(done.out)["summary"]["published"] == 6
    assert "<testcase" in (tmp_path / "j.xml").read_text()
    assert "detector-small" in (tmp_path / "s.md").read_text()
    assert json.loads((tmp_path / "e.jsonl").read_text().splitlines()[0])["type"] == "version"


def test_explain_tells_where_values_came_from(tmp_path: Path) -> None:
    """`explain` names the line, default, matrix or environment behind each value, without an environment's value."""
    done = publish(
        *("explain", "manifests/release.yaml", "fleet:dev/detector-small/arm64/9.9.9", "--offline"),
        environment={**bare_environment(tmp_path), "RELEASE_VERSION": "9.9.9"},
    )

    assert done.code == 0, done.said
    assert "RELEASE_VERSION" in done.out
    assert "matrix" in done.out
    assert "release.yaml:" in done.out


def test_doctor_reports_what_the_store_can_do(admin_fleet: Fleet, tmp_path: Path) -> None:
    """`doctor` shows the probe of the store and the registry's answer; with missing settings it names them, exit 3."""
    sound = publish("doctor", environment=bare_environment(tmp_path, admin_fleet.settings))
    bare = publish("doctor", environment=bare_environment(tmp_path))

    assert sound.code == 0, sound.said
    assert "create-if-absent" in sound.out
    assert "enforced" in sound.out
    assert bare.code == 3
    assert "S3_BUCKET" in bare.out


def test_doctor_makes_the_tables_when_told_to(sql_fleet: Fleet, tmp_path: Path) -> None:
    """`doctor --create-tables` makes the table `resources`; without it a missing table is named with that hint."""
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    settings = {**sql_fleet.settings, "RESOURCES_DATABASE_URL": url}
    environment = bare_environment(tmp_path, settings)

    before = publish("doctor", environment=environment)
    made = publish("doctor", "--create-tables", environment=environment)

    assert before.code != 0
    assert "--create-tables" in before.out
    assert made.code == 0, made.said


def test_schemas_are_the_committed_files(tmp_path: Path) -> None:
    """`publish schema` prints exactly the files in schemas/."""
    for name in ("manifest", "plan", "report"):
        printed = publish("schema", name, environment=bare_environment(tmp_path)).out
        assert printed == Path(f"schemas/{name}.schema.json").read_text()


def test_a_time_budget_stops_the_run_in_order(tmp_path: Path) -> None:
    """--timeout: what was not started in time is cancelled, the report says so, and the exit code is 1."""
    (tmp_path / "model.bin").write_bytes(os.urandom(1 << 20) * 100)
    names = "".join(f"  - {{resource_name: m{index}, file: model.bin}}\n" for index in range(20))
    text = (
        "version: 1\ndestinations: {fleet: {kind: fleet}}\n"
        "defaults: {destination: fleet, dev_stage: dev, architecture: any, version: 1}\nartifacts:\n" + names
    )

    done = publish(
        *("apply", write_manifest(tmp_path, text), "--local", tmp_path / "L", "--jobs", "1", "--timeout", "3"),
        *("--report", tmp_path / "r.json"),
        environment=bare_environment(tmp_path),
    )

    assert done.code == 1, done.said
    ended = statuses(read_report(tmp_path / "r.json"))
    assert len(ended) == 20
    assert "cancelled" in ended.values()


def test_the_version_is_shown(tmp_path: Path) -> None:
    """`publish --version` prints the version and exits 0 without a command."""
    done = publish("--version", environment=bare_environment(tmp_path))

    assert (done.code, done.out.split()[0]) == (0, "publish")


def test_a_saved_skip_is_looked_at_again(tmp_path: Path) -> None:
    """A plan that says "already registered" is stale once the source changed or the registration is gone: exit 6."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    environment, local = bare_environment(tmp_path), tmp_path / "L"
    publish("apply", manifest, "--local", local, "--report", tmp_path / "r.json", environment=environment)
    publish("plan", manifest, "--local", local, "--out", tmp_path / "plan.json", environment=environment)
    arguments = ("apply", "--plan", tmp_path / "plan.json", "--report", tmp_path / "r.json")

    gone = publish(*arguments, "--local", tmp_path / "other", environment=environment)
    (tmp_path / "model.bin").write_bytes(b"y")
    changed = publish(*arguments, "--local", local, environment=environment)

    assert (gone.code, changed.code) == (6, 6), gone.said + changed.said


def test_a_saved_plan_is_applied_in_part(tmp_path: Path) -> None:
    """--only selects of a saved plan, too, and --var cannot change one."""
    environment = bare_environment(tmp_path)
    local = ("--local", tmp_path / "L")
    publish("plan", "manifests/release.yaml", *local, "--out", tmp_path / "p.json", environment=environment)
    arguments = ("apply", "--plan", tmp_path / "p.json", *local, "--report", tmp_path / "r.json")

    some = publish(*arguments, "--only", "*large*", environment=environment)
    changed = publish(*arguments, "--var", "STAGE=prod", environment=environment)

    assert some.code == 0, some.said
    assert len(statuses(read_report(tmp_path / "r.json"))) == 2
    assert changed.code == 64


def test_facts_that_are_no_text_do_not_cost_the_report(tmp_path: Path) -> None:
    """A commit message of undecodable bytes still ends in a complete report."""
    facts = {"CI": "woodpecker", "CI_SYSTEM_NAME": "woodpecker", "CI_COMMIT_MESSAGE": "caf\udce9"}

    done = publish(
        *("apply", "manifests/release.yaml", "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        environment={**bare_environment(tmp_path), **facts},
    )

    assert done.code == 0, done.said
    assert read_report(tmp_path / "r.json")["summary"]["published"] == 6


def test_what_is_remembered_of_a_file_can_mislead_nobody_for_long(tmp_path: Path) -> None:
    """A wrong memory shows in a plan, never in what is published: that is read again. --reread sets it right."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"the real bytes")
    environment = bare_environment(tmp_path)
    memory = tmp_path / ".local" / "state" / "publisher" / "sources.json"
    facts = (tmp_path / "model.bin").stat()
    stamp = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev]
    wrong = "0" * 64
    memory.parent.mkdir(parents=True)
    key = f"file\n{tmp_path / 'model.bin'}"
    memory.write_text(json.dumps({"version": 1, "files": {key: [*stamp, facts.st_size, wrong]}}))
    memory.chmod(0o600)

    def planned(*options: str) -> str:
        done = publish("plan", manifest, "--offline", "--json", *options, environment=environment)
        digest: str = json.loads(done.out)["artifacts"][0]["source"]["sha256"]
        return digest

    assert planned() == wrong
    assert planned("--reread") == sha256(b"the real bytes").hexdigest()
    place = ("--local", tmp_path / "L", "--report", tmp_path / "r.json")
    misled = publish("apply", manifest, *place, environment=environment)
    assert misled.code == 1
    assert "changed since it was planned" in misled.said
    assert sqlite_rows(tmp_path / "L" / "resources.db") == []
    assert publish("apply", manifest, *place, "--reread", environment=environment).code == 0
