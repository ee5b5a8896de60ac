"""The name of a Docker image in a manifest: judged by its text, never looked up while a manifest is read."""

from __future__ import annotations

import re

from publisher.manifest.context import Entry
from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Rendered
from publisher.manifest.nodes import TextNode, place
from publisher.model import ImageSource

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:{_HOST})?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
"""The grammar of distribution/reference, as engines and registries have it, with digests of SHA-256 only."""


def image_source(entry: Entry, image: Rendered, node: TextNode, field_path: str) -> ImageSource | None:
    """Return the image that a text names, or None after adding the problem."""
    if _NAME.fullmatch(image.text):
        return ImageSource(image.text, image.shown)
    is_upper = _NAME.fullmatch(image.text.lower()) is not None
    hint = "the name of an image is lower case" if is_upper else "write it like registry.example.com/group/name:tag"
    message = f"`{visible(image.shown, limit=80)}` is not the name of an image"
    entry.context.problems.error(place(node, field_path), message, hint=hint)
    return None
