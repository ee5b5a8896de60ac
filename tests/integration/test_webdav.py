"""Artifact repositories end to end: the command, nginx, a token service, and what goes wrong between them."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from publisher.cancellation import Cancellation
from publisher.manifest import load_manifest
from publisher.model import ReadyArtifact, Status
from publisher.sources.facts import facts_of
from publisher.wiring import compose
from tests.support.admin_api import AdminApi, Fault
from tests.support.canary import forms
from tests.support.command import Ended, bare_environment, command, publish, read_report, statuses
from tests.support.fault_proxy import Fault as LineFault
from tests.support.fault_proxy import FaultProxy, Kind
from tests.support.programs import free_port
from tests.support.token_service import Reply, Request, TokenService
from tests.support.webdav_servers import PASSWORD, NginxOptions, WebdavServer, ask, nginx

pytestmark = pytest.mark.tier2

TOOL = "builds:deb/tool/7/tool.deb"

ONE = """\
version: 1
destinations: {builds: {kind: webdav}}
artifacts:
  - {path: deb/tool/7, file: tool.deb}
"""

SEVERAL = """\
version: 1
destinations: {builds: {kind: webdav}}
defaults: {path: "${TYPE:-deb}/tool/${BUILD}"}
artifacts:
  - {files: "out/*.deb"}
  - {file: tool 1.0 ü.AppImage, path: "AppImage/tool/${BUILD}", name: "tool-${BUILD}.AppImage"}
  - {files: "docs/**/*", together: true, path: "docs/tool/${BUILD}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with sources for both manifests."""
    for name, content in {
        "tool.deb": b"a package",
        "out/a.deb": b"package a",
        "out/b c.deb": b"package b",
        "tool 1.0 ü.AppImage": b"an image" * 50_000,
        "docs/index.html": b"<h1>tool</h1>",
        "docs/img/logo.svg": b"<svg/>",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "one.yaml").write_text(ONE)
    (tmp_path / "several.yaml").write_text(SEVERAL)
    return tmp_path


def run(folder: Path, settings: Mapping[str, str], *arguments: str) -> Ended:
    return publish(*arguments, environment=bare_environment(folder, settings), folder=folder)


def apply(folder: Path, settings: Mapping[str, str], manifest: str = "one.yaml", *more: str) -> Ended:
    return run(folder, settings, "apply", manifest, *more)


def report(folder: Path) -> dict[str, Any]:
    return read_report(folder / "publish-report.json")


def notes(folder: Path) -> list[str]:
    """Return what the destination said at the end of the run."""
    (destination,) = report(folder)["destinations"]
    said: list[str] = destination["notes"]
    return said


def error(folder: Path) -> dict[str, Any]:
    (artifact,) = report(folder)["artifacts"]
    told: dict[str, Any] = artifact["error"]
    return told


def test_a_whole_batch_is_published_with_one_token(nginx_by_token: WebdavServer, folder: Path) -> None:
    """Files of several types, several files of one entry and a set of files go to their folders; one token is made for
    just these folders and is revoked; the next run finds everything and asks for no token."""
    tokens = nginx_by_token.tokens
    assert tokens is not None
    build = ("several.yaml", "--var", "BUILD=7")

    planned = run(folder, nginx_by_token.settings, "plan", *build)
    asked_by_plan = list(tokens.asked)
    first = apply(folder, nginx_by_token.settings, *build)
    first_report, said = report(folder), notes(folder)
    second = apply(folder, nginx_by_token.settings, *build)

    assert (planned.code, first.code, second.code) == (0, 0, 0), first.said
    assert asked_by_plan == []
    assert nginx_by_token.stored() == {
        "AppImage/tool/7/tool-7.AppImage": b"an image" * 50_000,
        "deb/tool/7/a.deb": b"package a",
        "deb/tool/7/b c.deb": b"package b",
        "docs/tool/7/img/logo.svg": b"<svg/>",
        "docs/tool/7/index.html": b"<h1>tool</h1>",
    }
    (token,) = tokens.tokens
    assert token.scope == ("/pub/AppImage/tool/7/", "/pub/deb/tool/7/", "/pub/docs/tool/7/")
    assert token.is_revoked
    assert said == ["the upload token was revoked"]
    stored = {entry["id"]: entry["object"] for entry in first_report["artifacts"]}
    assert stored["builds:deb/tool/7/b c.deb"]["url"] == f"{nginx_by_token.url}/deb/tool/7/b%20c.deb"
    assert stored["builds:docs/tool/7"]["url"] == f"{nginx_by_token.url}/docs/tool/7/"
    assert set(statuses(report(folder)).values()) == {"skipped"}


def test_what_is_published_can_be_verified_and_fetched(nginx_by_user: WebdavServer, folder: Path) -> None:
    """With fixed credentials instead of tokens; `verify` compares bytes, `fetch` brings them back."""
    assert apply(folder, nginx_by_user.settings).code == 0

    verified = run(folder, nginx_by_user.settings, "verify", "one.yaml", "--mode", "full")
    fetched = run(folder, nginx_by_user.settings, "fetch", TOOL, "--kind", "webdav", "-o", "back.deb")

    assert (verified.code, fetched.code) == (0, 0), fetched.said
    assert (folder / "back.deb").read_bytes() == b"a package"


def test_other_content_is_a_conflict_and_stays(nginx_by_token: WebdavServer, folder: Path) -> None:
    """Other content of the same length under a published path is an error for a person, and nothing is changed."""
    assert apply(folder, nginx_by_token.settings).code == 0
    (folder / "tool.deb").write_bytes(b"a PACKAGE")

    done = apply(folder, nginx_by_token.settings)

    assert done.code == 5
    assert error(folder)["code"] == "content_conflict"
    assert nginx_by_token.stored() == {"deb/tool/7/tool.deb": b"a package"}
    assert nginx_by_token.tokens is not None
    assert nginx_by_token.tokens.live == []


def test_a_set_that_is_half_there_is_completed(nginx_by_token: WebdavServer, folder: Path) -> None:
    """What a crash left of an artifact of several files is unfinished in the plan, and the next run brings the rest."""
    there = nginx_by_token.root / "docs/tool/7"
    there.mkdir(parents=True)
    (there / "index.html").write_bytes(b"<h1>tool</h1>")
    selected = ("several.yaml", "--var", "BUILD=7", "--only", "builds:docs/*")

    planned = run(folder, nginx_by_token.settings, "plan", *selected)
    done = apply(folder, nginx_by_token.settings, *selected)

    assert "unfinished_upload" in planned.out
    assert done.code == 0
    assert set(nginx_by_token.stored()) == {"docs/tool/7/index.html", "docs/tool/7/img/logo.svg"}
    (entry,) = report(folder)["artifacts"]
    assert entry["notes"] == ["1 of 2 files were there already"]


def test_a_saved_plan_of_a_set_is_carried_out(nginx_by_token: WebdavServer, folder: Path) -> None:
    """A plan survives its file, sets and all; a file that changed since makes its artifact stale."""
    build = ("several.yaml", "--var", "BUILD=7", "--out", "plan.json")
    assert run(folder, nginx_by_token.settings, "plan", *build).code == 0
    (folder / "docs/index.html").write_bytes(b"<h1>TOOL</h1>")

    done = run(folder, nginx_by_token.settings, "apply", "--plan", "plan.json")

    assert done.code == 6, done.said
    ended = statuses(report(folder))
    assert ended.pop("builds:docs/tool/7") == "blocked"
    assert set(ended.values()) == {"published"}
    assert not [path for path in nginx_by_token.stored() if path.startswith("docs")]


def settings_with(server: WebdavServer, **changes: str) -> dict[str, str]:
    return {**server.settings, **changes}


def test_a_wrong_master_password_ends_before_anything_is_sent(nginx_by_token: WebdavServer, folder: Path) -> None:
    """The token service's refusal is told as refused credentials, with the names of the settings."""
    done = apply(folder, settings_with(nginx_by_token, WEBDAV_TOKEN_PASSWORD="fake-and-wrong"))

    assert done.code == 4
    assert "WEBDAV_TOKEN_PASSWORD" in done.said
    assert nginx_by_token.stored() == {}


def test_a_wrong_fixed_password_ends_before_anything_is_sent(nginx_by_user: WebdavServer, folder: Path) -> None:
    """The server's refusal is told as refused credentials."""
    done = apply(folder, settings_with(nginx_by_user, WEBDAV_PASSWORD="fake-and-wrong"))

    assert done.code == 4
    assert nginx_by_user.stored() == {}


def test_a_token_that_ends_in_mid_batch_is_replaced(nginx_by_token: WebdavServer, folder: Path) -> None:
    """A token that the service ends early is refused, a new one is made, the batch goes on, and both are revoked."""
    tokens = nginx_by_token.tokens
    assert tokens is not None

    def end_after_the_first_upload(request: Request) -> None:
        if request.headers["x-original-method"] == "PUT" and len(tokens.tokens) == 1:
            tokens.expire()

    tokens.checked_one = end_after_the_first_upload
    done = apply(folder, nginx_by_token.settings, "several.yaml", "--var", "BUILD=7", "--jobs", "1")

    assert done.code == 0, done.said
    assert set(statuses(report(folder)).values()) == {"published"}
    assert len(tokens.tokens) == 2
    assert tokens.live == []
    assert notes(folder) == ["2 upload tokens were revoked"]


def test_a_token_that_never_works_is_a_clear_failure(nginx_by_token: WebdavServer, folder: Path) -> None:
    """Where the repository refuses a fresh token no other one is made, and the one is revoked."""
    tokens = nginx_by_token.tokens
    assert tokens is not None
    tokens.ttl_s = 0.0
    tokens.tells_expiry = False

    done = apply(folder, nginx_by_token.settings)

    assert done.code == 4
    assert len(tokens.tokens) == 1
    assert tokens.tokens[0].is_revoked
    assert nginx_by_token.stored() == {}


@pytest.mark.parametrize("what", ["WEBDAV_URL", "WEBDAV_TOKEN_URL"])
def test_a_server_that_is_down_is_named(nginx_by_token: WebdavServer, folder: Path, what: str) -> None:
    """Without the repository nothing is known, without the token service nothing is written; both say so."""
    down = f"http://127.0.0.1:{free_port()}/pub"

    done = apply(folder, settings_with(nginx_by_token, **{what: down}))

    assert done.code == 1
    assert "no connection to 127.0.0.1" in error(folder)["message"]
    assert nginx_by_token.stored() == {}


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"}),
        Reply(307, headers={"Location": "https://elsewhere.example/tokens"}),
        Reply(302, headers={"Location": "/login"}),
        Reply(200, b'{"access_token": "fake-canary-0123456789abcdef"}', {"Content-Type": "application/json"}),
    ],
    ids=["html", "307", "login", "other shape"],
)
def test_a_token_service_that_is_none_is_told(nginx_by_token: WebdavServer, folder: Path, answer: Reply) -> None:
    """A page, a redirect and another wire format end in one clear error each, and nothing is published."""
    assert nginx_by_token.tokens is not None
    nginx_by_token.tokens.reply("POST", answer)

    done = apply(folder, nginx_by_token.settings)

    assert done.code == 1, done.said
    assert "Traceback" not in done.said
    assert "fake-canary" not in done.said
    assert error(folder)["code"] == "unexpected_answer"
    assert nginx_by_token.stored() == {}


