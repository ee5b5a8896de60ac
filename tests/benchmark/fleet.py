"""A fleet to publish to: servers in processes of their own, settings, manifests, and the real command.

Every measured run has names of its own, so that nothing is there yet; what a probe found out is remembered from a run
before, as it is on a machine that publishes more than once a week.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from tests.benchmark.measuring import Run, cpu_of, measure
from tests.support.admin_api import LIST_PATH, TOKEN
from tests.support.command import PROJECT, bare_environment, command
from tests.support.programs import Server
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

RECOVERY_KEY = "cmVjb3Zlcnkga2V5IG9mIHRoZSB0ZXN0cywgMzIgYnk="

_numbers = itertools.count(1)


def fresh_name(stem: str) -> str:
    """Return a resource name that no earlier run used."""
    return f"{stem}-{next(_numbers)}"


@dataclass(frozen=True)
class Fleet:
    """Where to publish, and a folder in which to do it."""

    folder: Path
    settings: Mapping[str, str]
    servers: Mapping[str, Server] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**bare_environment(self.folder, self.settings), "PYTHONPATH": str(PROJECT)}

    def run(self, arguments: Sequence[str], extra: Mapping[str, str] | None = None) -> Run:
        return measure(arguments, environment={**self.environment, **(extra or {})}, folder=self.folder)

    def publish(self, verb: str, manifest: Path, *options: str) -> Run:
        """Measure `publish plan|apply` as a CI job runs it: no terminal, a report at the end."""
        return self.run([*command(verb, manifest), "--quiet", *options])

    def manifest(self, files: Sequence[Path], *, name: str, compression: str = "fast") -> Path:
        """Write a manifest of one artifact for each file."""
        lines = ["version: 1", "destinations: {fleet: {kind: fleet}}"]
        lines += ["defaults: {destination: fleet, dev_stage: dev, architecture: arm64, version: 1}", "artifacts:"]
        for number, path in enumerate(files):
            shown = path.relative_to(self.folder)
            lines.append(f"  - {{resource_name: {name}-{number}, file: {shown}, compression: {compression}}}")
        path = self.folder / f"{name}.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def cpu_s(self) -> float:
        """Return what the servers have used so far."""
        return sum(cpu_of(server.process.pid) for server in self.servers.values())

    def forget_rows(self) -> None:
        """Empty the registry of the tests: a list of the rows of all runs before would slow down the later ones."""
        body = json.dumps({"forget": True}).encode()
        with urlopen(Request(f"{self.settings['ADMIN_API_URL']}/_control", body), timeout=60) as answer:
            answer.read()

    def warm_up(self) -> None:
        """Publish something small: the store is probed, and Python's files are in the page cache."""
        small = self.folder / "small.bin"
        small.write_bytes(b"small")
        self.publish("apply", self.manifest([small], name=fresh_name("warm-up")))


@contextmanager
def sink_fleet(folder: Path) -> Iterator[Fleet]:
    """Run a fleet whose store keeps nothing large, and whose registry is the admin API of the tests."""
    with ExitStack() as stack:
        sink, endpoint = stack.enter_context(printing_server("tests.benchmark.sink", folder=folder))
        registry, url = stack.enter_context(
            printing_server("tests.support.admin_api", "--lookup", "list", folder=folder)
        )
        fleet = Fleet(folder, fleet_settings(endpoint, "bench", url), {"sink": sink, "registry": registry})
        fleet.warm_up()
        yield fleet


def fleet_settings(endpoint: str, bucket: str, registry_url: str) -> dict[str, str]:
    return {
        "S3_ENDPOINT": endpoint,
        "S3_BUCKET": bucket,
        "S3_ACCESS_KEY": ACCESS_KEY,
        "S3_SECRET_KEY": SECRET_KEY,
        "ADMIN_API_URL": registry_url,
        "ADMIN_API_TOKEN": TOKEN,
        "ADMIN_API_LOOKUP": "list",
        "ADMIN_API_LOOKUP_PATH": LIST_PATH,
        "PUBLISH_RECOVERY_KEY": RECOVERY_KEY,
    }


@contextmanager
def printing_server(module: str, *arguments: str, folder: Path) -> Iterator[tuple[Server, str]]:
    """Start a Python module that prints its URL first, and stop it at the end."""
    log = folder / f"{module}.log"
    log.unlink(missing_ok=True)
    server = Server(
        [sys.executable, "-m", module, *arguments],
        log=log,
        env={"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
    )
    try:
        server.wait_until(lambda: log.read_text().endswith("\n"))
        yield server, log.read_text().splitlines()[0]
    finally:
        server.stop()


def python(module: str, *arguments: str | Path) -> list[str]:
    """Return the command that runs a module of the benchmark."""
    return [sys.executable, "-m", module, *map(str, arguments)]
