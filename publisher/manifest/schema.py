"""The shape of a whole manifest, put together from the shapes of all kinds. The JSON Schema is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, PlainValidator, TypeAdapter, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError

from publisher.manifest.shapes.arkindex import ArkindexArtifact, ArkindexFields
from publisher.manifest.shapes.base import OUR_PROBLEM, OptionalText, Strict
from publisher.manifest.shapes.conda import CondaArtifact, CondaFields
from publisher.manifest.shapes.fleet import FleetArtifact, FleetFields
from publisher.manifest.shapes.webdav import WebdavArtifact, WebdavFields

FORMAT_VERSION = "1"

SUMMARIES: Mapping[str, str] = {
    "fleet": "gzip, AES-256, object store, Resources registry",
    "conda": "packages for a conda channel, sent to its upload handler",
    "webdav": "files of any type below a WebDAV address",
    "arkindex": "worker versions of an Arkindex server",
}
"""The kinds of destination, each in a few words for an editor. A new one is also a base of `Defaults` and an entry."""


def _format_version(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise PydanticCustomError(OUR_PROBLEM, "the format version is a number: `version: 1`")
    if value != FORMAT_VERSION:
        raise PydanticCustomError(OUR_PROBLEM, "this version of publish reads manifests of format 1 only")
    return value


FormatVersion = Annotated[str, PlainValidator(_format_version), WithJsonSchema({"enum": [1, "1"]})]


class Destination(Strict):
    """Where artifacts go. Addresses and secrets are never written here: they come from the environment."""

    kind: Annotated[
        str,
        Field(description="; ".join(f"{kind}: {summary}" for kind, summary in SUMMARIES.items()) + "."),
        WithJsonSchema({"enum": list(SUMMARIES)}),
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


# A field that several kinds have is one field here: its name means the same in each.
class Defaults(FleetFields, CondaFields, WebdavFields, ArkindexFields):
    """Values for every artifact that does not give its own; a kind uses those that it has."""


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

    artifacts: list[FleetArtifact | CondaArtifact | WebdavArtifact | ArkindexArtifact] = Field(
        description=(
            "What to publish; in the report in this order. Which of the shapes an entry must have follows from the "
            "kind of its destination: an editor cannot look that up and takes any, `publish validate` checks it."
        )
    )


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest, for editors; `schemas/manifest.schema.json` is this, indented by 2."""
    schema: Mapping[str, Any] = TypeAdapter(ManifestFile).json_schema(schema_generator=GenerateJsonSchema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "Manifest of publish"}
