"""The report as JUnit XML, for CI systems that show test results: one test case an artifact.

published, adopted -> passed; skipped (already registered) -> `skipped`; blocked (a person must decide) -> `failure`;
failed, cancelled -> `error`, so that a stopped release is never green; a run that ended before there was a plan is one
more case with an `error`. Written with the standard library: the
libraries for this format are unmaintained or leave characters in the text that XML forbids.
"""

from __future__ import annotations

from typing import assert_never
from xml.etree import ElementTree as ET

from publisher.model import Status
from publisher.report import ArtifactReport, ErrorInfo, Report
from publisher.views.error_lines import error_lines
from publisher.views.text import safe_lines, safe_text


def junit_xml(report: Report) -> str:
    """Return the document, UTF-8 declared, ending in a line break."""
    summary = report.summary
    counts = {
        "tests": str(summary.total + bool(report.error)),
        "failures": str(summary.blocked),
        "errors": str(summary.failed + summary.cancelled + bool(report.error)),
        "skipped": str(summary.skipped),
        "time": f"{summary.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "publish", **counts})
    started = report.run.started_at.replace(microsecond=0, tzinfo=None).isoformat()
    suite = ET.SubElement(root, "testsuite", {"name": safe_text(report.manifest.path), **counts, "timestamp": started})
    if report.error:
        case = ET.SubElement(suite, "testcase", {"classname": "publish", "name": "the whole run"})
        _add_problem(case, "error", kind=report.error.code, error=report.error)
    for entry in report.artifacts:
        _add_case(suite, entry, manifest_path=report.manifest.path)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def _add_case(suite: ET.Element, entry: ArtifactReport, *, manifest_path: str) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": safe_text(entry.destination),
            "name": safe_text(entry.id),
            "time": f"{entry.seconds.get('total', 0.0):.3f}",
            "file": safe_text(manifest_path),
            "line": str(entry.line),
        },
    )
    match entry.status:
        case Status.PUBLISHED | Status.ADOPTED:
            return
        case Status.SKIPPED:
            ET.SubElement(case, "skipped", {"message": safe_text(entry.reason)})
        case Status.BLOCKED:
            _add_problem(case, "failure", kind=entry.reason, error=entry.error)
        case Status.FAILED | Status.CANCELLED:
            _add_problem(case, "error", kind=entry.reason, error=entry.error)
        case _:
            assert_never(entry.status)


def _add_problem(case: ET.Element, tag: str, *, kind: str, error: ErrorInfo | None) -> None:
    message = error.message if error else kind
    problem = ET.SubElement(case, tag, {"type": safe_text(kind), "message": safe_text(message)})
    problem.text = "\n".join(error_lines(error) if error else safe_lines(kind))
