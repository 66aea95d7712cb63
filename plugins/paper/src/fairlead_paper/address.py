"""Addresses of a venue process: loopback TCP or a unix socket, nothing that others could reach."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

import attrs

from fairlead.errors import ConfigurationRefused

# fixed: the largest port of TCP
_PORT_MAX = 65_535
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@attrs.frozen
class Address:
    """``host:port`` on a loopback address, or ``unix:path``."""

    text: str
    host: str
    port: int
    path: str

    async def connect(self, line_bytes_max: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        if self.path:
            return await asyncio.open_unix_connection(self.path, limit=line_bytes_max)
        return await asyncio.open_connection(self.host, self.port, limit=line_bytes_max)

    async def serve(self, handler: Handler, line_bytes_max: int) -> tuple[asyncio.Server, str]:
        """Listen; return the server and the address that clients use (port 0 becomes a real one)."""
        if self.path:
            return await asyncio.start_unix_server(handler, self.path, limit=line_bytes_max), self.text
        server = await asyncio.start_server(handler, self.host, self.port, limit=line_bytes_max)
        port = server.sockets[0].getsockname()[1]
        return server, f"{self.text.rpartition(':')[0]}:{port}"


def address_of(text: str) -> Address:
    """Return the address; raise `ConfigurationRefused` for one that is not on this machine alone."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address(text, "", 0, text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback or not (port.isascii() and port.isdecimal() and int(port) <= _PORT_MAX):
        raise ConfigurationRefused(
            f"{ascii(text)[:80]} is no address for a paper venue.",
            fix='Use "127.0.0.1:port" or "unix:path"; other machines cannot be let in.',
        )
    return Address(text, host, int(port), "")
