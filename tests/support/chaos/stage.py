"""A stage: one fleet of real servers behind proxies, a manifest, and publishers that can be started and looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from publisher.registries.sql import SqlOptions, SqlRegistry
from publisher.stores.probe import Capabilities
from publisher.stores.probe_cache import ProbeCache
from tests.support.admin_api import LIST_PATH, TOKEN, AdminApi
from tests.support.chaos.aftermath import Expected, problems
from tests.support.chaos.cuts import CuttingPipe
from tests.support.chaos.device import broken_rows
from tests.support.chaos.forks import Child, Forks
from tests.support.chaos.messages import MessageProxy
from tests.support.command import bare_environment, read_report
from tests.support.fleets import store_settings
from tests.support.s3_servers import S3Server

RECOVERY_KEY = "cmVjb3Zlcnkga2V5IG9mIHRoZSB0ZXN0cywgMzIgYnk="
KINDS = ("list", "post", "sql")
"""An admin API with a lookup and escrow in the bucket; one without a lookup; PostgreSQL."""


@dataclass(frozen=True)
class Run:
    """A publisher that has ended."""

    code: int
    said: str
    report: dict[str, Any]

    @property
    def statuses(self) -> dict[str, str]:
        """Return the status of each artifact by its resource name."""
        return {entry["id"].split("/")[1]: entry["status"] for entry in self.report.get("artifacts", [])}

    @property
    def first(self) -> dict[str, Any]:
        """Return the report's entry of the first artifact."""
        entry: dict[str, Any] = self.report["artifacts"][0]
        return entry


@dataclass
class Stage:
    """One place to publish to. `store` and `registry` see every request; looking behind the scenes passes them by."""

    folder: Path
    sources: dict[str, bytes]
    settings: dict[str, str]
    bucket: str
    server: S3Server
    forks: Forks
    store: MessageProxy
    registry: MessageProxy | None
    api: AdminApi | None
    pipe: CuttingPipe | None
    rows: Callable[[], Sequence[Mapping[str, Any]]]
    started: int = 0
    expected: Expected = field(default_factory=Expected)
    """What may be left behind at the end."""

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.yaml"

    @property
    def logs(self) -> Path:
        """The folder beside the stage with what every library logged at DEBUG."""
        return self.folder.with_name(f"{self.folder.name}.logs")

    @property
    def canary(self) -> Path:
        """The file beside the stage with every data key that its publishers made, in hexadecimal digits."""
        return self.folder.with_name(f"{self.folder.name}.keys")

    def judge(self) -> None:
        """Fail unless all promises are kept after what happened here. Call it last."""
        broken_promises = problems(self, self.expected)
        assert not broken_promises, "\n".join(broken_promises)

    def environment(self, **changed: str) -> dict[str, str]:
        temporary = self.folder / "tmp"
        return {**bare_environment(self.folder, {**self.settings, **changed}), "TMPDIR": str(temporary)}

    def start(
        self,
        *extra: str | Path,
        source: str = "127.0.0.1",
        command: str = "apply",
        limits: Mapping[str, int] | None = None,
        **changed: str,
    ) -> Child:
        """Start a publisher of the manifest; its report and output have a number of their own."""
        report = ("--report", self.folder / f"report-{self.started + 1}.json") if command == "apply" else ()
        return self.begin(command, self.manifest, *report, *extra, source=source, limits=limits, **changed)

    def begin(
        self,
        *arguments: str | Path,
        source: str = "127.0.0.1",
        limits: Mapping[str, int] | None = None,
        **changed: str,
    ) -> Child:
        """Start any command; its output, and what libraries log, have a number of their own."""
        self.started += 1
        return self.forks.start(
            *arguments,
            environment=self.environment(**changed),
            folder=self.folder,
            output=self.folder / f"output-{self.started}.log",
            source=source,
            limits=limits,
            watched=(self.logs / f"debug-{self.started}.log", self.canary),
        )

    def end(self, child: Child, *, seconds: float = 60.0) -> Run:
        """Wait for a publisher and return how it ended, with its report if it wrote one."""
        code = child.wait(seconds)
        report = child.output.with_name(child.output.stem.replace("output", "report") + ".json")
        return Run(code, child.said, read_report(report) if report.exists() else {})

    def run(self, *extra: str | Path, command: str = "apply", **changed: str) -> Run:
        return self.end(self.start(*extra, command=command, limits=None, **changed))

    def add(self, name: str, content: bytes) -> None:
        """Add a source and its artifact, and write the manifest again."""
        self.sources[name] = content
        (self.folder / f"{name}.bin").write_bytes(content)
        self.manifest.write_text(_manifest(self.sources))

    def download(self, key: str) -> bytes:
        return self.server.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def broken(self) -> list[str]:
        return broken_rows(self.rows(), self.download, self.sources)

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.server.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return sorted(item["Key"] for item in listed)

    def objects(self) -> list[str]:
        return [key for key in self.keys() if not key.startswith(".publish/")]

    def open_uploads(self) -> list[str]:
        listed = self.server.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return [item["Key"] for item in listed]

    def temporary_files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").iterdir())

    def object_path(self, name: str) -> str:
        """Return the path of an artifact's object in requests to the store."""
        return f"/{self.bucket}/{key_of(name)}"

    def control_path(self, kind: str) -> str:
        """Return the beginning of the paths of `keys` or `receipts` in requests to the store."""
        return f"/{self.bucket}/.publish/{kind}/"

    def bodies_sent(self, name: str) -> int:
        """Return how many times the object of an artifact was sent to the store."""
        return self.store.count("PUT", self.object_path(name))


