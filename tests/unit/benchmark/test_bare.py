"""The bare requests are those of a publish: the comparison with them would be worth nothing otherwise."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.benchmark.baselines.bare import LIST_EVERY
from tests.benchmark.fleet import Fleet, fleet_settings
from tests.benchmark.sink.s3 import S3Sink
from tests.benchmark.sink.wire import Answer, Request, WireServer
from tests.support.admin_api import AdminApi
from tests.support.command import command

COUNT = 2 * LIST_EVERY
_HEX = re.compile(r"[0-9a-f]{32}")


class Counted:
    """A sink and a registry, which note what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: Counter[str] = Counter()
        self._sink = S3Sink()
        self._server = WireServer(self._answer)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._api = AdminApi().start()
        self._api.behaviour.lookup = "list"
        self.fleet = Fleet(folder, fleet_settings(f"http://127.0.0.1:{self._server.port}", "bench", self._api.url))

    def _answer(self, request: Request) -> Answer:
        kind = re.search(r"/(\.publish/[a-z]+|dev)/", request.path)
        if kind:
            conditions = " once" if "if-none-match" in request.headers else ""
            signed = "" if request.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD" else " unsigned"
            self.asked[f"{request.method} {kind[1]}{conditions}{signed}"] += 1
        return self._sink.answer(request)

    def run(self, arguments: Sequence[str]) -> Counter[str]:
        """Run a command; return what it asked."""
        self.asked.clear()
        self._api.recorded.clear()
        subprocess.run(arguments, env=self.fleet.environment, cwd=self.fleet.folder, check=True, capture_output=True)
        return self.asked + Counter(f"{request.method} rows" for request in self._api.recorded)

    def close(self) -> None:
        self._server.close()
        self._api.stop()


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    servers = Counted(tmp_path)
    yield servers
    servers.close()


def test_the_same_requests_are_those_of_a_publish(counted: Counted, tmp_path: Path) -> None:
    """Methods, kinds of objects, conditions and signed digests agree, but for the claim, which this store needs not."""
    files = []
    for number in range(COUNT):
        files.append(tmp_path / f"{number}.bin")
        files[-1].write_bytes(bytes([number]) * 65536)
    counted.fleet.warm_up()

    ours = counted.run([*command("apply", counted.fleet.manifest(files, name="ours")), "--quiet"])
    bare = counted.run([sys.executable, "-m", "tests.benchmark.baselines.bare", "bare", str(COUNT), "65536", "same"])

    assert bare.pop("PUT .publish/claims once") == COUNT
    assert bare.pop("GET rows") == COUNT // LIST_EVERY
    assert 2 <= ours.pop("GET rows") <= COUNT + 1
    assert bare == ours


def test_the_least_requests_are_three(counted: Counted) -> None:
    """Without any proof there are a PUT, a HEAD and a POST for each artifact."""
    bare = counted.run([sys.executable, "-m", "tests.benchmark.baselines.bare", "bare", "3", "4096", "least"])

    assert bare == {"PUT dev once": 3, "HEAD dev": 3, "POST rows": 3}
