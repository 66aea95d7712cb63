"""A receiver on a real socket that verifies requests with the official library, and fails in ten ways."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import attrs
from standardwebhooks import Webhook

FAILING_PERCENT = 30
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
WAYS: Mapping[str, bytes] = {
    "an error": b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
    "too many": b"HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "overloaded": b"HTTP/1.1 503 Busy\r\nRetry-After: nonsense\r\nContent-Length: 0\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 There\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    "not found": b"HTTP/1.1 404 What\r\nContent-Length: 3\r\n\r\nno!",
    "nonsense": b"\x00\x01\x02 this is no HTTP\r\n\r\n",
    "half an answer": b"HTTP/1.1 20",
    "nothing": b"",
    "a reset": b"reset",
    "silence": b"silence",
}
"""What is answered instead; the last two are done to the connection."""


@attrs.define
class Told:
    """What was heard: the first receipt of each event, in order, and whatever was wrong."""

    secret: str
    draw: Callable[[int], int]
    """Draws a whole number below this one."""
    failing_percent: int = FAILING_PERCENT
    port: int = 0
    first: dict[str, tuple[str, int]] = attrs.field(factory=dict)
    """Subject and sequence by id, in the order of the first receipt."""
    bodies: dict[str, bytes] = attrs.field(factory=dict)
    requests: int = 0
    problems: list[str] = attrs.field(factory=list)
    ways: dict[str, int] = attrs.field(factory=dict)
    more: asyncio.Event = attrs.field(factory=asyncio.Event)

    def hear(self, headers: Mapping[str, str], body: bytes) -> None:
        """Verify a request, and note what it tells."""
        self.requests += 1
        Webhook(self.secret).verify(body, dict(headers))
        event = json.loads(body)
        name = headers["webhook-id"]
        digest = hashlib.sha256(body).digest()
        if event["id"] != name:
            self.problems.append(f"{name} came with the body of {event['id']}")
        if self.bodies.setdefault(name, digest) != digest:
            self.problems.append(f"{name} came with other contents")
        self.first.setdefault(name, (event["subject"], int(event["sequence"])))
        self.more.set()

    def way(self) -> str:
        """Draw how to answer: empty for well."""
        if self.draw(100) >= self.failing_percent:
            return ""
        way = tuple(WAYS)[self.draw(len(WAYS))]
        self.ways[way] = self.ways.get(way, 0) + 1
        return way


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """Read one request; raises `IncompleteReadError` when the connection ends."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name
    }
    return headers, await reader.readexactly(int(headers["content-length"]))


@asynccontextmanager
async def receiving(told: Told) -> AsyncIterator[Told]:
    """Receive on a free port of this machine until the block ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                told.hear(*await _request(reader))
                way = told.way()
                if way == "silence":
                    await reader.read()
                    return
                if way == "a reset":
                    writer.transport.abort()
                    return
                writer.write(WAYS[way] if way else OK)
                await writer.drain()
                if way:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side is gone, or was killed
        except Exception as error:  # isolation point: the test looks at what was wrong
            told.problems.append(repr(error))
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
