"""Golden files: expected texts beside the tests, compared byte by byte. `PUBLISHER_GOLDEN=update` rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "expected"


def check(name: str, text: str) -> None:
    """Compare `text` with the file `name`, or rewrite the file where that was asked for."""
    path = FOLDER / name
    if os.environ.get("PUBLISHER_GOLDEN") == "update":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert path.is_file(), f"no golden file {name}: run with PUBLISHER_GOLDEN=update and review what was written"
    assert text == path.read_bytes().decode(), f"{name} differs: review, then run with PUBLISHER_GOLDEN=update"
