"""Worker versions by whole commands: the source document's command, manifests, pipelines, and everything that is wrong.

The server is the contract server of `tests/support/arkindex_server.py`; what arrives is compared with what Arkindex's
own client was seen to send, and read back by that client.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from arkindex import ArkindexClient  # type: ignore[import-untyped] # it has no types

from tests.support.arkindex_server import DOCKER_VERSION, IMPORT, LISTING, TOKEN, WORKER_VERSION, ArkindexServer
from tests.support.checkouts import Checkout
from tests.support.command import Ended, bare_environment, publish, read_report, statuses

pytestmark = pytest.mark.long

IMAGE = "registry.gitlab.example.com/my_group/my_worker:0.4.2"
REPOSITORY = "https://gitlab.example.com/my_group/my_worker"
HASH = "f2a88760e159d3649845ceee7dbaca19d8654f33"
LISTING_FILE = """\
version: 2
workers:
  - slug: my-worker
    name: My Worker
    type: classifier
    description: descriptions/w.md
    gpu_usage: supported
    model_usage: required
    configuration: {threshold: 0.5}
    user_configuration:
      min_cc: {title: Min CC, type: int, default: 50}
    secrets: [a/b]
    docker: {command: my-worker run, shm_size: 256m}
"""
DEFINITION = """\
slug: my-worker
display_name: My Worker
type: classifier
description: "# My worker"
configuration:
  - {key: min_cc, display_name: Min CC, type: int, default: 50}
"""
MANIFEST = """\
version: 1
destinations: {workers: {kind: arkindex}}
artifacts:
  - image: registry.gitlab.example.com/my_group/my_worker:0.4.2
"""
GITLAB = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "http://gitlab.example.com/my_group/my_worker",
    "CI_COMMIT_SHA": HASH,
    "CI_COMMIT_MESSAGE": "my commit message\n",
    "CI_COMMIT_AUTHOR": "Fox Mulder <fox@example.com>",
    "CI_COMMIT_TAG": "one-tag",
}


@dataclass
class Project:
    """A worker's repository, a server, and the settings between them."""

    checkout: Checkout
    server: ArkindexServer
    environment: dict[str, str]

    @property
    def folder(self) -> Path:
        return self.checkout.root

    def run(self, *arguments: str, **variables: str) -> Ended:
        environment = {name: text for name, text in (self.environment | variables).items() if text}
        return publish(*arguments, environment=environment, folder=self.folder)

    def write(self, **files: str) -> None:
        """Write files; `__` in a name stands for a dot, `___` for a slash."""
        for name, content in files.items():
            path = self.folder / name.replace("___", "/").replace("__", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def report(self) -> dict[str, Any]:
        return read_report(self.folder / "publish-report.json")


@pytest.fixture
def project(tmp_path: Path, arkindex: ArkindexServer) -> Project:
    """A repository with one worker, on `main` with a tag, and a server of the source document's generation."""
    checkout = Checkout(tmp_path / "my_worker", tmp_path / "home")
    checkout.remote("git@gitlab.example.com:my_group/my_worker.git")
    made = Project(
        checkout,
        arkindex,
        bare_environment(tmp_path / "home", {"ARKINDEX_API_URL": arkindex.url, "ARKINDEX_API_TOKEN": TOKEN}),
    )
    made.write(__arkindex__yml=LISTING_FILE, manifest__yaml=MANIFEST, descriptions___w__md="# My worker\n")
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "First line\n\nSecond para")
    checkout.git("tag", "v1.0")
    return made


def body_of(project: Project, **changes: Any) -> dict[str, Any]:
    """Return what Arkindex's own client sends for this repository, with the given differences."""
    commit = project.checkout.git("rev-parse", "HEAD").strip()
    return {
        "worker_description": "# My worker\n",
        "docker_image_iid": IMAGE,
        "repository_url": REPOSITORY,
        "revision_hash": commit,
        "revision_message": "First line\n\nSecond para",
        "revision_author": "Dana Scully",
        "revision_references": [{"type": "branch", "name": "main"}, {"type": "tag", "name": "v1.0"}],
        "worker_slug": "my-worker",
        "worker_name": "My Worker",
        "worker_type": "classifier",
        "gpu_usage": "supported",
        "model_usage": "required",
        "configuration": {
            "name": "My Worker",
            "slug": "my-worker",
            "type": "classifier",
            "configuration": {"threshold": 0.5},
            "user_configuration": {"min_cc": {"title": "Min CC", "type": "int", "default": 50}},
            "secrets": ["a/b"],
            "docker": {"command": "my-worker run", "shm_size": "256m"},
        },
    } | changes


