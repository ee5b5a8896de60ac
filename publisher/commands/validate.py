"""`publish validate`: parse, expand and check manifests offline; every problem of every manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from publisher.errors import InputError
from publisher.manifest import Manifest, load_manifest, project_root
from publisher.manifest.diagnostics import Diagnostic, ManifestError
from publisher.provenance import collect


@dataclass(frozen=True, slots=True)
class Validated:
    """One manifest: what it says, or why it cannot be read."""

    path: Path
    manifest: Manifest | None
    error: InputError | None

    @property
    def diagnostics(self) -> Sequence[Diagnostic]:
        if isinstance(self.error, ManifestError):
            return self.error.diagnostics
        return self.manifest.warnings if self.manifest else ()


def validate(
    paths: Sequence[Path], *, variables: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Validated, ...]:
    """Check each manifest; one that is invalid does not keep the others from being checked."""

    def check(path: Path) -> Validated:
        try:
            manifest = load_manifest(
                path,
                variables=variables,
                environment=environment,
                facts=_facts(project_root(path), environment),
            )
        except InputError as error:
            return Validated(path, None, error)
        return Validated(path, manifest, None)

    return tuple(check(path) for path in paths)


def validation_json(results: Sequence[Validated]) -> str:
    """Return the result as JSON: a list with `path`, `valid`, `artifacts` and `problems` for each manifest."""
    document = [
        {
            "path": str(result.path),
            "valid": result.error is None,
            "artifacts": len(result.manifest.artifacts) if result.manifest else None,
            "problems": [diagnostic.to_json() for diagnostic in result.diagnostics]
            or ([{"message": result.error.message, "hint": result.error.hint}] if result.error else []),
        }
        for result in results
    ]
    return json.dumps(document, indent=2) + "\n"


def _facts(root: Path, environment: Mapping[str, str]) -> Callable[[str], str | None]:
    return lambda name: collect(root, environment).fact(name)
