# SPDX-License-Identifier: GPL-2.0-only
"""A web server: a page of 4 KiB, HTTP/1.1 with keep-alive, in asyncio. Each thread has an
event loop; they share the port and the interpreter lock. /spin is an endless loop.

    service.py PORT THREADS
"""

import asyncio
import sys
import threading

# More than ever wait in the loads of tests/real.
BACKLOG = 1024


def page() -> bytes:
    return "".join("%063d\n" % i for i in range(64)).encode()


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            while request.startswith(b"GET /spin "):
                pass
            body = page()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve() -> None:
    server = await asyncio.start_server(
        converse, "127.0.0.1", int(sys.argv[1]), backlog=BACKLOG, reuse_port=True
    )
    await server.serve_forever()


for _ in range(1, int(sys.argv[2])):
    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
asyncio.run(serve())
