"""The saved plan as a file: a versioned JSON document that holds what applying it later needs.

It holds no secret, no token, no key and not the manifest's variables: destinations are names, whose settings are read
again when the plan is applied. Sources are stored relative to the project root and put below the root of the checkout
that reads the plan, so a plan made in one checkout can be applied in another; each keeps its pinned size and SHA-256.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from publisher.atomic_file import write_atomically
from publisher.errors import InputError
from publisher.model import DestinationSpec
from publisher.plan import Plan
from publisher.plan_document import (
    FORMAT_VERSION,
    DestinationEntry,
    ManifestPin,
    PlanDocument,
    PlanSummary,
    entry_of,
    row_of,
)
from publisher.regular_file import read_regular
from publisher.report import Report

MAX_BYTES = 64 * 1024 * 1024

_AGAIN = "make a plan with `publish plan MANIFEST --out FILE`"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan with what it needs to be applied later. Every source of `plan` lies below `root`.

    `git` and `ci` are the provenance facts of the machine that planned.
    """

    plan: Plan
    root: Path
    destinations: tuple[DestinationSpec, ...]
    tool_version: str
    git: Mapping[str, str] = field(default_factory=dict)
    ci: Mapping[str, str] = field(default_factory=dict)


def plan_json(saved: SavedPlan) -> str:
    """Return the document, in ASCII. Raises `InputError` if a source is not below the root or a text is not Unicode."""
    plan = saved.plan
    try:
        document = PlanDocument(
            format="publisher/plan",
            format_version=FORMAT_VERSION,
            tool_version=saved.tool_version,
            manifest=ManifestPin(path=plan.manifest_path, sha256=plan.manifest_sha256, release=plan.release),
            git=dict(saved.git),
            ci=dict(saved.ci),
            destinations=[
                DestinationEntry(name=item.name, kind=item.kind, env_prefix=item.env_prefix, line=item.line)
                for item in saved.destinations
            ],
            summary=PlanSummary(**asdict(plan.counts())),
            artifacts=[entry_of(row, root=saved.root) for row in plan.rows],
        )
        text = document.model_dump_json(indent=2) + "\n"
    except ValidationError as error:
        raise InputError(f"this plan cannot be saved: {_first_problem(error)}") from None
    except PydanticSerializationError:
        raise InputError(
            "this plan cannot be saved: a text in it is not Unicode", hint="rename the file in question"
        ) from None
    return re.sub(r"[^\x00-\x7e]", lambda match: json.dumps(match[0])[1:-1], text)


def write_plan(path: Path, saved: SavedPlan) -> None:
    """Write the document with mode 0600, whole or not at all. Raises `InputError`, `LocalResourceError`."""
    write_atomically(path, plan_json(saved), mode=0o600)


def read_plan(path: Path, *, root_of: Callable[[str], Path]) -> SavedPlan:
    """Read a saved plan. `root_of` is given the manifest's path as saved and returns the project root of this checkout.

    The result equals what was written, except that sources lie below that root. Whether the manifest and the sources
    are still those of the plan is for whoever applies it. Raises `InputError` for anything that is not a plan this
    version can read.
    """
    document = _parse(path)
    manifest = document.manifest
    root = root_of(manifest.path)
    rows = tuple(row_of(entry, root=root) for entry in document.artifacts)
    return SavedPlan(
        plan=Plan(manifest.path, manifest.sha256, manifest.release, rows),
        root=root,
        destinations=tuple(DestinationSpec(**item.model_dump()) for item in document.destinations),
        tool_version=document.tool_version,
        git=document.git,
        ci=document.ci,
    )


def plan_schema() -> dict[str, object]:
    """Return the JSON Schema of the saved plan, for readers: fields may be added within major version 1."""
    return _schema(PlanDocument)


def report_schema() -> dict[str, object]:
    """Return the JSON Schema of the report, for readers: fields may be added within major version 1."""
    return _schema(Report)


class _Head(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    format: str
    format_version: str


def _parse(path: Path) -> PlanDocument:
    try:
        content = read_regular(path, MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read the plan {path}: {error.strerror or error}", hint=_AGAIN) from error
    if len(content) > MAX_BYTES:
        raise InputError(f"{path} is larger than the {MAX_BYTES // 1024**2} MiB a saved plan may have", hint=_AGAIN)
    try:
        head = _Head.model_validate_json(content)
    except ValidationError:
        raise InputError(f"{path} is not a saved plan", hint=_AGAIN) from None
    if head.format != "publisher/plan":
        raise InputError(f"{path} is not a saved plan but a document of another format", hint=_AGAIN)
    if head.format_version != FORMAT_VERSION:
        raise InputError(
            f"{path} has a plan format that this version does not read (it reads {FORMAT_VERSION})",
            hint="apply the plan with the version that made it, or make a new plan with this one",
        )
    try:
        return PlanDocument.model_validate_json(content)
    except ValidationError as error:
        raise InputError(f"{path} is damaged or was edited: {_first_problem(error)}", hint=_AGAIN) from None


def _first_problem(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    place = ".".join(str(part) for part in problems[0]["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place + ': ' if place else ''}{problems[0]['msg'].removeprefix('Value error, ')}{more}"


def _schema(model: type[BaseModel]) -> dict[str, object]:
    """Return the schema of what is written, opened for fields that a later minor version adds."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | _opened(
        model.model_json_schema(mode="serialization")
    )


def _opened(schema: dict[str, object]) -> dict[str, object]:
    closed = {"additionalProperties": False}.items()
    return {
        name: _opened(value) if isinstance(value, dict) else value
        for name, value in schema.items()
        if (name, value) not in closed
    }
