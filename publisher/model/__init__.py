"""Value types that every room shares: what an artifact is, what was seen, what happened.

Standard library only, no IO. Everything here is frozen and safe to hand to another thread.
"""

from __future__ import annotations

from publisher.model.artifacts import (
    Artifact,
    ArtifactId,
    Compression,
    DestinationSpec,
    Origin,
    ReadyArtifact,
    SourceFacts,
    UnreadySource,
)
from publisher.model.digests import DataKey, Digest
from publisher.model.identities import (
    CONDA_FILENAME_PATTERN,
    CONDA_SUBDIR_PATTERN,
    MAX_OBJECT_NAME,
    NAME_PATTERN,
    VERSION_PATTERN,
    CondaIdentity,
    DavIdentity,
    FleetIdentity,
    Identity,
    WorkerIdentity,
)
from publisher.model.outcomes import (
    Certainty,
    Failure,
    ObjectFacts,
    Observation,
    Outcome,
    State,
    Status,
    failure_from,
)
from publisher.model.sources import (
    FileSetSource,
    FileSource,
    ImageSource,
    NamedFile,
    PackageSource,
    Source,
    WorkerForm,
    WorkerSource,
)

__all__ = [
    "CONDA_FILENAME_PATTERN",
    "CONDA_SUBDIR_PATTERN",
    "MAX_OBJECT_NAME",
    "NAME_PATTERN",
    "VERSION_PATTERN",
    "Artifact",
    "ArtifactId",
    "Certainty",
    "Compression",
    "CondaIdentity",
    "DataKey",
    "DavIdentity",
    "DestinationSpec",
    "Digest",
    "Failure",
    "FileSetSource",
    "FileSource",
    "FleetIdentity",
    "Identity",
    "ImageSource",
    "NamedFile",
    "ObjectFacts",
    "Observation",
    "Origin",
    "Outcome",
    "PackageSource",
    "ReadyArtifact",
    "Source",
    "SourceFacts",
    "State",
    "Status",
    "UnreadySource",
    "WorkerForm",
    "WorkerIdentity",
    "WorkerSource",
    "failure_from",
]
