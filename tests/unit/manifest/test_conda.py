"""Entries for a conda channel: identities from file names, subdirs from three places, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.manifest import Manifest, ManifestError, load_manifest, parse_manifest
from publisher.model import Artifact, Compression, CondaIdentity, PackageSource
from tests.support.conda_packages import build_package
from tests.unit.manifest.building import PATH, MemoryFiles, no_facts, refused

HEAD = "version: 1\ndestinations: {channel: {kind: conda}}\n"


def parse(
    entry: str,
    *names: str,
    subdirs: dict[str, str] | None = None,
    head: str = HEAD,
    environment: dict[str, str] | None = None,
) -> tuple[Manifest, MemoryFiles]:
    files = MemoryFiles(names)
    files.subdirs = subdirs or {}
    manifest = parse_manifest(
        f"{head}artifacts:\n  - {entry}\n".encode(),
        path=PATH,
        variables={},
        environment=environment or {},
        facts=no_facts,
        files=files,
    )
    return manifest, files


def only(entry: str, *names: str, subdirs: dict[str, str] | None = None, head: str = HEAD) -> Artifact:
    (artifact,) = parse(entry, *names, subdirs=subdirs, head=head)[0].artifacts
    return artifact


def test_an_entry_is_a_package_under_its_file_name() -> None:
    """The identity is subdir and file name; the source carries what the package has to say of itself."""
    artifact = only(
        "{file: dist/linux-64/x-1.0-0.conda, name: x, version: 1.0, build: '0'}", "dist/linux-64/x-1.0-0.conda"
    )

    assert str(artifact.id) == "channel:linux-64/x-1.0-0.conda"
    assert artifact.identity == CondaIdentity("linux-64", "x-1.0-0.conda")
    assert artifact.compression is Compression.NONE
    assert isinstance(artifact.source, PackageSource)
    assert artifact.source.expected == (("name", "x"), ("version", "1.0"), ("build", "0"))
    assert (artifact.source.filename, artifact.source.subdir) == ("x-1.0-0.conda", "linux-64")


@pytest.mark.parametrize(
    ("entry", "name", "subdir", "origin", "opened"),
    [
        ("{file: F, subdir: osx-64}", "noarch/x-1-0.conda", "osx-64", "release.yaml:4", False),
        ("{file: F, subdir: new-platform_v9}", "x-1-0.conda", "new-platform_v9", "release.yaml:4", False),
        ("{file: F}", "out/noarch/x-1-0.conda", "noarch", "the folder of the file", False),
        ("{file: F}", "dist/x-1-0.conda", "win-64", "the package", True),
        ("{file: F}", "noarch/dist/x-1-0.conda", "win-64", "the package", True),
        ("{file: F}", "linux/x-1-0.conda", "win-64", "the package", True),
    ],
)
def test_the_subdir_is_said_or_is_the_folder_or_the_packages(
    entry: str, name: str, subdir: str, origin: str, opened: bool
) -> None:
    """The field wins, then a folder that is called like a platform; only then the package is opened and asked."""
    manifest, files = parse(entry.replace("F", name), name, subdirs={"x-1-0.conda": "win-64"})

    (artifact,) = manifest.artifacts
    assert artifact.identity == CondaIdentity(subdir, "x-1-0.conda")
    assert artifact.origins["subdir"].where.endswith(origin)
    assert bool(files.opened) is opened


def test_defaults_say_the_subdir_and_not_the_version() -> None:
    """`version` in `defaults` names what the fleet publishes; a package has its own and is not compared with it."""
    head = (
        "version: 1\ndestinations: {channel: {kind: conda}}\n"
        "defaults: {destination: channel, subdir: noarch, version: 2026-04-15}\n"
    )

    artifact = only("{file: dist/x-1-0.conda}", "dist/x-1-0.conda", head=head)

    assert isinstance(artifact.source, PackageSource)
    assert artifact.source.expected == ()
    assert artifact.source.subdir == "noarch"


def test_one_manifest_holds_both_kinds() -> None:
    """A fleet and a channel stand side by side, each entry checked by its own kind's model."""
    manifest, _ = parse(
        "{files: 'dist/noarch/*.conda', destination: channel}\n"
        "  - {file: m.bin, destination: fleet, resource_name: m, dev_stage: dev, architecture: arm64, version: 1}",
        *("dist/noarch/a-1-0.conda", "dist/noarch/b-1-0.conda", "m.bin"),
        head="version: 1\ndestinations: {channel: {kind: conda}, fleet: {kind: fleet}}\n",
    )

    assert [str(artifact.id) for artifact in manifest.artifacts] == [
        "channel:noarch/a-1-0.conda",
        "channel:noarch/b-1-0.conda",
        "fleet:dev/m/arm64/1",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.conda", "`x.conda` is not called like a conda package"),
        ("x-1.conda", "`x-1.conda` is not called like a conda package"),
        ("-x-1-0.conda", "`-x-1-0.conda` is not called like a conda package"),
        ("x-1-0.zip", "`x-1-0.zip` is no conda package by its name"),
        ("x-1-0.CONDA", "`x-1-0.CONDA` is no conda package by its name"),
        ("x y-1-0.conda", "`x y-1-0.conda` holds ` `, which no conda package's name may"),
        ("xü-1-0.tar.bz2", "`xü-1-0.tar.bz2` holds `ü`, which no conda package's name may"),
        ("x%2e-1-0.conda", "`x%2e-1-0.conda` holds `%`, which no conda package's name may"),
        (f"{'x' * 220}-1-0.conda", None),
    ],
)
def test_a_file_name_that_no_channel_takes_is_refused(name: str, message: str | None) -> None:
    """Spaces, letters beyond ASCII and other forms are errors at the file's place, and nothing is renamed."""
    text = f"{HEAD}artifacts:\n  - {{file: 'noarch/{name}'}}\n"

    (problem,) = refused(text, names=[f"noarch/{name}"]).diagnostics

    assert (problem.line, problem.field_path) == (4, "artifacts[0].file")
    assert message is None or problem.message == message
    assert problem.hint


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ("{file: noarch/x-1-0.conda, subdir: linux_64}", "`linux_64` is no subdir of a channel", "linux-64"),
        ("{file: noarch/x-1-0.conda, subdir: ../x}", "`../x` is no subdir of a channel", None),
        ("{file: noarch/x-1-0.conda, version: 'a/b'}", "`a/b` cannot be a part of a package's name", None),
        ("{file: noarch/x-1-0.conda, resource_name: x}", "unknown field `resource_name`", None),
        ("{image: x}", "unknown field `image`", None),
        ("{file: x-1-0.conda}", "`x-1-0.conda` does not say which platform it is for", "subdir: noarch"),
        (
            "{file: noarch/../../x-1-0.conda}",
            "the path `noarch/../../x-1-0.conda` leads out of the project's root",
            None,
        ),
    ],
)
def test_what_an_entry_cannot_say_is_refused(entry: str, message: str, hint: str | None) -> None:
    """Every field is checked at its place, with a suggestion for a near miss."""
    found = refused(f"{HEAD}artifacts:\n  - {entry}\n", names=["noarch/x-1-0.conda", "x-1-0.conda"]).diagnostics

    assert message in [problem.message for problem in found]
    assert hint is None or any(hint in str(problem.hint) for problem in found)


