"""What the end of a run looks like: for a person, as JSON, as Markdown, as JUnit XML."""

from __future__ import annotations

import io

from publisher.errors import SettingsError
from publisher.report import Report, failed_report
from publisher.views.junit import junit_xml
from publisher.views.markdown import report_markdown
from publisher.views.printing import human_printer
from publisher.views.report_summary import render_report
from tests.golden import sample
from tests.golden.golden import check


def summarised(report: Report) -> str:
    stream = io.StringIO()
    printer = human_printer(stream, is_terminal=False, environment={}, width=80)
    render_report(report, printer, report_path="publish-report.json")
    return stream.getvalue()


def test_the_report_is_stable() -> None:
    """The report's JSON changes only on purpose: names are append-only."""
    check("report.json", sample.report().to_json())


def test_the_summary_names_what_needs_attention() -> None:
    """The summary shows failures with message and hint, then what to do, then what happened."""
    check("summary.txt", summarised(sample.report()))


def test_the_summary_of_a_clean_run_is_one_line() -> None:
    """Where nothing needs attention, one line says what happened."""
    check("summary-clean.txt", summarised(sample.clean_report()))


def test_the_summary_of_a_run_without_a_plan_shows_its_error() -> None:
    """A run that ended before there was a plan shows why."""
    error = SettingsError("S3_ENDPOINT and S3_BUCKET are not set", hint="set them, or rehearse with --local")
    report = failed_report(error, manifest_path="manifests/release.yaml", run=sample.run_info(), seconds=0.0)
    check("summary-no-plan.txt", summarised(report))
    check("report-no-plan.md", report_markdown(report))
    check("junit-no-plan.xml", junit_xml(report))


def test_a_job_summary_gets_markdown() -> None:
    """The Markdown form has a row an artifact, what failed, and the counts."""
    check("report.md", report_markdown(sample.report()))


def test_a_test_report_gets_a_case_an_artifact() -> None:
    """JUnit: published passes, skipped is skipped, blocked is a failure, failed and cancelled are errors."""
    check("junit.xml", junit_xml(sample.report()))