def key_of(name: str) -> str:
    return f"dev/{name}-any-1.enc"


def _manifest(names: Mapping[str, bytes]) -> str:
    entries = "".join(f"  - {{resource_name: {name}, file: {name}.bin}}\n" for name in names)
    return (
        "version: 1\ndestinations: {fleet: {kind: fleet}}\n"
        "defaults: {destination: fleet, dev_stage: dev, architecture: any, version: 1}\nartifacts:\n" + entries
    )


@contextmanager
def staged(
    kind: str,
    folder: Path,
    *,
    server: S3Server,
    capabilities: Capabilities | None,
    forks: Forks,
    database: str | None = None,
    bucket: str | None = None,
) -> Iterator[Stage]:
    """Set up a stage of one of `KINDS`, with an empty bucket (a fresh one, if none is named) and no source yet.

    Its publishers know what the store can do; without `capabilities` they have to find out, and no device can read.
    """
    (folder / "tmp").mkdir(parents=True)
    bucket = bucket or server.new_bucket()
    settings = store_settings(server, bucket, is_public=capabilities is not None)
    settings["PUBLISH_RECOVERY_KEY"] = RECOVERY_KEY
    with ExitStack() as stack:
        store = stack.enter_context(MessageProxy(urlsplit(server.endpoint).port or 0))
        options = replace(server.options(bucket), endpoint=store.url)
        if capabilities is not None:
            ProbeCache(folder / ".local" / "state" / "publisher", now=time.time).save(options, capabilities)
        settings["S3_ENDPOINT"] = store.url
        api, registry, pipe = None, None, None
        if kind == "sql":
            if database is None:
                raise ValueError("a stage with PostgreSQL needs its URL")
            pipe = stack.enter_context(CuttingPipe(urlsplit(database).port or 0, lambda _number: None))
            settings["RESOURCES_DATABASE_URL"] = database.replace(f":{urlsplit(database).port}", f":{pipe.port}")
            del settings["PUBLISH_RECOVERY_KEY"]
            tables = SqlRegistry(SqlOptions(url=database))
            tables.create_tables()
            tables.close()
            rows = _rows_of(database)
        else:
            api = AdminApi()
            stack.callback(api.stop)
            api.start()
            registry = stack.enter_context(MessageProxy(urlsplit(api.url).port or 0))
            settings |= {"ADMIN_API_URL": registry.url, "ADMIN_API_TOKEN": TOKEN}
            rows = api.rows
            if kind == "list":
                api.behaviour.lookup = "list"
                settings |= {"ADMIN_API_LOOKUP": "list", "ADMIN_API_LOOKUP_PATH": LIST_PATH}
            else:
                settings["ADMIN_API_DUPLICATE"] = "409:already exists"
        stage = Stage(folder, {}, settings, bucket, server, forks, store, registry, api, pipe, rows)
        stage.logs.mkdir()
        yield stage


def _rows_of(database: str) -> Callable[[], Sequence[Mapping[str, Any]]]:
    def rows() -> Sequence[Mapping[str, Any]]:
        with psycopg.connect(database, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM resources").fetchall()

    return rows
