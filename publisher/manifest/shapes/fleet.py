"""The shape of an entry for the fleet: four names, a compression, and a file or an image."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from publisher.manifest.shapes.base import (
    REFERENCE_PATTERN,
    CommonFields,
    FileSources,
    OptionalText,
    one_source,
)

CompressionText = Annotated[
    str | None,
    WithJsonSchema({"anyOf": [{"enum": ["fast", "best", "none"]}, {"type": "string", "pattern": REFERENCE_PATTERN}]}),
]


class FleetFields(CommonFields):
    """The names of an artifact of the fleet, and how it is made; each may stand in `defaults`."""

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


class FleetArtifact(FileSources, FleetFields):
    """One entry for the fleet: an artifact, or several by `matrix` or `files`."""

    model_config = ConfigDict(json_schema_extra=one_source("file", "files", "image"))

    image: OptionalText = Field(
        default=None,
        description="A Docker image, published as the archive that `docker load` reads: name:tag of the local engine, "
        "docker://name:tag of a registry, oci:folder:tag, oci-archive:file:tag or docker-archive:file.",
        examples=["loader:arm64", "docker://registry.example.com/group/loader:1.4"],
    )
