"""The three modes against a real server: what is sent, what is made, and what is done about what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.arkindex.api import OPERATIONS
from publisher.destinations.arkindex.client import ArkindexClient
from publisher.destinations.arkindex.lookup import Lookup, NoVersion
from publisher.destinations.arkindex.modes import Settled, mode_for, publish_version
from publisher.destinations.arkindex.openapi import read_operations
from publisher.destinations.arkindex.session import Session
from publisher.destinations.arkindex.values import Mode, Version, Wanted
from publisher.errors import (
    Cancelled,
    CapabilityError,
    CredentialsError,
    OutcomeUnknownError,
    ProtocolError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.http import RedirectError
from publisher.model import WorkerForm
from tests.support.arkindex_server import (
    CSRF,
    DOCKER_VERSION,
    IMPORT,
    LISTING,
    TOKEN,
    WORKER_VERSION,
    ArkindexServer,
    document_of,
)
from tests.support.arkindex_worlds import HASH, REPOSITORY, configured, defined, options, session, wanted
from tests.support.programs import free_port

GENERATIONS = {
    Mode.DOCKER_VERSION: DOCKER_VERSION,
    Mode.WORKER_VERSION: WORKER_VERSION,
    Mode.IMPORT: IMPORT,
}
WITH_WORKER = (Mode.WORKER_VERSION, Mode.IMPORT)


@pytest.fixture
def client(arkindex: ArkindexServer) -> Iterator[ArkindexClient]:
    with closing(ArkindexClient(options(arkindex.url))) as made:
        yield made


def publish(client: ArkindexClient, mode: Mode, wish: Wanted | None = None, talk: Session | None = None) -> Settled:
    worker = defined() if mode is Mode.IMPORT else configured()
    return publish_version(talk or session(client), mode, wish or wanted(), worker)


def operations_of(server: ArkindexServer, mode: Mode) -> None:
    server.clone_behaviour(operations=GENERATIONS[mode])


@pytest.mark.parametrize("mode", Mode)
def test_a_version_is_made_once(arkindex: ArkindexServer, client: ArkindexClient, mode: Mode) -> None:
    """Each mode makes one version with its labels; again it is the same version, and no second one."""
    operations_of(arkindex, mode)

    first, second = publish(client, mode), publish(client, mode)

    (version,) = arkindex.versions.values()
    assert first == Settled(version["id"], is_new=True)
    assert not second.is_new
    assert (version["revision_url"], version["docker_image_iid"]) == (
        f"{REPOSITORY}/commit/{HASH}",
        "registry.example.com/g/w:1.0",
    )
    assert arkindex.labels() == [("main", "v1")]


def test_requests_carry_the_headers_of_the_contract(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """The token with its scheme, the referer, JSON, and the server's cookie once it set one; the document without."""
    operations_of(arkindex, Mode.WORKER_VERSION)

    publish(client, Mode.WORKER_VERSION)

    document, first, second = arkindex.recorded[:3]
    assert "authorization" not in document.headers
    assert (first.headers["authorization"], first.headers["referer"]) == (f"Token {TOKEN}", arkindex.url)
    assert first.headers["content-type"] == "application/json"
    assert "x-csrftoken" not in first.headers
    assert second.headers["x-csrftoken"] == CSRF
    assert second.headers["cookie"] == f"arkindex.csrf={CSRF}"


def test_a_task_of_arkindex_has_its_own_scheme(arkindex: ArkindexServer) -> None:
    """The word before the token is the configured one: `Ponos` inside a task."""
    with closing(ArkindexClient(options(arkindex.url, scheme="Ponos"))) as client:
        publish(client, Mode.DOCKER_VERSION)

    assert arkindex.recorded[-1].headers["authorization"] == f"Ponos {TOKEN}"


