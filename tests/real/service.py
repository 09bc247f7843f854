# SPDX-License-Identifier: GPL-2.0-only
"""A web server: a page of 4 KiB, HTTP/1.1 with keep-alive.

    service.py PORT asyncio         one thread, an event loop
    service.py PORT threads         a thread for each connection
"""

import asyncio
import http.server
import sys

ADDRESS = "127.0.0.1"
# More than are waiting in any load of tests/real.
BACKLOG = 1024


def page() -> bytes:
    return "".join("%063d\n" % i for i in range(64)).encode()


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            body = page()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_in_loop(port: int) -> None:
    server = await asyncio.start_server(converse, ADDRESS, port, backlog=BACKLOG)
    await server.serve_forever()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and page in one segment

    def do_GET(self) -> None:
        body = page()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = BACKLOG


def main() -> None:
    port = int(sys.argv[1])
    if sys.argv[2] == "asyncio":
        asyncio.run(serve_in_loop(port))
    else:
        Server((ADDRESS, port), Handler).serve_forever()


main()
