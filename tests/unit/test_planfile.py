"""The saved plan survives the way through a file unchanged, and an edited or foreign file is refused."""

from __future__ import annotations

import json
import stat
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import InputError
from publisher.model import (
    Artifact,
    Certainty,
    Compression,
    CondaIdentity,
    DavIdentity,
    DestinationSpec,
    Digest,
    Failure,
    FileSetSource,
    FileSource,
    FleetIdentity,
    Identity,
    ImageSource,
    NamedFile,
    ObjectFacts,
    Observation,
    PackageSource,
    Source,
    SourceFacts,
    State,
    WorkerForm,
    WorkerIdentity,
    WorkerSource,
)
from publisher.plan import Action, Plan, PlanRow
from publisher.plan_entries import RevisionValue
from publisher.planfile import MAX_BYTES, SavedPlan, plan_json, plan_schema, read_plan, report_schema, write_plan
from publisher.reasons import Reason
from tests.golden import sample

SCHEMAS = Path(__file__).parents[2] / "schemas"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
sizes = st.integers(0, 2**53)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
names = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)
components = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda part: part not in {".", ".."}
)
failures = st.builds(Failure, texts, texts, st.none() | texts, st.booleans(), st.integers(0, 255))
maybe = st.none() | texts
objects = st.builds(ObjectFacts, maybe, maybe, st.none() | sizes, maybe, maybe, maybe)
observations = st.builds(
    Observation,
    st.sampled_from(State),
    st.sampled_from(Certainty),
    texts,
    object=st.none() | objects,
    failure=st.none() | failures,
)
paths = st.lists(components, min_size=1, max_size=3).map("/".join)
files = st.builds(lambda path: FileSource(sample.ROOT / path, sample.ROOT, path), paths)
values = st.dictionaries(st.sampled_from(get_args(RevisionValue)), texts).map(lambda items: tuple(items.items()))
pairs = st.dictionaries(names, texts, max_size=3).map(lambda items: tuple(items.items()))
subdirs = st.sampled_from(["noarch", "linux-64", "emscripten-wasm32"])
filenames = st.builds("{}-{}-0{}".format, names, names, st.sampled_from([".conda", ".tar.bz2"]))
expected = st.sampled_from([(), (("name", "x"),), (("version", "1"), ("build", "0"))])
sources: st.SearchStrategy[Source] = st.one_of(
    files,
    st.builds(FileSetSource, st.lists(st.builds(NamedFile, paths, files), max_size=3).map(tuple), texts),
    st.builds(ImageSource, texts, texts),
    st.builds(PackageSource, files, filenames, subdirs, expected),
    st.builds(WorkerSource, texts, files, st.sampled_from(WorkerForm), st.none() | files, values, texts),
)
identities: dict[str, st.SearchStrategy[Identity]] = {
    "fleet": st.builds(FleetIdentity, names, names, names, st.builds("{}+{}".format, names, names)),
    "conda": st.builds(CondaIdentity, subdirs, filenames),
    "webdav": st.builds(DavIdentity, st.lists(names, min_size=1, max_size=3).map("/".join)),
    "arkindex": st.builds(WorkerIdentity, names.map("https://git.example.com/{}".format), names, names),
}
DESTINATIONS = tuple(DestinationSpec(kind, kind) for kind in identities)


@st.composite
def artifacts(draw: st.DrawFn) -> Artifact:
    kind = draw(st.sampled_from(sorted(identities)))
    return Artifact(
        destination=kind,
        kind=kind,
        identity=draw(identities[kind]),
        source=draw(sources),
        compression=draw(st.sampled_from(Compression)),
        line=draw(st.integers(0, 9999)),
        options=draw(pairs),
    )


@st.composite
def rows(draw: st.DrawFn) -> PlanRow:
    action = draw(st.sampled_from(Action))
    facts = st.builds(SourceFacts, sizes, st.builds(Digest, digests))
    source = draw(st.none() | facts if action is Action.BLOCKED else facts)
    return PlanRow(draw(artifacts()), source, action, draw(st.sampled_from(Reason)), draw(observations))


plans = st.builds(
    Plan,
    manifest_path=texts,
    manifest_sha256=st.none() | digests,
    release=st.none() | texts,
    rows=st.lists(rows(), max_size=4, unique_by=lambda row: str(row.id)).map(tuple),
)


