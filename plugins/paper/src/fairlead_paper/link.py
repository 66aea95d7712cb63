"""The way from a client to its venue: one interface, in process or over a socket, with or without faults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from fairlead.errors import ExchangeFault
from fairlead.ports.clock import Clock, Timer
from fairlead.ports.exchange import Report
from fairlead_paper.desk import Desk
from fairlead_paper.messages import NoteFault, Reply, Request, Welcome
from fairlead_paper.player import PlaySettings, TapePlayer


class LinkFault(ExchangeFault):
    """A request did not get an answer."""


class NotSent(LinkFault):
    """Certainly no byte of the request left: there was no connection to write it to."""


class NoAnswer(LinkFault):
    """The request left, or may have left, and no readable answer came."""


class LinkListener(Protocol):
    """Who hears what comes by itself."""

    def report(self, report: Report) -> None:
        """Take one report of the stream."""

    def broken(self, reason: str) -> None:
        """Hear that the stream broke; nothing comes any more until the link is opened again."""


class Link(Protocol):
    """A connection to a venue for one account. Every `ask` ends within the request timeout."""

    async def open(self, listener: LinkListener) -> Welcome:
        """Connect, or connect again after a break; raise `LinkFault` when the venue is not there."""

    async def close(self) -> None:
        """Disconnect; the listener hears nothing any more. Harmless when closed."""

    async def ask(self, request: Request) -> Reply:
        """Return the venue's answer, or raise `NotSent` or `NoAnswer`."""

    def tell_fault(self, kind: str) -> None:
        """Have an injected fault counted by the venue, without waiting."""


class InProcessLink:
    """The venue in the same process: an answer is a function call away and never lost.

    Given a desk, it leaves it alone; given a function that opens one, it opens it when it first
    connects and closes the file with the connection. Then it also lets the tape play by itself where
    *play* says so. With a *clock* an order that is good until a date ends when the date comes, and not
    only when somebody asks.
    """

    def __init__(
        self,
        desk: Desk | Callable[[], Desk],
        account: str,
        clock: Clock | None = None,
        play: PlaySettings | None = None,
    ) -> None:
        self._clock = clock
        self._play = play
        self._playing: asyncio.Task[None] | None = None
        self._expiry: tuple[int, Timer] | None = None
        self._opener = None if isinstance(desk, Desk) else desk
        self._desk = desk if isinstance(desk, Desk) else None
        self._account = account
        self._stop: Callable[[], None] | None = None

    async def open(self, listener: LinkListener) -> Welcome:
        """Begin to listen."""
        await self.close()
        if self._desk is None and self._opener is not None:
            self._desk = self._opener()
        if self._desk is None:
            raise NotSent("There is no paper venue to connect to.")
        welcome = self._desk.begin_session(self._account)
        self._stop = self._desk.listen(self._account, listener.report)
        self._wait_for_expiry(self._desk)
        if self._play is not None and self._clock is not None:
            playing = self._play_on(TapePlayer(self._desk, self._play, self._clock))
            self._playing = asyncio.get_running_loop().create_task(playing)
        return welcome

    async def close(self) -> None:
        """Stop listening and playing, and close the venue's file if it is ours."""
        playing, self._playing = self._playing, None
        if playing is not None:
            playing.cancel()
            await asyncio.wait((playing,))
        if self._expiry is not None:
            self._expiry[1].cancel()
            self._expiry = None
        if self._stop is not None:
            self._stop()
            self._stop = None
        if self._desk is not None and self._opener is not None and self._desk.has_file:
            self._desk.close()
            self._desk = None

    async def ask(self, request: Request) -> Reply:
        """Return the venue's answer."""
        if self._stop is None or self._desk is None:
            raise NotSent("Not connected to the paper venue.", not_done="Nothing was sent.")
        try:
            reply = self._desk.handle(self._account, request)
        except ExchangeFault as error:
            raise NoAnswer(str(error)) from error
        self._wait_for_expiry(self._desk)
        return reply

    def tell_fault(self, kind: str) -> None:
        """Have an injected fault counted."""
        if self._stop is not None and self._desk is not None:
            with contextlib.suppress(ExchangeFault):  # the request itself will tell that the venue is broken
                self._desk.handle(self._account, NoteFault(kind))

    async def _play_on(self, player: TapePlayer) -> None:
        with contextlib.suppress(ExchangeFault):  # the next request will tell that the venue is broken
            await player.run()

    def _wait_for_expiry(self, desk: Desk) -> None:
        """Be there when the next order that is good until a date ends."""
        due_ns = desk.venue.next_expiry_ns
        if self._clock is None or (self._expiry is not None and self._expiry[0] == due_ns):
            return
        if self._expiry is not None:
            self._expiry[1].cancel()
            self._expiry = None
        if due_ns and not desk.lives_on_tape:
            wait_ns = max(0, due_ns - desk.now_ns())
            timer = self._clock.call_at_ns(self._clock.monotonic_ns() + wait_ns, self._expire)
            self._expiry = (due_ns, timer)

    def _expire(self) -> None:
        self._expiry = None
        if self._desk is not None:
            with contextlib.suppress(ExchangeFault):  # as above
                self._desk.expire()
                self._wait_for_expiry(self._desk)
