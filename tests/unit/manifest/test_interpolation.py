"""`${...}`: its forms, its order of look-up, and that a value from outside never shows in a message."""

from __future__ import annotations

import pytest

from publisher.manifest import render
from tests.support.kinds import fleet_of
from tests.unit.manifest.building import HEAD, entry, parse, place, refused, the_problem


def version_of(written: str, *, variables: dict[str, str] | None = None, **environment: str) -> str:
    manifest = parse(
        f"{HEAD}  - resource_name: m\n    file: m.bin\n    version: {written}\n",
        variables=variables,
        environment=environment,
        facts={"git.sha": "abc", "ci.pipeline_id": "77"}.get,
    )
    return fleet_of(manifest.artifacts[0]).version


@pytest.mark.parametrize(
    ("written", "result"),
    [
        ("${V}", "1.2"),
        ("a${V}b${V}", "a1.2b1.2"),
        ("${MISSING:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${V:-x}", "1.2"),
        ("${V:?needed}", "1.2"),
        ("x${MISSING:-}", "x"),
        ("${git.sha}", "abc"),
        ("${git.tag:-none}", "none"),
        ("${ci.pipeline_id}", "77"),
    ],
)
def test_references_are_replaced(written: str, result: str) -> None:
    """A reference is its value; a default stands in for one that is not set or empty."""
    assert version_of(written, V="1.2", EMPTY="") == result


def test_the_command_line_comes_before_the_environment() -> None:
    """`--var` wins over an environment variable of the same name, even if it names a secret."""
    assert version_of("${V}-${API_TOKEN}", variables={"V": "2", "API_TOKEN": "t"}, V="1") == "2-t"


def test_a_dollar_can_be_written() -> None:
    """`$${` is a literal `${`: here in the release label, which may hold any printable text."""
    manifest = parse(
        "version: 1\nrelease: '$${V} $5 $$ ${V}'\ndestinations: {f: {kind: fleet}}\nartifacts: []\n",
        environment={"V": "1"},
    )

    assert manifest.release == "${V} $5 $$ 1"


def test_values_are_not_interpolated_again() -> None:
    """A value that looks like a reference stays as it is, and is then refused as a name without being shown."""
    problem = the_problem(entry("resource_name: '${V}', file: m.bin"), V="${HOME}")

    assert problem.message == "`${V}` is not allowed as resource_name: one of its characters is not allowed"


@pytest.mark.parametrize(
    ("written", "message", "column"),
    [
        ("a${V", "`${` is not closed by `}`", 15),
        ("${A:-${B}}", "references cannot be nested", 14),
        ("${}", "`${}` does not name a variable", 14),
        ("${1A}", "`${1A}` does not name a variable", 14),
        ("${A-b}", "`A-b` is no name of a variable", 14),
        ("${A:b}", "after `A:` comes `-default` or `?message`", 14),
        ("x-${A}", "`A` is not set", 16),
        ("${A:?set it to the date}", "`A` is not set: set it to the date", 14),
        ("${matrix.a}", "`matrix.a` needs a `matrix`, which this entry does not have", 14),
        ("${capture.a}", "`capture.a` needs a `files` pattern with `{names}`, which this entry does not have", 14),
        ("${git.message}", "`git.message` is not known", 14),
        ("${git.branch}", "`git.branch` is not set", 14),
        ("${env.A}", "there are no values named `env.…`", 14),
    ],
)
def test_a_reference_that_cannot_be_used_is_an_error_at_its_column(written: str, message: str, column: int) -> None:
    """A reference that is not closed, nested, malformed or without value points at its own first character."""
    problem = the_problem(f"{HEAD}  - resource_name: m\n    file: m.bin\n    version: {written}\n")

    assert problem.message == message
    assert place(problem) == (7, column)


def test_near_misses_of_variables_are_suggested() -> None:
    """A variable that is not set suggests a name that is; its value is not shown."""
    problem = the_problem(entry("resource_name: '${RELEASE_VERSON}', file: m.bin"), RELEASE_VERSION="canary")

    assert problem.hint is not None
    assert "did you mean `RELEASE_VERSION`?" in problem.hint
    assert "canary" not in problem.hint


