"""How a protocol is written as a pure generator: it yields effects, and whoever drives it sends their answers. Pure.

An effect that fails is raised into the protocol as a `PublisherError`. Each effect is one scheduling point.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from publisher.errors import PublisherError

Answer = TypeVar("Answer")
Result = TypeVar("Result")


class Effect(Generic[Answer]):
    """A request to the world whose answer has the type `Answer`."""

    __slots__ = ()


Steps = Generator[Effect[Any], Any, Result]
"""A piece of a protocol that ends with `Result`."""


def ask(effect: Effect[Answer]) -> Steps[Answer]:
    """Yield one effect and return its answer, with its type."""
    answer: Answer = yield effect
    return answer


def carry_out(steps: Steps[Result], perform: Callable[[Effect[Any]], Any]) -> Result:
    """Perform effect after effect; failures are raised into the protocol, which may settle them."""
    try:
        effect = next(steps)
        while True:
            try:
                answer = perform(effect)
            except PublisherError as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result
