"""The shape of a manifest as strict models: what may stand where. The JSON Schema for editors is made from them.

The only home of pydantic in this room. It refuses to show input: pydantic's messages quote what they reject, so only
the kind of each problem and its path leave this module. Meaning (names, files, variables) is judged by expansion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError

FORMAT_VERSION = "1"
OUR_PROBLEM = "publisher"

# An editor reads 1.10 as a number and `no` as a boolean; for us both are the text as written.
_TEXT_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_REFERENCE_PATTERN = r"\$\{"


def _format_version(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise PydanticCustomError(OUR_PROBLEM, "the format version is a number: `version: 1`")
    if value != FORMAT_VERSION:
        raise PydanticCustomError(OUR_PROBLEM, "this version of publish reads manifests of format 1 only")
    return value


def _expect(value: object) -> int | dict[str, tuple[str, ...]]:
    if isinstance(value, dict) and value:
        lists = {name: tuple(texts) for name, texts in value.items() if isinstance(texts, list) and texts}
        if len(lists) == len(value) and all(isinstance(text, str) for texts in lists.values() for text in texts):
            return lists
    if isinstance(value, str) and value.isascii() and value.isdigit() and 1 <= len(value) <= 6 and int(value) > 0:
        return int(value)
    raise PydanticCustomError(OUR_PROBLEM, "expected a number of files from 1, or the values of each capture as lists")


Text = Annotated[str, WithJsonSchema(_TEXT_SCHEMA)]
OptionalText = Annotated[str | None, WithJsonSchema(_TEXT_SCHEMA)]
OptionalPath = Annotated[str | None, WithJsonSchema({"type": "string"})]
FormatVersion = Annotated[str, PlainValidator(_format_version), WithJsonSchema({"enum": [1, "1"]})]
Expect = Annotated[
    int | dict[str, tuple[str, ...]] | None,
    PlainValidator(_expect),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": "^[0-9]+$"},
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"type": "array", "minItems": 1, "items": _TEXT_SCHEMA},
                },
            ]
        }
    ),
]
CompressionText = Annotated[
    str | None,
    WithJsonSchema({"anyOf": [{"enum": ["fast", "best", "none"]}, {"type": "string", "pattern": _REFERENCE_PATTERN}]}),
]


def _without_null(schema: dict[str, Any]) -> None:
    """Say what may be written: no field of a manifest is null, it is absent."""
    for described in schema.get("properties", {}).values():
        if described.get("default", ...) is None:
            del described["default"]
        described.pop("title", None)
        match described.get("anyOf"):
            case [{"$ref": reference}, {"type": "null"}]:
                del described["anyOf"]
                described["$ref"] = reference


def _one_source(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema["oneOf"] = [{"required": ["file"]}, {"required": ["files"]}]
    schema["dependentRequired"] = {"expect": ["files"]}


class Strict(BaseModel):
    """No unknown keys, no conversion, no change after reading, no input in messages."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra=_without_null,
    )


class Destination(Strict):
    """Where artifacts go. Addresses and secrets are never written here: they come from the environment."""

    kind: Annotated[
        str,
        Field(description="fleet: gzip, AES-256, object store, Resources registry."),
        WithJsonSchema({"enum": ["fleet"]}),
    ]
    env_prefix: Annotated[
        str,
        Field(
            default="",
            description="Put before the names of the settings: with EU_, S3_ENDPOINT is read from EU_S3_ENDPOINT.",
            examples=["EU_"],
        ),
        WithJsonSchema({"type": "string", "pattern": "^([A-Z][A-Z0-9_]{0,62}_)?$"}),
    ] = ""


class Matrix(Strict):
    """One artifact for each combination of the variables' values; the first variable changes slowest."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[Text]] = Field(init=False)

    include: list[dict[str, Text]] = Field(
        default_factory=list,
        description="Values added to the combinations they do not contradict; a new combination where there is none.",
    )
    exclude: list[dict[str, Text]] = Field(
        default_factory=list, description="Combinations to leave out: all those that agree with every value named."
    )


class Names(Strict):
    """The names of an artifact of the fleet, and how it is made; each may stand in `defaults`."""

    destination: OptionalText = Field(
        default=None, description="One of the destinations above. Not needed where there is only one."
    )
    resource_name: OptionalText = Field(
        default=None, description="What the devices ask for, for example detector-${matrix.variant}."
    )
    dev_stage: OptionalText = Field(default=None, description="The stage, for example dev, stage or main.")
    architecture: OptionalText = Field(default=None, description="The device's architecture, for example arm64.")
    version: OptionalText = Field(
        default=None, description="The artifact's version, kept as written: 1.10 and 2026-04-15 are text."
    )
    compression: CompressionText = Field(
        default=None,
        description="fast (the default), best (smaller, slower), or none for loaders that do not gunzip.",
    )


class Defaults(Names):
    """Values for every artifact that does not give its own."""


class FleetArtifact(Names):
    """One entry: an artifact, or several by `matrix` or `files`."""

    model_config = ConfigDict(json_schema_extra=_one_source)

    file: OptionalPath = Field(default=None, description="Path of a regular file, relative to the manifest.")
    files: OptionalPath = Field(
        default=None,
        description="A pattern, one artifact for each match: * and ? in a name, ** for folders, {name} to capture.",
        examples=["out/{model}-{arch}.trt"],
    )
    expect: Expect = Field(
        default=None,
        description="How many files `files` has to match, or the values of each capture; anything else is an error.",
    )
    matrix: Matrix | None = Field(default=None, description="Variables and their values: ${matrix.variant} and so on.")


class _Envelope(Strict):
    version: FormatVersion = Field(description="Version of the manifest format: 1.")
    release: OptionalText = Field(default=None, description="A free label, for the report.")
    destinations: dict[str, Destination] = Field(
        description="Names and kinds of the places to publish to.", min_length=1
    )
    defaults: Defaults | None = Field(default=None, description="Values for every artifact that does not give its own.")


class Envelope(_Envelope):
    """A manifest whose artifacts are read later, one by one, each by its kind's model."""

    artifacts: list[dict[str, object]]


class ManifestFile(_Envelope):
    """What to publish, and where to."""

    artifacts: list[FleetArtifact] = Field(description="What to publish; in the report in this order.")


ModelT = TypeVar("ModelT", bound=Strict)


@dataclass(frozen=True, slots=True)
class ShapeProblem:
    """`kind` is pydantic's name of the problem, or `OUR_PROBLEM` with a fixed sentence of this module."""

    path: tuple[str | int, ...]
    kind: str
    message: str


def check_shape(model: type[ModelT], data: object) -> tuple[ModelT | None, list[ShapeProblem]]:
    """Return the model, or None and every problem of shape in it. No problem holds a value of the input."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
    return None, [
        ShapeProblem(tuple(item["loc"]), item["type"], item["msg"] if item["type"] == OUR_PROBLEM else "")
        for item in found
    ]


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest, for editors; `schemas/manifest.schema.json` is this, indented by 2."""
    schema: Mapping[str, Any] = TypeAdapter(ManifestFile).json_schema(schema_generator=GenerateJsonSchema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "Manifest of publish"}