def test_the_source_documents_command(project: Project) -> None:
    """`publish worker IMAGE` in a repository sends what `arkindex worker publish IMAGE` sends, once."""
    first = project.run("worker", IMAGE)
    second = project.run("worker", IMAGE)

    assert (first.code, second.code) == (0, 0), first.said + second.said
    sent = project.server.bodies("CreateDockerWorkerVersion")
    assert sent == [body_of(project)] * 2
    assert len(project.server.versions) == 1
    (entry,) = project.report()["artifacts"]
    assert (entry["status"], entry["reason"]) == ("skipped", "already_registered")


@pytest.mark.parametrize(
    ("flags", "changes"),
    [
        (["--repository-url", "http://gitlab.example.com/g/w"], {"repository_url": "http://gitlab.example.com/g/w"}),
        (["--revision-message", "my commit message"], {"revision_message": "my commit message"}),
        (["--revision-author", "Fox Mulder"], {"revision_author": "Fox Mulder"}),
        (
            ["--revision-branch", "something-something-branch"],
            {
                "revision_references": [
                    {"type": "branch", "name": "something-something-branch"},
                    {"type": "tag", "name": "v1.0"},
                ]
            },
        ),
        (
            ["--revision-tags", "one-tag", "second-tag", "other-tag"],
            {
                "revision_references": [
                    {"type": "branch", "name": "main"},
                    {"type": "tag", "name": "one-tag"},
                    {"type": "tag", "name": "second-tag"},
                    {"type": "tag", "name": "other-tag"},
                ]
            },
        ),
        (["--revision-tags", "", "--revision-branch", ""], {"revision_references": []}),
    ],
)
def test_each_flag_of_the_source_document(project: Project, flags: list[str], changes: dict[str, Any]) -> None:
    """A flag replaces its own value and leaves the others to git."""
    done = project.run("worker", IMAGE, *flags)

    assert done.code == 0, done.said
    assert project.server.bodies("CreateDockerWorkerVersion") == [body_of(project, **changes)]


def test_another_commit_is_named_with_all_that_belongs_to_it(project: Project) -> None:
    """`--revision-hash` alone is refused where git does not have the commit; with the rest it is taken."""
    alone = project.run("worker", IMAGE, "--revision-hash", HASH)
    rest = ["--revision-message", "m", "--revision-author", "a", "--revision-branch", "b", "--revision-tags", "t"]
    whole = project.run("worker", IMAGE, "--revision-hash", HASH, *rest)

    assert (alone.code, whole.code) == (3, 0), alone.said + whole.said
    assert "git does not have the commit" in alone.err
    assert [body["revision_hash"] for body in project.server.bodies("CreateDockerWorkerVersion")] == [HASH]


def test_a_gitlab_pipeline(project: Project) -> None:
    """In a GitLab pipeline the table's variables say everything that no flag says, whatever git would say."""
    done = project.run("worker", IMAGE, "--revision-author", "Dana", **GITLAB)

    assert done.code == 0, done.said
    (sent,) = project.server.bodies("CreateDockerWorkerVersion")
    assert sent == body_of(
        project,
        repository_url="http://gitlab.example.com/my_group/my_worker",
        revision_hash=HASH,
        revision_message="my commit message",
        revision_author="Dana",
        revision_references=[{"type": "tag", "name": "one-tag"}],
    )


