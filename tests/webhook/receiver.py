"""A receiver on a real socket of this machine, which answers with whatever bytes a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs

from fairlead.kernel.system_clock import SystemClock

CLOCK = SystemClock()
DROP_NS = 500_000

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@attrs.define
class Request:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@attrs.define
class Receiver:
    """What a receiver got, and where it is."""

    port: int = 0
    requests: list[Request] = attrs.field(factory=list)
    connections: int = 0


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> Behaviour:
    """Return a behaviour: one well-formed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def raw(content: bytes) -> Behaviour:
    """Return a behaviour: these bytes, then the end of the connection unless they are a whole answer."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return behave


async def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection off instead of answering."""
    writer.transport.abort()


def dripping(first: bytes, drop: bytes) -> Behaviour:
    """Return a behaviour: a beginning, then one drop after the other until the reader goes away."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.transport.is_closing():
            writer.write(drop)
            await writer.drain()
            await CLOCK.sleep_ns(DROP_NS)

    return behave


async def silent(writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the sender goes away."""
    while not writer.transport.is_closing():
        await CLOCK.sleep_ns(DROP_NS)


@asynccontextmanager
async def receiver(behave: Behaviour, trust: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Listen on a free port of this machine while the block runs."""
    seen = Receiver()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        seen.connections += 1
        try:
            seen.requests.append(await _read(reader))
            await behave(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            writer.close()
            talks.discard(task)

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=trust)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    return Request(head[0], headers, await reader.readexactly(int(headers.get("content-length", "0"))))
