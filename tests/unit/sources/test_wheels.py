"""A wheel against its manifest: name, version and processor are the wheel's own, or the plan says so."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.cancellation import Cancellation
from publisher.errors import PublisherError, SourceError
from publisher.events import ignore
from publisher.model import Artifact, DavIdentity, FileSource, FleetIdentity, Identity
from publisher.sources.reading import read_sources
from publisher.sources.wheels import Wheel, check_names, read_wheel

NAME = "detector_runtime-1.2.0-py3-none-manylinux_2_28_aarch64.whl"


def wheel_file(
    folder: Path,
    *,
    name: str = "Detector.Runtime",
    version: str = "1.2.0",
    tags: tuple[str, ...] = ("py3-none-manylinux_2_28_aarch64",),
    file_name: str = NAME,
) -> FileSource:
    """Build a wheel that says this of itself."""
    path = folder / file_name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("detector/__init__.py", "")
        archive.writestr(
            "detector_runtime-1.2.0.dist-info/METADATA",
            f"Metadata-Version: 2.3\nName: {name}\nVersion: {version}\n\n# A",
        )
        lines = "".join(f"Tag: {tag}\n" for tag in tags)
        archive.writestr("detector_runtime-1.2.0.dist-info/WHEEL", f"Wheel-Version: 1.0\n{lines}")
    return FileSource(path, folder, file_name)


def problem_of(source: FileSource, identity: Identity) -> str | None:
    """Read the source of one artifact as a plan does; return what is wrong with it."""
    artifact = Artifact("to", "kind", identity, source)
    ready, unready = read_sources([artifact], jobs=1, cancellation=Cancellation(), emit=ignore)
    assert len(ready) + len(unready) == 1
    return unready[0].failure.message if unready else None


def named(name: str = "detector-runtime", architecture: str = "arm64", version: str = "1.2.0") -> FleetIdentity:
    return FleetIdentity(name, "dev", architecture, version)


@pytest.mark.parametrize(
    "identity",
    [
        named(),
        named("Detector_Runtime"),
        named(version="1.2"),
        named(architecture="aarch64"),
        named(architecture="any"),
    ],
)
def test_a_wheel_that_agrees_is_ready(tmp_path: Path, identity: FleetIdentity) -> None:
    """Names are compared as pip compares them, versions by PEP 440, processors by what they are."""
    assert problem_of(wheel_file(tmp_path), identity) is None


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        (named("detector"), "is the wheel of Detector.Runtime, and its resource_name is detector"),
        (named(version="1.2.1"), "has the version 1.2.0, and the manifest says 1.2.1"),
        (named(version="2026-04-15"), "has the version 1.2.0, and the manifest says 2026-04-15"),
        (named(architecture="amd64"), "is for manylinux_2_28_aarch64, and the artifact's architecture is amd64"),
    ],
)
def test_a_contradiction_names_both_sides(tmp_path: Path, identity: FleetIdentity, said: str) -> None:
    """The plan of an artifact that is not what its manifest says is an error with both values in it."""
    assert problem_of(wheel_file(tmp_path), identity) == f"{NAME} {said}"


@pytest.mark.parametrize(
    "tags",
    [("py3-none-any",), ("cp311-cp311-linux_armv7l", "cp311-cp311-linux_x86_64"), ("py3-none-macosx_11_0_universal2",)],
)
def test_a_wheel_for_several_processors_runs_on_each(tmp_path: Path, tags: tuple[str, ...]) -> None:
    """A pure wheel runs anywhere, one with several tags where one fits; an unknown word is compared with nothing."""
    assert problem_of(wheel_file(tmp_path, tags=tags), named(architecture="x86-64")) is None


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"wheels/{NAME}", None),
        ("wheels/detector.bin", None),
        ("wheels/detector.whl", "detector.whl is not the file name of a wheel"),
        ("wheels/other-1.2.0-py3-none-manylinux_2_28_aarch64.whl", "says of itself that it is Detector.Runtime 1.2.0"),
        ("wheels/detector_runtime-1.3-py3-none-manylinux_2_28_aarch64.whl", "says of itself that it is Detector"),
        ("wheels/detector_runtime-1.2.0-py3-none-any.whl", "says of itself that it is for manylinux_2_28_aarch64"),
    ],
)
def test_the_name_that_pip_would_download_is_the_wheels_own(tmp_path: Path, path: str, said: str | None) -> None:
    """A file that is published under the name of a wheel is that wheel; under another name it is any file."""
    problem = problem_of(wheel_file(tmp_path), DavIdentity(path))

    assert (problem is None) == (said is None)
    assert said is None or said in (problem or "")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_wheel_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty, cut or foreign file with the name of a wheel is an error of its source."""
    (tmp_path / NAME).write_bytes(content)

    assert problem_of(FileSource(tmp_path / NAME, tmp_path, NAME), named()) == f"{NAME} cannot be read as a wheel"


def test_a_bomb_in_a_wheel_is_not_unpacked(tmp_path: Path) -> None:
    """Metadata that unpacks to more than its limit is refused, and no more than the limit is read."""
    path = tmp_path / NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a-1.dist-info/METADATA", b"x" * (64 << 20))
        archive.writestr("a-1.dist-info/WHEEL", "Tag: py3-none-any\n")

    assert problem_of(FileSource(path, tmp_path, NAME), named()) == f"{NAME} cannot be read as a wheel"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(position=st.integers(0, 600), value=st.integers(0, 255), cut=st.integers(0, 600))
def test_a_damaged_wheel_never_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, cut: int
) -> None:
    """Whatever bytes a wheel has, reading it gives its names or one of our errors."""
    folder = tmp_path_factory.mktemp("wheel")
    source = wheel_file(folder)
    content = bytearray(source.path.read_bytes())
    content[position % len(content)] = value
    source.path.write_bytes(content[: len(content) - cut] if cut % 3 == 0 else content)

    try:
        wheel = read_wheel(source)
    except PublisherError:
        return
    assert isinstance(wheel, Wheel)


@given(text=st.text(max_size=20))
def test_any_text_as_a_version_is_compared(text: str) -> None:
    """What is no version of PEP 440 is compared as text, and never raises anything but the contradiction."""
    wheel = Wheel("m", "1.0", ("any",))
    with contextlib.suppress(SourceError):
        check_names(wheel, name="m", version=text, architecture="any", shown="m.whl")
