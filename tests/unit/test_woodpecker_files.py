from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".woodpecker").glob("*.yml"))
FLEET_VARIABLES = {
    "S3_ENDPOINT",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "S3_BUCKET",
    "ADMIN_API_URL",
    "ADMIN_API_TOKEN",
    "CDN_PUBLIC_BASE_URL",
    "ADMIN_API_PUBLISH_PATH",
}


def workflow(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / ".woodpecker" / name).read_text(encoding="utf-8"))
    return content


def step(workflow_name: str, step_name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in workflow(workflow_name)["steps"] if each["name"] == step_name)
    return found


def events(content: dict[str, Any]) -> set[str]:
    named = [condition["event"] for condition in content["when"]]
    return {event for each in named for event in ([each] if isinstance(each, str) else each)}


def test_pipelines_match_the_woodpecker_schema() -> None:
    """Every pipeline file is valid by Woodpecker's own schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.woodpecker-ci"]

    done = subprocess.run([*command, *map(str, FILES)], capture_output=True, text=True, check=False)

    assert len(FILES) == 3
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_braces_for_woodpecker_to_expand(path: Path) -> None:
    """Commands write $NAME: Woodpecker would replace ${NAME} itself, with nothing for a variable of the shell."""
    commands = [command for each in workflow(path.name)["steps"] for command in each["commands"]]

    assert not [command for command in commands if "${" in command]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pull_requests_get_no_secret(path: Path) -> None:
    """A workflow that runs for pull requests names no secret and mounts nothing of its runner."""
    content = workflow(path.name)
    steps = [each for each in content["steps"] if "environment" in each or "volumes" in each]

    assert "pull_request" not in events(content) or not steps


def test_image_is_published_after_builds_of_the_three_stages() -> None:
    """AC-2: the arm64 workflow runs for pushes to dev, stage and main, and publishes after it built and saved."""
    content = workflow("build-arm.yml")

    assert content["labels"] == {"platform": "linux/arm64"}
    assert content["when"] == [{"event": ["push", "manual"], "branch": ["dev", "stage", "main"]}]
    assert [each["name"] for each in content["steps"]] == ["build", "publish"]


def test_the_saved_archive_is_what_the_manifest_publishes() -> None:
    """The file that the build step saves is the file that the publish step's manifest names."""
    saved = next(command for command in step("build-arm.yml", "build")["commands"] if command.startswith("docker save"))
    applied = next(each for each in step("build-arm.yml", "publish")["commands"] if each.startswith("publish apply"))
    manifest = ROOT / applied.split()[2]

    archive = re.search(r"--output (\S+)", saved)
    source = re.search(r"^ +image: docker-archive:(\S+)$", manifest.read_text(encoding="utf-8"), re.MULTILINE)

    assert archive is not None
    assert source is not None
    assert (manifest.parent / source[1]).resolve() == ROOT / archive[1]


def test_tag_of_the_image_follows_the_branch() -> None:
    """The pushed tag is the branch and `-arm`, and the same tag is in the archive that devices load."""
    commands = step("build-arm.yml", "build")["commands"]

    assert 'TAGGED="$REGISTRY_HOST/loader:$CI_COMMIT_BRANCH-arm"' in commands
    assert 'docker push "$TAGGED"' in commands
    assert commands[-1] == 'docker save --output loader-image.tar "$TAGGED"'


def test_publish_step_gets_every_fleet_variable_as_a_secret() -> None:
    """The publish step receives the source document's variables, each from the secret of the same name."""
    environment = step("build-arm.yml", "publish")["environment"]

    assert environment == {name: {"from_secret": name.lower()} for name in FLEET_VARIABLES}


def test_pull_requests_show_an_offline_plan() -> None:
    """The pull-request workflow plans offline, as Markdown, and nothing else."""
    content = workflow("plan.yml")

    assert events(content) == {"pull_request"}
    assert content["steps"][0]["commands"][-1] == "publish plan --offline --markdown manifests/release.yaml"


def test_files_that_pipelines_name_exist() -> None:
    """Each file of this repository that a pipeline's command names is there."""
    commands = [command for path in FILES for each in workflow(path.name)["steps"] for command in each["commands"]]
    named = {word for command in commands for word in re.findall(r"(?<!\S)\.?[a-z][\w.-]*/[\w./-]+", command)}

    assert named == {
        ".ci/run",
        ".ci/runtime.lock",
        ".woodpecker/Dockerfile",
        "manifests/loader-image.yaml",
        "manifests/release.yaml",
    }
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_lock_files_name_no_registry() -> None:
    """Lock files pin versions and hashes, and no package index."""
    for lock in ("requirements.lock", "runtime.lock"):
        text = (ROOT / ".ci" / lock).read_text(encoding="utf-8")
        pinned = re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE)

        assert pinned
        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(pinned)
