"""The way to a venue in its own process, over loopback TCP or a unix socket."""

from __future__ import annotations

import asyncio

from fairlead.ports.clock import Clock
from fairlead_paper.address import Address
from fairlead_paper.link import LinkFault, LinkListener, NoAnswer, NotSent
from fairlead_paper.messages import Hello, NoteFault, Refused, Reply, Request, Welcome
from fairlead_paper.wire import (
    LINE_BYTES_MAX,
    Unreadable,
    UnreadableAnswer,
    decode_answer,
    encode_request,
)


class SocketLink:
    """One connection; after a break it is opened again by whoever hears of it."""

    def __init__(self, address: Address, token: str, account: str, clock: Clock, timeout_ns: int) -> None:
        self._address = address
        self._hello = Hello(token, account, stream=True)
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._last_number = 0
        self._established = False

    async def open(self, listener: LinkListener) -> Welcome:
        """Connect and say who we are."""
        await self.close()
        try:
            async with self._clock.timeout_ns(self._timeout_ns):
                reader, self._writer = await self._address.connect(LINE_BYTES_MAX)
        except (OSError, TimeoutError) as error:
            raise LinkFault(
                f"The paper venue at {self._address.text} cannot be reached.",
                fix="Start it with: python -m fairlead_paper serve.",
            ) from error
        self._reading = asyncio.get_running_loop().create_task(self._read(reader, self._writer, listener))
        try:
            welcome = await self.ask(self._hello)
        except LinkFault:
            await self.close()
            raise
        if isinstance(welcome, Welcome):
            self._established = self._writer is not None
            if self._established:
                return welcome
            raise LinkFault("The connection to the paper venue broke at once.")
        await self.close()
        reason = welcome.reason if isinstance(welcome, Refused) else "an unexpected answer"
        raise LinkFault(f"The paper venue did not let us in: {reason}.", fix="Check token and account.")

    async def close(self) -> None:
        """Disconnect."""
        self._established = False
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait((reading,))
        self._drop("The connection was closed.")

    async def ask(self, request: Request) -> Reply:
        """Write the request and wait for its answer."""
        writer = self._writer
        if writer is None or writer.is_closing():
            raise NotSent("Not connected to the paper venue.", not_done="Nothing was sent.")
        self._last_number += 1
        number = self._last_number
        try:
            line = encode_request(number, request)
        except Unreadable as error:
            raise NotSent(str(error), not_done="Nothing was sent.") from error
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.write(line)
            async with self._clock.timeout_ns(self._timeout_ns):
                return await answer
        except TimeoutError as error:
            raise NoAnswer("The paper venue did not answer in time.") from error
        finally:
            self._waiting.pop(number, None)

    def tell_fault(self, kind: str) -> None:
        """Have an injected fault counted; its answer is not waited for."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode_request(0, NoteFault(kind)))

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: LinkListener
    ) -> None:
        reason = "the venue closed the connection"
        try:
            while line := await reader.readline():
                self._take(line, listener)
        except (OSError, ValueError, Unreadable) as error:
            reason = f"the connection failed: {error}"
        if self._writer is writer:
            established, self._established = self._established, False
            self._drop(reason)
            if established:
                listener.broken(reason)

    def _take(self, line: bytes, listener: LinkListener) -> None:
        try:
            answer = decode_answer(line)
        except UnreadableAnswer as error:
            waiting = self._waiting.get(error.number)
            if waiting is not None and not waiting.done():
                waiting.set_exception(NoAnswer(str(error)))
            return
        if not isinstance(answer, tuple):
            listener.report(answer)
            return
        number, reply = answer
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _drop(self, reason: str) -> None:
        """Give the connection up; whoever waits hears that no answer will come."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoAnswer(f"No answer: {reason}."))
