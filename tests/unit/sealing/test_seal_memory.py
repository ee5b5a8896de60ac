"""Memory while sealing does not depend on the size of the source."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = r"""
import random, re
from pathlib import Path
from publisher.model import Compression, DataKey
from publisher.sealing.seal import seal

tile = random.Random(1).randbytes(1 << 19) + bytes(1 << 19)
left = [512]

def read_into(into):
    if not left[0]:
        return 0
    left[0] -= 1
    into[:] = tile
    return len(into)

written = [0]

def write(piece):
    written[0] += len(piece)

key = DataKey(bytes(range(32)))
seal(read_into, write, key=key, compression=Compression.FAST, content_md5=False)
print(written[0], re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's own peak memory from /proc")
def test_half_a_gibibyte_passes_through_little_memory() -> None:
    """A process that seals 512 MiB stays below 150 MiB, interpreter and libraries included."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    written, peak_kib = map(int, done.stdout.split())
    assert written > 100 << 20
    assert peak_kib < 150 << 10
