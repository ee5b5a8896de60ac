"""A worker as its file describes it: two forms, because servers of two generations read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ConfiguredWorker:
    """One worker of `.arkindex.yml`. `configuration` is the JSON that servers keep, as the client would send it.

    `description_path` is relative to the folder of `.arkindex.yml`; `line` is where the worker stands in its file.
    """

    slug: str
    name: str
    type: str
    gpu_usage: str
    model_usage: str
    configuration: Mapping[str, object] = field(hash=False)
    description_path: str | None = None
    line: int = 1


@dataclass(frozen=True, slots=True)
class DefinedWorker:
    """A definition. `text` is the whole file: servers read the configuration out of it themselves."""

    slug: str
    name: str
    type: str
    description: str
    text: str
    line: int = 1


Worker = ConfiguredWorker | DefinedWorker
