"""Operations out of a server's OpenAPI document, which is not trusted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.destinations.arkindex.api import OPERATIONS
from publisher.destinations.arkindex.openapi import read_operations
from publisher.errors import CapabilityError, ProtocolError
from tests.support import arkindex_server


def document(path: str = "/api/v1/workers/{id}/versions/", method: str = "post", **extra: Any) -> dict[str, Any]:
    """Return a document of one operation."""
    described = {"operationId": "CreateWorkerVersion", **extra}
    return {"openapi": "3.0.3", "info": {}, "paths": {path: {method: described}}}


def test_known_operations_are_found_wherever_they_are() -> None:
    """An operation is found by its name; of the rest of the document nothing is read."""
    strange = document(
        "/elsewhere/{id}/v2", "put", parameters=[{"name": "page", "in": "query"}, "odd", {"in": "query"}]
    )
    strange["paths"]["/other/"] = {"get": {"operationId": "Unknown", "servers": [{"url": "https://evil.example.com"}]}}
    strange["paths"]["x-anything"] = "text"
    strange["servers"] = [{"url": "https://evil.example.com"}]

    operation = read_operations(strange, OPERATIONS).by_name["CreateWorkerVersion"]

    assert (operation.method, operation.path, operation.query) == ("PUT", "/elsewhere/{id}/v2", frozenset({"page"}))
    assert operation.filled({"id": "a/../b?c"}) == "/elsewhere/a%2F..%2Fb%3Fc/v2"


def test_every_operation_this_room_may_call_is_in_the_contract_server() -> None:
    """The contract server knows exactly the operations that may be called, with the same parameters."""
    served = arkindex_server.document_of(frozenset(arkindex_server.OPERATIONS))

    assert set(read_operations(served, OPERATIONS).by_name) == set(OPERATIONS) == set(arkindex_server.OPERATIONS)


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example.com/{id}/",
        "//evil.example.com/{id}/",
        "/api/../{id}/",
        "/api/{id}/?token=1",
        "/api/{id}/#x",
        "/a b/{id}",
        "/api\\{id}",
        "{id}",
        "/@evil.example.com/{id}",
        "/api/versions/",
        "/api/{id}/{other}/",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    """Only plain absolute paths with the expected parameters are used: a document cannot send a token away."""
    with pytest.raises(ProtocolError, match="cannot be used"):
        read_operations(document(path), OPERATIONS)


def test_an_operation_at_another_server_is_refused() -> None:
    """OpenAPI lets an operation name a server of its own; that is refused for the operations that are called."""
    with pytest.raises(ProtocolError, match="a server of its own"):
        read_operations(document(servers=[{"url": "https://evil.example.com"}]), OPERATIONS)


def test_an_operation_that_is_there_twice_is_refused() -> None:
    """Which of two would be called is not left to their order."""
    twice = document()
    twice["paths"]["/again/{id}/"] = twice["paths"]["/api/v1/workers/{id}/versions/"]

    with pytest.raises(ProtocolError, match="twice"):
        read_operations(twice, OPERATIONS)


@pytest.mark.parametrize("text", [None, [], "<html>", {}, {"paths": {}}, {"openapi": "3", "paths": []}])
def test_what_is_no_document_is_refused(text: object) -> None:
    """Anything but an OpenAPI document is an error that names the setting to look at."""
    with pytest.raises(ProtocolError) as caught:
        read_operations(text, OPERATIONS)

    assert "ARKINDEX_API_URL" in str(caught.value.hint)


json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(["CreateWorker", "operationId", "get"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["get", "post", "operationId", "/a/"]), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_document_crashes_the_reader(paths: object) -> None:
    """Whatever a document holds, it is read or refused with an error of ours."""
    try:
        found = read_operations({"openapi": "3", "paths": paths}, OPERATIONS)
    except ProtocolError:
        return
    assert all(operation.path.startswith("/") for operation in found.by_name.values())


def test_a_missing_operation_is_named() -> None:
    """What a server does not offer is said before anything is called."""
    offered = read_operations(document(), OPERATIONS)

    with pytest.raises(CapabilityError, match="it does not offer CreateWorker, ListWorkerVersions"):
        offered.require(["CreateWorker", "CreateWorkerVersion", "ListWorkerVersions"], "publish")
