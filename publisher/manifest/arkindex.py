"""Expands an entry for Arkindex: a worker version for each worker that the entry's file describes, at one commit.

Which workers there are stands in the file, so it is read here; it is read again, and must be the same, when a version
is made. The commit is asked for where that file lies, so that a submodule's worker has the submodule's commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from publisher.manifest.context import Entry, FieldText, RowNames
from publisher.manifest.drafting import Field, Fields, Verdict
from publisher.manifest.drafts import Claim, Draft
from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Rendered, Row, Scope
from publisher.manifest.nodes import ListNode, TextNode
from publisher.manifest.problems import Place
from publisher.manifest.shapes.arkindex import ArkindexArtifact
from publisher.manifest.sourcing import rows_of
from publisher.manifest.workers.finding import Described, WorkerFiles
from publisher.model import (
    Artifact,
    Compression,
    DestinationSpec,
    Origin,
    WorkerForm,
    WorkerIdentity,
    WorkerSource,
)
from publisher.model.images import ImageNameError, Transport, parse_reference
from publisher.revision import (
    EVERY_VALUE,
    WITHOUT_COMMIT_TEXT,
    Given,
    Revision,
    RevisionError,
    Value,
    read_revision,
)

DEFAULT_CONFIG = ".arkindex.yml"
_TEXTS = (
    Value.REPOSITORY_URL,
    Value.HASH,
    Value.MESSAGE,
    Value.AUTHOR,
    Value.BRANCH,
    Value.URL,
)


def expand_arkindex(entry: Entry, _shape: ArkindexArtifact, only: DestinationSpec | None) -> Iterator[Draft]:
    """Yield the worker versions of one entry in order. Problems are added, and what has them is left out.

    `only` is the destination of an entry that names none.
    """
    matrix = rows_of(entry)
    scopes = {Scope.MATRIX: matrix.names}
    fields = Fields.of(entry, ("image", "config", *_TEXTS), scopes, only=only)
    tags = _tags(entry, scopes)
    expanding = _Expanding(fields, tags, WorkerFiles(entry.context))
    for row in matrix.rows:
        yield from expanding.drafts(row)


@dataclass(frozen=True, slots=True)
class _Expanding:
    """Turns rows into drafts; `revisions` remembers what was read of a commit, which many artifacts share."""

    fields: Fields
    tags: Sequence[Field | None] | None
    files: WorkerFiles
    revisions: dict[tuple[object, ...], Revision | None] = field(default_factory=dict)

    @property
    def entry(self) -> Entry:
        return self.fields.entry

    def drafts(self, row: Row) -> Iterator[Draft]:
        image = self.fields.judge("image", row, _image_problem)
        destination = self.fields.destination(row)
        given = self._given(row)
        config, where = self._config(row)
        if config is None:
            return
        described = self.files.described(config, where)
        for worker in described:
            revision = self._revision(worker, given)
            if image is not None and destination is not None and revision is not None:
                yield self._draft(worker, image, destination, revision)

    def _draft(self, worker: Described, image: Rendered, destination: DestinationSpec, revision: Revision) -> Draft:
        identity = WorkerIdentity(revision.repository_url, worker.slug, revision.hash)
        source = WorkerSource(
            image=image.text,
            config=worker.file,
            form=worker.form,
            description=worker.description,
            values=_values(revision),
            shown=f"{image.shown} with {worker.file.shown}",
        )
        artifact = Artifact(
            destination=destination.name,
            kind=destination.kind,
            identity=identity,
            source=source,
            compression=Compression.NONE,
            line=self.entry.node.line,
            origins=self._origins(worker, revision),
        )
        shown = f"{destination.name}:{worker.slug}/${{git.sha}}"
        return Draft(artifact, self.entry.place, destination, shown, (Claim("identity", identity.path),))

    def _config(self, row: Row) -> tuple[Rendered | None, Place]:
        """Return the path or pattern of the configuration, and where to say what is wrong with it."""
        if "config" not in self.fields.written:
            return Rendered(DEFAULT_CONFIG, DEFAULT_CONFIG), self.entry.place
        return self.fields.render("config", row), self.fields.written["config"].place

    def _given(self, row: Row) -> Given | None:
        """Return what the entry says of the commit, or None if a text of it has no value."""
        texts = {value: self.fields.render(value, row) for value in _TEXTS if value in self.fields.written}
        tags = self._given_tags(row)
        if any(text is None for text in texts.values()) or (self.tags is not None and tags is None):
            return None
        plain = {value: text.text for value, text in texts.items() if text is not None}
        return Given(
            repository_url=plain.get(Value.REPOSITORY_URL),
            hash=plain.get(Value.HASH),
            message=plain.get(Value.MESSAGE),
            author=plain.get(Value.AUTHOR),
            branch=plain.get(Value.BRANCH),
            tags=tags,
            url=plain.get(Value.URL),
        )

    def _given_tags(self, row: Row) -> tuple[str, ...] | None:
        found: list[str] = []
        for tag in self.tags or ():
            context = self.entry.context
            rendered = context.render(tag.bound, row, tag.text.node, tag.text.field_path) if tag else None
            if rendered is None:
                return None
            # No tag holds a space, so that one text may name several, as on a command line.
            found += rendered.text.split()
        return None if self.tags is None else tuple(found)

    def _revision(self, worker: Described, given: Given | None) -> Revision | None:
        if given is None:
            return None
        needs = WITHOUT_COMMIT_TEXT if worker.form is WorkerForm.DEFINED else EVERY_VALUE
        key = (worker.folder, given, needs)
        if key not in self.revisions:
            self.revisions[key] = self._read_revision(worker.folder, given, needs)
        return self.revisions[key]

    def _read_revision(self, folder: Path, given: Given, needs: frozenset[Value]) -> Revision | None:
        context = self.entry.context
        try:
            read = context.revision or read_revision
            revision = read(folder, given, context.variables.environment, needs=needs)
        except RevisionError as error:
            for problem in error.problems:
                written = self.fields.written.get(problem.value)
                where = written.place if problem.is_given and written else self.entry.place
                context.problems.error(where, problem.message, hint=problem.hint)
            return None
        for text in revision.warnings:
            context.problems.warning(self.entry.place, text)
        return revision

    def _origins(self, worker: Described, revision: Revision) -> dict[str, Origin]:
        """Return where each value came from: the manifest, the workers' file, GitLab's variables or git."""
        origins = self.fields.origins(built_in=["config"])
        origins["slug"] = Origin(f"{worker.file.shown}:{worker.line}")
        for value, where in revision.origins.items():
            origins.setdefault(value, Origin(where) if where != "given" else Origin("manifest"))
        return origins | {"revision": origins[Value.HASH]}


def _values(revision: Revision) -> tuple[tuple[str, str], ...]:
    """Return what a version is made of besides its identity, in the order of the fields."""
    texts = {
        Value.MESSAGE: revision.message,
        Value.AUTHOR: revision.author,
        Value.BRANCH: revision.branch,
        Value.TAGS: " ".join(revision.tags),
        Value.URL: revision.url,
    }
    return tuple((value.value, text) for value, text in texts.items() if text)


def _image_problem(image: Rendered) -> Verdict:
    """Say what is wrong with the name of an image in a registry; it is never looked up."""
    wrong = f"`{visible(image.shown, limit=80)}` is not the name of an image in a registry"
    hint = "write it like registry.example.com/group/worker:0.4.2"
    try:
        reference = parse_reference(image.text)
    except ImageNameError as error:
        return wrong, error.hint or hint
    is_named = reference.transport is Transport.ENGINE and not image.text.startswith("sha256:")
    return None if is_named else (wrong, hint)


def _tags(entry: Entry, scopes: RowNames) -> list[Field | None] | None:
    """Return the texts of `revision_tags`, from the entry or from `defaults`; None where neither has it.

    A text with a problem, which is added, is None.
    """
    own, context = entry.node.get(Value.TAGS), entry.context
    default = context.defaults.get(Value.TAGS) if context.defaults else None
    node = own or default
    if node is None:
        return None
    base = f"{entry.field_path}.{Value.TAGS}" if own else f"defaults.{Value.TAGS}"
    listed = enumerate(node.items) if isinstance(node, ListNode) else [(None, node)]
    found: list[Field | None] = []
    for index, item in listed:
        if isinstance(item, TextNode):
            path = base if index is None else f"{base}[{index}]"
            bound = context.bind(item, path, scopes)
            found.append(Field(FieldText(item, path, is_default=own is None), bound) if bound else None)
    return found
