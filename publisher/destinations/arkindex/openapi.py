"""The server's OpenAPI document: where its operations are. Pure: one JSON document in, operations out.

Paths are no part of the contract, only the names of operations are; so an operation that is not in the document cannot
be called. A document comes from the server and is not trusted: nothing in it can send a token to another host.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from publisher.errors import CapabilityError, ProtocolError

_METHODS = ("get", "post", "put", "patch", "delete")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]|\{[A-Za-z_][A-Za-z0-9_]*\})+)+/?")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` is absolute below the host, with parameters in braces; `query` are the parameters it may be asked with."""

    name: str
    method: str
    path: str
    query: frozenset[str] = frozenset()

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.path))

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the path for these parameters, each one segment. Raises KeyError for one that is not given."""
        return _PARAMETER.sub(lambda found: quote(values[found[1]], safe=""), self.path)


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of one server by their name, of those this program knows."""

    by_name: Mapping[str, Operation]

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def require(self, names: Collection[str], what: str) -> None:
        """Raise `CapabilityError` unless all are there; `what` says what they are needed for."""
        missing = [name for name in names if name not in self]
        if missing:
            raise CapabilityError(
                f"this server cannot {what}: it does not offer {', '.join(missing)}",
                hint="publish by another mode (ARKINDEX_MODE), with the configuration file that belongs to it",
            )


def read_operations(document: object, known: Mapping[str, Collection[str]]) -> Operations:
    """Return the `known` operations that a document offers; `known` maps each to the path parameters it must have.

    Raises `ProtocolError` for what is no OpenAPI document, and for a known operation that is offered twice, at another
    server, or in a way that cannot be called.
    """
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict) or "openapi" not in document:
        raise ProtocolError(
            "what the server sent is no OpenAPI document",
            hint="is ARKINDEX_API_URL the address of an Arkindex server, and nothing but it in between?",
        )
    found: dict[str, Operation] = {}
    for path, item in document["paths"].items():
        for method, described in item.items() if isinstance(item, dict) else ():
            name = described.get("operationId") if isinstance(described, dict) else None
            if method not in _METHODS or not isinstance(name, str) or name not in known:
                continue
            if name in found:
                raise _unusable(name, "it is there twice")
            if "servers" in described or "servers" in item:
                raise _unusable(name, "it names a server of its own, and the token is for this one only")
            if not isinstance(path, str) or not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
                raise _unusable(name, "its path is not a plain one")
            found[name] = Operation(name, method.upper(), path, _query(item) | _query(described))
            if set(found[name].parameters) != set(known[name]):
                raise _unusable(name, "its path does not have the expected parameters")
    return Operations(found)


def _query(described: Mapping[str, object]) -> frozenset[str]:
    listed = described.get("parameters")
    return frozenset(
        str(parameter["name"])
        for parameter in (listed if isinstance(listed, list) else ())
        if isinstance(parameter, dict) and parameter.get("in") == "query" and isinstance(parameter.get("name"), str)
    )


def _unusable(name: str, why: str) -> ProtocolError:
    return ProtocolError(
        f"the server's OpenAPI document offers {name} in a way that cannot be used: {why}",
        hint="set ARKINDEX_API_SCHEMA_URL to a document that is right",
    )
