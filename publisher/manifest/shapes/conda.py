"""The shape of an entry for a conda channel: package files, and what they have to say of themselves."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from publisher.manifest.shapes.base import CommonFields, FileSources, OptionalText, one_source


class CondaFields(CommonFields):
    """What may stand in `defaults`, too."""

    subdir: OptionalText = Field(
        default=None,
        description="The platform. Without it: the folder the file is in, if it is one, else what the package says.",
        examples=["noarch", "linux-64"],
    )


class CondaArtifact(FileSources, CondaFields):
    """One entry for a conda channel: a package, or several by `matrix` or `files`."""

    model_config = ConfigDict(json_schema_extra=one_source("file", "files"))

    name: OptionalText = Field(default=None, description="The package has to have this name; a check, never a change.")
    version: OptionalText = Field(default=None, description="The package has to have this version.")
    build: OptionalText = Field(default=None, description="The package has to have this build.")
