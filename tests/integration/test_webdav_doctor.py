"""`publish doctor` at artifact repositories that are set up well, and at ones that are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.chaos.messages import Fate, Message, MessageProxy, everything_passes
from tests.support.command import Ended, bare_environment, publish
from tests.support.token_service import Reply
from tests.support.webdav_servers import NginxOptions, WebdavServer, nginx

MANIFEST = """\
version: 1
destinations: {builds: {kind: webdav}}
artifacts: []
"""


def doctor(folder: Path, settings: Mapping[str, str], *more: str) -> tuple[Ended, dict[str, dict[str, str]]]:
    """Run the doctor; return how it ended, and each finding's level and text by its label."""
    (folder / "m.yaml").write_text(MANIFEST)
    (folder / "x").write_bytes(b"x")
    (folder / "m.yaml").write_text(MANIFEST.replace("[]", "[{path: a/b, file: x}]"))
    done = publish("doctor", "m.yaml", "--json", *more, environment=bare_environment(folder, settings), folder=folder)
    found: dict[str, dict[str, str]] = {}
    for finding in json.loads(done.out).get("destination builds", []):
        found.setdefault(finding["label"], {})[finding["level"]] = finding["value"]
    return done, found


@pytest.mark.tier2
def test_a_good_repository_passes_and_is_left_clean(nginx_by_token: WebdavServer, tmp_path: Path) -> None:
    """Everything that the recipe relies on is tried: no file and no token is left, and the token was refused elsewhere
    and after it was revoked."""
    done, found = doctor(tmp_path, nginx_by_token.settings)

    assert done.code == 0, done.said
    assert {level for levels in found.values() for level in levels} == {"ok"}
    assert set(found) == {
        "repository",
        "token service",
        "writing",
        "writing without credentials",
        "the token in another folder",
        "the revoked token",
    }
    assert nginx_by_token.stored() == {}
    assert nginx_by_token.tokens is not None
    assert nginx_by_token.tokens.live == []


def test_a_server_with_users_passes(wsgidav_server: WebdavServer, tmp_path: Path) -> None:
    """Fixed credentials need no token service."""
    done, found = doctor(tmp_path, wsgidav_server.settings)

    assert done.code == 0, done.said
    assert found["writing"] == {"ok": "works, and a MOVE does not overwrite"}
    assert wsgidav_server.stored() == {}


@pytest.mark.tier2
def test_a_repository_that_anybody_may_write_to_is_told(tmp_path: Path) -> None:
    """Without any check of users a repository works, and is a danger."""
    with nginx(NginxOptions(is_open=True)) as server:
        done, found = doctor(tmp_path, server.settings)
        left = server.stored()

    assert done.code == 5
    assert found["writing without credentials"] == {"failure": "anybody can write there"}
    assert left == {}


@pytest.mark.tier2
def test_tokens_that_are_not_limited_are_told(nginx_by_token: WebdavServer, tmp_path: Path) -> None:
    """A service that checks who, but not where, lets every build write into every other one."""
    assert nginx_by_token.tokens is not None
    nginx_by_token.tokens.limits_scope = False

    done, found = doctor(tmp_path, nginx_by_token.settings)

    assert done.code == 5
    assert "not limited to its folders" in found["the token in another folder"]["failure"]


@pytest.mark.tier2
def test_tokens_that_outlive_their_revocation_are_told(nginx_by_token: WebdavServer, tmp_path: Path) -> None:
    """A service that says 204 and revokes nothing is found out."""
    assert nginx_by_token.tokens is not None
    nginx_by_token.tokens.reply("DELETE", Reply(204))

    done, found = doctor(tmp_path, nginx_by_token.settings)

    assert done.code == 5
    assert found["the revoked token"] == {"failure": "revoked tokens go on working"}


@pytest.mark.tier2
def test_a_server_that_keeps_parts_is_a_warning(tmp_path: Path) -> None:
    """Without DELETE the repository can be used; what will stay is said."""
    with nginx(NginxOptions(methods="PUT MKCOL MOVE")) as server:
        done, found = doctor(tmp_path, server.settings)

    assert done.code == 0, done.said
    assert "the parts of interrupted uploads stay" in found["deleting"]["warning"]


def test_a_server_that_overwrites_on_a_move_is_told(wsgidav_server: WebdavServer, tmp_path: Path) -> None:
    """A server or a gateway that loses `Overwrite: F` would let the later of two publishers win."""
    parts = urlsplit(wsgidav_server.url)

    def decide(message: Message) -> Fate:
        if message.is_a("MOVE"):
            target = wsgidav_server.root / "publish-doctor" / "own"
            for path in target.glob("target-*"):
                path.unlink()
        return everything_passes(message)

    with MessageProxy(parts.port or 0, decide) as line:
        done, found = doctor(tmp_path, {**wsgidav_server.settings, "WEBDAV_URL": line.url + parts.path})

    assert done.code == 5
    assert "ignores `Overwrite: F`" in found["writing"]["failure"]


@pytest.mark.tier2
def test_an_address_that_answers_everything_is_told(nginx_by_user: WebdavServer, tmp_path: Path) -> None:
    """A page that answers 200 to every name is no repository."""
    from tests.support.admin_api import AdminApi, Fault

    page = AdminApi().start()
    page.fail(Fault(200, body=b"<h1>welcome</h1>"), times=30)
    done, found = doctor(tmp_path, {**nginx_by_user.settings, "WEBDAV_URL": page.url})
    page.stop()

    assert done.code != 0
    assert "shows something under a name that cannot exist" in found["repository"]["failure"]


def test_a_rehearsal_says_where_it_goes(tmp_path: Path) -> None:
    """With `--local` there is one finding: the folder."""
    done, found = doctor(tmp_path, {}, "--local", "L")

    assert done.code == 0, done.said
    assert found["repository"]["ok"].endswith("L/webdav")