def test_every_value_can_be_given_in_a_manifest(project: Project) -> None:
    """The six values of the table stand in a manifest as its fields, and come before GitLab's variables."""
    project.write(
        manifest__yaml=f"""\
version: 1
destinations: {{workers: {{kind: arkindex}}}}
defaults:
  repository_url: https://example.com/${{NAME}}
  revision_tags: [one-tag, "${{git.tag}}"]
artifacts:
  - image: registry.example.com/g/${{NAME}}:1.0
    config: .arkindex.yml
    revision_hash: {HASH}
    revision_message: |
      First

      Second
    revision_author: Fox Mulder
    revision_branch: ""
"""
    )

    done = project.run("apply", "manifest.yaml", **{**GITLAB, "NAME": "w", "CI_COMMIT_TAG": "v9"})

    assert done.code == 0, done.said
    (sent,) = project.server.bodies("CreateDockerWorkerVersion")
    assert sent == body_of(
        project,
        docker_image_iid="registry.example.com/g/w:1.0",
        repository_url="https://example.com/w",
        revision_hash=HASH,
        revision_message="First\n\nSecond\n",
        revision_author="Fox Mulder",
        revision_references=[{"type": "tag", "name": "one-tag"}, {"type": "tag", "name": "v9"}],
    )


def test_the_same_worker_for_every_generation(project: Project) -> None:
    """Worker first, then version: what the second generation is sent, read back by Arkindex's own client."""
    project.server.clone_behaviour(operations=WORKER_VERSION | LISTING)

    done = project.run("apply", "manifest.yaml")

    assert done.code == 0, done.said
    commit = project.checkout.git("rev-parse", "HEAD").strip()
    whole = body_of(project)
    assert project.server.bodies("CreateWorker") == [
        {
            "name": "My Worker",
            "type": "classifier",
            "slug": "my-worker",
            "repository_url": REPOSITORY,
            "description": "# My worker\n",
        }
    ]
    assert project.server.bodies("CreateWorkerVersion") == [
        {
            "configuration": whole["configuration"],
            "revision_url": f"{REPOSITORY}/commit/{commit}",
            "docker_image_iid": IMAGE,
            "state": "available",
            "gpu_usage": "supported",
            "model_usage": "required",
            "branch": "main",
            "tag": "v1.0",
        }
    ]
    real = ArkindexClient(token=TOKEN, base_url=project.server.url)
    (worker,) = real.paginate("ListWorkers")
    (version,) = real.paginate("ListWorkerVersions", id=worker["id"])
    (entry,) = project.report()["artifacts"]
    assert entry["object"]["version_id"] == version["id"]
    assert (worker["slug"], version["tag"]) == ("my-worker", "v1.0")


def test_definitions_are_imported(project: Project) -> None:
    """Definitions in `arkindex/` are sent as their text, one version for each file."""
    project.server.clone_behaviour(operations=IMPORT)
    (project.folder / ".arkindex.yml").unlink()
    second = DEFINITION.replace("my-worker", "second")
    project.write(arkindex___a__yml=DEFINITION, arkindex___b__yaml=second)

    done = project.run("worker", IMAGE)

    assert done.code == 0, done.said
    assert {body["yaml"] for body in project.server.bodies("ImportWorkerVersion")} == {DEFINITION, second}
    assert {body["slug"] for body in project.server.bodies("CreateWorker")} == {"my-worker", "second"}


def test_a_newer_tag_is_planned_and_brought_up_to_date(project: Project) -> None:
    """A tag on a commit that is registered already is work for a plan, done once, and no second version."""
    project.server.clone_behaviour(operations=WORKER_VERSION | LISTING)
    project.run("apply", "manifest.yaml")
    project.checkout.git("tag", "v0.9")

    planned = project.run("plan", "manifest.yaml", "--detailed-exitcode")
    done, again = project.run("apply", "manifest.yaml"), project.run("plan", "manifest.yaml", "--detailed-exitcode")

    assert (planned.code, done.code, again.code) == (2, 0, 0), planned.said + done.said + again.said
    assert "labels_outdated" in planned.out
    assert project.server.labels() == [("main", "v0.9")]
    (entry,) = project.report()["artifacts"]
    assert (entry["status"], entry["reason"]) == ("adopted", "labels_outdated")
    assert "tag v0.9" in entry["notes"][-1]


