"""Plan, report and errors as text for terminals, comments and test reports hold hostile text and many rows."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from publisher.errors import InputError
from publisher.model import Failure, Outcome, Status
from publisher.plan import Plan
from publisher.report import Report, build_report
from publisher.views.error_lines import error_lines
from publisher.views.junit import junit_xml
from publisher.views.listing import Line, Verdict, render_lines, render_listing
from publisher.views.markdown import MAX_CHARACTERS, escape, plan_markdown, report_markdown
from publisher.views.plan_table import render_plan
from publisher.views.printing import human_printer
from tests.golden import sample


def printed(plan: Plan, *, width: int, is_terminal: bool = True) -> str:
    stream = io.StringIO()
    printer = human_printer(stream, is_terminal=is_terminal, environment={"TERM": "dumb"}, width=width)
    render_plan(plan, printer)
    return stream.getvalue()


def hostile_report() -> Report:
    plan = replace(sample.plan(), rows=sample.plan().rows[:1])
    failure = Failure("x", sample.HOSTILE, sample.HOSTILE, False, 1)
    outcome = Outcome(Status.FAILED, sample.HOSTILE, failure=failure, notes=(sample.HOSTILE,))
    return build_report(plan, {str(plan.rows[0].id): outcome}, run=sample.run_info(), seconds=1.0)


@pytest.mark.parametrize("width", [20, 40, 80, 100, 130])
def test_ids_are_whole_at_every_width(width: int) -> None:
    """Whatever the width, each id of a plan can be found and copied in one piece."""
    text = printed(sample.plan(), width=width)

    assert all(str(row.id) in text for row in sample.plan().rows)


@pytest.mark.parametrize(("width", "is_terminal"), [(40, True), (200, True), (80, False)])
def test_a_plan_prints_hostile_text_literally(width: int, is_terminal: bool) -> None:
    """What a destination says cannot steer the terminal or be read as markup."""
    first = sample.plan().rows[4]
    row = replace(first, observation=replace(first.observation, detail=sample.HOSTILE))

    text = printed(replace(sample.plan(), rows=(row,)), width=width, is_terminal=is_terminal)

    assert "[red]x[/red]" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_an_empty_plan_says_so() -> None:
    """A manifest without artifacts has nothing to do."""
    assert printed(Plan("m.yaml", None, None, ()), width=80) == "the manifest has no artifacts: nothing to do\n"


def test_the_next_step_is_the_caller_s_command() -> None:
    """Whoever knows the command line says what to run next."""
    stream = io.StringIO()
    printer = human_printer(stream, is_terminal=False, environment={})

    render_plan(sample.offline_plan(), printer, apply_command="publish apply m.yaml --local")

    assert "run `publish apply m.yaml --local`" in stream.getvalue()


def test_markdown_escapes_everything() -> None:
    """Hostile text starts no markup, HTML, table cell or mention."""
    assert escape(sample.HOSTILE) == (
        r"\[red\]x\[/red\] \[link=http://evil\]\[2J31mevil &#124; \`a\` &lt;b&gt; @&#8203;team  next"
    )
    rows = [line for line in report_markdown(hostile_report()).splitlines() if line.startswith("| failed")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 6


def test_a_large_plan_fits_into_a_comment() -> None:
    """A plan of thousands of artifacts is shortened to what a comment holds, and says so."""
    row = sample.plan().rows[4]
    plan = replace(sample.plan(), rows=(row,) * 3000)

    text = plan_markdown(plan)

    assert len(text) <= MAX_CHARACTERS
    assert "more artifacts" in text
    assert text.endswith("**3000 blocked; see the lines above for what each blocked artifact needs**\n")


def test_junit_is_well_formed_whatever_is_in_it() -> None:
    """Characters that XML forbids do not reach the document, and its counts are those of its cases."""
    root = ET.fromstring(junit_xml(hostile_report()))

    errors = root.findall("./testsuite/testcase/error")
    assert root.get("errors") == str(len(errors)) == "1"
    assert errors[0].get("type", "").startswith("[red]x[/red]")


@pytest.mark.parametrize("status", list(Status))
def test_junit_is_red_unless_registered(status: Status) -> None:
    """Only what is registered is passed or skipped."""
    plan = replace(sample.plan(), rows=sample.plan().rows[:1])
    report = build_report(plan, {str(plan.rows[0].id): Outcome(status, "why")}, run=sample.run_info(), seconds=1.0)

    root = ET.fromstring(junit_xml(report))

    is_red = root.get("failures") != "0" or root.get("errors") != "0"
    assert is_red is (status not in {Status.PUBLISHED, Status.ADOPTED, Status.SKIPPED})


def test_an_error_is_message_and_hint() -> None:
    """An error shows what happened, then what to do; further lines are indented and safe."""
    error = InputError("two problems:\nfirst \x1b[31m", hint="fix them")

    assert error_lines(error) == ["error: two problems:", "  first [31m", "hint: fix them"]
    assert error_lines(InputError("x")) == ["error: x"]


def test_a_listing_in_a_pipe_has_words_for_marks() -> None:
    """In a pipe labels and values are aligned and marks are words."""
    stream = io.StringIO()
    lines = [
        Line("store", "reachable", Verdict.OK),
        Line("conditional writes", "ignored\nhint: use another store", Verdict.FAIL),
        Line("bucket", "[b]models[/b]\x1b"),
    ]

    render_listing("doctor", lines, human_printer(stream, is_terminal=False, environment={}))

    assert stream.getvalue() == (
        "doctor\n"
        "  ok    store               reachable\n"
        "  FAIL  conditional writes  ignored\n"
        "                            hint: use another store\n"
        "        bucket              [b]models[/b]\n"
    )


def test_rendered_lines_stay_as_they_are() -> None:
    """Lines that another room rendered keep their indentation and are made safe."""
    stream = io.StringIO()

    render_lines(
        ["error: a.yaml:3:1", "   3 | [bold]verison[/bold]\x9b", ""],
        human_printer(stream, is_terminal=False, environment={}),
    )

    assert stream.getvalue() == "error: a.yaml:3:1\n   3 | [bold]verison[/bold]\n\n"


def test_an_id_reads_the_same_everywhere() -> None:
    """The id of an artifact is the same string in every view."""
    name = str(sample.plan().rows[4].id)

    assert name in plan_markdown(sample.plan())
    assert name in report_markdown(sample.report())
    assert name in junit_xml(sample.report())
    assert name in printed(sample.plan(), width=200)
