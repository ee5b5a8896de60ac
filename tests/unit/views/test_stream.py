"""A view that cannot write goes silent; it never ends a publish."""

from __future__ import annotations

import io
import os
import subprocess
import sys

from publisher.events import RunStarted, Warned
from publisher.model import ArtifactId
from publisher.views.plain_view import PlainView
from publisher.views.stream import forgiving
from tests.golden import sample


def test_a_closed_pipe_silences_the_view() -> None:
    """Writing into a pipe that nobody reads raises nothing, now and later."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        stream = forgiving(file)

        stream.write("lost\n")
        stream.flush()
        stream.write("lost too\n")
        stream.flush()

        assert not stream.isatty()


def test_a_process_whose_reader_left_ends_cleanly() -> None:
    """Python's own last flush of a stream whose pipe was closed does not fail either."""
    program = (
        "import sys, time\n"
        "from publisher.views.plain_view import PlainView\n"
        "from publisher.events import Warned\n"
        "view = PlainView(sys.stdout, monotonic=time.monotonic)\n"
        "sys.stdin.read()\n"
        "for _ in range(3): view(Warned('x' * 100_000))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.close()
        process.stdin.close()
        complaints = process.stderr.read()

    assert (process.returncode, complaints) == (0, b"")


def test_a_closed_stream_silences_the_view() -> None:
    """A stream that somebody closed is no error."""
    stream = io.StringIO()
    stream.close()

    forgiving(stream).write("lost")


def test_a_poor_encoding_gets_replacements() -> None:
    """A locale without the characters gets question marks, not an exception."""
    raw = io.BytesIO()
    view = PlainView(io.TextIOWrapper(raw, encoding="ascii", errors="strict"), monotonic=sample.Clock())

    view(RunStarted("r", "größe", 1))

    assert raw.getvalue() == b"gr??e: 1 artifact\n"


def test_an_id_is_one_line() -> None:
    """An id with line breaks and escapes makes one harmless line."""
    stream = io.StringIO()

    PlainView(stream, monotonic=sample.Clock())(Warned("x", ArtifactId("fleet", sample.HOSTILE)))

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rstrip("\n").isprintable()
