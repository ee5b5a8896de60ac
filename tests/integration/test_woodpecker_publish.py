"""AC-2: the publish step of build-arm.yml, as its runner runs it, against a real store and a real admin API."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sysconfig
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.admin_api import TOKEN, AdminApi
from tests.support.images import Image, legacy_archive, tar_of
from tests.support.programs import need
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, S3Server

ROOT = Path(__file__).parents[2]
MINUTES = itertools.count(10)


@dataclass
class Runner:
    """A clone as Woodpecker makes it (detached, at one commit), and the secrets of the publish step."""

    root: Path
    home: Path
    secrets: Mapping[str, str]
    sha: str
    version: str

    @property
    def archive(self) -> Path:
        return self.root / "loader-image.tar"

    def publish(self, *, branch: str = "dev") -> subprocess.CompletedProcess[str]:
        """Run the step's own commands; what they install is installed in this interpreter's environment already."""
        script = "\n".join(command for command in step()["commands"] if not command.startswith("pip install"))
        environment = {
            "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "CI": "woodpecker",
            "CI_SYSTEM_NAME": "woodpecker",
            "CI_WORKSPACE": str(self.root),
            "CI_REPO": "fleet/loader",
            "CI_REPO_URL": "https://forge.example.com/fleet/loader",
            "CI_COMMIT_SHA": self.sha,
            "CI_COMMIT_REF": f"refs/heads/{branch}",
            "CI_COMMIT_BRANCH": branch,
            "CI_COMMIT_MESSAGE": "Speed up the loader",
            "CI_COMMIT_AUTHOR": "Dana Scully",
            "CI_PIPELINE_NUMBER": "8",
            "CI_PIPELINE_EVENT": "push",
            "CI_PIPELINE_URL": "https://ci.example.com/repos/7/pipeline/8",
            "CI_STEP_NAME": "publish",
            **self.secrets,
        }
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.root / "publish-report.json").read_text())
        return report


def step() -> dict[str, Any]:
    workflow = yaml.safe_load((ROOT / ".woodpecker" / "build-arm.yml").read_text())
    found: dict[str, Any] = next(each for each in workflow["steps"] if each["name"] == "publish")
    return found


def docker_archive(path: Path, *, marker: str = "loader", saved_at: int = 0) -> None:
    """Write what `docker save` wrote before version 25; the files in it bear the time of the saving."""
    image = Image("arm64", layers=(tar_of({"app/marker": marker.encode() * 4096}),))
    path.write_bytes(legacy_archive(image, "example/loader:dev-arm", mtime=saved_at))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for all tests: what was found out about the store is kept there, and found out once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def bucket(seaweedfs: S3Server) -> str:
    """One bucket for all tests: each commit has a time, so a version, of its own."""
    return seaweedfs.new_bucket()


@pytest.fixture
def runner(tmp_path: Path, home: Path, seaweedfs: S3Server, bucket: str, admin_api: AdminApi) -> Runner:
    need("git", "git")
    root = tmp_path / "src"
    for name in ("manifests", ".woodpecker"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / ".gitignore", root)
    minute = next(MINUTES)
    who = {f"GIT_{role}_{key}": "dana@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    when = {f"GIT_{role}_DATE": f"2026-03-01T00:{minute}:00+01:00" for role in ("AUTHOR", "COMMITTER")}

    def git(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home)} | who | when
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "Speed up the loader")
    git("checkout", "--quiet", "--detach")
    secrets = {
        "S3_ENDPOINT": seaweedfs.endpoint,
        "S3_ACCESS_KEY": ACCESS_KEY,
        "S3_SECRET_KEY": SECRET_KEY,
        "S3_BUCKET": bucket,
        "ADMIN_API_URL": admin_api.url,
        "ADMIN_API_TOKEN": TOKEN,
        "CDN_PUBLIC_BASE_URL": seaweedfs.publish_to_world(bucket),
        "ADMIN_API_PUBLISH_PATH": "internal/resources/publish",
    }
    assert set(secrets) == set(step()["environment"])
    return Runner(root, home, secrets, git("rev-parse", "HEAD"), f"arm64_2026-02-28-23{minute}00")


def stored_bytes(seaweedfs: S3Server, bucket: str, key: str) -> bytes:
    return seaweedfs.client.get_object(Bucket=bucket, Key=key)["Body"].read()


def opened_by_hand(sealed: bytes, key: str) -> bytes:
    """Decrypt and unpack with openssl and gunzip alone, as the object format promises."""
    openssl = [need("openssl", "openssl"), "enc", "-d", "-aes-256-cbc", "-K", key, "-iv", sealed[:16].hex()]
    packed = subprocess.run(openssl, input=sealed[16:], check=True, capture_output=True).stdout
    return subprocess.run([need("gunzip", "gzip")], input=packed, check=True, capture_output=True).stdout


@pytest.mark.parametrize("branch", ["dev", "stage", "main"])
def test_ac2_image_is_published_after_the_build(
    runner: Runner, seaweedfs: S3Server, bucket: str, admin_api: AdminApi, branch: str
) -> None:
    """AC-2: after a push to dev, stage or main the saved image is an encrypted object with a row of that stage."""
    docker_archive(runner.archive)

    done = runner.publish(branch=branch)

    assert done.returncode == 0, done.stderr
    [row] = admin_api.rows()
    key = f"{branch}/loader-arm64-{runner.version}.enc"
    sealed = stored_bytes(seaweedfs, bucket, key)
    names = ("resource_name", "dev_stage", "architecture", "version", "cdn_url", "sha256", "size_bytes")
    assert [row[name] for name in names] == [
        "loader",
        branch,
        "arm64",
        runner.version,
        f"{seaweedfs.endpoint}/{bucket}/{key}",
        hashlib.sha256(sealed).hexdigest(),
        len(sealed),
    ]
    with urllib.request.urlopen(row["cdn_url"], timeout=10) as download:
        assert opened_by_hand(download.read(), row["encryption_key"]) == runner.archive.read_bytes()


def test_the_report_names_commit_and_pipeline(runner: Runner) -> None:
    """The report of a Woodpecker run says which commit and which pipeline it was."""
    docker_archive(runner.archive)

    runner.publish()

    run = runner.report()["run"]
    assert (run["git"]["sha"], run["git"]["branch"], run["git"]["author"]) == (runner.sha, "dev", "Dana Scully")
    assert (run["ci"]["system"], run["ci"]["pipeline_number"]) == ("woodpecker", "8")
    assert run["ci"]["pipeline_url"] == "https://ci.example.com/repos/7/pipeline/8"


def test_a_second_run_of_the_commit_publishes_nothing(
    runner: Runner, seaweedfs: S3Server, bucket: str, admin_api: AdminApi
) -> None:
    """A pipeline that is run again names the same artifact: it is skipped, and object and row stay as they were."""
    docker_archive(runner.archive)
    runner.publish()
    key = f"dev/loader-arm64-{runner.version}.enc"
    before, rows = stored_bytes(seaweedfs, bucket, key), admin_api.rows()

    again = runner.publish()

    assert again.returncode == 0, again.stderr
    assert runner.report()["artifacts"][0]["status"] == "skipped"
    assert stored_bytes(seaweedfs, bucket, key) == before
    assert admin_api.rows() == rows


def test_an_image_that_was_saved_again_is_the_same_image(runner: Runner, admin_api: AdminApi) -> None:
    """Two archives of one image differ in bytes; the second is already registered, and not a conflict."""
    docker_archive(runner.archive, saved_at=1_700_000_000)
    runner.publish()
    before, rows = runner.archive.read_bytes(), admin_api.rows()
    docker_archive(runner.archive, saved_at=1_700_000_100)

    again = runner.publish()

    assert runner.archive.read_bytes() != before
    assert again.returncode == 0, again.stderr
    assert runner.report()["artifacts"][0]["reason"] == "already_registered"
    assert admin_api.rows() == rows


def test_another_image_for_the_same_commit_blocks(
    runner: Runner, seaweedfs: S3Server, bucket: str, admin_api: AdminApi
) -> None:
    """Another image under a version that is out is a conflict for a person (exit 5) and overwrites nothing."""
    docker_archive(runner.archive)
    runner.publish()
    key = f"dev/loader-arm64-{runner.version}.enc"
    before, rows = stored_bytes(seaweedfs, bucket, key), admin_api.rows()
    docker_archive(runner.archive, marker="rebuilt")

    done = runner.publish()

    assert done.returncode == 5
    assert runner.report()["artifacts"][0]["reason"] == "content_conflict"
    assert stored_bytes(seaweedfs, bucket, key) == before
    assert admin_api.rows() == rows


def test_a_step_without_its_secrets_fails_by_name(runner: Runner) -> None:
    """A step whose secrets are not set ends red with one error that names them all, and shows no value."""
    docker_archive(runner.archive)
    runner.secrets = {"S3_ENDPOINT": runner.secrets["S3_ENDPOINT"], "S3_ACCESS_KEY": "canary-of-a-key"}

    done = runner.publish()

    assert done.returncode == 3
    missing = ("S3_SECRET_KEY", "S3_BUCKET", "ADMIN_API_URL", "ADMIN_API_TOKEN")
    assert [name for name in missing if name not in done.stderr] == []
    assert "canary" not in done.stdout + done.stderr


def test_the_log_of_the_step_holds_no_secret(runner: Runner, admin_api: AdminApi) -> None:
    """Neither the step's log nor its report holds a credential or the artifact's key."""
    docker_archive(runner.archive)

    done = runner.publish()

    [row] = admin_api.rows()
    written = done.stdout + done.stderr + (runner.root / "publish-report.json").read_text()
    assert [name for name in (SECRET_KEY, TOKEN, row["encryption_key"]) if name in written] == []


@pytest.mark.tier2
def test_an_image_of_real_tools_arrives_whole(
    runner: Runner, tmp_path: Path, seaweedfs: S3Server, bucket: str, admin_api: AdminApi
) -> None:
    """AC-2: an archive that umoci and skopeo made comes out of the store as an image that skopeo reads."""
    umoci, skopeo = need("umoci", "umoci"), need("skopeo", "skopeo")
    application = tmp_path / "application"
    application.mkdir()
    (application / "run.sh").write_text("#!/bin/sh\nexec true\n")
    for command in (
        [umoci, "init", "--layout", "image"],
        [umoci, "new", "--image", "image:v1"],
        [umoci, "insert", "--image", "image:v1", str(application), "/app"],
        [umoci, "config", "--image", "image:v1", "--architecture", "arm64", "--config.entrypoint", "/app/run.sh"],
        [skopeo, "copy", "--insecure-policy", "oci:image:v1", f"docker-archive:{runner.archive}:loader:dev-arm"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    done = runner.publish()

    assert done.returncode == 0, done.stderr
    [row] = admin_api.rows()
    fetched = tmp_path / "fetched.tar"
    sealed = stored_bytes(seaweedfs, bucket, f"dev/loader-arm64-{runner.version}.enc")
    fetched.write_bytes(opened_by_hand(sealed, row["encryption_key"]))
    shown = subprocess.run(
        [skopeo, "inspect", "--config", f"docker-archive:{fetched}"], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(shown)["architecture"] == "arm64"
    assert json.loads(shown)["config"]["Entrypoint"] == ["/app/run.sh"]
