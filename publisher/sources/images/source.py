"""Docker images as sources: what they are while planning, and their archive while publishing.

What is published is always a Docker archive, as `docker load` reads it. Its fingerprint is the digest of the image's
configuration, which is the same however and wherever the image was exported; the bytes of two exports are not.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from publisher.errors import SourceError
from publisher.model import ImageSource, SourceFacts
from publisher.model.images import ImageNameError, ImageReference, Transport, parse_reference
from publisher.model.platforms import Platform, platform_named
from publisher.sources.files import open_file
from publisher.sources.images.child import environment_of_tools
from publisher.sources.images.complaints import shown
from publisher.sources.images.engine import Engine
from publisher.sources.images.skopeo import Skopeo
from publisher.sources.images.stream import BLOCK_BYTES, Fill, ImageStream

Check = Callable[[], None]


def image_facts(source: ImageSource, check: Check) -> SourceFacts:
    """Return an image's config digest and about how large its archive is.

    Raises `SourceError` if it is not there, cannot be read, or is for another architecture than the artifact's.
    An archive, and an image whose id the engine does not tell, are read to the end for it.
    """
    reference = _parsed(source)
    environment = environment_of_tools(os.environ)
    traits = None
    if reference.transport is Transport.ENGINE:
        traits = Engine(source, reference, environment).look(check)
    elif reference.transport is not Transport.DOCKER_ARCHIVE:
        traits = Skopeo(source, reference, environment).look(check)
    if traits is None:
        with open_image(source, check) as stream:
            buffer = memoryview(bytearray(BLOCK_BYTES))
            while stream.read_into(buffer):
                pass
            contents = stream.contents
        _check_platform(source, contents.platform)
        return SourceFacts(contents.size_bytes, contents.config_digest)
    _check_platform(source, traits.platform)
    return SourceFacts(traits.size_bytes, traits.config_digest)


def is_archive(source: ImageSource) -> bool:
    """Tell whether all of an image is in one file of this machine. Raises `SourceError` for what names no image."""
    return source.local is not None and _parsed(source).transport is Transport.DOCKER_ARCHIVE


@contextlib.contextmanager
def open_image(source: ImageSource, check: Check) -> Iterator[ImageStream]:
    """Open an image's archive for one pass; nothing is left of it afterwards, neither a process nor a file.

    Raises `SourceError` if it cannot be opened. `check` may raise to cancel; it is asked while waiting for bytes.
    """
    reference = _parsed(source)
    environment = environment_of_tools(os.environ)
    if reference.transport is Transport.DOCKER_ARCHIVE:
        if source.local is None:
            raise RuntimeError("an archive has a path")
        with (
            open_file(source.local) as file,
            _stream(source, file.read_into, file.check_untouched, check) as stream,
        ):
            yield stream
        return
    tool = (Engine if reference.transport is Transport.ENGINE else Skopeo)(source, reference, environment)
    with tool.export(check) as child:

        def finish() -> None:
            code = child.end()
            if code != 0:
                raise tool.error(child.last_words or f"{child.name} ended with code {code}")

        with _stream(source, child.fill, finish, check) as stream:
            try:
                yield stream
            finally:
                child.kill()


@contextlib.contextmanager
def _stream(source: ImageSource, fill: Fill, finish: Callable[[], None], check: Check) -> Iterator[ImageStream]:
    stream = ImageStream(fill, finish, shown=shown(source), check=check)
    try:
        yield stream
    finally:
        stream.close()


def _parsed(source: ImageSource) -> ImageReference:
    try:
        return parse_reference(source.reference)
    except ImageNameError as error:
        raise SourceError(f"{shown(source)} {error.message}", hint=error.hint) from error


def _check_platform(source: ImageSource, image: Platform) -> None:
    """Compare the image with the artifact's architecture, where that names a processor and the image names one, too."""
    wanted = platform_named(source.architecture)
    if wanted is not None and not wanted.runs(image):
        raise SourceError(
            f"{shown(source)} is for {image}, and the artifact's architecture is {source.architecture}",
            hint="build or choose the image for that architecture, or correct the manifest",
        )
