"""Which refusals mean "there is one already": four shapes, of four generations of servers, and nothing else."""

from __future__ import annotations

import pytest

from publisher.destinations.arkindex.answers import Duplicate, as_id, duplicate_of, id_in, version_in
from publisher.destinations.arkindex.api import Reply
from publisher.destinations.arkindex.values import Mode, Version
from publisher.errors import ProtocolError

ID = "01b0f0fc-7d3a-4a0b-8d7b-3f0f8a3a5a11"
EXISTS = "A worker version already exists on this revision and this worker slug."
UNIQUE = {"attr": None, "code": "unique", "detail": "A worker version already exists with this revision URL."}


@pytest.mark.parametrize(
    ("mode", "status", "body", "existing_id"),
    [
        (Mode.DOCKER_VERSION, 400, {"__all__": [EXISTS]}, None),
        (Mode.WORKER_VERSION, 400, {"revision_url": ["A version already exists."]}, None),
        (Mode.WORKER_VERSION, 409, {"revision_url": "already exists"}, None),
        (Mode.IMPORT, 409, {"type": "client_error", "errors": [], "existing_id": ID}, ID),
        (Mode.IMPORT, 409, {"type": "client_error", "errors": [], "existing_id": None}, None),
        (Mode.IMPORT, 409, {"type": "client_error", "errors": [], "existing_id": "../../users/"}, None),
        (Mode.IMPORT, 400, {"type": "validation_error", "errors": [UNIQUE]}, None),
    ],
)
def test_each_shape_of_a_duplicate_is_known(
    mode: Mode, status: int, body: dict[str, object], existing_id: str | None
) -> None:
    """Every generation's answer to a duplicate is one, with the id where it says one that may stand in a path."""
    assert duplicate_of(Reply(status, body), mode) == Duplicate(existing_id)


@pytest.mark.parametrize(
    ("mode", "status", "body"),
    [
        (Mode.DOCKER_VERSION, 400, {"__all__": ["The image does not exist."]}),
        (Mode.DOCKER_VERSION, 400, {"revision_url": ["already exists"]}),
        (Mode.DOCKER_VERSION, 409, {"existing_id": ID}),
        (Mode.DOCKER_VERSION, 201, {"__all__": [EXISTS]}),
        (Mode.WORKER_VERSION, 400, {"docker_image_iid": ["already exists"]}),
        (Mode.WORKER_VERSION, 400, {"__all__": [EXISTS]}),
        (Mode.IMPORT, 400, {"errors": [UNIQUE | {"code": "invalid"}]}),
        (Mode.IMPORT, 400, {"errors": [UNIQUE | {"detail": "tag"}]}),
        (Mode.IMPORT, 400, {"existing_id": ID}),
        (Mode.IMPORT, 409, {"detail": "conflict"}),
        (Mode.IMPORT, 409, ["already exists"]),
        (Mode.IMPORT, 409, None),
        (Mode.IMPORT, 500, {"existing_id": ID}),
    ],
)
def test_any_other_refusal_is_no_duplicate(mode: Mode, status: int, body: object) -> None:
    """A refusal of another kind, or of another mode, is never taken for "already registered"."""
    assert duplicate_of(Reply(status, body), mode) is None


@pytest.mark.parametrize("document", [None, [], {}, {"id": 7}, {"id": ""}, {"id": "a/b"}, {"id": "x" * 65}])
def test_an_answer_without_an_id_is_not_understood(document: object) -> None:
    """An id becomes part of a path: what could lead elsewhere is no id."""
    with pytest.raises(ProtocolError):
        id_in(document)


def test_what_a_server_does_not_tell_is_not_made_up() -> None:
    """A label that is not named is not known, one that is null is not set."""
    version = version_in({"id": ID, "branch": None, "docker_image_iid": 7, "revision_url": ""})

    assert version == Version(ID, revision_url=None, image=None, labels={"branch": None})
    assert as_id(ID) == ID
