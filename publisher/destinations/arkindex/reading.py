"""From an artifact to what is wanted at the server, and from its files to the worker that is sent.

The files are read once more when a version is made, and must be those that were planned: a description or configuration
that changed in between is never sent under the commit of the plan.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from publisher.destinations.arkindex.values import Wanted
from publisher.errors import InternalError, PublisherError, SourceChangedError, SourceError
from publisher.manifest.workers import Pointer, Worker, read_configured, read_listing
from publisher.model import (
    Artifact,
    Digest,
    FileSource,
    ReadyArtifact,
    SourceFacts,
    WorkerForm,
    WorkerIdentity,
    WorkerSource,
)
from publisher.sources.facts import worker_facts
from publisher.sources.files import read_whole

LIMIT_BYTES = 1 << 20


def wanted_of(artifact: Artifact) -> Wanted:
    """Return the version that an artifact stands for; nothing is read."""
    identity, source = _of_kind(artifact)
    values = dict(source.values)
    return Wanted(
        slug=identity.slug,
        image=source.image,
        repository_url=identity.repository_url,
        revision_hash=identity.revision,
        revision_url=values.get("revision_url") or f"{identity.repository_url}/commit/{identity.revision}",
        message=values.get("revision_message"),
        author=values.get("revision_author"),
        branch=values.get("revision_branch"),
        tags=tuple(values.get("revision_tags", "").split()),
    )


def form_of(artifact: Artifact) -> WorkerForm:
    """Return how the worker's file describes it."""
    return _of_kind(artifact)[1].form


def read_worker(item: ReadyArtifact) -> tuple[Worker, str | None]:
    """Return the worker, and its description if that is a file of its own.

    Raises `SourceError`, and `SourceChangedError` if anything is not what was planned.
    """
    identity, source = _of_kind(item.artifact)
    files = [file for file in (source.config, source.description) if file is not None]
    data = [read_whole(file, limit_bytes=LIMIT_BYTES) for file in files]
    facts = [SourceFacts(len(content), Digest(hashlib.sha256(content).hexdigest())) for content in data]
    if worker_facts(source, facts) != item.source:
        raise SourceChangedError(f"{source.shown} changed since it was planned", hint="run the same command again")
    worker = _parsed(source, identity.slug, data[0])
    return worker, _text(data[1], files[1]) if source.description is not None else None


def _parsed(source: WorkerSource, slug: str, data: bytes) -> Worker:
    path, found = Path(source.config.shown), list[Worker]()
    try:
        if source.form is WorkerForm.SINGLE:
            found = [read_configured(data, path)]
        else:
            found = [item for item in read_listing(data, path).items if not isinstance(item, Pointer)]
    except PublisherError as error:
        message = error.message
        raise SourceError(f"{source.config.shown} cannot be read: {message}", hint="run `publish validate`") from None
    worker = next((worker for worker in found if worker.slug == slug), None)
    if worker is None:
        raise SourceError(f"{source.config.shown} describes no worker `{slug}`", hint="run `publish validate`")
    return worker


def _text(data: bytes, file: FileSource) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SourceError(f"{file.shown} is not UTF-8", hint="save the description as UTF-8") from None


def _of_kind(artifact: Artifact) -> tuple[WorkerIdentity, WorkerSource]:
    identity, source = artifact.identity, artifact.source
    if not isinstance(identity, WorkerIdentity) or not isinstance(source, WorkerSource):
        raise InternalError(f"{artifact.id} is no worker version")
    return identity, source
