"""The bodies of requests, field by field as Arkindex's own client sends them. Pure.

The configuration of a worker is what its file says; description and usages are fields of their own.
"""

from __future__ import annotations

from publisher.destinations.arkindex.values import Wanted
from publisher.manifest.workers import ConfiguredWorker, DefinedWorker, Worker

Body = dict[str, object]


def docker_version(wanted: Wanted, worker: ConfiguredWorker, description: str | None) -> Body:
    """Return the body of `CreateDockerWorkerVersion`; message and author are left out where nobody knows them."""
    references = [{"type": "branch", "name": wanted.branch}] if wanted.branch else []
    references += [{"type": "tag", "name": tag} for tag in wanted.tags]
    body: Body = {} if description is None else {"worker_description": description}
    body |= {
        "docker_image_iid": wanted.image,
        "repository_url": wanted.repository_url,
        "revision_hash": wanted.revision_hash,
    }
    if wanted.message is not None:
        body["revision_message"] = wanted.message
    if wanted.author is not None:
        body["revision_author"] = wanted.author
    return body | {
        "revision_references": references,
        "worker_slug": worker.slug,
        "worker_name": worker.name,
        "worker_type": worker.type,
        "gpu_usage": worker.gpu_usage,
        "model_usage": worker.model_usage,
        "configuration": dict(worker.configuration),
    }


def worker(wanted: Wanted, found: Worker, description: str | None) -> Body:
    """Return the body of `CreateWorker`."""
    body: Body = {"name": found.name, "type": found.type, "slug": found.slug}
    body["repository_url"] = wanted.repository_url
    return body if description is None else body | {"description": description}


def version(wanted: Wanted, worker: ConfiguredWorker) -> Body:
    """Return the body of `CreateWorkerVersion`, which makes the version available at once."""
    return {
        "configuration": dict(worker.configuration),
        "revision_url": wanted.revision_url,
        "docker_image_iid": wanted.image,
        "state": "available",
        "gpu_usage": worker.gpu_usage,
        "model_usage": worker.model_usage,
        **wanted.labels,
    }


def definition(wanted: Wanted, worker: DefinedWorker) -> Body:
    """Return the body of `ImportWorkerVersion`."""
    return {
        "yaml": worker.text,
        "revision_url": wanted.revision_url,
        "docker_image_iid": wanted.image,
        **wanted.labels,
    }