def test_the_document_is_read_once(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """A run asks once where the operations are."""
    publish(client, Mode.DOCKER_VERSION)
    publish(client, Mode.DOCKER_VERSION)

    assert sum(recorded.path.startswith("/api/v1/openapi") for recorded in arkindex.recorded) == 1


@pytest.mark.parametrize(
    ("mode", "conflict"),
    [(Mode.WORKER_VERSION, ""), (Mode.IMPORT, "409"), (Mode.IMPORT, "409-null"), (Mode.IMPORT, "400")],
)
def test_labels_of_a_duplicate_are_brought_up_to_date(
    arkindex: ArkindexServer, client: ArkindexClient, mode: Mode, conflict: str
) -> None:
    """Whatever its server's way to say duplicate: the version stays, branch and tag become this run's."""
    arkindex.clone_behaviour(operations=GENERATIONS[mode], conflict=conflict)
    publish(client, mode)

    settled = publish(client, mode, wanted(branch="release", tags=("v2", "v1.5")))

    assert (settled.is_new, settled.labels) == (False, {"branch": "release", "tag": "v1.5"})
    assert arkindex.labels() == [("release", "v1.5")]


@pytest.mark.parametrize("mode", WITH_WORKER)
def test_a_label_that_is_not_known_here_is_not_taken_away_there(
    arkindex: ArkindexServer, client: ArkindexClient, mode: Mode
) -> None:
    """A tag's pipeline knows no branch: the version keeps the branch that an earlier pipeline gave it."""
    operations_of(arkindex, mode)
    publish(client, mode, wanted(tags=()))

    publish(client, mode, wanted(branch=None, tags=("v1",)))

    assert arkindex.labels() == [("main", "v1")]
    assert arkindex.bodies("PartialUpdateWorkerVersion") == [{"tag": "v1"}]


@pytest.mark.parametrize("mode", WITH_WORKER)
def test_labels_that_are_right_are_left_alone(arkindex: ArkindexServer, client: ArkindexClient, mode: Mode) -> None:
    """Nothing is sent where nothing changes."""
    operations_of(arkindex, mode)
    publish(client, mode)

    settled = publish(client, mode)

    assert settled.labels == {}
    assert "PartialUpdateWorkerVersion" not in arkindex.calls()


@pytest.mark.parametrize("mode", WITH_WORKER)
def test_another_image_at_the_same_commit_is_told_and_not_stored(
    arkindex: ArkindexServer, client: ArkindexClient, mode: Mode
) -> None:
    """A commit has one version: another tag of the image is a duplicate, told with both names."""
    operations_of(arkindex, mode)
    publish(client, mode)

    settled = publish(client, mode, wanted(image="registry.example.com/g/w:2.0"))

    assert not settled.is_conflict
    assert "g/w:1.0" in settled.notes[-1]
    assert "g/w:2.0 was not registered" in settled.notes[-1]
    assert [version["docker_image_iid"] for version in arkindex.versions.values()] == ["registry.example.com/g/w:1.0"]


@pytest.mark.parametrize("mode", WITH_WORKER)
def test_images_pinned_by_other_digests_are_a_conflict(
    arkindex: ArkindexServer, client: ArkindexClient, mode: Mode
) -> None:
    """Two digests prove two contents under one identity: nothing is changed, the labels neither."""
    operations_of(arkindex, mode)
    publish(client, mode, wanted(image="r.example.com/w@sha256:" + "a" * 64))

    other = wanted(image="r.example.com/w@sha256:" + "b" * 64, branch="release")
    settled = publish(client, mode, other)

    assert settled.is_conflict
    assert arkindex.labels() == [("main", "v1")]


def test_an_image_that_is_not_told_is_not_compared(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """A server that hides the image leaves it open whether it is this one, and that is said."""
    arkindex.clone_behaviour(operations=WORKER_VERSION, tells_image=False)
    publish(client, Mode.WORKER_VERSION)

    settled = publish(client, Mode.WORKER_VERSION)

    assert "was not compared" in settled.notes[-1]


def test_a_duplicate_that_cannot_be_asked_for_is_registered_and_not_compared(
    arkindex: ArkindexServer, client: ArkindexClient
) -> None:
    """With the one operation of the source document, a duplicate is registered, and nothing else is known of it."""
    publish(client, Mode.DOCKER_VERSION)

    settled = publish(client, Mode.DOCKER_VERSION)

    assert (settled.version_id, settled.is_new) == (None, False)
    assert "neither compared nor changed" in settled.notes[-1]


def test_a_duplicate_is_found_where_the_server_lists(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """Where workers and versions are listed, a duplicate of the source document's mode is compared and relabelled."""
    arkindex.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    publish(client, Mode.DOCKER_VERSION)

    settled = publish(client, Mode.DOCKER_VERSION, wanted(branch="release"))

    assert settled.labels == {"branch": "release"}
    assert arkindex.labels() == [("release", "v1")]


def test_the_duplicate_is_found_on_a_later_page(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """A version is looked for on every page of the list."""
    operations_of(arkindex, Mode.WORKER_VERSION)
    publish(client, Mode.WORKER_VERSION)
    for number in range(7):
        publish(client, Mode.WORKER_VERSION, wanted(revision_url=f"https://x/{number}", tags=(), branch=None))

    settled = publish(client, Mode.WORKER_VERSION, wanted(branch="again"))

    assert settled.labels == {"branch": "again"}


@pytest.mark.parametrize("mode", WITH_WORKER)
def test_a_worker_is_found_and_brought_up_to_date(arkindex: ArkindexServer, client: ArkindexClient, mode: Mode) -> None:
    """An existing worker keeps its id; another name, type or description becomes the file's."""
    operations_of(arkindex, mode)
    publish(client, mode)
    (worker_id,) = arkindex.workers
    arkindex.workers[worker_id]["name"] = "Old name"

    settled = publish(client, mode, wanted(revision_url="https://x/2"))

    assert list(arkindex.workers) == [worker_id]
    assert arkindex.workers[worker_id]["name"] == "My Worker"
    assert settled.notes == ("the worker's name was brought up to date",)
    assert set(arkindex.bodies("PartialUpdateWorker")[0]) == {"name", "type", "description"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", RejectedError),
        ("403", CredentialsError),
        ("redirect", RedirectError),
        ("html", OutcomeUnknownError),
        ("html-after", OutcomeUnknownError),
        ("no-id", OutcomeUnknownError),
        ("cut", OutcomeUnknownError),
    ],
)
def test_a_bad_answer_to_the_creation_is_a_clear_error(
    arkindex: ArkindexServer, client: ArkindexClient, fault: str, error: type[PublisherError]
) -> None:
    """A refusal is told; an answer that does not say what happened leaves the outcome open, and is not repeated."""
    arkindex.fail(fault, on="CreateDockerWorkerVersion")

    with pytest.raises(error) as caught:
        publish(client, Mode.DOCKER_VERSION)

    assert arkindex.calls() == ["CreateDockerWorkerVersion"]
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("fault", ["500", "lost-request", "429"])
@pytest.mark.parametrize("mode", Mode)
def test_silence_is_repeated_until_it_ends(
    arkindex: ArkindexServer, client: ArkindexClient, mode: Mode, fault: str
) -> None:
    """Four times no answer, then one: the version is made once, at the fifth attempt."""
    operations_of(arkindex, mode)
    making = "CreateDockerWorkerVersion" if mode is Mode.DOCKER_VERSION else "CreateWorker"
    arkindex.fail(fault, times=4, on=making)

    settled = publish(client, mode)

    assert settled.is_new
    assert arkindex.calls().count(making) == 5
    assert len(arkindex.versions) == 1


@pytest.mark.parametrize("fault", ["lost-answer", "502-after"])
@pytest.mark.parametrize("mode", Mode)
def test_a_lost_answer_makes_no_second_version(
    arkindex: ArkindexServer, client: ArkindexClient, mode: Mode, fault: str
) -> None:
    """The version was made and the answer lost: the repeated request finds it, and says that it may be of this run."""
    operations_of(arkindex, mode)
    making = {
        Mode.DOCKER_VERSION: "CreateDockerWorkerVersion",
        Mode.WORKER_VERSION: "CreateWorkerVersion",
        Mode.IMPORT: "ImportWorkerVersion",
    }[mode]
    arkindex.fail(fault, on=making)

    settled = publish(client, mode)

    assert len(arkindex.versions) == 1
    assert not settled.is_new
    assert "may be of this run" in settled.notes[0]


@pytest.mark.parametrize("fault", ["500", "lost-request", "lost-answer"])
def test_silence_to_the_end_leaves_the_outcome_open(
    arkindex: ArkindexServer, client: ArkindexClient, fault: str
) -> None:
    """Five attempts without an answer: what happened is not known, and running again settles it."""
    arkindex.fail(fault, times=5 if fault != "lost-answer" else 1, on="CreateDockerWorkerVersion")
    if fault == "lost-answer":
        arkindex.fail("500", times=4, on="CreateDockerWorkerVersion")

    with pytest.raises(OutcomeUnknownError):
        publish(client, Mode.DOCKER_VERSION)

    assert arkindex.calls().count("CreateDockerWorkerVersion") == 5
    publish(client, Mode.DOCKER_VERSION)
    assert len(arkindex.versions) == 1


def test_no_connection_is_no_open_outcome(tmp_path: Path) -> None:
    """Where no connection was made nothing can have happened: an ordinary failure."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(document_of(DOCKER_VERSION)))
    nobody = options(f"http://127.0.0.1:{free_port()}", schema=str(document))
    with closing(ArkindexClient(nobody)) as client:
        talk = session(client)
        with pytest.raises(TransportError) as caught:
            publish(client, Mode.DOCKER_VERSION, talk=talk)

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert talk.attempts == 5


def test_a_stop_is_obeyed_before_anything_is_sent(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """A requested stop ends before the next request."""
    cancellation = Cancellation()
    cancellation.request()

    with pytest.raises(Cancelled):
        publish(client, Mode.DOCKER_VERSION, talk=session(client, cancellation=cancellation))

    assert arkindex.calls() == []


def test_a_duplicate_that_is_not_listed_is_not_believed(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """A server that says "exists" and shows nothing leaves the artifact failed, not registered."""
    operations_of(arkindex, Mode.IMPORT)
    publish(client, Mode.IMPORT)
    (version,) = arkindex.versions.values()
    version["worker_id"] = "another"
    arkindex.fail("409-lie", on="ImportWorkerVersion")

    with pytest.raises(ProtocolError, match="lists none"):
        publish(client, Mode.IMPORT)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("html", ProtocolError), ("redirect", RedirectError), ("403", CredentialsError), ("500", TransportError)],
)
def test_without_the_document_nothing_is_sent(
    arkindex: ArkindexServer, client: ArkindexClient, fault: str, error: type[PublisherError]
) -> None:
    """Where the operations cannot be read, no request with a token is made at all."""
    arkindex.fail(fault, times=5, on="document")

    with pytest.raises(error):
        publish(client, Mode.DOCKER_VERSION)

    assert all("authorization" not in recorded.headers for recorded in arkindex.recorded)


@pytest.mark.parametrize(
    ("offered", "form", "mode"),
    [
        (DOCKER_VERSION, WorkerForm.LISTED, Mode.DOCKER_VERSION),
        (WORKER_VERSION, WorkerForm.LISTED, Mode.WORKER_VERSION),
        (DOCKER_VERSION | WORKER_VERSION, WorkerForm.LISTED, Mode.DOCKER_VERSION),
        (IMPORT | WORKER_VERSION, WorkerForm.LISTED, Mode.WORKER_VERSION),
        (IMPORT | WORKER_VERSION, WorkerForm.DEFINED, Mode.IMPORT),
    ],
)
def test_the_mode_follows_from_file_and_server(offered: frozenset[str], form: WorkerForm, mode: Mode) -> None:
    """The file says what can be sent, the server what is taken; the source document's mode comes first."""
    assert mode_for(form, None, read_operations(document_of(offered), OPERATIONS)) is mode


@pytest.mark.parametrize(
    ("offered", "form", "chosen", "said"),
    [
        (IMPORT, WorkerForm.LISTED, None, "cannot take an .arkindex.yml: it does not offer CreateWorkerVersion"),
        (
            DOCKER_VERSION,
            WorkerForm.DEFINED,
            None,
            "does not offer CreateWorker, ImportWorkerVersion, ListWorkerVersions",
        ),
        (DOCKER_VERSION, WorkerForm.LISTED, Mode.WORKER_VERSION, "cannot publish by mode worker[+]version"),
        (IMPORT, WorkerForm.LISTED, Mode.IMPORT, "mode import needs a definition"),
        (DOCKER_VERSION, WorkerForm.DEFINED, Mode.DOCKER_VERSION, "mode docker-version needs an .arkindex.yml"),
    ],
)
def test_a_mode_that_does_not_fit_is_a_clear_error(
    offered: frozenset[str], form: WorkerForm, chosen: Mode | None, said: str
) -> None:
    """What the server does not offer, and a file of the other form, are said before anything is called."""
    operations = read_operations(document_of(offered), OPERATIONS)

    with pytest.raises(CapabilityError, match=said):
        mode_for(form, chosen, operations)


def test_a_lookup_asks_each_list_once(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """Many artifacts share what was listed; another revision or repository of it is absent."""
    arkindex.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    publish(client, Mode.DOCKER_VERSION)
    arkindex.recorded.clear()
    lookup, talk = Lookup(), session(client)

    there = lookup.find(talk, wanted())
    absent = lookup.find(talk, wanted(revision_url="https://x/other"))
    other = lookup.find(talk, wanted(repository_url="https://x/other"))

    assert isinstance(there, Version)
    assert (there.image, there.labels) == ("registry.example.com/g/w:1.0", {"branch": "main", "tag": "v1"})
    assert (absent, other) == (NoVersion.ABSENT, NoVersion.ABSENT)
    assert arkindex.calls() == ["ListWorkers", "ListWorkerVersions"]


def test_a_list_that_does_not_tell_repositories_says_nothing(arkindex: ArkindexServer, client: ArkindexClient) -> None:
    """Where a listed worker could be the wanted one, it is neither present nor absent."""
    arkindex.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    publish(client, Mode.DOCKER_VERSION)
    for worker in arkindex.workers.values():
        del worker["repository_url"]

    assert Lookup().find(session(client), wanted()) is NoVersion.UNSEEN


def test_a_list_that_is_too_long_says_only_what_was_read(
    arkindex: ArkindexServer, client: ArkindexClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker beyond the last page that is read is not absent; one before it is found."""
    arkindex.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    for number in range(7):
        publish(client, Mode.DOCKER_VERSION, wanted(repository_url=f"https://x/{number}"))
    monkeypatch.setattr("publisher.destinations.arkindex.session.MAX_PAGES", 2)
    lookup, talk = Lookup(), session(client)

    first = lookup.find(talk, wanted(repository_url="https://x/0", revision_url=f"https://x/0/commit/{HASH}"))
    last = lookup.find(talk, wanted(repository_url="https://x/6", revision_url=f"https://x/6/commit/{HASH}"))

    assert isinstance(first, Version)
    assert last is NoVersion.UNSEEN


def test_a_server_that_lists_nothing_cannot_be_asked(client: ArkindexClient) -> None:
    """Without the operations to list, an answer is "not seen", and never "absent"."""
    assert Lookup().find(session(client), wanted()) is NoVersion.UNSEEN