@pytest.mark.parametrize("status", [301, 307])
def test_a_repository_that_redirects_is_no_answer(folder: Path, nginx_by_user: WebdavServer, status: int) -> None:
    """A redirect says nothing of what is there: the artifact is unknown, and the password goes nowhere else."""
    elsewhere, front = AdminApi().start(), AdminApi().start()
    front.fail(Fault(status, headers={"Location": f"{elsewhere.url}/pub/"}), times=50)

    done = apply(folder, settings_with(nginx_by_user, WEBDAV_URL=f"{front.url}/pub"))

    elsewhere.stop()
    front.stop()
    assert done.code == 1
    assert "redirect" in error(folder)["message"]
    assert elsewhere.recorded == []


def test_a_file_that_is_too_large_is_told_and_leaves_nothing(folder: Path) -> None:
    """nginx's default limit of 1 MiB is a clear error with the directive to set; no part stays."""
    (folder / "tool.deb").write_bytes(bytes(3 << 20))
    with nginx(NginxOptions(limit="1m")) as server:
        done = apply(folder, server.settings)
        left = server.stored()

    assert done.code == 1
    assert "client_max_body_size" in error(folder)["hint"]
    assert left == {}


def test_a_server_without_delete_is_told_what_stays(folder: Path) -> None:
    """Where parts cannot be deleted a lost race leaves one; it is named, and the published file is untouched."""
    with nginx(NginxOptions(methods="PUT MKCOL MOVE")) as server:
        proxy = urlsplit(server.url)
        with FaultProxy(proxy.port or 0) as line:
            line.arm(LineFault(Kind.LOST_ANSWER, method="PUT"))
            done = apply(folder, settings_with(server, WEBDAV_URL=f"http://127.0.0.1:{line.port}/pub"))
        stored = server.stored()

    assert done.code == 0, done.said
    assert stored.pop("deb/tool/7/tool.deb") == b"a package"
    (part,) = stored
    (entry,) = report(folder)["artifacts"]
    assert entry["notes"] == [f"left behind: {part}"]


