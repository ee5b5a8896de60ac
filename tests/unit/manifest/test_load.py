"""Reading the manifest file itself: missing, special or huge files end in an error that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from publisher.errors import InputError
from publisher.manifest import Manifest, ManifestError, load_manifest
from tests.support.kinds import file_of
from tests.unit.manifest.building import HEAD, no_facts


def load(path: Path) -> Manifest:
    return load_manifest(path, variables={}, environment={}, facts=no_facts)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.yaml", "there is no manifest"),
        ("folder", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("loop", "cannot be read"),
        ("x" * 300, "cannot be read"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_is_no_manifest_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    """A missing manifest, a folder, a FIFO and impossible paths are input errors with a hint, and nothing hangs."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(InputError) as caught:
        load(tmp_path / name)

    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    """M4: of a file of ten gigabytes one mebibyte is read."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)

    with pytest.raises(ManifestError) as caught:
        load(path)

    assert caught.value.diagnostics[0].message == "the manifest has more than 1,048,576 bytes"


def test_a_relative_manifest_is_read_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path works, sources stay absolute, and origins name the manifest as it was given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.bin").touch()
    Path("r.yaml").write_text(f"{HEAD}  - {{resource_name: m, file: m.bin}}\n")

    manifest = load(Path("r.yaml"))

    assert file_of(manifest.artifacts[0]).path == tmp_path / "m.bin"
    assert manifest.artifacts[0].origins["version"].where == "r.yaml:3"


def test_ten_thousand_artifacts_are_expanded(tmp_path: Path) -> None:
    """Ten thousand artifacts are within the limits, and the files are looked at once for all rows."""
    (tmp_path / "m.bin").touch()
    numbers = ", ".join(map(str, range(100)))
    matrix = f"{{a: [{numbers}], b: [{numbers}]}}"
    (tmp_path / "r.yaml").write_text(
        f"{HEAD}  - {{resource_name: '${{matrix.a}}.${{matrix.b}}', file: m.bin, matrix: {matrix}}}\n"
    )

    assert len(load(tmp_path / "r.yaml").artifacts) == 10_000
