"""The cases of the benchmark. Each takes a `Scale` and a folder, and adds to `Results`."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmark.samples import MIB


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured. `QUICK` shows in seconds that everything runs; its figures mean nothing."""

    rounds: int = 3
    large_bytes: int = 1024 * MIB
    huge_bytes: int = 20 * 1024 * MIB
    parallel_bytes: int = 256 * MIB
    stage_bytes: int = 256 * MIB
    small_files: int = 1000
    many_files: int = 10_000
    growing_bytes: tuple[int, ...] = (64 * MIB, 256 * MIB, 1024 * MIB, 4096 * MIB)
    growing_files: tuple[int, ...] = (10, 100, 1000, 10_000)
    simple_files: int = 100
    aws: str | None = None


QUICK = Scale(
    rounds=1,
    large_bytes=3 * MIB,
    huge_bytes=40 * MIB,
    parallel_bytes=3 * MIB,
    stage_bytes=3 * MIB,
    small_files=8,
    many_files=20,
    growing_bytes=(MIB, 2 * MIB, 4 * MIB),
    growing_files=(1, 2, 4),
    simple_files=2,
)
