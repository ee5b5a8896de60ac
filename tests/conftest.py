"""Loads the fixtures of the real servers; each lives in a module of its own."""

from __future__ import annotations

pytest_plugins = (
    "tests.support.s3_servers",
    "tests.support.fault_proxy",
    "tests.support.sql_servers",
    "tests.support.admin_api",
    "tests.support.arkindex_server",
    "tests.support.fleets",
    "tests.support.conda_world",
    "tests.support.registries",
    "tests.support.engines",
    "tests.support.token_service",
    "tests.support.webdav_servers",
)
