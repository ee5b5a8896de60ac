"""Run the sink: `python -m tests.benchmark.sink`. Prints its URL first; ends when it is stopped."""

from __future__ import annotations

import sys
from contextlib import suppress

from tests.benchmark.sink.s3 import S3Sink
from tests.benchmark.sink.wire import WireServer


def main() -> None:
    server = WireServer(S3Sink().answer)
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