def test_what_stays_is_named_where_publishing_failed_too(folder: Path) -> None:
    """A repository that can neither rename nor delete keeps the part: the failure names it."""
    with nginx(NginxOptions(methods="PUT MKCOL")) as server:
        done = apply(folder, server.settings)
        (part,) = server.stored()

    assert done.code == 5
    (entry,) = report(folder)["artifacts"]
    assert entry["notes"] == [f"left behind: {part}"]


def test_a_server_without_move_is_told(folder: Path) -> None:
    """A repository that cannot rename cannot be published to safely: nothing is there afterwards."""
    with nginx(NginxOptions(methods="PUT MKCOL DELETE")) as server:
        done = apply(folder, server.settings)
        stored = server.stored()

    assert done.code == 5
    assert "dav_methods" in error(folder)["hint"]
    assert stored == {}


@pytest.mark.parametrize("kind", [Kind.LOST_ANSWER, Kind.LOST_REQUEST])
@pytest.mark.parametrize("method", ["MKCOL", "PUT", "MOVE", "GET", "HEAD", "DELETE"])
def test_one_lost_message_costs_nothing(nginx_by_token: WebdavServer, folder: Path, kind: Kind, method: str) -> None:
    """Whichever request or answer is lost once, the file is published whole, and no part and no token is left."""
    with FaultProxy(urlsplit(nginx_by_token.url).port or 0) as line:
        line.arm(LineFault(kind, method=method))
        done = apply(folder, settings_with(nginx_by_token, WEBDAV_URL=f"http://127.0.0.1:{line.port}/pub"))

    assert done.code == 0, done.said
    assert nginx_by_token.stored() == {"deb/tool/7/tool.deb": b"a package"}
    assert nginx_by_token.tokens is not None
    assert nginx_by_token.tokens.live == []