def here(_manifest: str) -> Path:
    return sample.ROOT


@settings(derandomize=True, deadline=None, max_examples=60)
@given(plan=plans)
def test_a_plan_survives_a_file(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    """What is read is exactly what was written, for every kind of identity and source."""
    path = tmp_path_factory.getbasetemp() / "round-trip.json"
    saved = replace(sample.saved_plan(), plan=plan, destinations=DESTINATIONS)

    write_plan(path, saved)

    assert read_plan(path, root_of=here) == saved


def test_a_plan_file_is_private(tmp_path: Path) -> None:
    """Only its owner can read a saved plan."""
    path = tmp_path / "plan.json"

    write_plan(path, sample.saved_plan())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_plan_moves_to_another_checkout(tmp_path: Path) -> None:
    """Sources lie below the root of the checkout that reads the plan, found from the manifest's path."""
    path = tmp_path / "plan.json"
    write_plan(path, sample.saved_plan())
    asked: list[str] = []

    def elsewhere(manifest: str) -> Path:
        asked.append(manifest)
        return tmp_path

    source = read_plan(path, root_of=elsewhere).plan.rows[0].artifact.source

    assert asked == ["manifests/release.yaml"]
    assert source == FileSource(
        tmp_path / "manifests/build/detector-small-arm64.trt", tmp_path, "build/detector-small-arm64.trt"
    )


def test_the_text_of_a_plan_is_harmless() -> None:
    """A plan printed on a terminal is ASCII: what it quotes cannot steer anything."""
    saved = sample.saved_plan()
    plan = replace(saved.plan, release=sample.HOSTILE + "\x7f😀")

    text = plan_json(replace(saved, plan=plan))

    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["manifest"]["release"] == plan.release


Edit = Callable[[dict[str, Any]], None]


def edited(*path: str | int, value: object) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        edited("artifacts", 0, "source", "path", value="../outside"),
        edited("artifacts", 0, "source", "path", value="/etc/shadow"),
        edited("artifacts", 0, "source", "path", value="a/../../b"),
        edited("artifacts", 0, "source", "path", value="a//b"),
        edited("artifacts", 0, "source", "path", value="."),
        edited("artifacts", 0, "source", "path", value=""),
        edited("artifacts", 0, "source", "path", value="a\0b"),
        edited("artifacts", 0, "source", "sha256", value="A" * 64),
        edited("artifacts", 0, "source", "sha256", value="a" * 64 + "\n"),
        edited("artifacts", 0, "source", "sha256", value=None),
        edited("artifacts", 0, "source", "size_bytes", value=-1),
        edited("artifacts", 0, "source", "size_bytes", value="1"),
        edited("artifacts", 0, "identity", "version", value="../../x"),
        edited("artifacts", 0, "identity", "version", value="1\n"),
        edited("artifacts", 0, "identity", "resource_name", value="x" * 129),
        edited("artifacts", 0, "identity", "dev_stage", value="a/b"),
        edited("artifacts", 0, "identity", "architecture", value="other"),
        edited("artifacts", 0, "id", value="fleet:dev/other/arm64/1"),
        edited("artifacts", 0, "destination", value="elsewhere"),
        edited("artifacts", 0, "action", value="overwrite"),
        edited("artifacts", 0, "encryption_key", value="00" * 32),
        edited("artifacts", 0, "identity", value={"subdir": "noarch", "filename": "m-1-0.conda"}),
        edited("artifacts", 0, "source", "type", value="image"),
        edited("artifacts", 0, "options", value={"token": 1}),
        edited("artifacts", 6, "action", value="create"),
        edited("destinations", 0, "kind", value="webdav"),
        edited("destinations", 0, "env_prefix", value="A=B"),
        edited("format_version", value="1.0 "),
        edited("manifest", value=None),
        lambda document: document["artifacts"].append(document["artifacts"][0]),
        lambda document: document.pop("artifacts"),
    ],
)
def test_an_edited_plan_is_refused(tmp_path: Path, edit: Edit) -> None:
    """Names, paths, digests and ids are checked again, whoever wrote the file; the hint says what to do."""
    document = json.loads(plan_json(sample.saved_plan()))
    edit(document)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))

    with pytest.raises(InputError) as refused:
        read_plan(path, root_of=here)

    assert refused.value.exit_code == 3
    assert refused.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff", b"[]", b"{}", b"null", b"[" * 100_000, b'{"format": "publisher/plan"}', b"version: 1\n"],
)
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no plan is refused with a sentence, whatever is in it."""
    path = tmp_path / "plan.json"
    path.write_bytes(content)

    with pytest.raises(InputError, match="is not a saved plan"):
        read_plan(path, root_of=here)


def test_a_report_is_not_a_plan(tmp_path: Path) -> None:
    """A document of another format is named as such."""
    path = tmp_path / "report.json"
    sample.report().write(path)

    with pytest.raises(InputError, match="another format"):
        read_plan(path, root_of=here)


@pytest.mark.parametrize("version", ["1.1", "2.0", "0.9"])
def test_another_version_is_refused(tmp_path: Path, version: str) -> None:
    """A plan of another format version is refused, and the message says which one is read."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(plan_json(sample.saved_plan())) | {"format_version": version}))

    with pytest.raises(InputError, match=r"reads 1\.0"):
        read_plan(path, root_of=here)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """Reading stops at the limit."""
    path = tmp_path / "plan.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)

    with pytest.raises(InputError, match="64 MiB"):
        read_plan(path, root_of=here)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that cannot be read is an error with a hint, not a traceback."""
    with pytest.raises(InputError, match="cannot read"):
        read_plan(tmp_path / "none.json", root_of=here)


def test_a_source_outside_the_root_cannot_be_saved() -> None:
    """A plan whose source lies elsewhere could not be applied in another checkout."""
    saved: SavedPlan = replace(sample.saved_plan(), root=Path("/elsewhere"))

    with pytest.raises(InputError, match="not below the project root"):
        plan_json(saved)


def test_a_text_that_is_not_unicode_cannot_be_saved() -> None:
    """A file name of undecodable bytes is refused when the plan is saved, not when it is read."""
    saved = sample.saved_plan()

    with pytest.raises(InputError, match="not Unicode"):
        plan_json(replace(saved, plan=replace(saved.plan, release="\udc80")))


def test_destinations_are_kept() -> None:
    """What is needed to connect again is in the plan: names and prefixes, no settings."""
    document = json.loads(plan_json(sample.saved_plan()))

    assert document["destinations"] == [{"name": "fleet", "kind": "fleet", "env_prefix": "EU_", "line": 5}]
    assert DestinationSpec(**document["destinations"][0]) == sample.saved_plan().destinations[0]


@pytest.mark.parametrize(("name", "schema"), [("plan", plan_schema), ("report", report_schema)])
def test_schemas_are_generated(name: str, schema: Callable[[], dict[str, object]]) -> None:
    """The committed schema is exactly what the models say."""
    assert (SCHEMAS / f"{name}.schema.json").read_text() == json.dumps(schema(), indent=2) + "\n"


@pytest.mark.parametrize(
    ("schema", "text"),
    [(plan_schema, plan_json(sample.saved_plan())), (report_schema, sample.report().to_json())],
)
def test_documents_follow_their_schema(schema: Callable[[], dict[str, object]], text: str) -> None:
    """What is written is valid, and stays valid for a reader when a later version adds a field."""
    jsonschema.Draft202012Validator.check_schema(schema())

    jsonschema.validate(json.loads(text), schema())
    jsonschema.validate(json.loads(text) | {"added_later": 1}, schema())


@pytest.mark.parametrize("schema", [plan_schema, report_schema])
def test_no_field_can_hold_a_secret(schema: Callable[[], dict[str, object]]) -> None:
    """No field is named like a secret, and only provenance and named numbers have free names."""
    fields = set(field_names(schema()))
    secrets = ("secret", "token", "password", "credential", "encryption", "access", "private", "data_key", "wrapped")

    assert len(fields) > 30
    assert not [name for name in fields if any(word in name for word in secrets)]
    assert {name for name in fields if name.endswith("key")} <= {"key"}


def field_names(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        properties = node.get("properties", {})
        assert isinstance(properties, dict)
        yield from properties
        for value in node.values():
            yield from field_names(value)
    elif isinstance(node, list):
        for value in node:
            yield from field_names(value)
