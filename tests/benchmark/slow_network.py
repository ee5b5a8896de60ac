"""A way to a server that adds some milliseconds to every answer: `python -m tests.benchmark.slow_network URL MS`.

Prints its own URL first. Bytes pass in both directions unread; each piece that comes back waits, in order.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from urllib.parse import urlsplit

_PIECE = 256 * 1024


async def serve(host: str, port: int, delay_s: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(_pump(reader, up_writer, 0), _pump(up_reader, writer, delay_s), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=256)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            if delay_s:
                await asyncio.sleep(delay_s)
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.close()


def main() -> None:
    url = urlsplit(sys.argv[1])
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(url.hostname or "", url.port or 80, float(sys.argv[2]) / 1000))


if __name__ == "__main__":
    main()