class Slow:
    """A publisher whose upload through a slow line has begun."""

    def __init__(self, folder: Path, server: WebdavServer) -> None:
        self._folder = folder
        self._server = server
        (folder / "tool.deb").write_bytes(b"x" * (4 << 20))

    def __enter__(self) -> subprocess.Popen[str]:
        self._line = FaultProxy(urlsplit(self._server.url).port or 0).__enter__()
        self._line.arm(LineFault(Kind.THROTTLE, method="PUT", rate=256 * 1024.0))
        settings = settings_with(self._server, WEBDAV_URL=f"http://127.0.0.1:{self._line.port}/pub")
        self._process = subprocess.Popen(
            command("apply", "one.yaml"),
            env=bare_environment(self._folder, settings),
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + 30
        while self._line.count("PUT") == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._line.__exit__(None, None, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_mid_upload_revokes_the_token(
    nginx_by_token: WebdavServer, folder: Path, number: signal.Signals
) -> None:
    """A stop in the middle of an upload ends it at once: nothing is published, no part is left, the token is revoked,
    and the report says all of it."""
    with Slow(folder, nginx_by_token) as process:
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)

    assert process.returncode == 128 + number, said
    assert statuses(report(folder)) == {TOOL: "cancelled"}
    assert notes(folder) == ["the upload token was revoked"]
    assert nginx_by_token.tokens is not None
    assert [token.is_revoked for token in nginx_by_token.tokens.tokens] == [True]
    assert nginx_by_token.stored() == {}


def test_a_killed_publisher_leaves_nothing_half(nginx_by_token: WebdavServer, folder: Path) -> None:
    """After SIGKILL in mid-upload nothing is visible; the token ends by itself, and the next run publishes."""
    with Slow(folder, nginx_by_token) as process:
        process.kill()
        process.wait(timeout=30)
    left = nginx_by_token.stored()

    done = apply(folder, nginx_by_token.settings)

    assert left == {}
    assert done.code == 0, done.said
    assert set(nginx_by_token.stored()) == {"deb/tool/7/tool.deb"}


def test_a_part_of_a_killed_run_is_never_the_file(nginx_by_token: WebdavServer, folder: Path) -> None:
    """A part that another run left, whole or damaged, is neither taken for the file nor deleted."""
    there = nginx_by_token.root / "deb/tool/7"
    there.mkdir(parents=True)
    old = there / f"tool.deb.part-{'0' * 32}"
    old.write_bytes(b"a pack")

    done = apply(folder, nginx_by_token.settings)

    assert done.code == 0, done.said
    assert nginx_by_token.stored() == {
        "deb/tool/7/tool.deb": b"a package",
        f"deb/tool/7/{old.name}": b"a pack",
    }


def test_a_damaged_file_of_an_aborted_upload_is_a_conflict(wsgidav_server: WebdavServer, folder: Path) -> None:
    """Another tool that uploads straight to the name can leave half a file (wsgidav keeps it): it is other content."""
    there = wsgidav_server.root / "deb/tool/7"
    there.mkdir(parents=True)
    (there / "tool.deb").write_bytes(b"a pack")

    done = apply(folder, wsgidav_server.settings)

    assert done.code == 5
    assert wsgidav_server.stored() == {"deb/tool/7/tool.deb": b"a pack"}


def test_an_upload_that_wsgidav_kept_half_of_is_repeated(wsgidav_server: WebdavServer, folder: Path) -> None:
    """A cut upload leaves a damaged part there; it is deleted, and the whole file goes to a part of another name."""
    (folder / "tool.deb").write_bytes(b"y" * 500_000)
    port = urlsplit(wsgidav_server.url).port or 0
    path = urlsplit(wsgidav_server.url).path
    with FaultProxy(port) as line:
        line.arm(LineFault(Kind.RESET_UP, method="PUT", after=200_000))
        done = apply(folder, settings_with(wsgidav_server, WEBDAV_URL=f"http://127.0.0.1:{line.port}{path}"))

    assert done.code == 0, done.said
    assert wsgidav_server.stored()["deb/tool/7/tool.deb"] == b"y" * 500_000
    assert report(folder)["artifacts"][0]["attempts"] == 2


@pytest.mark.parametrize("contents", [(b"the same", b"the same"), (b"one build", b"other one")], ids=["same", "other"])
def test_two_racing_publishers_end_as_one(
    nginx_by_token: WebdavServer, folder: Path, contents: tuple[bytes, bytes]
) -> None:
    """Two builds with one path: with equal content both end well, with other content one of them has to be told."""
    folders = []
    for number, content in enumerate(contents):
        made = folder / str(number)
        made.mkdir()
        (made / "one.yaml").write_text(ONE)
        (made / "tool.deb").write_bytes(content)
        folders.append(made)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda made: apply(made, nginx_by_token.settings), folders))

    codes = sorted(ended.code for ended in done)
    assert codes == [0, 0] if contents[0] == contents[1] else codes == [0, 5], [ended.said for ended in done]
    (path, stored) = nginx_by_token.stored().popitem()
    assert (path, stored in contents) == ("deb/tool/7/tool.deb", True)
    assert nginx_by_token.tokens is not None
    assert nginx_by_token.tokens.live == []