def test_another_image_of_a_registered_commit_is_reported(project: Project) -> None:
    """The image of a version never changes: the run is good, and says in plan and report what is registered."""
    project.server.clone_behaviour(operations=WORKER_VERSION | LISTING)
    project.run("apply", "manifest.yaml")
    project.write(manifest__yaml=MANIFEST.replace("0.4.2", "0.4.3"))

    planned, done = project.run("plan", "manifest.yaml"), project.run("apply", "manifest.yaml")

    assert (planned.code, done.code) == (0, 0), planned.said + done.said
    told = f"registered with the image {IMAGE}"
    assert told in " ".join(planned.out.split())
    (entry,) = project.report()["artifacts"]
    assert entry["status"] == "skipped"
    assert told in entry["notes"][0]


def test_a_manifest_of_several_workers(project: Project) -> None:
    """One artifact for each worker of the file, whose ids are its slug and the commit, in the order of the file."""
    project.write(
        __arkindex__yml="version: 2\nworkers:\n  - {slug: a, name: A, type: t}\n  - workers/*.yml\n",
        workers___b__yml="slug: b\nname: B\ntype: t\ndescription: descriptions/w.md\n",
        workers___c__yml="slug: c\nname: C\ntype: t\n",
    )

    done = project.run("apply", "manifest.yaml")

    assert done.code == 0, done.said
    commit = project.checkout.git("rev-parse", "HEAD").strip()
    assert list(statuses(project.report())) == [f"workers:{slug}/{commit}" for slug in "abc"]
    descriptions = {body["worker_slug"]: body.get("worker_description") for body in _sent(project)}
    assert descriptions == {"a": None, "b": "# My worker\n", "c": None}


def test_a_token_that_expires_in_mid_batch(project: Project) -> None:
    """What was made is told, the rest is not attempted, the exit code is that of credentials; a new token goes on."""
    workers = "".join(f"  - {{slug: w{number}, name: W, type: t}}\n" for number in range(4))
    project.write(__arkindex__yml=f"version: 2\nworkers:\n{workers}")
    project.server.clone_behaviour(valid_requests=2)

    done = project.run("apply", "manifest.yaml", "--jobs", "1")
    project.server.clone_behaviour(valid_requests=None)
    again = project.run("apply", "manifest.yaml")

    assert (done.code, again.code) == (4, 0), done.said + again.said
    assert len(project.server.versions) == 4
    entries = project.report()["artifacts"]
    assert [entry["status"] for entry in entries] == ["skipped", "skipped", "published", "published"]


def test_a_wrong_token(project: Project) -> None:
    """A token that is refused ends with its exit code and the name of its setting, and nothing is made."""
    done = project.run("apply", "manifest.yaml", ARKINDEX_API_TOKEN="fake-wrong-token-0001")

    assert done.code == 4, done.said
    assert "ARKINDEX_API_TOKEN" in done.err
    assert "fake-wrong-token-0001" not in done.said
    assert project.server.versions == {}


@pytest.mark.parametrize(
    ("fault", "said"),
    [("html", "is not strict JSON"), ("redirect", "unexpected redirect (302) from 127.0.0.1 to login.example.com")],
)
def test_something_else_in_place_of_the_server(project: Project, fault: str, said: str) -> None:
    """A login page or a redirect is told as what it is; no token is sent there, and nothing is made."""
    project.server.fail(fault, times=9, on="document")

    done = project.run("apply", "manifest.yaml")

    assert done.code == 1, done.said
    assert said in done.err
    assert project.server.calls() == []


def test_an_html_page_in_answer_to_the_creation(project: Project) -> None:
    """Where an answer does not say what happened the exit code is that of an open outcome; again settles it."""
    project.server.fail("html-after", on="CreateDockerWorkerVersion")

    done, again = project.run("apply", "manifest.yaml"), project.run("apply", "manifest.yaml")

    assert (done.code, again.code) == (7, 0), done.said + again.said
    assert len(project.server.versions) == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("version: 1\nworkers: []\n", ".arkindex.yml:1:10: expected `version: 2`, found 1"),
        ("version: 2\nworkers:\n  - {slug: a, name: A}\n", ".arkindex.yml:3:5: `type` is missing"),
        ("version: 2\nworkers:\n  - {slug: a, name: A, type: t, gpu: x}\n", ".arkindex.yml:3:33: unknown key `gpu`"),
        ("version: 2\nworkers: [nothing/*.yml]\n", ".arkindex.yml:2:11: the pattern matches no file"),
        ("version: 2\nworkers: ['../*.yml']\n", "leads out of the project's root"),
        (
            "version: 2\nworkers:\n  - {slug: a, name: A, type: t, description: gone.md}\n",
            ".arkindex.yml:3: description: there is no file `gone.md`",
        ),
        (
            "version: 2\nworkers:\n  - {slug: a, name: A, type: t}\n  - {slug: a, name: B, type: t}\n",
            "identity",
        ),
    ],
)
def test_a_wrong_configuration_publishes_nothing(project: Project, config: str, said: str) -> None:
    """A configuration that is wrong anywhere is told with file, line and column before the server is asked at all."""
    project.write(__arkindex__yml=config)

    done = project.run("apply", "manifest.yaml")

    assert done.code == 3, done.said
    assert said in done.err
    assert project.server.recorded == []


