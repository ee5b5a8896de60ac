"""How a version is made in each mode, and what is done about one that is there already.

A version is never changed: the server keeps one for a worker at a revision, and only its branch and tag move. What is
there is compared by the name of its image, as far as the server tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from publisher.destinations.arkindex import bodies
from publisher.destinations.arkindex.answers import Duplicate, duplicate_of, id_in, version_in
from publisher.destinations.arkindex.lookup import Lookup, versions_of
from publisher.destinations.arkindex.openapi import Operations
from publisher.destinations.arkindex.session import Created, Refused, Session
from publisher.destinations.arkindex.values import Mode, Version, Wanted, is_other_content, outdated_labels
from publisher.errors import CapabilityError, ProtocolError
from publisher.manifest.workers import ConfiguredWorker, DefinedWorker, Worker
from publisher.model import WorkerForm

REQUIRED: Mapping[Mode, tuple[str, ...]] = {
    Mode.DOCKER_VERSION: ("CreateDockerWorkerVersion",),
    Mode.WORKER_VERSION: ("CreateWorker", "CreateWorkerVersion", "ListWorkerVersions"),
    Mode.IMPORT: ("CreateWorker", "ImportWorkerVersion", "ListWorkerVersions"),
}
"""What a mode cannot do without; looked for before anything is called."""

# The mode of the source document comes first: it is one call, and hands on message, author and every tag.
_CONFIGURED = (Mode.DOCKER_VERSION, Mode.WORKER_VERSION)
_POSSIBLE: Mapping[WorkerForm, tuple[Mode, ...]] = {
    WorkerForm.LISTED: _CONFIGURED,
    WorkerForm.SINGLE: _CONFIGURED,
    WorkerForm.DEFINED: (Mode.IMPORT,),
}


@dataclass(frozen=True, slots=True)
class Settled:
    """How it ended: `is_new` if this run made the version; `labels` are those it brought up to date.

    `version` is what the server holds, or None where it cannot be asked. `is_conflict`: it holds another image, proved
    by digest, and nothing was changed.
    """

    version_id: str | None
    is_new: bool
    version: Version | None = None
    labels: Mapping[str, str] | None = None
    is_conflict: bool = False
    notes: tuple[str, ...] = ()


def mode_for(form: WorkerForm, chosen: Mode | None, offered: Operations) -> Mode:
    """Return the mode: the chosen one, else what the file's form and the server's operations leave.

    Raises `CapabilityError` if the server does not offer it, or the file is not of its form.
    """
    possible = _POSSIBLE[form]
    if chosen is not None:
        if chosen not in possible:
            needed = "a definition (arkindex/NAME.yml)" if chosen is Mode.IMPORT else "an .arkindex.yml"
            raise CapabilityError(
                f"mode {chosen} needs {needed}", hint="name that file in `config`, or leave ARKINDEX_MODE unset"
            )
        offered.require(REQUIRED[chosen], f"publish by mode {chosen}")
        return chosen
    for mode in possible:
        if all(name in offered for name in REQUIRED[mode]):
            return mode
    offered.require(REQUIRED[possible[-1]], f"take {'a definition' if len(possible) == 1 else 'an .arkindex.yml'}")
    raise RuntimeError("a mode without requirements was refused")


def publish_version(
    session: Session, mode: Mode, wanted: Wanted, worker: Worker, description: str | None = None
) -> Settled:
    """Make the version, or find it and bring its labels up to date. `description` is the worker's, or None.

    Raises what the server refuses or does not answer, `OutcomeUnknownError` where the version may have been made.
    """
    match worker, mode:
        case ConfiguredWorker(), Mode.DOCKER_VERSION:
            made = session.create("CreateDockerWorkerVersion", body=bodies.docker_version(wanted, worker, description))
            return _settled(session, mode, wanted, made, worker_id=None, notes=())
        case ConfiguredWorker(), Mode.WORKER_VERSION:
            worker_id, notes = _worker(session, wanted, worker, description)
            body = bodies.version(wanted, worker)
            made = session.create("CreateWorkerVersion", path={"id": worker_id}, body=body)
            return _settled(session, mode, wanted, made, worker_id=worker_id, notes=notes)
        case DefinedWorker(), Mode.IMPORT:
            worker_id, notes = _worker(session, wanted, worker, worker.description)
            body = bodies.definition(wanted, worker)
            made = session.create("ImportWorkerVersion", path={"id": worker_id}, body=body)
            return _settled(session, mode, wanted, made, worker_id=worker_id, notes=notes)
    raise RuntimeError("a worker of another form was handed to this mode")


def settle_existing(session: Session, wanted: Wanted, version: Version, *, notes: tuple[str, ...] = ()) -> Settled:
    """Bring the branch and tag of a version up to date, unless it is proved to hold another image."""
    if is_other_content(version, wanted):
        return Settled(version.id, is_new=False, version=version, is_conflict=True, notes=notes)
    notes += compared(version, wanted)
    labels = outdated_labels(version, wanted)
    if labels and "PartialUpdateWorkerVersion" not in session.operations():
        names = " and ".join(labels)
        notes += (f"its {names} cannot be brought up to date: the server offers no PartialUpdateWorkerVersion",)
        labels = {}
    if labels:
        session.call("PartialUpdateWorkerVersion", path={"id": version.id}, body=labels)
    return Settled(version.id, is_new=False, version=version, labels=labels, notes=notes)


def compared(version: Version, wanted: Wanted) -> tuple[str, ...]:
    """Say what a person should know of the image of a version that is there."""
    if version.image is None:
        return ("the server does not tell the image of the version that is there: it was not compared",)
    if version.image != wanted.image:
        return (
            f"this revision is registered with the image {version.image}; {wanted.image} was not registered: a worker "
            "has one version for each commit",
        )
    return ()


_NOT_ASKED = (
    "this server cannot be asked for the version that is there: "
    "its image, branch and tags were neither compared nor changed"
)
_DESCRIBING = ("name", "type", "description")


def _settled(
    session: Session,
    mode: Mode,
    wanted: Wanted,
    made: Created | Refused,
    *,
    worker_id: str | None,
    notes: tuple[str, ...],
) -> Settled:
    if isinstance(made, Created):
        return Settled(made.id, is_new=True, notes=notes)
    duplicate = duplicate_of(made.reply, mode)
    if duplicate is None:
        raise made.reply.refusal("the version")
    if made.after_silence:
        notes += ("the server did not answer at first, and then held the version: it may be of this run",)
    version = _existing(session, wanted, duplicate, worker_id)
    if version is None:
        return Settled(None, is_new=False, notes=(*notes, _NOT_ASKED))
    return settle_existing(session, wanted, version, notes=notes)


def _existing(session: Session, wanted: Wanted, duplicate: Duplicate, worker_id: str | None) -> Version | None:
    """Return the version that a server says is there; None where it cannot be asked for it."""
    if worker_id is None:
        found = Lookup().find(session, wanted)
        return found if isinstance(found, Version) else None
    if duplicate.existing_id is not None and "RetrieveWorkerVersion" in session.operations():
        reply = session.call("RetrieveWorkerVersion", path={"id": duplicate.existing_id})
        version = version_in(reply.document)
        if version.revision_url in (None, wanted.revision_url):
            return version
    version_there = versions_of(session, worker_id).get(wanted.revision_url)
    if version_there is None:
        raise ProtocolError(
            "the server says that a version of this revision exists, but lists none",
            hint="does this user see all versions of the worker?",
        )
    return version_there


def _worker(session: Session, wanted: Wanted, worker: Worker, description: str | None) -> tuple[str, tuple[str, ...]]:
    """Create or find the worker, and bring its name, type and description up to date. Returns its id, and notes."""
    body = bodies.worker(wanted, worker, description)
    there = session.call("CreateWorker", body=body).document
    worker_id = id_in(there)
    known = there if isinstance(there, dict) else {}
    changed = [name for name in _DESCRIBING if name in body and name in known and known[name] != body[name]]
    if not changed:
        return worker_id, ()
    if "PartialUpdateWorker" not in session.operations():
        return worker_id, (f"the worker's {' and '.join(changed)} cannot be changed: no PartialUpdateWorker here",)
    wish = {name: body.get(name, known.get(name)) for name in _DESCRIBING}
    session.call("PartialUpdateWorker", path={"id": worker_id}, body=wish)
    return worker_id, (f"the worker's {' and '.join(changed)} was brought up to date",)
