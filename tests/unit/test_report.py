"""The report joins plan and outcomes: order, counts, exit code; written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.errors import LocalResourceError, SettingsError
from publisher.exit_codes import combine
from publisher.model import Outcome, Status
from publisher.plan import Plan
from publisher.report import Report, build_report, failed_report
from tests.golden import sample


def test_entries_stand_in_the_manifest_s_order() -> None:
    """Whatever ended first, the report has the order of the plan."""
    backwards = dict(reversed(sample.outcomes().items()))

    report = build_report(sample.plan(), backwards, run=sample.run_info(), seconds=1.0)

    assert [entry.id for entry in report.artifacts] == [str(row.id) for row in sample.plan().rows]


def test_counts_are_those_of_the_entries() -> None:
    """Every artifact is counted once, under its status."""
    summary = sample.report().summary

    counted = summary.model_dump(include={str(status) for status in Status})
    assert sum(counted.values()) == summary.total == 7
    assert counted == {"published": 1, "adopted": 1, "skipped": 1, "failed": 1, "blocked": 2, "cancelled": 1}


@pytest.mark.parametrize(
    ("codes", "signal", "code"),
    [
        ([], None, 0),
        ([0], None, 0),
        ([1, 4], None, 4),
        ([1, 6, 4], None, 4),
        ([4, 7], None, 7),
        ([7, 5, 1], None, 5),
        ([1, 6], None, 6),
        ([99], None, 1),
        ([5], 2, 130),
        ([], 15, 143),
    ],
)
def test_the_exit_code_is_the_first_that_applies(codes: list[int], signal: int | None, code: int) -> None:
    """A signal, then 5, 7, 4, 6, 1; what is not known is a failure."""
    assert combine(codes, signal=signal) == code


def test_a_report_reads_back() -> None:
    """The document is what the Python API returns."""
    report = sample.report()

    assert Report.model_validate_json(report.to_json()) == report
    assert report.artifact("fleet:dev/loader/arm64/2026-04-15").status is Status.SKIPPED
    with pytest.raises(KeyError):
        report.artifact("fleet:dev/none/arm64/1")


def test_a_report_of_nothing_is_a_report() -> None:
    """A manifest without artifacts ends well and has an empty list."""
    report = build_report(Plan("m.yaml", None, None, ()), {}, run=sample.run_info(), seconds=0.0)

    assert (report.exit_code, report.summary.total, report.artifacts) == (0, 0, [])


def test_a_run_without_a_plan_has_a_report() -> None:
    """What ended the run before there was a plan is in the report, so that no older one is taken for it."""
    error = SettingsError("S3_BUCKET is not set", hint="set it")

    report = failed_report(error, manifest_path="m.yaml", run=sample.run_info(), seconds=0.0)

    assert report.exit_code == 3
    assert report.error is not None
    assert (report.error.code, report.error.hint) == ("settings_invalid", "set it")


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """A failed write is an error, and no half of a report lies about."""
    (tmp_path / "file").write_text("old")

    with pytest.raises(LocalResourceError):
        sample.report().write(tmp_path / "file" / "report.json")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_times_are_rounded_and_utc(tmp_path: Path) -> None:
    """Durations have milliseconds, times say that they are UTC."""
    first = sample.plan().rows[0]
    plan = replace(sample.plan(), rows=(first,))
    outcome = Outcome(Status.PUBLISHED, "not_registered", seconds={"total": 1 / 3})
    path = tmp_path / "deep" / "report.json"

    build_report(plan, {str(first.id): outcome}, run=sample.run_info(), seconds=1 / 3).write(path)

    document = json.loads(path.read_text())
    assert document["artifacts"][0]["seconds"] == {"total": 0.333}
    assert document["run"]["started_at"] == "2026-04-15T12:00:00Z"
