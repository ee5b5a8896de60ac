"""Print the one command of the first sh block under a heading of README.md: `python .ci/readme_command.py Test`.

Refuses a README whose heading, block or single line is missing, so that the checks never run something else.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def command_under(heading: str, text: str) -> str:
    """Return the command. Raises `ValueError` with what is missing."""
    section = re.search(rf"^## {re.escape(heading)}\s*$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if section is None:
        raise ValueError(f"README.md has no heading `## {heading}`")
    block = re.search(r"^```sh\n(.*?)^```\s*$", section[1], re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError(f"README.md has no sh block under `## {heading}`")
    lines = [line for line in block[1].splitlines() if line.strip()]
    if len(lines) != 1:
        raise ValueError(f"the sh block under `## {heading}` in README.md has {len(lines)} lines, not one command")
    return lines[0].strip()


if __name__ == "__main__":
    readme = Path(__file__).resolve().parent.parent / "README.md"
    try:
        sys.stdout.write(command_under(sys.argv[1], readme.read_text(encoding="utf-8")) + "\n")
    except (ValueError, OSError) as error:
        sys.exit(f"{error}")
