"""From the document to the manifest: destinations, then every entry, then what no two artifacts may share.

It goes on after a problem wherever the rest still has a meaning, so that all problems come at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from publisher.manifest.context import Context, Entry
from publisher.manifest.drafts import Draft
from publisher.manifest.escaping import is_safe, visible
from publisher.manifest.identity import is_destination_name, is_environment_prefix
from publisher.manifest.kinds import DEFAULT_KIND, KINDS
from publisher.manifest.nodes import ListNode, MapNode, TextNode, place
from publisher.manifest.problems import Problems
from publisher.model import Artifact, DestinationSpec

MAX_ARTIFACTS = 10_000
_MAX_RELEASE = 200


def read_destinations(root: MapNode, problems: Problems) -> dict[str, DestinationSpec]:
    """Return the sound destinations by name; problems of the others are added."""
    node = root.get("destinations")
    sound: dict[str, DestinationSpec] = {}
    for name, (key, value) in node.entries.items() if isinstance(node, MapNode) else ():
        path = f"destinations.{visible(name, limit=60)}"
        before = problems.count
        if not is_destination_name(name):
            problems.error(
                place(key, path),
                f"`{visible(name, limit=60)}` is no name for a destination",
                hint="use up to 64 letters, digits, `.`, `_` and `-`",
            )
        if isinstance(value, MapNode):
            spec = _read_destination(name, key.line, value, path, problems)
            if spec is not None and problems.count == before:
                sound[name] = spec
    return sound


def _read_destination(name: str, line: int, node: MapNode, path: str, problems: Problems) -> DestinationSpec | None:
    kind, prefix = node.get("kind"), node.get("env_prefix")
    if not isinstance(kind, TextNode):
        return None
    if kind.text not in KINDS:
        hint = problems.suggest(kind.text, list(KINDS)) or f"supported: {', '.join(KINDS)}"
        problems.error(place(kind, f"{path}.kind"), f"unknown kind `{visible(kind.text, limit=60)}`", hint=hint)
    if isinstance(prefix, TextNode) and not is_environment_prefix(prefix.text):
        problems.error(
            place(prefix, f"{path}.env_prefix"),
            "`env_prefix` is upper case letters, digits and `_`, and ends with `_`",
            hint="with `EU_`, S3_ENDPOINT is read from EU_S3_ENDPOINT",
        )
    return DestinationSpec(name, kind.text, prefix.text if isinstance(prefix, TextNode) else "", line)


def read_release(root: MapNode, context: Context) -> str | None:
    """Return the release's label with its variables filled in, or None where there is none."""
    node = root.get("release")
    if not isinstance(node, TextNode):
        return None
    rendered = context.render_fixed(node, "release")
    if rendered is None:
        return None
    if not is_safe(rendered.text) or len(rendered.text) > _MAX_RELEASE:
        context.problems.error(
            place(node, "release"), f"a release is one line of printable text, at most {_MAX_RELEASE} characters"
        )
    return rendered.text


def expand_artifacts(root: MapNode, context: Context) -> tuple[Artifact, ...]:
    """Return every artifact in order; check that no two are one at the place they go to."""
    listed = root.get("artifacts")
    if not isinstance(listed, ListNode):
        return ()
    if len(listed.items) > MAX_ARTIFACTS:
        _add_too_many(listed, context.problems)
        return ()
    drafts = list(islice(_drafts(listed, context), MAX_ARTIFACTS + 1))
    if len(drafts) > MAX_ARTIFACTS:
        _add_too_many(listed, context.problems)
        return ()
    _check_collisions(drafts, context.problems)
    if not listed.items:
        context.problems.warning(
            place(listed, "artifacts"), "the manifest has no artifacts: there is nothing to publish"
        )
    return tuple(draft.artifact for draft in drafts)


def _add_too_many(listed: ListNode, problems: Problems) -> None:
    problems.error(place(listed, "artifacts"), f"a manifest has at most {MAX_ARTIFACTS:,} artifacts", hint="split it")


def _drafts(listed: ListNode, context: Context) -> Iterator[Draft]:
    for index, node in enumerate(listed.items):
        if context.problems.is_full:
            return
        if not isinstance(node, MapNode):
            continue
        entry = Entry(node, f"artifacts[{index}]", context)
        only = _only_destination(entry)
        kind = _kind_of(entry, only)
        if kind is not None:
            yield from KINDS[kind](entry, only)


def _only_destination(entry: Entry) -> DestinationSpec | None:
    """Return the destination of an entry that names none: the manifest's only one."""
    context = entry.context
    if entry.text("destination") is None and len(context.declared) == 1:
        return next(iter(context.destinations.values()), None)
    return None


def _kind_of(entry: Entry, only: DestinationSpec | None) -> str | None:
    """Return the kind by whose model the entry is checked, or None where its destination is unsound as a whole.

    An entry whose destination depends on its matrix is checked before the matrix is known, so all destinations then
    have to be of one kind.
    """
    context = entry.context
    text = entry.text("destination")
    kinds = {spec.kind for spec in context.destinations.values()}
    if text is None:
        if only is None and len(context.declared) != 1:
            if context.declared:
                known = ", ".join(f"`{visible(name)}`" for name in list(context.declared)[:8])
                context.problems.error(entry.place, "`destination` is missing", hint=f"the destinations are {known}")
            return DEFAULT_KIND
        return only.kind if only else None
    if context.depends_on_row(text.node.text):
        if len(kinds) > 1:
            context.problems.error(
                text.place, "a destination that depends on the matrix needs all destinations to be of one kind"
            )
            return None
        return next(iter(kinds), None)
    rendered = context.render_fixed(text.node, text.field_path)
    if rendered is None:
        return DEFAULT_KIND
    if rendered.text in context.destinations:
        return context.destinations[rendered.text].kind
    if rendered.text in context.declared:
        return None
    context.add_unknown_destination(rendered, text)
    return DEFAULT_KIND


def _check_collisions(drafts: list[Draft], problems: Problems) -> None:
    """Report artifacts that would be one row, or one object, at one place, with the lines of both.

    Two destinations of one kind and one `env_prefix` are one place. Source: contracts, the object key is not injective.
    """
    owners: dict[tuple[tuple[str, str], str, str], tuple[Draft, bool]] = {}
    for draft in drafts:
        shared = (draft.destination.kind, draft.destination.env_prefix)
        for claim in draft.claims:
            other, is_shared = owners.setdefault((shared, claim.what, claim.text), (draft, claim.is_shared))
            if other is draft or (is_shared and claim.is_shared):
                continue
            line = other.artifact.line
            there = f"line {line}" if line != draft.artifact.line else f"another artifact of line {line}"
            same = draft.shown == other.shown
            problems.error(
                draft.where,
                f"{visible(draft.shown, limit=300)} has the same {claim.what} as {there}"
                + ("" if same else f", {visible(other.shown, limit=300)}"),
                hint="change one of the names" if claim.what != "identity" else "remove one, or give it another name",
            )
            break
