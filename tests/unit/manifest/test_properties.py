"""What holds for every input: no crash, no conversion, no loss."""

from __future__ import annotations

import contextlib
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.manifest import ManifestError, render
from publisher.manifest.interpolation import Fixed, Reference, escape_template, parse_template
from publisher.manifest.pattern import Wild, compile_pattern, match
from tests.support.kinds import fleet_of
from tests.unit.manifest.building import HEAD, parse

WORDS = st.one_of(
    st.sampled_from(["version", "destinations", "artifacts", "kind", "fleet", "file", "files", "matrix", "expect"]),
    st.sampled_from(
        ["resource_name", "m.bin", "matrix.a", "${", ":-", "*", "**/", "{a}", "exclude", "&a", "*a", "!!x"]
    ),
    st.sampled_from(
        ["'", '"', "#", "{", "}", "[", "]", ",", "..", "/", "|", ">", "?", "<<", "---", "%YAML", "1", "\\"]
    ),
    st.sampled_from([": ", "\n", "  ", "- ", "\t", "\x00", "\u202e"]),
)


def accepts_or_refuses(text: str | bytes) -> None:
    try:
        parse(text)
    except ManifestError as error:
        shown = [line for item in error.diagnostics for line in render(item, error.source_lines, error.path)]
        if not "".join(shown).isprintable():
            raise AssertionError(shown) from error


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.lists(WORDS, max_size=40).map("".join), st.text(max_size=80)))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    """Any text is a manifest or a `ManifestError` that can be shown, never another exception."""
    accepts_or_refuses(text)
    accepts_or_refuses(HEAD + text)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_any_bytes_are_accepted_or_refused(text: bytes) -> None:
    """Any bytes are a manifest or a `ManifestError`."""
    accepts_or_refuses(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet=string.ascii_letters + string.digits + "._-", min_size=1, max_size=30))
def test_scalars_stay_text(text: str) -> None:
    """Whatever stands as a plain name either is that very name or is refused."""
    with contextlib.suppress(ManifestError):
        manifest = parse(f"{HEAD}  - file: m.bin\n    resource_name: {text}\n")
        assert fleet_of(manifest.artifacts[0]).resource_name == text


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="a${}:-?.", max_size=20))
def test_interpolation_round_trip(text: str) -> None:
    """Escaped text has no references and gives back the text."""
    parts = parse_template(escape_template(text))

    assert not any(isinstance(part, Reference) for part in parts)
    assert "".join(part for part in parts if isinstance(part, str)) == text


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="ab-", min_size=1, max_size=5), st.text(alphabet="ab-", min_size=1, max_size=5))
def test_a_unique_split_is_found_and_another_is_told(first: str, second: str) -> None:
    """A name that was joined from two values is split into them, or said to be ambiguous."""
    pattern = compile_pattern([Fixed("{x}-{y}", "{x}-{y}", literal=False)])
    segment = pattern.segments[0]
    assert isinstance(segment, Wild)
    name = f"{first}-{second}"
    splits = [(name[:at], name[at + 1 :]) for at in range(1, len(name) - 1) if name[at] == "-"]

    found = match(segment, name)

    assert found is not None
    captures, other = found
    assert (other is None) == (len(splits) == 1)
    assert (captures["x"], captures["y"]) == splits[0]
    assert other is None or (other["x"], other["y"]) == splits[-1]
