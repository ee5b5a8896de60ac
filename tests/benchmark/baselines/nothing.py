"""The pipeline into nothing: this project's sealing of one file, with no plan, no request and no proof.

Usage: python -m tests.benchmark.baselines.nothing FILE [fast|best|none]
"""

from __future__ import annotations

import sys
from pathlib import Path

from publisher.model import Compression
from publisher.sealing.format import new_data_key
from publisher.sealing.seal import seal


def main() -> None:
    compression = Compression(sys.argv[2]) if len(sys.argv) > 2 else Compression.FAST
    with Path(sys.argv[1]).open("rb", buffering=0) as file:
        seal(file.readinto, lambda _: None, key=new_data_key(), compression=compression, content_md5=False)


if __name__ == "__main__":
    main()
