"""`--revision-tags one two three`, as the source document writes it, for a parser that wants one value an option."""

from __future__ import annotations

import pytest

from publisher.cli.options import with_each_tag


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("worker i --revision-tags a b c", "worker i --revision-tags=a --revision-tags=b --revision-tags=c"),
        ("worker --revision-tags a --local d i", "worker --revision-tags=a --local d i"),
        ("worker i --revision-tags a -q", "worker i --revision-tags=a -q"),
        ("worker i --revision-tags=a --revision-tags b", "worker i --revision-tags=a --revision-tags=b"),
        ("worker i --revision-tags", "worker i --revision-tags"),
        ("worker i --revision-tags --quiet", "worker i --revision-tags --quiet"),
        ("worker --revision-tags a -- i", "worker --revision-tags=a -- i"),
        ("plan --revision-tags a b", "plan --revision-tags a b"),
    ],
)
def test_each_value_gets_its_option(given: str, understood: str) -> None:
    """The values end at the next option; other commands are left alone."""
    assert with_each_tag(given.split()) == understood.split()
    assert with_each_tag([]) == []
