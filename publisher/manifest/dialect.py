"""What a kind of YAML file is called in messages, and how free its text is. All kinds share one strict part of YAML."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """`shape` says what the top mapping holds; `instead` is what one writes in place of anchors and merge keys.

    With `is_prose` a tab, and a character that cannot be seen, may stand in text: it is sent on, and never printed.
    """

    a: str
    the: str
    shape: str
    instead: str
    is_prose: bool = False


MANIFEST = Dialect(
    a="a manifest",
    the="the manifest",
    shape="a mapping with `version`, `destinations` and `artifacts`",
    instead="use `defaults`",
)
