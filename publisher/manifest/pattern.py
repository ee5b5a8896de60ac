"""The patterns of `files:`: `*`, `?`, `**` and `{name}` captures, parsed and matched one path segment at a time.

It refuses to guess: where a name can be split between captures in two ways, both are given back. Matching is linear in
the length of a name, whatever the pattern; no regular expression with repetition is built from a manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Fixed

_CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")


class PatternError(ValueError):
    """A pattern that cannot be used."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class AnyFolders:
    """`**`: zero or more folders."""


@dataclass(frozen=True, slots=True)
class Name:
    """A segment without wildcards."""

    text: str


@dataclass(frozen=True, slots=True)
class _Gap:
    capture: str | None

    @property
    def shortest(self) -> int:
        return 0 if self.capture is None else 1


@dataclass(frozen=True, slots=True)
class Wild:
    """A segment of n+1 stretches of known length with n gaps between them; None in a stretch is `?`."""

    stretches: tuple[tuple[str | None, ...], ...]
    gaps: tuple[_Gap, ...]
    forward: tuple[re.Pattern[str], ...]
    backward: tuple[re.Pattern[str], ...]

    @property
    def shows_hidden(self) -> bool:
        return self.stretches[0][:1] == (".",)


Segment = AnyFolders | Name | Wild
Captures = dict[str, str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """`segments` in order; `captures` are the names in them, in order, each once."""

    segments: tuple[Segment, ...]
    captures: tuple[str, ...]


def compile_pattern(pieces: Iterable[Fixed]) -> Pattern:
    """Return the pattern of a rendered text; values that came from a reference match literally.

    Raises `PatternError`.
    """
    tokens: list[str | _Gap | None] = []
    for piece in pieces:
        tokens += list(piece.text) if piece.literal else _tokens(piece.text)
    segments: list[Segment] = []
    current: list[str | _Gap | None] = []
    for character in [*tokens, "/"]:
        if character != "/":
            current.append(character)
            continue
        if current and current != ["."]:
            segments.append(_segment(current))
        current = []
    captures = [gap.capture for segment in segments if isinstance(segment, Wild) for gap in segment.gaps if gap.capture]
    _check(segments, captures)
    return Pattern(tuple(segments), tuple(captures))


def capture_names(text: str) -> tuple[str, ...]:
    """Return the names of the captures in a stretch of pattern text."""
    return tuple(_CAPTURE.findall(text))


def below(pattern: Pattern, path: str) -> str:
    """Return what of a matching path lies below the last folder that the pattern spells out; at least its name."""
    named = 0
    while named < len(pattern.segments) - 1 and isinstance(pattern.segments[named], Name):
        named += 1
    return path.split("/", named)[-1]


def match(segment: Wild, name: str) -> tuple[Captures, Captures | None] | None:
    """Return what a file name gives to the captures, or None if it does not match.

    The second value is another way to split the name, or None where there is only one. Putting each stretch as far
    left as it goes, and then as far right, gives the two extremes; if they agree there is nothing between them.
    """
    if name.startswith(".") and not segment.shows_hidden:
        return None
    left = _spans(segment.forward, segment.stretches, segment.gaps, name)
    if left is None:
        return None
    mirrored = _spans(segment.backward, segment.stretches[::-1], segment.gaps[::-1], name[::-1])
    right = [(len(name) - end, len(name) - start) for start, end in reversed(mirrored or [])]
    named = [index for index, gap in enumerate(segment.gaps) if gap.capture]
    captures, others = (
        {str(segment.gaps[index].capture): name[slice(*spans[index])] for index in named} for spans in (left, right)
    )
    same = all(left[index] == right[index] for index in named)
    return captures, None if same else others


def _tokens(text: str) -> list[str | _Gap | None]:
    tokens: list[str | _Gap | None] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "{":
            capture = _CAPTURE.match(text, position)
            if capture is None:
                raise PatternError("`{` does not start a capture such as `{model}`", hint="`?` matches a brace")
            tokens.append(_Gap(capture[1]))
            position = capture.end()
            continue
        if character == "}":
            raise PatternError("`}` closes nothing", hint="`?` matches a brace")
        tokens.append({"*": _Gap(None), "?": None}.get(character, character))
        position += 1
    return tokens


def _segment(tokens: list[str | _Gap | None]) -> Segment:
    if tokens == [_Gap(None), _Gap(None)]:
        return AnyFolders()
    if all(isinstance(token, str) for token in tokens):
        return Name("".join(token for token in tokens if isinstance(token, str)))
    stretches: list[list[str | None]] = [[]]
    gaps: list[_Gap] = []
    for token in tokens:
        if not isinstance(token, _Gap):
            stretches[-1].append(token)
            continue
        if gaps and not stretches[-1]:
            _refuse_neighbours(gaps[-1], token)
        gaps.append(token)
        stretches.append([])
    return Wild(
        tuple(map(tuple, stretches)),
        tuple(gaps),
        tuple(map(_expression, stretches)),
        tuple(_expression(stretch[::-1]) for stretch in reversed(stretches)),
    )


def _refuse_neighbours(first: _Gap, second: _Gap) -> None:
    if first.capture is None and second.capture is None:
        raise PatternError("`**` stands for whole folders", hint="write it between slashes: `out/**/*.trt`")
    raise PatternError(
        "nothing stands between two wildcards, so that a name can be split in many ways",
        hint="put a separator between them, such as `{model}-{arch}`",
    )


def _check(segments: list[Segment], captures: list[str]) -> None:
    if not segments:
        raise PatternError("the pattern is empty")
    if isinstance(segments[-1], AnyFolders):
        raise PatternError("a pattern ends with the name of files", hint="write `**/*` for all files below a folder")
    if segments.count(AnyFolders()) > 1:
        raise PatternError("`**` can stand in a pattern once")
    twice = next((name for name in captures if captures.count(name) > 1), None)
    if twice is not None:
        raise PatternError(f"the capture `{{{visible(twice)}}}` stands twice", hint="give each capture its own name")


def _expression(stretch: list[str | None]) -> re.Pattern[str]:
    return re.compile("".join("." if token is None else re.escape(token) for token in stretch), re.DOTALL)


def _spans(
    expressions: tuple[re.Pattern[str], ...],
    stretches: tuple[tuple[str | None, ...], ...],
    gaps: tuple[_Gap, ...],
    name: str,
) -> list[tuple[int, int]] | None:
    """Return the gaps' spans with every stretch as far left as possible; the last one ends at the end of the name."""
    first = expressions[0].match(name)
    if first is None:
        return None
    if not gaps:
        return [] if first.end() == len(name) else None
    spans: list[tuple[int, int]] = []
    position = first.end()
    for index, gap in enumerate(gaps, start=1):
        earliest = position + gap.shortest
        start = len(name) - len(stretches[index]) if index == len(gaps) else None
        if start is None:
            found = expressions[index].search(name, earliest)
        else:
            found = expressions[index].match(name, start) if start >= earliest else None
        if found is None:
            return None
        spans.append((position, found.start()))
        position = found.end()
    return spans
