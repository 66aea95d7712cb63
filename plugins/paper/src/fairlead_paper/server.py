"""The venue in its own process: clients connect, say who they are, ask, and hear reports."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

from fairlead.errors import ExchangeFault
from fairlead.ports.exchange import Report
from fairlead_paper.address import Address
from fairlead_paper.desk import Desk
from fairlead_paper.messages import Hello, Refused, Request, Shutdown, Taken
from fairlead_paper.wire import (
    LINE_BYTES_MAX,
    Unreadable,
    decode_request,
    encode_reply,
    encode_report,
    request_number,
)

# fixed: bounds what a client that does not read may cost; it loses nothing
BUFFER_BYTES_MAX = 8 << 20
"""A client that lets more than this pile up is cut off; it reconnects and reads the history."""


# fixed: bounds what a client that does not read may cost; it loses nothing
PARTING_BYTES_MAX = 64 << 10
"""When the venue ends, a client with more than this before it is cut off instead of served."""


class VenueServer:
    """Serves one desk until it is told to stop."""

    def __init__(self, desk: Desk, token: str) -> None:
        self.failure = ""
        self._desk = desk
        self._token = token.encode()
        self._conversations: dict[asyncio.Task[None], tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End after the current request."""
        self._stopped.set()

    async def serve(self, address: Address, announce: Callable[[str], None]) -> None:
        """Listen, announce the address that clients use, and serve until stopped."""
        server, reachable = await address.serve(self._serve_client, LINE_BYTES_MAX)
        try:
            announce(reachable)
            await self._stopped.wait()
        finally:
            server.close()
            await self._end_conversations()
            await server.wait_closed()
            self._desk.close()

    async def _end_conversations(self) -> None:
        """Let answers that were given go out, and wait until nobody is being served."""
        for reader, writer in self._conversations.values():
            reader.feed_eof()
            if writer.transport.get_write_buffer_size() > PARTING_BYTES_MAX:
                writer.transport.abort()  # it does not read, and is not waited for
        if self._conversations:
            await asyncio.wait(tuple(self._conversations))

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations[task] = (reader, writer)
        stop_listening: Callable[[], None] | None = None
        try:
            hello = await self._greet(reader, writer)
            if hello is not None:
                if hello.stream:
                    stop_listening = self._desk.listen(hello.account, _reporter(writer))
                await self._answer_requests(hello.account, reader, writer)
        except (OSError, ValueError, Unreadable):
            pass  # the client is gone, or talks nonsense: it is cut off, the venue goes on
        except ExchangeFault as error:
            self.failure = str(error)
            self.stop()
        finally:
            if stop_listening is not None:
                stop_listening()
            del self._conversations[task]
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Hello | None:
        """Return the first message when it is a hello with our token; else answer a refusal."""
        number, hello = decode_request(await reader.readline())
        if not isinstance(hello, Hello) or not hmac.compare_digest(hello.token.encode(), self._token):
            writer.write(encode_reply(number, Refused("bad_token: not let in", 0)))
            return None
        if not self._desk.venue.shelves.has_account(hello.account):
            writer.write(encode_reply(number, Refused("unknown_account: no such account", 0)))
            return None
        writer.write(encode_reply(number, self._desk.begin_session(hello.account)))
        return hello

    async def _answer_requests(
        self, account: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while (line := await reader.readline()) and not self._stopped.is_set():
            try:
                number, request = decode_request(line)
            except Unreadable as error:
                writer.write(encode_reply(request_number(line), Refused(f"unreadable_request: {error}", 0)))
            else:
                writer.write(self._answer(account, number, request))
            await writer.drain()

    def _answer(self, account: str, number: int, request: Request) -> bytes:
        if isinstance(request, Shutdown):
            self.stop()
            return encode_reply(number, Taken("", self._desk.now_ns()))
        return encode_reply(number, self._desk.handle(account, request))


def _reporter(writer: asyncio.StreamWriter) -> Callable[[Report], None]:
    def send(report: Report) -> None:
        if writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > BUFFER_BYTES_MAX:
            writer.transport.abort()
            return
        writer.write(encode_report(report))

    return send
