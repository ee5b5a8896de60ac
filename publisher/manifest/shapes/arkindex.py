"""The shape of an entry for Arkindex: an image, the file that describes its workers, facts of the commit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from publisher.manifest.shapes.base import (
    OUR_PROBLEM,
    TEXT_SCHEMA,
    CommonFields,
    Matrix,
    OptionalPath,
    OptionalText,
)


def _tags(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        return tuple(value)
    raise PydanticCustomError(OUR_PROBLEM, "expected a tag, or a list of tags")


Tags = Annotated[
    str | tuple[str, ...] | None,
    PlainValidator(_tags),
    WithJsonSchema({"anyOf": [TEXT_SCHEMA, {"type": "array", "items": TEXT_SCHEMA}]}),
]


class ArkindexFields(CommonFields):
    """Where the workers are described, and what is said of the commit; each may stand in `defaults`.

    A value that is not given comes from GitLab's variables in a GitLab pipeline, else from git.
    """

    config: OptionalPath = Field(
        default=None,
        description="What describes the workers: .arkindex.yml (the default), or definitions such as arkindex/*.yml.",
        examples=[".arkindex.yml", "arkindex/*.yml"],
    )
    repository_url: OptionalText = Field(default=None, description="The http(s) address of the worker's repository.")
    revision_hash: OptionalText = Field(default=None, description="The commit, as a whole hash in lower case.")
    revision_message: OptionalText = Field(default=None, description="The commit's message.")
    revision_author: OptionalText = Field(default=None, description="The name of the commit's author.")
    revision_branch: OptionalText = Field(default=None, description="The branch of the version; empty for none.")
    revision_tags: Tags = Field(default=None, description="The tags of the version; an empty list for none.")
    revision_url: OptionalText = Field(
        default=None, description="The page of the commit; by default {repository_url}/commit/{revision_hash}."
    )


class ArkindexArtifact(ArkindexFields):
    """One entry for Arkindex: a version for each worker that its file describes."""

    image: str = Field(
        description="The Docker image's name in its registry, with its tag; it is named, never opened.",
        examples=["registry.example.com/group/worker:0.4.2"],
        json_schema_extra=TEXT_SCHEMA,
    )
    matrix: Matrix | None = Field(default=None, description="Variables and their values: ${matrix.variant} and so on.")
