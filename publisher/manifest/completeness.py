"""`expect:`: is every file there that should be, and none besides? What is missing is named wherever that is certain.

It refuses to call a set complete by its number alone where the values of the captures were listed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Row
from publisher.manifest.matching import Match
from publisher.manifest.matrix import Budget
from publisher.manifest.pattern import Captures, Name, Pattern, Segment, Wild

_NAMED = 5
_STEPS_PER_NAME = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What one row of the matrix matched. `is_public` says that no part of the pattern came from the environment."""

    row: Row
    pattern: Pattern
    matches: Sequence[Match]
    is_public: bool

    def name(self, path: str | None, captures: Captures) -> str:
        """Return what messages may call a file: its path, or its variables where a path is not known or not public."""
        if path is not None and self.is_public:
            return path
        values = {name.removeprefix("matrix."): value.shown for name, value in self.row.items()} | captures
        return ", ".join(f"{name}={value}" for name, value in values.items())


class CompletenessError(ValueError):
    """Fewer or other files than expected."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def require_count(expected: int, found: Sequence[Found]) -> None:
    """Raise `CompletenessError` unless all rows together matched `expected` files.

    A missing file is named where the seen values of the captures, combined with each other and with the rows, make
    exactly `expected` combinations.
    """
    count = sum(len(row.matches) for row in found)
    if count == expected:
        return
    message = f"expected {expected} files, found {count or 'none'}"
    missing = _missing_by_combination(expected, found) if 0 < count < expected else []
    if missing:
        message += f"; missing: {_listed(missing)}"
    raise CompletenessError(message, hint=None if missing else "`expect` counts the files of all combinations together")


def claim_listed(values: Mapping[str, Sequence[str]], found: Sequence[Found], *, budget: Budget) -> list[list[Match]]:
    """Return for each row its matches with their captures decided by the listed values, in the order of the lists.

    Raises `CompletenessError` where a file is missing, where there is one more, or where one could be two combinations.
    """
    size = math.prod(map(len, values.values())) * len(found)
    if not budget.takes(size * _STEPS_PER_NAME):
        raise CompletenessError(f"`expect` lists {size:,} combinations, too many for one manifest", hint="split it")
    claimed = [_claim(values, row) for row in found]
    missing = [path for _, absent, _ in claimed for path in absent]
    unexpected = [path for _, _, others in claimed for path in others]
    if missing or unexpected:
        parts = [f"missing: {_listed(missing)}"] if missing else []
        parts += [f"not expected: {_listed(unexpected)}"] if unexpected else []
        raise CompletenessError("; ".join(parts), hint="`expect` lists every value of each capture")
    return [sorted(matches, key=lambda match: match.shown) for matches, _, _ in claimed]


def _claim(values: Mapping[str, Sequence[str]], row: Found) -> tuple[list[Match], list[str], list[str]]:
    there = {match.shown: match.captures for match in row.matches}
    claims: dict[str, Match] = {}
    missing: list[str] = []
    for combination in itertools.product(*values.values()):
        captures = dict(zip(values, combination, strict=True))
        path = concrete(row.pattern, captures)
        if path is None:
            raise CompletenessError(
                "`expect` with lists needs a pattern without `*`, `?` and `**`", hint="give the number of files instead"
            )
        if path in claims:
            raise CompletenessError(
                f"`{visible(row.name(path, captures))}` stands for two combinations of the listed values",
                hint="choose other separators",
            )
        if path in there:
            claims[path] = Match(path, captures, None)
        else:
            missing.append(row.name(path, captures))
    others = [row.name(path, captures) for path, captures in there.items() if path not in claims]
    return list(claims.values()), missing, others


def _missing_by_combination(expected: int, found: Sequence[Found]) -> list[str]:
    seen: dict[str, dict[str, None]] = {}
    for row in found:
        for match in row.matches:
            for name, value in match.captures.items():
                seen.setdefault(name, {})[value] = None
    size = math.prod(map(len, seen.values())) * len(found)
    if size != expected or (len(found) == 1 and len(seen) < 2):
        return []
    missing: list[str] = []
    for row in found:
        there = {tuple(match.captures.get(name) for name in seen) for match in row.matches}
        for combination in itertools.product(*seen.values()):
            if combination not in there:
                captures = dict(zip(seen, combination, strict=True))
                missing.append(row.name(concrete(row.pattern, captures), captures))
    return missing if len(missing) == expected - sum(len(row.matches) for row in found) else []


def concrete(pattern: Pattern, captures: Captures) -> str | None:
    """Return the path that a pattern means with these captures, or None where a wildcard is left in it."""
    segments = [_concrete_segment(segment, captures) for segment in pattern.segments]
    return None if None in segments else "/".join(segment for segment in segments if segment is not None)


def _concrete_segment(segment: Segment, captures: Captures) -> str | None:
    if isinstance(segment, Name):
        return segment.text
    if not isinstance(segment, Wild):
        return None
    text = ""
    for index, stretch in enumerate(segment.stretches):
        if None in stretch:
            return None
        text += "".join(token for token in stretch if token is not None)
        if index < len(segment.gaps):
            capture = segment.gaps[index].capture
            if capture is None:
                return None
            text += captures[capture]
    return text


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{visible(name)}`" for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
