"""Rows K2 to K8: what keeps keys and tokens out of objects, processes, files, commits and tables."""

from __future__ import annotations

import copy
import json
import pickle
import resource
import stat
import subprocess
from pathlib import Path

import pytest

from publisher.model import DataKey
from publisher.secrecy import Masked
from publisher.settings import Environment, fleet_settings
from tests.support.chaos.messages import PASSES, Fate, Message
from tests.support.chaos.stage import Stage
from tests.support.command import ONE_MODEL, PROJECT, bare_environment, command, write_manifest

TOKEN = "fake-token-that-nobody-may-see"
SETTINGS = {
    "S3_ENDPOINT": "http://127.0.0.1:9",
    "S3_ACCESS_KEY": TOKEN,
    "S3_SECRET_KEY": TOKEN,
    "S3_BUCKET": "bucket",
    "ADMIN_API_URL": "http://127.0.0.1:9",
    "ADMIN_API_TOKEN": TOKEN,
}

CHILDREN = """\
import json, sys
seen = []
def watch(event, arguments):
    if event == "subprocess.Popen":
        seen.append([repr(argument) for argument in arguments])
sys.addaudithook(watch)
from publisher.cli.process import run
run(["plan", sys.argv[1], "--offline"])
print(json.dumps(seen))
"""


DUMPS = """\
import ctypes, json, resource, sys
from publisher.cli.process import run
before = resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
code = run(sys.argv[1:])
after = resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
print(json.dumps([code, before, after]))
"""


@pytest.mark.parametrize("secret", [DataKey(bytes(range(32))), Masked(TOKEN)], ids=["key", "token"])
def test_secrets_are_masked_and_are_not_pickled(secret: DataKey | Masked) -> None:
    """K3: repr, str and format say nothing, there is no __dict__ to dump, and pickling and copying raise."""
    shown = f"{secret!r} {secret!s} {secret}"

    assert TOKEN not in shown
    assert bytes(range(32)).hex() not in shown
    assert not hasattr(secret, "__dict__")
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="pickled"):
            leak(secret)


def test_settings_do_not_show_secrets() -> None:
    """K3: the settings of a fleet can be printed without a secret in them."""
    settings = fleet_settings(Environment(SETTINGS))

    assert settings is not None
    assert TOKEN not in repr(settings)


FAILURES = """\
import logging, sys, threading
from publisher.cli.hardening import tell_failures_briefly
tell_failures_briefly()
def fail():
    token = sys.argv[1]
    raise ValueError(f"no good: {token}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
logging.getLogger().addHandler(logging.StreamHandler())
logging.getLogger().error("%d", sys.argv[1])
fail()
"""


def test_what_nobody_catches_is_told_without_its_values(tmp_path: Path) -> None:
    """K2: an exception in a thread, in the main thread and in logging shows its kind and place, no text, no locals."""
    done = subprocess.run(
        [command()[0], "-c", FAILURES, TOKEN],
        env=bare_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("error: internal error: ValueError at <string>:6") == 2
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stderr


def test_no_child_is_handed_a_secret(tmp_path: Path) -> None:
    """K4: neither the arguments nor the environment of any process that is started hold a secret."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, env=bare_environment(tmp_path))
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(
        "version: 1\ndestinations: {fleet: {kind: fleet}}\n"
        "defaults: {destination: fleet, dev_stage: dev, architecture: any, version: '${git.sha}'}\n"
        "artifacts: [{resource_name: m, file: manifest.yaml}]\n"
    )

    done = subprocess.run(
        [command()[0], "-c", CHILDREN, str(manifest)],
        env=bare_environment(tmp_path, SETTINGS),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    started = json.loads(done.stdout.splitlines()[-1])
    assert started, done.stderr
    assert TOKEN not in json.dumps(started)


def test_the_command_line_of_a_run_holds_no_secret(stage: Stage) -> None:
    """K4: no option takes a secret, so a process list shows none."""
    lines: list[bytes] = []

    def look() -> None:
        lines.append(Path(f"/proc/{child.pid}/cmdline").read_bytes())

    def chosen(message: Message) -> Fate:
        return Fate(holds_s=0.3) if message.is_a("HEAD") else PASSES

    stage.store.decide = chosen
    child = stage.start()
    look()

    assert stage.end(child).code == 0
    for name in ("S3_SECRET_KEY", "ADMIN_API_TOKEN", "PUBLISH_RECOVERY_KEY"):
        assert stage.settings[name].encode() not in lines[0]


def test_a_crash_leaves_no_core_dump(tmp_path: Path) -> None:
    """K5: a command that handles keys has a core limit of zero and is not dumpable, which stops collectors, too."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    arguments = ["apply", str(manifest), "--local", str(tmp_path / "L"), "--report", str(tmp_path / "r.json")]

    done = subprocess.run(
        [command()[0], "-c", DUMPS, *arguments],
        env=bare_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2),
    )

    code, before, after = json.loads(done.stdout.splitlines()[-1])
    assert (code, before[1]) == (0, 1), done.stderr
    assert after == [[0, 0], 0]


def test_what_is_kept_on_this_machine_is_private(stage: Stage) -> None:
    """K6: state below the home folder is 0700 and 0600, and nothing else than the report is left behind."""
    before = {path for path in stage.folder.rglob("*") if path.is_file()}

    assert stage.run().code == 0

    state = stage.folder / ".local" / "state" / "publisher"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}
    left = {path.name for path in stage.folder.rglob("*") if path.is_file() and path not in before}
    assert left <= {"report-1.json", "output-1.log"}
    assert stage.temporary_files() == []


def test_a_commit_with_a_credential_is_stopped() -> None:
    """K7: the commit hook runs the scanner that the checks run over every file of the project."""
    assert "find-secrets" in (PROJECT / ".pre-commit-config.yaml").read_text()
    assert "find-secrets" in (PROJECT / ".ci" / "run").read_text()


def test_documents_have_no_place_for_a_key() -> None:
    """K8: no property of the plan's and the report's schema can hold an encryption key or a token."""
    for name in ("plan", "report"):
        schema = json.loads((PROJECT / "schemas" / f"{name}.schema.json").read_text())
        named = {word for part in _property_names(schema) for word in part.split("_")}
        assert not named & {"encryption", "token", "secret", "password", "nonce"}


def _property_names(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_property_names, schema), set())
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {}))
    return own.union(*map(_property_names, schema.values()))
