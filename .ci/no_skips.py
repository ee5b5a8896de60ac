"""Read pytest's JUnit files, fail if a test was skipped or none ran, and print `N passed, N failed`.

In CI every server and program is installed: a skipped test is a check that silently went away.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET


def main(paths: Sequence[Path]) -> int:
    cases = [case for path in paths for case in ET.parse(path).getroot().iter("testcase")]  # noqa: S314 - see above
    skipped = [(case, mark) for case in cases if (mark := case.find("skipped")) is not None]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    for case, mark in skipped:
        sys.stdout.write(f"skipped: {case.get('classname')}::{case.get('name')}: {mark.get('message')}\n")
    if skipped:
        sys.stdout.write(f"{len(skipped)} tests were skipped; install what they need, or remove them\n")
    passed = len(cases) - len(skipped) - len(failed)
    sys.stdout.write(f"{passed} passed, {len(failed)} failed{f', {len(skipped)} skipped' if skipped else ''}\n")
    return 1 if skipped or failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
