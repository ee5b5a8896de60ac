"""What must not outlive the process is ended once: by its own block, or by whoever leaves in a hurry."""

from __future__ import annotations

import pytest

from publisher.leftovers import end_leftovers, ended_at_last


def test_each_is_ended_by_its_block() -> None:
    """The end of the block ends it, also after an error, and leaves nothing for later."""
    ended: list[str] = []

    with pytest.raises(ValueError, match="broken"), ended_at_last(lambda: ended.append("it")):
        raise ValueError("broken")
    end_leftovers()

    assert ended == ["it"]


def test_a_hurried_end_goes_backwards_and_on_after_errors() -> None:
    """What was made last is ended first, an error does not keep the others, and the blocks end nothing twice."""
    ended: list[str] = []

    def fail() -> None:
        raise OSError("busy")

    with (
        ended_at_last(lambda: ended.append("folder")),
        ended_at_last(fail),
        ended_at_last(lambda: ended.append("child")),
    ):
        end_leftovers()
        assert ended == ["child", "folder"]

    assert ended == ["child", "folder"]
