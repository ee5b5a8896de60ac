"""The house rules of publisher/DESIGN.md, "Rooms", checked by walking every import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "publisher"

LAYERS = [
    {"errors", "secrecy", "exit_codes", "version"},
    {"model", "git"},
    {
        "reasons",
        "events",
        "cancellation",
        "atomic_file",
        "regular_file",
        "provenance",
        "revision",
        "queueing",
        "leftovers",
    },
    {"retry", "workers"},
    {"manifest", "sources", "sealing", "stores", "registries", "http", "settings", "statements"},
    {"destinations"},
    {"plan", "selection", "download"},
    {"plan_entries"},
    {"observe", "execute", "report", "plan_document", "planfile"},
    {"world", "views"},
    {"wiring", "commands"},
    {"api"},
    {"cli"},
    {"__main__"},
]
"""Each layer may import itself and the layers above it in this list, never one below."""

MEANT: dict[tuple[str, str], str] = {
    ("settings", "registries"): "settings are judged where they are read, so that one error tells all of it",
    ("settings", "sealing"): "the same: keys are parsed there",
    ("settings", "http"): "the same: which addresses may be sent a secret",
    ("manifest", "sources"): "a file that says which artifacts there are is opened as safely as a source",
    ("settings", "manifest"): "a profile of Arkindex's command is YAML, and YAML has one strict reader",
    ("registries", "http"): "the admin API speaks through the one HTTP client",
    ("stores", "http"): "S3 speaks over the connections of the one HTTP client",
    ("planfile", "plan_document"): "the file is the document, written",
    ("planfile", "report"): "both schemas come from one place",
}
"""Pairs (importer, imported) within a layer that are meant, with the reason."""

HOMES = {
    "certifi": ("publisher/http/",),
    "sqlalchemy": ("publisher/registries/sql/",),
    "psycopg": ("publisher/registries/sql/",),
    "cryptography": ("publisher/sealing/",),
    "isal": ("publisher/sealing/",),
    "zlib": ("publisher/sealing/", "publisher/sources/wheels.py"),
    "ijson": ("publisher/destinations/conda/",),
    "backports": ("publisher/sources/",),
    "compression": ("publisher/sources/",),
    "yaml": ("publisher/manifest/",),
    "packaging": ("publisher/sources/wheels.py",),
    "rich": ("publisher/views/",),
    "typer": ("publisher/cli/",),
}
"""The one room of each vendor library: there its errors are translated and its version is felt."""


JUDGES = {"boto3", "botocore", "mypy_boto3_s3", "requests", "urllib3"}
"""Clients that the tests compare ours with; in the product they would be a second way to do the same."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield each imported module, its line, and whether it is imported for type checking only."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno, id(node) in typing_only


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def layer_of(name: str) -> int:
    return next((index for index, layer in enumerate(LAYERS) if name in layer), -1)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    """A module imports its own room and rooms of earlier layers only; anything else would make a circle possible."""
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert layer_of(own) >= 0, f"{own} has no layer: say in LAYERS which rooms may import it"
    for name, line, _ in imports(path):
        if not name.startswith("publisher") or room(name) in {own, "__init__", "version"}:
            continue
        other = room(name)
        allowed = layer_of(other) < layer_of(own) or (own, other) in MEANT
        assert allowed, f"{path.name}:{line}: {own} must not import {other}: dependencies point one way"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_vendor_library_has_one_home(path: Path) -> None:
    """A vendor library is imported in its one room, where its errors are translated."""
    where = str(path.relative_to(PACKAGE.parent))
    for name, line, for_types in imports(path):
        assert name.split(".")[0] not in JUDGES, f"{where}:{line}: {name} is for the tests only"
        home = HOMES.get(name.split(".")[0])
        if home is not None and not for_types:
            assert where.startswith(home), f"{where}:{line}: {name} belongs to {home} only"


def test_the_pure_core_does_no_io() -> None:
    """Values, plan and protocol import no module that reads, writes, waits or draws random numbers."""
    pure = [*(PACKAGE / "model").glob("*.py"), PACKAGE / "plan.py", PACKAGE / "reasons.py"]
    fleet = PACKAGE / "destinations" / "fleet"
    pure += [
        fleet / name
        for name in (
            "states.py",
            "protocol.py",
            "registration.py",
            "effects.py",
            "values.py",
            "creating.py",
            "claiming.py",
            "helping.py",
        )
    ]
    pure.append(PACKAGE / "destinations" / "stepping.py")
    webdav = PACKAGE / "destinations" / "webdav"
    pure += [webdav / name for name in ("recipe.py", "effects.py", "answers.py", "paths.py")]
    forbidden = {"os", "io", "time", "random", "secrets", "socket", "subprocess", "tempfile", "threading", "shutil"}
    for path in pure:
        found = {name.split(".")[0] for name, _, _ in imports(path)} & forbidden
        assert not found, f"{path.name} is pure and imports {found}"
