"""A venue behind a wire over which nothing ever comes back."""

from __future__ import annotations

import asyncio

import attrs

from fairlead.ports.exchange import Report
from fairlead_paper.address import Address


class Nowhere(asyncio.Transport):
    """A transport that takes everything and brings nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Lose it."""

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self._closed

    def close(self) -> None:
        """Be closed."""
        self._closed = True


@attrs.frozen
class SilentAddress(Address):
    """An address that never lets anybody in, or, with *connects*, lets them in and says nothing."""

    text: str = "silence"
    host: str = ""
    port: int = 0
    path: str = ""
    connects: bool = True

    async def connect(self, line_bytes_max: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See `Address.connect`."""
        loop = asyncio.get_running_loop()
        if not self.connects:
            await loop.create_future()
        reader = asyncio.StreamReader(limit=line_bytes_max, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        return reader, asyncio.StreamWriter(Nowhere(), protocol, reader, loop)


class Unheard:
    """Listens to a link that brings nothing."""

    def report(self, report: Report) -> None:
        """Hear nothing."""

    def broken(self, reason: str) -> None:
        """Hear nothing."""
