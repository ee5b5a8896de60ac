"""JSON lines are a contract: version first, type first, every event, ASCII."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import get_args

import pytest

from publisher.errors import LocalResourceError
from publisher.events import Event, RunStarted, Warned
from publisher.views.json_lines import JsonLines, event_document, events_file
from tests.golden import sample

README = Path(__file__).parents[3] / "schemas" / "README.md"


def test_every_object_has_its_type_first() -> None:
    """The version line comes first, and each line is one object that begins with its type."""
    stream = io.StringIO()
    lines = JsonLines(stream, tool_version="1")

    for _, event in sample.events():
        lines(event)

    documents = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert documents[0] == {
        "type": "version",
        "format": "publisher/events",
        "format_version": "1.0",
        "tool_version": "1",
    }
    assert {next(iter(document)) for document in documents} == {"type"}


def test_every_event_has_a_name() -> None:
    """The sample run has every kind of event, each with a name of its own; no clock is read by default."""
    documents = {type(event): event_document(event) for _, event in sample.events()}

    assert set(documents) == set(get_args(Event))
    assert len({document["type"] for document in documents.values()}) == len(documents)
    assert all("at" not in document for document in documents.values())


def test_hostile_text_stays_inside_its_string() -> None:
    """Text with line breaks, escapes and bidi marks makes one line of printable ASCII."""
    stream = io.StringIO()

    JsonLines(stream, tool_version="1")(Warned(sample.HOSTILE + "\udc80"))

    line = stream.getvalue().splitlines()[1]
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == sample.HOSTILE + "\udc80"


def test_an_events_file_is_new_each_run(tmp_path: Path) -> None:
    """The file is started anew, in a folder that is made when needed."""
    path = tmp_path / "logs" / "events.jsonl"

    for _ in range(2):
        with events_file(path, tool_version="1") as listener:
            listener(RunStarted("r", "apply", 0))

    assert [json.loads(line)["type"] for line in path.read_text().splitlines()] == ["version", "run_started"]


def test_an_events_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A path that cannot be written is told before anything is published."""
    with pytest.raises(LocalResourceError), events_file(tmp_path, tool_version="1"):
        pass


def test_the_documented_table_is_the_real_one() -> None:
    """The table of events in schemas/README.md names every type and every field."""
    rows = [line for line in README.read_text().splitlines() if line.startswith("| `")]
    table = {line.split("|")[1].strip(" `"): line.split("|")[2] for line in rows}

    for _, event in sample.events():
        document = event_document(event)
        documented = table[str(document.pop("type"))]
        assert [field for field in document if f"`{field}`" not in documented] == []