def test_an_arbiter_lets_one_build_in(nginx_by_token: WebdavServer, folder: Path) -> None:
    """A token service that gives a folder to one build at a time closes the race: the other build is told to wait."""
    tokens = nginx_by_token.tokens
    assert tokens is not None
    tokens.exclusive = True
    with Slow(folder, nginx_by_token):
        other = folder / "other"
        other.mkdir()
        (other / "one.yaml").write_text(ONE)
        (other / "tool.deb").write_bytes(b"another build")
        refused = apply(other, nginx_by_token.settings)

    assert refused.code == 1
    assert "another build has one" in error(other)["message"]
    assert nginx_by_token.stored() == {}


def test_a_token_that_cannot_be_revoked_is_told_and_hides_nothing(nginx_by_token: WebdavServer, folder: Path) -> None:
    """The artifact is what it is: published. That a token lives on is in the report and on the terminal."""
    assert nginx_by_token.tokens is not None
    nginx_by_token.tokens.reply("DELETE", *[Reply(500)] * 3)

    done = apply(folder, nginx_by_token.settings)

    assert done.code == 0
    assert statuses(report(folder)) == {TOOL: "published"}
    (said,) = notes(folder)
    assert said.startswith("an upload token could not be revoked, and works until it ends by itself: ")
    assert said in done.said


