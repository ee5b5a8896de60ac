"""The contract server for Arkindex, seen by Arkindex's own client: what our client finds there, that one finds, too.

The subset of operations comes from client code, not from the real server; see `tests/support/arkindex_server.py`.
"""

from __future__ import annotations

import pytest
from arkindex import ArkindexClient  # type: ignore[import-untyped] # it has no types
from arkindex.exceptions import (  # type: ignore[import-untyped] # it has no types
    ArkindexConflictError,
    ArkindexValidationError,
    ClientError,
    ErrorResponse,
    SchemaError,
)

from tests.support.arkindex_server import CSRF, IMPORT, TOKEN, WORKER_VERSION, ArkindexServer

WORKER = {"name": "W", "type": "t", "slug": "w", "repository_url": "https://gitlab.example.com/g/w", "description": "d"}
VERSION = {"configuration": {}, "revision_url": "https://x/1", "docker_image_iid": "r/w:1", "state": "available"}


def client(server: ArkindexServer, token: str = TOKEN) -> ArkindexClient:
    return ArkindexClient(token=token, base_url=server.url)


def test_the_real_client_reads_the_generated_document(arkindex: ArkindexServer) -> None:
    """The document is valid for Arkindex's own client, and offers exactly the operations of its generation."""
    real = client(arkindex)

    assert set(real.document.links) == {"CreateDockerWorkerVersion"}
    with pytest.raises(ClientError, match="not found in schema"):
        real.request("CreateWorker", body={})
    assert arkindex.recorded[0].headers.get("authorization") is None


def test_the_real_client_publishes_by_docker_version(arkindex: ArkindexServer) -> None:
    """The one call of the source document makes repository, worker and version; again it is a 400 at `__all__`."""
    body = {
        "docker_image_iid": "r/w:1",
        "repository_url": "https://gitlab.example.com/g/w",
        "revision_hash": "0" * 40,
        "revision_references": [{"type": "branch", "name": "main"}],
        "worker_slug": "w",
        "configuration": {"slug": "w"},
    }
    real = client(arkindex)

    made = real.request("CreateDockerWorkerVersion", body=body)

    assert made["id"] in arkindex.versions
    with pytest.raises(ErrorResponse) as caught:
        real.request("CreateDockerWorkerVersion", body=body)
    assert caught.value.status_code == 400
    assert "already exists" in caught.value.content["__all__"][0]


def test_the_real_client_publishes_by_worker_and_version(arkindex: ArkindexServer) -> None:
    """A worker is made once, a version once a revision, and its labels are changed in place."""
    arkindex.clone_behaviour(operations=WORKER_VERSION)
    real = client(arkindex)

    worker, again = real.request("CreateWorker", body=WORKER), real.request("CreateWorker", body=WORKER)
    version = real.request("CreateWorkerVersion", id=worker["id"], body=VERSION | {"branch": "main"})
    with pytest.raises(ErrorResponse) as caught:
        real.request("CreateWorkerVersion", id=worker["id"], body=VERSION)
    real.request("PartialUpdateWorkerVersion", id=version["id"], body={"tag": "v1"})

    assert worker == again
    assert "already exists" in caught.value.content["revision_url"][0]
    assert real.request("RetrieveWorkerVersion", id=version["id"])["tag"] == "v1"
    assert arkindex.recorded[-2].headers["x-csrftoken"] == CSRF


def test_the_real_client_reads_every_page(arkindex: ArkindexServer) -> None:
    """A list of more than one page is complete for a client that follows pages."""
    arkindex.clone_behaviour(operations=WORKER_VERSION)
    real = client(arkindex)
    worker = real.request("CreateWorker", body=WORKER)
    for number in range(7):
        body = VERSION | {"revision_url": f"https://x/{number}"}
        real.request("CreateWorkerVersion", id=worker["id"], body=body)

    listed = list(real.paginate("ListWorkerVersions", id=worker["id"]))

    assert [version["revision_url"][-1] for version in listed] == list("6543210")


@pytest.mark.parametrize(("conflict", "error"), [("409", ArkindexConflictError), ("400", ArkindexValidationError)])
def test_the_real_client_knows_a_duplicate_import(
    arkindex: ArkindexServer, conflict: str, error: type[Exception]
) -> None:
    """Both generations of a duplicate's answer are the exceptions that Arkindex's own command catches."""
    arkindex.clone_behaviour(operations=IMPORT, conflict=conflict)
    real = client(arkindex)
    worker = real.request("CreateWorker", body=WORKER)
    body = {"yaml": "slug: w", "revision_url": "https://x/1", "docker_image_iid": "r/w:1"}

    made = real.request("ImportWorkerVersion", id=worker["id"], body=body)

    with pytest.raises(error) as caught:
        real.request("ImportWorkerVersion", id=worker["id"], body=body)
    if conflict == "409":
        assert getattr(caught.value, "content", {})["existing_id"] == made["id"]


def test_the_real_client_is_refused_with_a_wrong_token(arkindex: ArkindexServer) -> None:
    """A wrong token is a 401, and an HTML page in place of the document is a schema error."""
    with pytest.raises(ErrorResponse) as caught:
        client(arkindex, "wrong").request("CreateDockerWorkerVersion", body={})
    arkindex.fail("html", on="document")

    assert caught.value.status_code == 401
    with pytest.raises(SchemaError):
        client(arkindex)