def test_one_wrong_file_of_several_publishes_nothing(project: Project) -> None:
    """A good worker beside a bad one is not published: a manifest is all sound, or nothing is begun."""
    project.write(
        manifest__yaml=MANIFEST + "  - {image: 'r.example.com/w:1', config: other.yml}\n",
        other__yml="slug: x\n",
    )

    done = project.run("apply", "manifest.yaml")

    assert done.code == 3
    assert "other.yml:1:1: `display_name` is missing" in done.err
    assert project.server.recorded == []


def test_a_configuration_that_changes_after_the_plan_is_refused(project: Project) -> None:
    """A saved plan is applied to the very files it was made from: another configuration is stale."""
    planned = project.run("plan", "manifest.yaml", "--out", "plan.json")
    project.write(__arkindex__yml=LISTING_FILE.replace("0.5", "0.6"))

    done = project.run("apply", "--plan", "plan.json")

    assert (planned.code, done.code) == (0, 6), done.said
    assert project.server.versions == {}


def test_a_saved_plan_is_applied(project: Project) -> None:
    """A plan keeps all that a version is made of, and applies although git says something else by then."""
    expected = body_of(project)
    project.run("plan", "manifest.yaml", "--out", "plan.json")
    project.checkout.git("tag", "v2")

    done = project.run("apply", "--plan", "plan.json")

    assert done.code == 0, done.said
    assert project.server.bodies("CreateDockerWorkerVersion") == [expected]


def test_a_server_without_the_operation(project: Project) -> None:
    """What the server does not offer is said by name before anything is sent, and a person has to choose."""
    project.server.clone_behaviour(operations=IMPORT)

    done = project.run("plan", "manifest.yaml")

    assert done.code == 5, done.said
    assert "CreateWorkerVersion" in done.out
    assert project.server.calls() == []


def test_the_document_from_a_file(project: Project) -> None:
    """`ARKINDEX_API_SCHEMA_URL` may name a file, which somebody looked at; another host is refused."""
    from tests.support.arkindex_server import document_of

    project.write(openapi__json=json.dumps(document_of(DOCKER_VERSION)))

    done = project.run("apply", "manifest.yaml", ARKINDEX_API_SCHEMA_URL="openapi.json")
    elsewhere = project.run("apply", "manifest.yaml", ARKINDEX_API_SCHEMA_URL="https://example.com/openapi.json")

    assert (done.code, elsewhere.code) == (0, 3), done.said
    assert "ARKINDEX_API_SCHEMA_URL" in elsewhere.err
    assert all("openapi" not in recorded.path for recorded in project.server.recorded)


def test_verify_says_what_can_be_known(project: Project) -> None:
    """Verify finds a version where the server lists, and calls it unknown, not missing, where it does not."""
    project.server.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    before, _ = project.run("verify", "manifest.yaml"), project.run("apply", "manifest.yaml")
    after = project.run("verify", "manifest.yaml")
    project.server.clone_behaviour(operations=DOCKER_VERSION)
    untold = project.run("verify", "manifest.yaml", "--json")

    assert (before.code, after.code, untold.code) == (1, 0, 1), before.said + after.said
    (seen,) = json.loads(untold.out)
    assert (seen["state"], "does not tell" in seen["detail"]) == ("unknown", True)


