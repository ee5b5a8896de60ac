"""The stage of the fault catalogue's tests."""

from __future__ import annotations

from tests.support.chaos.fixtures import forks, open_stage, stage, used_bucket

__all__ = ["forks", "open_stage", "stage", "used_bucket"]
