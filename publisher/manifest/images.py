"""The reference to a Docker image in a manifest: judged by its text; a local one is looked for, but nothing is read.

Images in archives and OCI layouts stay below the project's root, like files. Engines and registries are not asked.
"""

from __future__ import annotations

from publisher.manifest.context import Entry
from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Rendered
from publisher.manifest.nodes import TextNode, place
from publisher.manifest.paths import PathError
from publisher.model import FileSource, ImageSource
from publisher.model.images import LAYOUT_INDEX, ImageNameError, ImageReference, Transport, parse_reference


def image_source(entry: Entry, image: Rendered, node: TextNode, field_path: str) -> ImageSource | None:
    """Return the image that a text names, or None after adding the problem."""
    try:
        reference = parse_reference(image.text)
        local = _local(entry, image, reference) if reference.transport.is_local else None
    except (ImageNameError, PathError) as error:
        shown = f"`{visible(image.shown, limit=80)}` " if isinstance(error, ImageNameError) else ""
        entry.context.problems.error(place(node, field_path), f"{shown}{error.message}", hint=error.hint)
        return None
    return ImageSource(image.text, image.shown, local)


def _local(entry: Entry, image: Rendered, reference: ImageReference) -> FileSource:
    """Return the archive, or the index of the layout, that a reference names. Raises `PathError`."""
    path = reference.path
    if path and reference.transport is Transport.OCI_LAYOUT:
        path = f"{path.rstrip('/')}/{LAYOUT_INDEX}"
    shown = path if image.text == image.shown else image.shown
    return entry.context.paths.source(Rendered(path, shown), entry.context.problems)