def test_a_callers_exception_revokes_the_token(nginx_by_token: WebdavServer, folder: Path) -> None:
    """Whoever uses the destination from Python and fails leaves no token behind either."""
    world = compose(
        bare_environment(folder, nginx_by_token.settings),
        local=None,
        writes=True,
        verify="head",
        emit=lambda _event: None,
        cancellation=Cancellation(),
    )
    manifest = load_manifest(folder / "one.yaml", variables={}, environment={}, facts=lambda _name: None)
    facts = facts_of(manifest.artifacts[0].source, lambda: None)

    def fail_after_a_publish() -> None:
        with world.connect(list(manifest.destinations.values())) as destinations:
            outcome = destinations["builds"].publish(ReadyArtifact(manifest.artifacts[0], facts), world.host())
            assert outcome.status is Status.PUBLISHED
            raise KeyError("a fault of the caller")

    with pytest.raises(KeyError):
        fail_after_a_publish()

    assert nginx_by_token.tokens is not None
    assert [token.is_revoked for token in nginx_by_token.tokens.tokens] == [True]


BYPASSES = [
    ("PUT", "/pub/deb/tool/7/../../theirs/x", {}),
    ("PUT", "/pub/deb/tool/7/%2e%2e/%2e%2e/theirs/x", {}),
    ("PUT", "/pub/deb/tool/7/..%2f..%2ftheirs/x", {}),
    ("PUT", "/pub/deb/tool/70/x", {}),
    ("MKCOL", "/pub/deb/theirs/", {}),
    ("MOVE", "/pub/deb/tool/7/tool.deb", {"Destination": "/pub/theirs/stolen"}),
    ("MOVE", "/pub/deb/tool/7/tool.deb", {"Destination": "/pub/deb/tool/7/%2e%2e/%2e%2e/theirs/stolen"}),
    ("MOVE", "/pub/deb/tool/7/tool.deb", {"Destination": "/pub/deb/tool/7/../../theirs/stolen"}),
    ("COPY", "/pub/deb/tool/7/tool.deb", {"Destination": "/pub/theirs/stolen"}),
    ("DELETE", "/pub/deb/tool/", {}),
]