def test_names_that_one_disk_would_not_tell_apart_are_refused() -> None:
    """Two packages that differ in case only are one file on some servers."""
    (problem,) = refused(
        f"{HEAD}artifacts:\n  - {{files: 'noarch/*.conda'}}\n", names=["noarch/x-1-a.conda", "noarch/x-1-A.conda"]
    ).diagnostics

    assert "has the same file in the channel as" in problem.message


def test_values_of_the_environment_are_not_told() -> None:
    """A file name made from a variable is shown as it is written."""
    with pytest.raises(ManifestError) as caught:
        parse("{file: 'noarch/${NAME} x.conda'}", "noarch/canary x.conda", environment={"NAME": "canary"})

    assert "canary" not in repr(caught.value.diagnostics)


def test_a_real_package_is_asked_for_its_subdir(tmp_path: Path) -> None:
    """The example of the product's first page works: packages in a folder of any name, nothing said about them."""
    build_package(tmp_path / "dist", "x", subdir="linux-64", extension=".conda")
    build_package(tmp_path / "dist", "y", subdir="noarch", extension=".conda")
    path = tmp_path / "manifest.yaml"
    path.write_text(f"{HEAD}artifacts:\n  - files: dist/*.conda\n")

    manifest = load_manifest(path, variables={}, environment={}, facts=no_facts)

    assert [artifact.identity.path for artifact in manifest.artifacts] == [
        "linux-64/x-1.0-0.conda",
        "noarch/y-1.0-0.conda",
    ]


def test_a_file_that_is_none_is_refused_where_it_is_written(tmp_path: Path) -> None:
    """A package that cannot be asked is an error of the manifest, with the reason and the way out."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "x-1.0-0.conda").write_bytes(b"<html>")
    path = tmp_path / "manifest.yaml"
    path.write_text(f"{HEAD}artifacts:\n  - files: dist/*.conda\n")

    with pytest.raises(ManifestError) as caught:
        load_manifest(path, variables={}, environment={}, facts=no_facts)

    (problem,) = caught.value.diagnostics
    assert problem.field_path == "artifacts[0].files"
    assert "dist/x-1.0-0.conda is not a conda package" in problem.message
    assert "or give it `subdir`" in str(problem.hint)
