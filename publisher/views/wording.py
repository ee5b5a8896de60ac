"""How a state is said in one line, the same in every view: marks, styles and sentences for outcomes and retries."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.events import Retrying
from publisher.model import Outcome, Status
from publisher.plan import Action
from publisher.views.text import duration_text, safe_text, size_text


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign for a terminal, its ASCII twin, and a rich style."""

    sign: str
    ascii: str
    style: str


STATUS_MARKS: dict[Status, Mark] = {
    Status.PUBLISHED: Mark("✓", "+", "green"),
    Status.ADOPTED: Mark("✓", "+", "green"),
    Status.SKIPPED: Mark("-", "-", "dim"),
    Status.FAILED: Mark("✗", "x", "bold red"),
    Status.BLOCKED: Mark("!", "!", "bold yellow"),
    Status.CANCELLED: Mark("■", "o", "yellow"),
}

ACTION_STYLES: dict[Action, str] = {
    Action.CREATE: "green",
    Action.FINISH: "cyan",
    Action.SKIP: "dim",
    Action.BLOCKED: "bold yellow",
}


def outcome_text(outcome: Outcome) -> str:
    """Say how one artifact ended, without its id: `published, 1.2 MiB sent in 0.8 s`."""
    match outcome.status:
        case Status.PUBLISHED | Status.ADOPTED:
            sent = f", {size_text(outcome.uploaded_bytes)} sent" if outcome.uploaded_bytes else ""
            took = f" in {duration_text(outcome.seconds['total'])}" if "total" in outcome.seconds else ""
            return f"{outcome.status}{sent}{took}"
        case Status.SKIPPED:
            return f"skipped, {outcome.reason}"
        case Status.FAILED | Status.BLOCKED | Status.CANCELLED:
            why = f": {safe_text(outcome.failure.message)}" if outcome.failure else ""
            return f"{outcome.status}, {safe_text(outcome.reason)}{why}"


def retry_text(event: Retrying) -> str:
    return f"trying again in {duration_text(event.wait_s)} (attempt {event.attempt}): {safe_text(event.why)}"
