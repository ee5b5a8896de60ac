"""Which progress view a run gets: the rule of `--progress`, and nothing about what is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO, assert_never

if TYPE_CHECKING:
    from publisher.events import Listener


class ProgressMode(StrEnum):
    AUTO = "auto"
    RICH = "rich"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


@contextlib.contextmanager
def progress_listener(
    mode: ProgressMode,
    stream: TextIO,
    *,
    is_terminal: bool,
    environment: Mapping[str, str],
    no_color: bool,
    quiet: bool,
    monotonic: Callable[[], float],
    tool_version: str,
    now: Callable[[], datetime] | None = None,
) -> Iterator[Listener]:
    """Yield the listener for `mode`; a live display is taken down when the block ends, however it ends.

    `auto` is live rows on a capable terminal outside CI, else plain lines. `rich` on a stream that cannot move a
    cursor falls back to plain lines. `quiet` silences what is for people; `json` is for programs and stays.
    `monotonic` returns seconds; `now` stamps JSON lines.
    """
    settled = settle(mode, is_terminal=is_terminal, environment=environment, quiet=quiet)
    match settled:
        case ProgressMode.NONE:
            from publisher.events import ignore

            yield ignore
        case ProgressMode.JSON:
            from publisher.views.json_lines import JsonLines

            yield JsonLines(stream, tool_version=tool_version, now=now)
        case ProgressMode.RICH:
            from publisher.views.console import human_console
            from publisher.views.rich_view import RichView

            console = human_console(stream, is_terminal=True, environment=environment, no_color=no_color)
            with RichView(console, monotonic=monotonic) as view:
                yield view
        case ProgressMode.PLAIN | ProgressMode.AUTO:
            from publisher.views.plain_view import PlainView

            yield PlainView(stream, monotonic=monotonic)
        case _:
            assert_never(settled)


def settle(mode: ProgressMode, *, is_terminal: bool, environment: Mapping[str, str], quiet: bool) -> ProgressMode:
    """Return the mode that is used: `auto` resolved, `rich` only where a cursor can move, nothing when quiet."""
    if mode in {ProgressMode.JSON, ProgressMode.NONE}:
        return mode
    if quiet:
        return ProgressMode.NONE
    if mode is ProgressMode.PLAIN or not is_terminal or environment.get("TERM", "") in {"", "dumb", "unknown"}:
        return ProgressMode.PLAIN
    in_ci = environment.get("CI", "").lower() not in {"", "0", "false"}
    return ProgressMode.PLAIN if mode is ProgressMode.AUTO and in_ci else ProgressMode.RICH