@pytest.mark.parametrize("name", ["S3_SECRET_KEY", "ADMIN_API_TOKEN", "EU_RESOURCES_DATABASE_URL", "DB_PASSWORD"])
def test_secrets_of_the_environment_are_not_handed_to_a_manifest(name: str) -> None:
    """A name is public, so that a variable which reads like a secret is refused, set or not."""
    problem = the_problem(entry(f"resource_name: '${{{name}}}', file: m.bin"), **{name: "canary"})

    assert problem.message == f"`{name}` reads like a secret: it is not taken from the environment"


@pytest.mark.parametrize(
    "body",
    [
        "resource_name: '${CANARY}/', file: m.bin",
        "resource_name: m, file: '${CANARY}/x.bin'",
        "resource_name: m, file: '../${CANARY}'",
        "resource_name: m, files: '${CANARY}/*.bin'",
        "resource_name: m, files: '${CANARY}/{a}.bin', expect: {a: [x]}",
        "resource_name: m, file: m.bin, compression: '${CANARY}'",
        "resource_name: m, file: m.bin, destination: '${CANARY}'",
        "resource_name: '${CANARY}', file: m.bin, matrix: {a: [x, y]}",
        "resource_name: m, file: m.bin, matrix: {a: ['${CANARY}', '${CANARY}']}",
        "resource_name: m, file: m.bin, matrix: {a: [x], exclude: [{a: '${CANARY}'}]}",
        "resource_name: '${matrix.a}', file: m.bin, matrix: {a: ['${CANARY}']}, version: '${matrix.a}/'",
    ],
)
def test_values_of_the_environment_are_never_shown(body: str) -> None:
    """M6: no message, hint or shown line holds a value that came from the environment."""
    error = refused(entry(body), environment={"CANARY": "canary-8f2e"})

    shown = [line for item in error.diagnostics for line in render(item, error.source_lines, error.path)]
    assert shown
    assert "canary" not in "\n".join([str(error), *shown])


def test_facts_are_asked_lazily_and_once() -> None:
    """Git and the pipeline are asked only for what the manifest names."""
    asked: list[str] = []

    def facts(name: str) -> str:
        asked.append(name)
        return "abc"

    parse(entry("resource_name: 'a-${git.sha}', file: m.bin, version: '${git.sha}'"), facts=facts)

    assert asked == ["git.sha"]


def test_unused_defaults_need_no_value() -> None:
    """A default that every entry overrides is not looked up."""
    manifest = parse(
        "version: 1\ndestinations: {f: {kind: fleet}}\ndefaults: {version: '${MISSING}'}\n"
        "artifacts: [{resource_name: m, dev_stage: d, architecture: x, version: 1, file: m.bin}]\n"
    )

    assert fleet_of(manifest.artifacts[0]).version == "1"


def test_origins_tell_where_each_value_came_from() -> None:
    """For `publish explain` every field has its line and the variables in it, without their values."""
    manifest = parse(
        "version: 1\ndestinations: {f: {kind: fleet}}\n"
        "defaults:\n  dev_stage: ${STAGE:-dev}\n  version: ${V}\n"
        "artifacts:\n  - resource_name: m-${matrix.a}\n    architecture: arm64\n    file: m.bin\n"
        "    matrix: {a: [x]}\n",
        environment={"V": "canary"},
    )

    origins = {name: (origin.where, origin.detail) for name, origin in manifest.artifacts[0].origins.items()}
    assert origins == {
        "resource_name": ("/project/release.yaml:7", "matrix.a"),
        "dev_stage": ("/project/release.yaml:4", "defaults, default of STAGE (not set)"),
        "architecture": ("/project/release.yaml:8", ""),
        "version": ("/project/release.yaml:5", "defaults, environment V (value not shown)"),
        "destination": ("/project/release.yaml:2", "the only destination"),
        "compression": ("built in", "not set in the manifest"),
        "file": ("/project/release.yaml:9", ""),
    }
