"""The protocols that everybody writes first, and that are wrong: negative controls.

A checker that does not reject each of them is wrong itself.
"""

from __future__ import annotations

from tests.simulation.model.environment import Protocol, Registry, Send
from tests.simulation.model.state import ANY, END, NOBODY, World, go

PUT = Send("PUT", ANY, ok="post", refused="put", timeout="put")
POST = Send("POST", ANY, ok=END, refused=END, timeout="post")


def naive(registry: Registry) -> Protocol:
    """N0: look up, upload, register."""
    reg = registry.shows_row
    return Protocol({"init": lambda w, i: go(w, i, END if reg(w) else "put"), "put": PUT, "post": POST})


def head_then_skip(registry: Registry) -> Protocol:
    """N1: N0, but an object that is there is not uploaded again, and registered with the own key."""
    reg = registry.shows_row
    return Protocol(
        {
            "init": lambda w, i: go(w, i, END if reg(w) else "head"),
            "head": lambda w, i: go(w, i, "put" if w.obj == NOBODY else "post"),
            "put": PUT,
            "post": POST,
        }
    )


def lease_lock(registry: Registry) -> Protocol:
    """N2: N0 under a lock that may expire, with a second lookup while it is held."""
    reg = registry.shows_row

    def lock(world: World, number: int) -> World | None:
        return go(world._replace(claim=number), number, "recheck") if world.claim == NOBODY else None

    def unlock(world: World, number: int) -> World:
        return go(world._replace(claim=NOBODY) if world.claim == number else world, number, END)

    return Protocol(
        {
            "init": lambda w, i: go(w, i, END if reg(w) else "lock"),
            "lock": lock,
            "recheck": lambda w, i: go(w, i, "unlock" if reg(w) else "put"),
            "put": PUT,
            "post": Send("POST", ANY, ok="unlock", refused="unlock", timeout="post"),
            "unlock": unlock,
        }
    )


def register_first(registry: Registry) -> Protocol:
    """N9: register, then upload."""
    reg = registry.shows_row
    return Protocol(
        {
            "init": lambda w, i: go(w, i, END if reg(w) else "post"),
            "post": Send("POST", ANY, ok="put", refused=END, timeout="post"),
            "put": Send("PUT", ANY, ok=END, refused=END, timeout="put"),
        }
    )
