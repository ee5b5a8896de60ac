"""The shape of an entry for an artifact repository: a folder there, and the files that go into it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from publisher.manifest.shapes.base import OUR_PROBLEM, CommonFields, FileSources, OptionalText, one_source


def _flag(value: object) -> bool:
    if value not in ("true", "false"):
        raise PydanticCustomError(OUR_PROBLEM, "expected `true` or `false`")
    return value == "true"


Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]


def _one_source(schema: dict[str, Any]) -> None:
    one_source("file", "files")(schema)
    schema["dependentRequired"]["together"] = ["files"]


class WebdavFields(CommonFields):
    """Where the files of an artifact go; each may stand in `defaults`."""

    path: OptionalText = Field(
        default=None,
        description="The folder at the repository, below its address: type, project and build number, for example.",
        examples=["deb/tool/${ci.pipeline_number}"],
    )


class WebdavArtifact(FileSources, WebdavFields):
    """One entry for an artifact repository: a file of any type, several, or several that are one artifact."""

    model_config = ConfigDict(json_schema_extra=_one_source)

    name: OptionalText = Field(
        default=None, description="The file's name at the repository. Without it the file keeps its own."
    )
    together: Flag = Field(
        default=False,
        description="With `files`: all matches are one artifact, which is published when all of them are.",
    )
