"""A link with a way that takes time: requests, answers and what comes by itself, each with its delay."""

from __future__ import annotations

import hashlib
from collections import deque
from enum import StrEnum

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock, Timer
from fairlead.ports.exchange import Report
from fairlead_paper import messages as say
from fairlead_paper.link import Link, LinkListener
from fairlead_paper.settings import LatencySettings

_DRIVING = (
    say.Advance,
    say.Adjust,
    say.ShowBook,
    say.FeedTrade,
    say.FeedQuote,
    say.MoveTime,
    say.ReadTrades,
    say.ReadState,
    say.Shutdown,
)


class Way(StrEnum):
    """What is on its way; each draws its jitter from a stream of its own."""

    REQUEST = "request"
    ANSWER = "answer"
    STREAM = "stream"


class LatencyLink:
    """Wraps a link. Every wait is on the clock port, and every delay comes from settings, seed and session.

    What comes by itself keeps its order, and is lost with the connection when that breaks before it arrives.
    Requests that drive the venue take no time.
    """

    def __init__(self, inner: Link, settings: LatencySettings, clock: Clock) -> None:
        self._inner = inner
        self._settings = settings
        self._clock = clock
        self._listener: LinkListener | None = None
        self._session = 0
        self._drawn = dict.fromkeys(Way, 0)
        self._coming: deque[tuple[int, Report]] = deque()
        self._timer: Timer | None = None

    async def open(self, listener: LinkListener) -> say.Welcome:
        """Connect."""
        self._forget()
        self._listener = listener
        welcome = await self._inner.open(self)
        self._session = welcome.session
        return welcome

    async def close(self) -> None:
        """Disconnect; what was on its way is gone."""
        self._listener = None
        self._forget()
        await self._inner.close()

    async def ask(self, request: say.Request) -> say.Reply:
        """Ask, and wait for both ways."""
        if isinstance(request, _DRIVING):
            return await self._inner.ask(request)
        await self._clock.sleep_ns(self._delay_ns(Way.REQUEST))
        reply = await self._inner.ask(request)
        await self._clock.sleep_ns(self._delay_ns(Way.ANSWER))
        return reply

    def tell_fault(self, kind: str) -> None:
        """Have a fault counted by the venue."""
        self._inner.tell_fault(kind)

    def report(self, report: Report) -> None:
        """Take a report from the venue, and let it arrive when it is due, behind those before it."""
        due_ns = self._clock.monotonic_ns() + self._delay_ns(Way.STREAM)
        if self._coming:
            due_ns = max(due_ns, self._coming[-1][0])
        self._coming.append((due_ns, report))
        self._wait_for_the_next()

    def broken(self, reason: str) -> None:
        """Hear from the connection behind that it broke."""
        self._forget()
        if self._listener is not None:
            self._listener.broken(reason)

    def _delay_ns(self, way: Way) -> int:
        settings = self._settings
        self._drawn[way] += 1
        base_ms = {
            Way.REQUEST: settings.request_ms,
            Way.ANSWER: settings.answer_ms,
            Way.STREAM: settings.stream_ms,
        }[way]
        jitter_ns = settings.jitter_ms * NANOSECONDS_PER_MILLISECOND
        name = f"{settings.seed}/{self._session}/{way.value}/{self._drawn[way]}"
        drawn = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (jitter_ns + 1)
        return base_ms * NANOSECONDS_PER_MILLISECOND + drawn

    def _wait_for_the_next(self) -> None:
        if self._timer is None and self._coming:
            self._timer = self._clock.call_at_ns(self._coming[0][0], self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        now_ns = self._clock.monotonic_ns()
        while self._coming and self._coming[0][0] <= now_ns:
            _, report = self._coming.popleft()
            if self._listener is not None:
                self._listener.report(report)
        self._wait_for_the_next()

    def _forget(self) -> None:
        self._coming.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
