"""Conda packages as sources: the file's fingerprint, once the package says of itself what the manifest says of it."""

from __future__ import annotations

from collections.abc import Callable

from publisher.errors import SourceMismatchError
from publisher.model import FileSource, PackageSource, SourceFacts
from publisher.sources.conda_package import PackageFacts, extension_of, read_package
from publisher.sources.files import fingerprint_of, open_file


def package_facts(source: PackageSource, check: Callable[[], None]) -> SourceFacts:
    """Read a package's own names, compare them, and read all of it, in one opening.

    Raises `SourceError` for what is no package, `SourceMismatchError` for another one than the manifest says.
    """
    with open_file(source.file) as file:
        with file.beside() as beside:
            facts = read_package(beside, source.filename, source.shown, check)
        _compare(source, facts)
        return fingerprint_of(file, check)


def subdir_of(file: FileSource, filename: str, check: Callable[[], None]) -> str | None:
    """Return the subdir that a package says it is for, None where it says none. Raises `SourceError`."""
    with open_file(file) as opened, opened.beside() as beside:
        return read_package(beside, filename, file.shown, check).subdir


def _compare(source: PackageSource, facts: PackageFacts) -> None:
    named = f"{facts.stem}{extension_of(source.filename)}"
    if source.filename != named:
        raise SourceMismatchError(
            f"{source.shown} is called {source.filename}, and is the package {facts.stem}",
            hint=f"a channel lists a package under its own name: rename the file to {named}",
        )
    own = {"name": facts.name, "version": facts.version, "build": facts.build}
    for field, expected in source.expected:
        if own[field] != expected:
            raise SourceMismatchError(
                f"{source.shown} has the {field} {own[field]}, and the manifest says {expected}",
                hint=f"build the right package, or correct `{field}`",
            )
    if facts.subdir is not None and facts.subdir != source.subdir:
        raise SourceMismatchError(
            f"{source.shown} is for {facts.subdir}, and the manifest says {source.subdir}",
            hint="correct `subdir`, or move the package to the folder of its subdir",
        )
