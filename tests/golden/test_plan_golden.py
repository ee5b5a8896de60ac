"""What the plan looks like: on terminals, in a pipe, in a comment, in a file."""

from __future__ import annotations

import io

from publisher.plan import Plan
from publisher.planfile import plan_json
from publisher.views.markdown import plan_markdown
from publisher.views.plan_table import render_plan
from publisher.views.printing import human_printer
from tests.golden import sample
from tests.golden.golden import check


def drawn(plan: Plan, *, width: int, is_terminal: bool) -> str:
    stream = io.StringIO()
    environment = {"NO_COLOR": "1", "TERM": "xterm"}
    printer = human_printer(stream, is_terminal=is_terminal, environment=environment, width=width)
    render_plan(plan, printer)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def test_a_wide_terminal_shows_a_table() -> None:
    """On a wide terminal the plan is one table with numbers aligned, and blocked rows are explained below it."""
    check("plan-wide.txt", uncoloured(drawn(sample.plan(), width=130, is_terminal=True)))


def test_a_narrow_terminal_shows_two_lines_a_row() -> None:
    """At 40 columns no id is cut; the facts stand below it."""
    check("plan-40-columns.txt", uncoloured(drawn(sample.plan(), width=40, is_terminal=True)))


def test_a_pipe_gets_aligned_text() -> None:
    """In a pipe the plan is aligned text without escape sequences, whatever the width."""
    text = drawn(sample.plan(), width=40, is_terminal=False)
    assert "\x1b" not in text
    check("plan-piped.txt", text)


def test_an_offline_plan_says_that_nobody_was_asked() -> None:
    """A plan made offline says that no destination was asked, and quotes the manifest's path for the shell."""
    check("plan-offline.txt", drawn(sample.offline_plan(), width=80, is_terminal=False))


def test_a_comment_gets_a_markdown_table() -> None:
    """The Markdown form has a row an artifact and explains what is blocked."""
    check("plan.md", plan_markdown(sample.plan()))


def test_the_saved_plan_is_stable() -> None:
    """The document of a saved plan changes only on purpose."""
    check("plan.json", plan_json(sample.saved_plan()))


def uncoloured(text: str) -> str:
    """Drop what NO_COLOR leaves: bold and dim."""
    for sequence in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        text = text.replace(sequence, "")
    assert "\x1b" not in text
    return text
