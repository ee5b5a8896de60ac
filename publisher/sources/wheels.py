"""What a Python wheel says of itself: name, version and processor, from its METADATA and WHEEL files.

The only home of `packaging`. It refuses a wheel whose file name says something else than the wheel itself, and never
unpacks more than the two files.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import PurePosixPath

from publisher.errors import SourceError
from publisher.model import FileSource
from publisher.model.platforms import Platform, platform_named
from publisher.sources.bounded import TooMuchError
from publisher.sources.files import open_file

SUFFIX = ".whl"
_METADATA_LIMIT_BYTES = 4 << 20
_HINT = "build the wheel again; what is published under this name could not be installed"
_WINDOWS_PROCESSORS = {"win32": "x86", "win_amd64": "x86_64", "win_arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Wheel:
    """`name` and `version` as METADATA has them; `platforms` are the platform tags (`any`, `manylinux_2_28_aarch64`).

    Source: packaging.python.org, "Core metadata", "Binary distribution format", "Platform compatibility tags".
    """

    name: str
    version: str
    platforms: tuple[str, ...]


def read_wheel(source: FileSource) -> Wheel:
    """Return what the wheel says of itself. Raises `SourceError` if it is none, or cannot be read."""
    from packaging.metadata import parse_email
    from packaging.tags import parse_tag

    with open_file(source) as file, file.beside() as content:
        try:
            with zipfile.ZipFile(content) as archive:
                folder = _dist_info(archive)
                metadata = _head_of(archive, f"{folder}/METADATA")
                tags = BytesHeaderParser().parsebytes(_head_of(archive, f"{folder}/WHEEL")).get_all("Tag", [])
            raw, _ = parse_email(metadata)
            platforms = {tag.platform for text in tags for tag in parse_tag(str(text).strip())}
            wheel = Wheel(raw["name"], raw["version"], tuple(sorted(platforms)))
        except (zipfile.BadZipFile, zlib.error, TooMuchError, KeyError, ValueError, NotImplementedError, EOFError):
            raise SourceError(f"{source.shown} cannot be read as a wheel", hint=_HINT) from None
        except OSError as error:
            raise SourceError(f"{source.shown} cannot be read: {error.strerror}", hint=_HINT) from error
    return wheel


def check_file_name(wheel: Wheel, name: str, *, shown: str) -> None:
    """Raise `SourceError` unless `name` is a file name that pip would take for this very wheel."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        named, version, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        raise SourceError(
            f"{shown}: {name} is not the file name of a wheel", hint="name-version-python-abi-platform.whl"
        ) from None
    found = (f"{named}", f"{version}", {tag.platform for tag in tags})
    if not _same_name(wheel.name, found[0]) or not _same_version(wheel.version, found[1]):
        raise SourceError(
            f"{shown} is named {name}, and says of itself that it is {wheel.name} {wheel.version}", hint=_HINT
        )
    if found[2] != set(wheel.platforms):
        raise SourceError(
            f"{shown} is named {name}, and says of itself that it is for {', '.join(wheel.platforms)}", hint=_HINT
        )


def check_names(wheel: Wheel, *, name: str, version: str, architecture: str, shown: str) -> None:
    """Raise `SourceError` where what the manifest calls the artifact is not what the wheel is.

    An architecture that names no processor (`any`, `jetson`) is compared with nothing, and a wheel for any platform
    runs on each.
    """
    hint = "correct the manifest, or choose the other wheel"
    if not _same_name(wheel.name, name):
        raise SourceError(f"{shown} is the wheel of {wheel.name}, and its resource_name is {name}", hint=hint)
    if not _same_version(wheel.version, version):
        raise SourceError(f"{shown} has the version {wheel.version}, and the manifest says {version}", hint=hint)
    wanted = platform_named(architecture)
    found = [processor for tag in wheel.platforms if (processor := _processor(tag)) is not None]
    runs = any(tag == "any" for tag in wheel.platforms) or any(wanted is None or wanted.runs(it) for it in found)
    if found and not runs:
        raise SourceError(
            f"{shown} is for {', '.join(wheel.platforms)}, and the artifact's architecture is {architecture}", hint=hint
        )


def _dist_info(archive: zipfile.ZipFile) -> str:
    """Return the one top folder that ends with `.dist-info`. ValueError if there is none, or several."""
    tops = {PurePosixPath(name).parts[0] for name in archive.namelist() if name and not name.startswith("/")}
    (folder,) = (top for top in tops if top.endswith(".dist-info"))
    return folder


def _head_of(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        found = file.read(_METADATA_LIMIT_BYTES + 1)
    if len(found) > _METADATA_LIMIT_BYTES:
        raise TooMuchError
    return found


def _same_name(one: str, other: str) -> bool:
    from packaging.utils import canonicalize_name

    return canonicalize_name(one) == canonicalize_name(other)


def _same_version(one: str, other: str) -> bool:
    """Compare by PEP 440, where `1.0` is `1.0.0`; what is no such version is compared as text."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def _processor(tag: str) -> Platform | None:
    """Return the processor that ends a platform tag, or None where it names none, such as `any`."""
    if tag in _WINDOWS_PROCESSORS:
        return platform_named(_WINDOWS_PROCESSORS[tag])
    parts = tag.split("_")
    ends = ("_".join(parts[cut:]) for cut in range(1, len(parts)))
    return next((found for end in ends if (found := platform_named(end))), None)
