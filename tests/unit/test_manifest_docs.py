"""The manifest's reference and examples: everything shown as YAML does what the text says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from publisher.manifest import Severity, load_manifest, manifest_schema, render
from publisher.manifest.decoding import MAX_BYTES
from publisher.manifest.document import MAX_DEPTH, MAX_VALUES
from publisher.manifest.expansion import MAX_ARTIFACTS
from publisher.manifest.identity import MAX_NAME_LENGTH
from publisher.manifest.matrix import MAX_ADJUSTMENTS
from publisher.manifest.problems import MAX_DIAGNOSTICS, Problems
from tests.unit.manifest.building import MemoryFiles, no_facts, parse, refused

MANIFESTS = Path(__file__).parents[2] / "manifests"
README = (MANIFESTS / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```yaml\n(.*?)^```\n((?:<!-- [^\n]* -->\n)*)", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"<!-- (files|ids|refused|config): (.*) -->")
LEFT_OUT = """\
version: 1
destinations: {fleet: {kind: fleet}}
defaults: {dev_stage: dev, architecture: arm64, version: 2026-04-15}
"""
EXAMPLES = sorted((MANIFESTS / "examples").glob("*.yaml"))


def notes(text: str, kind: str) -> list[str]:
    """Return what the comments after an example say, one item a comment."""
    return [said for name, said in NOTE.findall(text) if name == kind]


@pytest.mark.parametrize(("block", "comments"), BLOCK.findall(README))
def test_every_example_of_the_reference_does_what_it_says(block: str, comments: str) -> None:
    """An example in the reference parses; one that is wrong on purpose is refused with exactly the message shown."""
    text = block if block.startswith("version:") else LEFT_OUT + block
    names = " ".join(notes(comments, "files")).split()
    contents = {name: text for name, _, text in (note.partition(" ") for note in notes(comments, "config"))}
    files = MemoryFiles(names, contents)
    wrong = notes(comments, "refused")

    if wrong:
        found = refused(text, files=files).diagnostics
        assert [item.message for item in found if item.severity is Severity.ERROR] == wrong
        return
    ids = [str(artifact.id) for artifact in parse(text, files=files).artifacts]
    assert not notes(comments, "ids") or ids == " ".join(notes(comments, "ids")).split()


def test_every_block_is_checked() -> None:
    """No fenced YAML example escapes the test above, and every comment is understood by it."""
    assert README.count("```yaml") == len(BLOCK.findall(README)) > 10
    assert README.count("<!--") == len(NOTE.findall(README))
    assert README.count(LEFT_OUT) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_file_parses(path: Path) -> None:
    """Each file in `examples/` is a sound manifest with its input files, without any setting."""
    manifest = load_manifest(path, variables={}, environment={}, facts=no_facts)

    assert manifest.artifacts
    assert manifest.warnings == ()
    assert path.read_text().startswith("# yaml-language-server: $schema=../../schemas/manifest.schema.json\n")
    assert f"[`{path.name}`](examples/{path.name})" in README


def test_the_examples_are_the_promised_ones() -> None:
    """The examples show one artifact, a matrix, a pattern, two destinations, and every kind of destination."""
    ids = {
        path.stem: [
            str(artifact.id) for artifact in load_manifest(path, variables={}, environment={}, facts=no_facts).artifacts
        ]
        for path in EXAMPLES
    }

    assert ids == {
        "single": ["fleet:dev/detector/arm64/2026-04-15"],
        "matrix": [
            "fleet:dev/detector-small/arm64/2026-04-15",
            "fleet:dev/detector-small/amd64/2026-04-15",
            "fleet:dev/detector-large/arm64/2026-04-15",
        ],
        "files": [
            "fleet:dev/detector-large/arm64/2026-04-15",
            "fleet:dev/detector-small/amd64/2026-04-15",
            "fleet:dev/detector-small/arm64/2026-04-15",
            "fleet:dev/labels/any/2026-04-15",
        ],
        "everything": [
            "fleet:dev/detector-small/arm64/2026-04-15",
            "fleet:dev/loader/arm64/2026-04-15",
            "channel:noarch/detector-labels-1.2.0-0.tar.bz2",
            "channel:noarch/detector-tools-1.2.0-0.tar.bz2",
            "builds:installers/loader/117/loader-1.4.2-setup.exe",
            "builds:installers/loader/117/loader-1.4.2.AppImage",
            "builds:installers/loader/117/loader_1.4.2_arm64.deb",
            "workers:detector/c80c50c2ca9cc287a3545a9fd0127a4e1383df9b",
        ],
        "two-destinations": [
            "fleet:dev/detector-small/arm64/2026-04-15",
            "eu:dev/detector-small/arm64/2026-04-15",
        ],
    }


@pytest.mark.parametrize("path", [*EXAMPLES, *sorted(MANIFESTS.glob("*.yaml"))], ids=lambda path: path.name)
def test_every_manifest_fits_the_schema(path: Path) -> None:
    """What an editor checks with the JSON Schema agrees with what the publisher accepts."""
    from publisher.manifest.document import read_document
    from publisher.manifest.nodes import plain

    root = read_document(path.read_text(encoding="utf-8"), Problems(path))

    assert root is not None
    jsonschema.Draft202012Validator(manifest_schema()).validate(json.loads(json.dumps(plain(root))))


def test_the_limits_in_the_reference_are_those_of_the_code() -> None:
    """Numbers in the reference follow the constants."""
    assert MAX_BYTES == 1024 * 1024
    for said in (
        "at most 1 MiB",
        f"{MAX_VALUES:,} keys and values",
        f"{MAX_DEPTH} levels deep",
        f"at most {MAX_ARTIFACTS:,} artifacts",
        f"at most {MAX_ADJUSTMENTS} items",
        f"1 to {MAX_NAME_LENGTH} ASCII",
        f"After {MAX_DIAGNOSTICS} problems",
    ):
        assert said in README


def test_the_shown_output_is_the_real_one() -> None:
    """The last example's output is what a person sees."""
    block, _ = BLOCK.findall(README)[-1]
    shown = README.rpartition("```text\n")[2].removesuffix("```\n")

    error = refused(block)

    lines = [line for item in error.diagnostics for line in render(item, error.source_lines, Path("release.yaml"))]
    assert "".join(f"{line}\n" for line in lines) == shown
