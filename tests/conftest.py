"""Loads the fixtures of the real servers; each lives in a module of its own."""

from __future__ import annotations

import signal

# A job in the background of a script ignores SIGINT, one under nohup SIGHUP, and so would all that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

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