@pytest.mark.parametrize(("method", "path", "headers"), BYPASSES)
def test_a_token_stays_in_its_folders(
    nginx_by_token: WebdavServer, method: str, path: str, headers: dict[str, str]
) -> None:
    """The configuration of DESIGN.md holds: a token for one build writes, moves and deletes nowhere else."""
    there = nginx_by_token.root / "deb/tool/7"
    there.mkdir(parents=True)
    (there / "tool.deb").write_bytes(b"a package")
    tokens = nginx_by_token.tokens
    assert tokens is not None
    tokens.answer(_made_by_master(tokens))
    token = tokens.tokens[0]
    url = urlsplit(nginx_by_token.url)

    status = ask(method, f"http://{url.netloc}", path=path, user=token.user, password=token.password, headers=headers)

    assert status in {400, 403, 405, 409}
    assert nginx_by_token.stored() == {"deb/tool/7/tool.deb": b"a package"}


def _made_by_master(tokens: TokenService) -> Any:
    from base64 import b64encode

    from tests.support.token_service import MASTER_PASSWORD, MASTER_USER, TOKENS_PATH

    pair = b64encode(f"{MASTER_USER}:{MASTER_PASSWORD}".encode()).decode()
    body = b'{"scope": ["/pub/deb/tool/7/"], "ttl": 60}'
    return Request("POST", TOKENS_PATH, {"authorization": f"Basic {pair}"}, body)


EVERY_OUTPUT = ("--verbose", "--report", "r.json", "--junit", "j.xml", "--summary", "s.md", "--events", "e.jsonl")


def _leaks(secrets: list[str], folder: Path, said: str) -> Iterator[str]:
    files = [path for path in folder.iterdir() if path.is_file() and path.suffix in {".json", ".jsonl", ".xml", ".md"}]
    written = {path.name: path.read_text() for path in files}
    for secret in secrets:
        for form in forms(secret):
            if form in said:
                yield "the terminal"
            yield from (name for name, content in written.items() if form in content)


@pytest.mark.parametrize("fault", ["none", "refused", "echoed", "lost", "not revoked", "conflict"])
def test_no_secret_is_shown(nginx_by_token: WebdavServer, folder: Path, fault: str) -> None:
    """Neither the master's password nor a token, nor their base64 form, reaches a message, a file, an address or the
    server's log, whatever goes wrong."""
    tokens = nginx_by_token.tokens
    assert tokens is not None
    match fault:
        case "refused":
            tokens.reply("POST", Reply(401, "".join(tokens.secrets()).encode()))
        case "echoed":
            tokens.reply("POST", Reply(422, "; ".join(tokens.secrets()).encode()))
        case "lost":
            tokens.reply("POST", Reply(acts=True, hangs_up=True))
        case "not revoked":
            tokens.reply("DELETE", *[Reply(500, "; ".join(tokens.secrets()).encode())] * 3)
        case "conflict":
            (nginx_by_token.root / "deb/tool/7").mkdir(parents=True)
            (nginx_by_token.root / "deb/tool/7/tool.deb").write_bytes(b"A PACKAGE")

    said = "".join(
        [
            run(folder, nginx_by_token.settings, "plan", "one.yaml", "--out", "plan.json").said,
            apply(folder, nginx_by_token.settings, "one.yaml", *EVERY_OUTPUT).said,
            run(folder, nginx_by_token.settings, "doctor", "one.yaml").said,
        ]
    )

    assert "Traceback" not in said
    assert list(_leaks(tokens.secrets(), folder, said)) == []
    assert nginx_by_token.log is not None
    assert list(_leaks(tokens.secrets(), nginx_by_token.log.parent / "tmp", nginx_by_token.log.read_text())) == []


def test_a_password_of_a_user_is_not_shown(nginx_by_user: WebdavServer, folder: Path) -> None:
    """The same for fixed credentials, right and wrong ones."""
    wrong = "fake-wrong-password-of-alice"

    said = "".join(
        [
            apply(folder, nginx_by_user.settings, "one.yaml", *EVERY_OUTPUT).said,
            apply(folder, settings_with(nginx_by_user, WEBDAV_PASSWORD=wrong), "several.yaml", "--var", "BUILD=1").said,
        ]
    )

    assert list(_leaks([PASSWORD, wrong], folder, said)) == []
