"""Settings of an Arkindex server: two variables, or a profile; never a guess between them, never a value shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.settings.arkindex import ArkindexSettings, arkindex_settings
from publisher.settings.environment import Environment

URL = "https://arkindex.example.com"
TOKEN = "fake-token-0f5c1d9e77"
BOTH = {"ARKINDEX_API_URL": f"{URL}/", "ARKINDEX_API_TOKEN": TOKEN}
PROFILES = f"""\
default_host: prod
gpg_key: null
hosts:
  prod: {{url: {URL}, token: {TOKEN}}}
  test: {{url: 'https://test.example.com/', token: other-token}}
  half: {{url: {URL}}}
  odd: {{url: 'ftp://example.com', token: other-token}}
"""


def read(values: dict[str, str], prefix: str = "") -> tuple[ArkindexSettings | None, list[str]]:
    """Return the settings, and everything that is wrong with them."""
    environment = Environment(values, prefix)
    return arkindex_settings(environment), [*environment.missing, *environment.malformed]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A home with a profile file."""
    folder = tmp_path / ".config" / "arkindex"
    folder.mkdir(parents=True)
    (folder / "cli.yaml").write_text(PROFILES)
    return {"HOME": str(tmp_path)}


def sound(values: dict[str, str], prefix: str = "") -> ArkindexSettings:
    settings, problems = read(values, prefix)
    assert settings is not None, problems
    return settings


def test_two_variables_are_enough() -> None:
    """The address and the token say everything; the rest has its defaults."""
    settings = sound(BOTH)

    assert (settings.url, settings.token.get_secret_value(), settings.scheme) == (URL, TOKEN, "Token")
    assert (settings.mode, settings.schema, settings.ca_file, settings.account) == (
        "auto",
        None,
        None,
        "ARKINDEX_API_TOKEN",
    )
    assert TOKEN not in repr(settings)


def test_a_token_may_come_from_a_file(tmp_path: Path) -> None:
    """A mounted secret is read, without the line break at its end."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    settings = sound({"ARKINDEX_API_URL": URL, "ARKINDEX_API_TOKEN_FILE": str(tmp_path / "token")})

    assert settings.token.get_secret_value() == TOKEN


def test_a_tasks_token_comes_first_with_its_own_scheme() -> None:
    """Inside a task of Arkindex its token and scheme are used; a scheme that is set is used in any case."""
    task = sound({**BOTH, "ARKINDEX_TASK_TOKEN": "task-token"})
    other = sound({**BOTH, "ARKINDEX_API_AUTH_SCHEME": "Bearer"})

    assert (task.token.get_secret_value(), task.scheme, task.account) == ("task-token", "Ponos", "ARKINDEX_TASK_TOKEN")
    assert other.scheme == "Bearer"


def test_the_default_profile_is_used_without_variables(home: dict[str, str]) -> None:
    """Where nothing is set, the profile file of Arkindex's own command says where to publish."""
    settings = sound(home)

    assert (settings.url, settings.token.get_secret_value(), settings.account) == (URL, TOKEN, "profile prod")


def test_xdg_config_home_moves_the_profile_file(home: dict[str, str], tmp_path: Path) -> None:
    """The file is looked for where XDG says, not where it usually is."""
    elsewhere = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path / ".config")}

    assert sound(elsewhere).url == URL


def test_a_profile_is_chosen_by_its_name(home: dict[str, str]) -> None:
    """The named profile is used, with a prefix too."""
    assert sound({**home, "ARKINDEX_PROFILE": "test"}).url == "https://test.example.com"
    assert sound({**home, "EU_ARKINDEX_PROFILE": "test"}, "EU_").url == "https://test.example.com"


def test_variables_come_before_a_profile_that_nobody_asked_for(home: dict[str, str]) -> None:
    """A variable that is set is never ignored because of a file in the home folder."""
    settings = sound({**home, "ARKINDEX_API_URL": "https://other.example.com", "ARKINDEX_API_TOKEN": "other"})

    assert settings.url == "https://other.example.com"


@pytest.mark.parametrize(
    ("values", "prefix", "said"),
    [
        ({}, "", "ARKINDEX_API_URL (or ARKINDEX_PROFILE)"),
        ({"ARKINDEX_API_URL": URL}, "", "ARKINDEX_API_TOKEN"),
        ({"ARKINDEX_API_TOKEN": TOKEN}, "", "ARKINDEX_API_URL"),
        ({"ARKINDEX_API_URL": "arkindex.example.com", "ARKINDEX_API_TOKEN": TOKEN}, "", "must be an http(s) URL"),
        ({**BOTH, "ARKINDEX_MODE": "fast"}, "", "ARKINDEX_MODE must be one of auto, docker-version"),
        ({**BOTH, "ARKINDEX_CA_FILE": "/nowhere"}, "", "ARKINDEX_CA_FILE does not name a file"),
        ({**BOTH, "ARKINDEX_PROFILE": "prod"}, "", "ARKINDEX_PROFILE and ARKINDEX_API_URL are both set"),
        ({"ARKINDEX_PROFILE": "prod"}, "", "there is no profile file"),
        (BOTH, "EU_", "EU_ARKINDEX_API_URL (or EU_ARKINDEX_PROFILE)"),
    ],
)
def test_what_is_missing_or_wrong_is_named(values: dict[str, str], prefix: str, said: str) -> None:
    """Every problem names its setting, with the prefix, and shows no value."""
    settings, problems = read({"HOME": "/nowhere", **values}, prefix)

    assert settings is None
    assert any(said in problem for problem in problems), problems
    assert TOKEN not in str(problems)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("nobody", "has no such profile; it has prod, test, half, odd"),
        ("half", "lacks `url` or `token`"),
        ("odd", "must be an http(s) URL"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named(home: dict[str, str], profile: str, said: str) -> None:
    """A profile that is not there, or not whole, is a problem; its values are not shown."""
    settings, problems = read({**home, "ARKINDEX_PROFILE": profile})

    assert settings is None
    assert said in problems[0]
    assert TOKEN not in str(problems)


@pytest.mark.parametrize(
    "content", ["", "- a\n", "hosts: {a: b", "hosts: &x {}\n", "\x00", "hosts: {}\n", "x" * 70_000]
)
def test_a_file_that_is_no_profile_file_is_a_problem(home: dict[str, str], content: str) -> None:
    """A damaged profile file is told, not passed over: its owner meant it to be used."""
    (Path(home["HOME"]) / ".config" / "arkindex" / "cli.yaml").write_text(content)

    settings, problems = read(home)

    assert settings is None
    assert "cli.yaml" in problems[0]


def test_a_prefix_does_not_use_the_default_profile(home: dict[str, str]) -> None:
    """Two destinations never end at one server by accident: with a prefix a profile has to be named."""
    settings, problems = read(home, "EU_")

    assert settings is None
    assert "EU_ARKINDEX_PROFILE" in problems[0]
