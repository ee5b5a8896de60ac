"""What the shapes of all kinds share: text fields, sources, the matrix, and checking without showing input.

Only the kind of each problem and its path leave this room: pydantic's messages quote what they reject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

OUR_PROBLEM = "publisher"

# An editor reads 1.10 as a number and `no` as a boolean; for us both are the text as written.
TEXT_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"]}
REFERENCE_PATTERN = r"\$\{"


def _expect(value: object) -> int | dict[str, tuple[str, ...]]:
    if isinstance(value, dict) and value:
        lists = {name: tuple(texts) for name, texts in value.items() if isinstance(texts, list) and texts}
        if len(lists) == len(value) and all(isinstance(text, str) for texts in lists.values() for text in texts):
            return lists
    if isinstance(value, str) and value.isascii() and value.isdigit() and 1 <= len(value) <= 6 and int(value) > 0:
        return int(value)
    raise PydanticCustomError(OUR_PROBLEM, "expected a number of files from 1, or the values of each capture as lists")


Text = Annotated[str, WithJsonSchema(TEXT_SCHEMA)]
OptionalText = Annotated[str | None, WithJsonSchema(TEXT_SCHEMA)]
OptionalPath = Annotated[str | None, WithJsonSchema({"type": "string"})]
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
                    "additionalProperties": {"type": "array", "minItems": 1, "items": TEXT_SCHEMA},
                },
            ]
        }
    ),
]


def without_null(schema: dict[str, Any]) -> None:
    """Say what may be written: no field of a manifest is null, it is absent."""
    for described in schema.get("properties", {}).values():
        if described.get("default", ...) is None:
            del described["default"]
        described.pop("title", None)
        match described.get("anyOf"):
            case [{"$ref": reference}, {"type": "null"}]:
                del described["anyOf"]
                described["$ref"] = reference


class Strict(BaseModel):
    """No unknown keys, no conversion, no change after reading, no input in messages."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra=without_null,
        # Many are bases, or shapes of kinds that a manifest does not use: none is compiled before it is needed.
        defer_build=True,
    )


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


class CommonFields(Strict):
    """What an entry of every kind may say, and `defaults` too."""

    destination: OptionalText = Field(
        default=None, description="One of the destinations above. Not needed where there is only one."
    )


class FileSources(Strict):
    """Where the files of an entry are: one by `file`, or several artifacts by `files` and `matrix`."""

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


def one_source(*names: str) -> Callable[[dict[str, Any]], None]:
    """Return what tells an editor that exactly one of these fields is written, and `expect` beside `files` only."""

    def require(schema: dict[str, Any]) -> None:
        without_null(schema)
        schema["oneOf"] = [{"required": [name]} for name in names]
        schema["dependentRequired"] = {"expect": ["files"]}

    return require


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
