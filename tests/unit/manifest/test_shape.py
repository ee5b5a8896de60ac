"""Rows M6 and M9: unknown, misspelt, missing and wrongly typed fields, and settings that do not belong there."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from publisher.manifest import manifest_schema, render
from publisher.manifest.kinds import KINDS
from publisher.manifest.shapes.base import check_shape
from publisher.manifest.shapes.fleet import FleetArtifact
from tests.unit.manifest.building import HEAD, entry, parse, place, refused, the_problem

SCHEMA_FILE = Path(__file__).parents[3] / "schemas" / "manifest.schema.json"


def test_a_misspelt_field_gets_a_suggestion_and_is_not_called_missing() -> None:
    """M6: `verison` is one problem, at its place, which suggests `version`."""
    problem = the_problem("verison: 1\ndestinations: {fleet: {kind: fleet}}\nartifacts: []\n")

    assert problem.message == "unknown field `verison`"
    assert problem.hint == "did you mean `version`?"
    assert place(problem) == (1, 1)


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        ("file: m.bin, verison: 1", "unknown field `verison`", ".verison"),
        ("file: [m.bin]", "expected text, found a list", ".file"),
        ("file: {a: b}", "expected text, found a mapping", ".file"),
        ("file: m.bin, matrix: x", "expected a mapping, found text", ".matrix"),
        ("file: m.bin, matrix: {a: x}", "expected a list, found text", ".matrix.a"),
        ("file: m.bin, matrix: {a: [[x]]}", "expected text, found a list", ".matrix.a[0]"),
        ("file: m.bin, matrix: {a: [x], include: [x]}", "expected a mapping, found text", ".matrix.include[0]"),
        ("expect: 1", "this entry has no source", ""),
        ("file: m.bin, files: m.bin", "an entry has `file` or `files`, not both", ".files"),
        ("file: m.bin, expect: 1", "`expect` belongs to `files`, not to `file`", ".expect"),
        ("file: m.bin, compression: fats", "`fats` is no compression", ".compression"),
        ("image: 'l:1', file: m.bin", "an entry has `file` or `image`, not both", ".image"),
        ("image: 'l:1', expect: 1", "`expect` belongs to `files`, not to `image`", ".expect"),
        ("image: 'Loader:arm64'", "`Loader:arm64` is not the name of an image", ".image"),
        ("image: ''", "`` is not the name of an image", ".image"),
        ("file: m.bin, destination: flet", "there is no destination `flet`", ".destination"),
    ],
)
def test_a_wrong_entry_names_the_field(body: str, message: str, field: str) -> None:
    """M6: each mistake in an entry is one diagnostic with the path of its field."""
    problem = the_problem(entry(f"resource_name: m, {body}"))

    assert problem.message == message
    assert problem.field_path == f"artifacts[0]{field}"
    assert problem.line == 5


def test_a_missing_name_says_where_it_may_stand() -> None:
    """M6: a name that neither the entry nor the defaults give is missing, and both places are named."""
    problem = the_problem(entry("file: m.bin"))

    assert problem.message == "`resource_name` is missing"
    assert problem.hint == "give it here, or once for all artifacts in `defaults.resource_name`"


@pytest.mark.parametrize("expect", ["0", "-1", "x", "1.5", "[]", "{}", "{a: []}", "{a: x}", "1234567", "''"])
def test_expect_is_a_number_or_lists(expect: str) -> None:
    """M6: `expect` is the one field that is a number, or the listed values of the captures."""
    problem = the_problem(entry(f"resource_name: m, files: '*.bin', expect: {expect}"))

    assert problem.message == "expected a number of files from 1, or the values of each capture as lists"


V1 = "version: 1\n"
FLEET = "destinations: {f: {kind: fleet}}\n"
NONE = "artifacts: []\n"
NOT_A_NUMBER = "the format version is a number: `version: 1`"
NEWER = "this manifest has format 2; this version of publish reads format 1"
PREFIX = "`env_prefix` is upper case letters, digits and `_`, and ends with `_`"


@pytest.mark.parametrize(
    ("text", "message", "field"),
    [
        ("version: 2\nnew: 1\n", NEWER, "version"),
        (f"version: one\n{FLEET}{NONE}", NOT_A_NUMBER, "version"),
        (f"version: 1.0\n{FLEET}{NONE}", NOT_A_NUMBER, "version"),
        (f"{V1}{NONE}", "`destinations` is missing", "destinations"),
        (f"{V1}destinations: {{}}\n{NONE}", "expected at least one entry, found a mapping", "destinations"),
        (f"{V1}{FLEET}", "`artifacts` is missing", "artifacts"),
        (f"{V1}{FLEET}artifacts: {{}}\n", "expected a list, found a mapping", "artifacts"),
        (f"{V1}{FLEET}artifacts:\n", "expected a list, found nothing", "artifacts"),
        (f"{V1}{FLEET}artifacts: [a]\n", "expected a mapping, found text", "artifacts[0]"),
        (f"{V1}destinations: {{f: {{}}}}\n{NONE}", "`kind` is missing", "destinations.f.kind"),
        (f"{V1}destinations: {{f: {{kind: flet}}}}\n{NONE}", "unknown kind `flet`", "destinations.f.kind"),
        (
            f"{V1}destinations: {{'a:b': {{kind: fleet}}}}\n{NONE}",
            "`a:b` is no name for a destination",
            "destinations.a:b",
        ),
        (f"{V1}destinations: {{f: {{kind: fleet, env_prefix: eu}}}}\n{NONE}", PREFIX, "destinations.f.env_prefix"),
        (f"{V1}{FLEET}defaults: {{file: x}}\n{NONE}", "unknown field `file`", "defaults.file"),
    ],
)
def test_a_wrong_document_names_the_field(text: str, message: str, field: str) -> None:
    """M6: the parts above the artifacts are checked as strictly; a newer format is the only problem it has."""
    problem = the_problem(text)

    assert problem.message == message
    assert problem.field_path == field


def test_an_unknown_kind_is_the_only_problem_of_what_goes_there() -> None:
    """Nothing is known of the entries of an unknown kind, so that they add no further problems."""
    problem = the_problem(f"{V1}destinations: {{f: {{kind: ftp}}}}\nartifacts: [{{image: x, type: y}}]\n")

    assert problem.message == "unknown kind `ftp`"
    assert problem.hint == f"supported: {', '.join(KINDS)}"


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ndestinations: {f: {kind: fleet, endpoint: 'https://canary'}}\nartifacts: []\n",
        "version: 1\ndestinations: {f: {kind: fleet, S3_SECRET_KEY: canary}}\nartifacts: []\n",
        "version: 1\ndestinations: {f: {kind: fleet, url: canary}}\nartifacts: []\n",
        "version: 1\nbucket: canary\ndestinations: {f: {kind: fleet}}\nartifacts: []\n",
        f"{HEAD}  - {{resource_name: m, file: m.bin, apiToken: canary}}\n",
        "version: 1\ndestinations: {f: {kind: fleet}}\ndefaults: {password: canary}\nartifacts: []\n",
        "version: 1\ndestinations: {f: {S3_ENDPOINT: canary, kind: flet}}\nartifacts: []\n",
    ],
)
def test_settings_have_no_place_in_a_manifest(text: str) -> None:
    """M9: an endpoint, URL, bucket or secret is refused, its value is not shown, and the way to set it is."""
    error = refused(text)

    problem = next(item for item in error.diagnostics if "no place in a manifest" in item.message)
    assert problem.message.endswith("destinations come from the environment")
    shown = "\n".join(line for item in error.diagnostics for line in render(item, error.source_lines, error.path))
    assert "canary" not in shown


def test_a_url_is_no_source() -> None:
    """M9: sources are local files, so that a pull request cannot make the pipeline fetch something."""
    assert the_problem(entry("resource_name: m, file: 'https://host/m.bin'")).message.endswith("is a URL, not a path")


def test_problems_of_shape_hold_no_input() -> None:
    """M6: what the model rejects is not in the problem it reports."""
    _, problems = check_shape(FleetArtifact, {"file": {"canary": 1}, "canary": "x", "expect": "canary"})

    assert problems
    assert "canary" not in "".join(problem.message for problem in problems)


def test_destinations_with_a_prefix_are_kept() -> None:
    """Several destinations of one kind differ by `env_prefix`; each is in the manifest with its line."""
    manifest = parse(
        "version: 1\ndestinations:\n  eu: {kind: fleet, env_prefix: EU_}\n  us: {kind: fleet, env_prefix: US_}\n"
        "defaults: {dev_stage: dev, architecture: arm64, version: 1}\nartifacts:\n"
        "  - {resource_name: m, file: m.bin, destination: '${matrix.to}', matrix: {to: [eu, us]}}\n"
    )

    assert {name: (spec.env_prefix, spec.line) for name, spec in manifest.destinations.items()} == {
        "eu": ("EU_", 3),
        "us": ("US_", 4),
    }
    assert [str(artifact.id) for artifact in manifest.artifacts] == ["eu:dev/m/arm64/1", "us:dev/m/arm64/1"]


def test_an_entry_names_its_destination_where_there_are_several() -> None:
    """With two destinations and no `destination`, an entry is refused rather than sent to the first."""
    problem = the_problem(
        "version: 1\ndestinations: {a: {kind: fleet}, b: {kind: fleet, env_prefix: B_}}\n"
        "artifacts: [{resource_name: m, dev_stage: d, architecture: x, version: 1, file: m.bin}]\n"
    )

    assert problem.message == "`destination` is missing"
    assert problem.hint == "the destinations are `a`, `b`"


def test_no_artifacts_is_a_warning() -> None:
    """M10: a manifest without artifacts is accepted and says so."""
    manifest = parse("version: 1\ndestinations: {fleet: {kind: fleet}}\nartifacts: []\n")

    assert manifest.artifacts == ()
    assert [item.message for item in manifest.warnings] == [
        "the manifest has no artifacts: there is nothing to publish"
    ]


def test_the_schema_file_is_what_the_models_say() -> None:
    """`schemas/manifest.schema.json` is exactly the generated schema."""
    assert SCHEMA_FILE.read_text() == json.dumps(manifest_schema(), indent=2) + "\n"


def test_the_schema_accepts_what_an_editor_reads() -> None:
    """Editors type their scalars: numbers and booleans in text fields are accepted, unknown fields are not."""
    schema = manifest_schema()
    document = {
        "version": 1,
        "release": 1.5,
        "destinations": {"fleet": {"kind": "fleet"}},
        "artifacts": [
            {"resource_name": "m", "files": "*.bin", "version": 1.1, "expect": 2, "matrix": {"a": [1, True]}}
        ],
    }
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    assert list(validator.iter_errors(document)) == []
    assert list(validator.iter_errors({**document, "verison": 1}))
    assert list(validator.iter_errors({**document, "artifacts": [{"resource_name": "m"}]}))


def test_every_field_of_the_schema_is_described() -> None:
    """An editor can show a sentence for every field."""
    schema = manifest_schema()
    models = [schema, *schema["$defs"].values()]

    assert all(field.get("description") for model in models for field in model["properties"].values())
