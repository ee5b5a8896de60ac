"""Row M7: which names are allowed, and that no two artifacts are one row or one object."""

from __future__ import annotations

import pytest

from publisher.model import FleetIdentity
from publisher.stores.keys import require_key
from tests.support.kinds import fleet_of
from tests.unit.manifest.building import HEAD, entry, parse, place, refused, the_problem

FIELDS = ("resource_name", "dev_stage", "architecture", "version")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "a/b",
        "a\\b",
        "-a",
        ".a",
        "_a",
        "a.",
        "a b",
        "a:b",
        "é",
        "\uff41",
        "a\u0301",
        "",
        "x" * 129,
        "a%20",
        "[red]a",
    ],
)
def test_names_outside_the_rule_are_refused(field: str, name: str) -> None:
    """M7: only ASCII letters, digits, `.`, `_` and `-`, at most 128, no odd start and no dot at the end."""
    base = {"resource_name": "m", "dev_stage": "d", "architecture": "x", "version": "1"} | {field: name}
    lines = "".join(f"    {key}: '{value}'\n" for key, value in base.items())

    problem = the_problem(f"{HEAD}  - file: m.bin\n{lines}")

    assert problem.field_path == f"artifacts[0].{field}"
    assert problem.line == 6 + FIELDS.index(field)


def test_a_plus_is_for_versions_only() -> None:
    """M7: `2.1.0+cu118` is a version; in another name `+` is refused."""
    manifest = parse(entry("resource_name: m, file: m.bin, version: 2.1.0+cu118"))

    assert fleet_of(manifest.artifacts[0]).version == "2.1.0+cu118"
    assert the_problem(entry("resource_name: m+n, file: m.bin")).message == (
        "`m+n` is not allowed as resource_name: it holds `+` (character 2)"
    )


def test_names_that_are_too_long_together_are_refused() -> None:
    """M7: three names that are good alone but make an object name that no file system holds are an error."""
    name = "x" * 80

    problem = the_problem(entry(f"resource_name: {name}, architecture: {name}, version: {'1' * 85}, file: m.bin"))

    assert problem.message == (
        "resource_name, architecture and version make an object name of 251 characters; at most 250 can be stored"
    )
    assert place(problem)[0] == 5
    parse(entry(f"resource_name: {name}, architecture: {name}, version: {'1' * 84}, file: m.bin"))


def test_the_longest_names_can_be_stored() -> None:
    """M7: an object name of the greatest length has room for its receipt in a store with a limit of 255."""
    identity = FleetIdentity("x" * 80, "d" * 128, "y" * 80, "1" * 84)

    assert not identity.is_key_too_long
    assert len(require_key(f".publish/receipts/{identity.object_key}.json")[-1]) == 255


def test_markup_is_shown_literally() -> None:
    """M8: a name that looks like markup or a link stays text."""
    for name in ("[red]x[/red]", "[link=http://evil]x"):
        assert the_problem(entry(f"resource_name: '{name}', file: m.bin")).message.startswith(f"`{name}` is not")


def test_one_identity_twice_shows_both_lines() -> None:
    """M7: the second of two artifacts with one identity is an error that names the line of the first."""
    problem = the_problem(f"{HEAD}  - {{resource_name: m, file: m.bin}}\n  - {{resource_name: m, file: m.bin}}\n")

    assert problem.message == "fleet:dev/m/arm64/1 has the same identity as line 5"
    assert place(problem) == (6, 5)


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("model, architecture: x86-64", "model-x86, architecture: '64'", "dev/model-x86/64/1"),
        ("Model", "model", "dev/model/arm64/1"),
    ],
)
def test_one_object_key_twice_shows_both_lines(first: str, second: str, shown: str) -> None:
    """M7: other identities with the same key, also when upper and lower case are folded, are an error."""
    text = f"{HEAD}  - {{file: m.bin, resource_name: {first}}}\n  - {{file: m.bin, resource_name: {second}}}\n"

    message = the_problem(text).message

    assert message.startswith(f"fleet:{shown} has the same object key as line 5, fleet:dev/")


def test_rows_of_one_matrix_can_collide() -> None:
    """M7: a matrix variable that is not in the names makes artifacts that are one; the same line is named."""
    problem = the_problem(entry("resource_name: m, file: m.bin, matrix: {a: [x, y]}"))

    assert problem.message == "fleet:dev/m/arm64/1 has the same identity as another artifact of line 5"


@pytest.mark.parametrize(("prefix", "problems"), [("EU_", 0), ("", 1)])
def test_destinations_with_the_same_settings_are_one_place(prefix: str, problems: int) -> None:
    """M7: what counts is where the object goes: two names for one kind and prefix are the same place."""
    text = (
        f"version: 1\ndestinations: {{a: {{kind: fleet}}, b: {{kind: fleet, env_prefix: '{prefix}'}}}}\n"
        "defaults: {resource_name: m, dev_stage: d, architecture: x, version: 1}\n"
        "artifacts:\n  - {destination: a, file: m.bin}\n  - {destination: b, file: m.bin}\n"
    )

    if problems:
        assert len(refused(text).diagnostics) == problems
    else:
        assert len(parse(text).artifacts) == 2
