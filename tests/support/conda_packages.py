"""Conda packages made by real builders, and an independent client that installs them from a channel."""

from __future__ import annotations

import asyncio
import bz2
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from conda_package_streaming.create import conda_builder  # type: ignore[import-untyped]  # ships no types
from wheel.wheelfile import WheelFile  # type: ignore[import-untyped]  # ships no types

from tests.support.programs import from_wheel

FIXED_TIME = 1_700_000_000


def index_json(name: str, version: str, build: str, subdir: str | None) -> dict[str, Any]:
    """Return what a builder writes to `info/index.json`."""
    index: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": [],
        "timestamp": FIXED_TIME * 1000,
    }
    if subdir is not None:
        index |= {"subdir": subdir, **({"noarch": "generic"} if subdir == "noarch" else {})}
    return index


def build_package(
    folder: Path,
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    subdir: str | None = "noarch",
    extension: str = ".tar.bz2",
    content: bytes = b"payload\n",
    filename: str | None = None,
    index: Mapping[str, Any] | None = None,
) -> Path:
    """Build a package that installs one file, `share/NAME.txt`; the same arguments give the same bytes.

    `.conda` is written by conda-package-streaming, `.tar.bz2` is a compressed tar as conda-build writes it.
    `filename` and `index` are for packages that lie about themselves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{version}-{build}"
    payload = f"share/{name}.txt"
    files = {
        "info/index.json": json.dumps(
            index if index is not None else index_json(name, version, build, subdir)
        ).encode(),
        "info/files": f"{payload}\n".encode(),
        "info/paths.json": json.dumps({"paths_version": 1, "paths": [_path_entry(payload, content)]}).encode(),
        "info/about.json": b"{}",
        payload: content,
    }
    if extension == ".conda":
        with conda_builder(stem, folder) as tar:
            _fill(tar, files)
    else:
        with tarfile.open(folder / f"{stem}{extension}", "w:bz2") as tar:
            _fill(tar, files)
    built = folder / f"{stem}{extension}"
    return built.rename(folder / filename) if filename else built


def tar_bz2(files: Mapping[str, bytes]) -> bytes:
    """Return a `.tar.bz2` of these files, for packages that no builder makes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        _fill(tar, files)
    return bz2.compress(packed.getvalue())


def _path_entry(path: str, content: bytes) -> dict[str, Any]:
    return {
        "_path": path,
        "path_type": "hardlink",
        "sha256": sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }


def _fill(tar: tarfile.TarFile, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(content), FIXED_TIME, 0o644
        tar.addfile(member, io.BytesIO(content))


def build_with_rattler_build(folder: Path, name: str) -> Path:
    """Build a real noarch package from a recipe with rattler-build, offline; `.conda`."""
    from rattler_build import Stage0Recipe

    recipe = folder / "recipe.yaml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(
        f"package: {{name: {name}, version: '2.1'}}\n"
        "build: {noarch: generic, script: ['mkdir -p $PREFIX/share', 'echo built > $PREFIX/share/" + name + ".txt']}\n"
    )
    Stage0Recipe.from_file(str(recipe)).run_build(output_dir=str(folder / "out"))
    (package,) = (folder / "out" / "noarch").glob(f"{name}-*.conda")
    return package


def install_from(
    channel_url: str, spec: str, folder: Path, *, platforms: tuple[str, ...] = ("linux-64", "noarch")
) -> Path:
    """Install a package with py-rattler into a fresh prefix, with fresh caches, and return the prefix."""
    from rattler import Channel, Gateway, install, solve

    prefix = folder / "prefix"

    async def run() -> None:
        records = await solve(
            sources=[Channel(channel_url)],
            specs=[spec],
            platforms=list(platforms),  # type: ignore[arg-type] # names of platforms
            virtual_packages=[],
            gateway=Gateway(cache_dir=folder / "repodata-cache"),
        )
        await install(records=records, target_prefix=prefix, cache_dir=folder / "package-cache", show_progress=False)

    asyncio.run(run())
    return prefix


def index_channel(folder: Path) -> None:
    """Index a channel's folder with py-rattler, as `conda index` does."""
    from rattler.index import index_fs

    asyncio.run(index_fs(folder, write_zst=False, write_shards=False))


def build_with_whl2conda(folder: Path, name: str, *, extension: str) -> Path:
    """Turn a small wheel into a noarch package with whl2conda."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    wheel, info = folder / f"{module}-3.2-py3-none-any.whl", f"{module}-3.2.dist-info"
    with WheelFile(wheel, "w") as archive:
        archive.writestr(f"{module}.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 3.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    form = {".conda": "V2", ".tar.bz2": "V1"}[extension]
    out = folder / form
    command = [from_wheel("whl2conda"), "convert", "--format", form, "--out-dir", str(out), "--yes", str(wheel)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (package,) = out.glob(f"*{extension}")
    return package