def test_doctor_tries_the_token(project: Project) -> None:
    """Doctor names the modes that the server offers, whose token it is, and whether it is accepted."""
    project.server.clone_behaviour(operations=DOCKER_VERSION | LISTING | {"RetrieveUser"})

    good = project.run("doctor", "manifest.yaml")
    bad = project.run("doctor", "manifest.yaml", ARKINDEX_API_TOKEN="fake-wrong-token-0001")

    assert (good.code, bad.code) == (0, 4), good.said + bad.said
    assert "docker-version" in good.out
    assert "ARKINDEX_API_TOKEN; accepted" in good.out


def test_a_profile_of_arkindexs_own_command(project: Project, tmp_path: Path) -> None:
    """Without the variables the default profile is used, a named one by its name, and never both at once."""
    project.server.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    profiles = tmp_path / "home" / ".config" / "arkindex" / "cli.yaml"
    profiles.parent.mkdir(parents=True)
    profiles.write_text(
        f"default_host: prod\ngpg_key: null\nhosts:\n  prod: {{url: '{project.server.url}', token: {TOKEN}}}\n"
        "  old: {url: 'https://old.example.com', token: fake-old-token-0002}\n"
    )
    before = profiles.read_bytes()
    no_variables = {"ARKINDEX_API_URL": "", "ARKINDEX_API_TOKEN": ""}

    by_default = project.run("apply", "manifest.yaml", **no_variables)
    by_name = project.run("plan", "manifest.yaml", **no_variables, ARKINDEX_PROFILE="prod")
    unknown = project.run("plan", "manifest.yaml", **no_variables, ARKINDEX_PROFILE="dev")
    both = project.run("plan", "manifest.yaml", ARKINDEX_PROFILE="prod")

    assert (by_default.code, by_name.code, unknown.code, both.code) == (0, 0, 3, 3), by_default.said
    assert "it has prod, old" in unknown.err
    assert "ARKINDEX_PROFILE and ARKINDEX_API_URL are both set" in both.err
    assert profiles.read_bytes() == before
    assert "fake-old-token-0002" not in unknown.said


def test_a_task_of_arkindex(project: Project) -> None:
    """Inside a task of Arkindex its own token is used, with the task's scheme."""
    done = project.run("apply", "manifest.yaml", ARKINDEX_API_TOKEN="", ARKINDEX_TASK_TOKEN=TOKEN)

    assert done.code == 0, done.said
    assert project.server.recorded[-1].headers["authorization"] == f"Ponos {TOKEN}"


def test_a_rehearsal_needs_no_server(project: Project) -> None:
    """`--local` makes the version in a folder, once, by the same code, with no setting at all."""
    nothing = {"ARKINDEX_API_URL": "", "ARKINDEX_API_TOKEN": ""}

    first = project.run("worker", IMAGE, "--local", **nothing)
    second = project.run("worker", IMAGE, "--local", **nothing)

    assert (first.code, second.code) == (0, 0), first.said
    (version,) = (project.folder / ".publish/local/arkindex/versions").glob("*.json")
    kept = json.loads(version.read_text())
    assert {name: kept[name] for name in body_of(project)} == body_of(project)
    assert project.server.recorded == []


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (["checkout", "--quiet", "--detach"], "HEAD is detached"),
        (["remote", "remove", "origin"], "no remote `origin`"),
    ],
)
def test_a_checkout_that_does_not_say_enough(project: Project, prepare: list[str], said: str) -> None:
    """A detached HEAD and a missing remote are told, with the field that answers, and nothing is sent."""
    project.checkout.git("tag", "--delete", "v1.0")
    project.checkout.git(*prepare)

    done = project.run("apply", "manifest.yaml")

    assert done.code == 3, done.said
    assert said in done.err
    assert "manifest.yaml:4:5" in done.err
    assert project.server.recorded == []


def test_an_image_is_a_name_in_a_registry(project: Project) -> None:
    """An archive, a URL and a name that no registry has are refused where they stand."""
    for image in ("docker-archive:w.tar", "docker://r.example.com/w:1", "Worker:1", "sha256:" + "0" * 64):
        project.write(manifest__yaml=MANIFEST.replace(IMAGE, image))
        done = project.run("validate", "manifest.yaml")

        assert done.code == 3, image
        assert "is not the name of an image in a registry" in done.said


def _sent(project: Project) -> list[dict[str, Any]]:
    return project.server.bodies("CreateDockerWorkerVersion")
