"""A link on which things go wrong as the fault plan says; every wait is on the clock port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from fairlead.ports.clock import Clock
from fairlead.ports.exchange import FillReport, OrderReport, Quote, Report, Trade
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.late_fills import LateFills
from fairlead_paper.link import Link, LinkFault, LinkListener, NoAnswer
from fairlead_paper.messages import (
    Cancel,
    Fills,
    Find,
    Holdings,
    Limited,
    Modify,
    Place,
    ReadBalances,
    ReadFills,
    ReadLedger,
    ReadOpen,
    Reply,
    Request,
    Taken,
    Welcome,
)
from fairlead_paper.records import ALIVE

_READ_FAULTS = (
    FaultKind.LOST_REQUEST,
    FaultKind.LOST_ANSWER,
    FaultKind.LATE_ANSWER,
    FaultKind.RATE_LIMITED,
    FaultKind.GARBAGE_ANSWER,
)
_CANCEL_FAULTS = (*_READ_FAULTS, FaultKind.LATE_REQUEST)
_PLACE_FAULTS = (*_CANCEL_FAULTS, FaultKind.EXPIRED_REQUEST)
_STREAM_FAULTS = (
    FaultKind.DISCONNECT,
    FaultKind.REORDERED_REPORT,
    FaultKind.DELAYED_REPORT,
    FaultKind.DUPLICATE_REPORT,
)
_READS = (Find, ReadOpen, ReadFills, ReadBalances, ReadLedger)


class _Waiting(Protocol):
    def cancel(self) -> object: ...


class Plan(Protocol):
    """Decides what goes wrong: `FaultPlan` from a seed, a test by its script."""

    enabled: bool

    def draw(self, kinds: Iterable[FaultKind]) -> FaultKind | None:
        """Return the fault among those kinds that happens now, or nothing."""

    def between(self, kind: FaultKind, low: int, high: int) -> int:
        """Return a figure for a fault of the kind, such as a delay."""


class FaultyLink:
    """Wraps a link. `fired` counts the faults of this object's life by kind; the venue keeps the total.

    *make_plan* is given the session's number and returns the plan for it.
    """

    def __init__(self, inner: Link, make_plan: Callable[[int], Plan], clock: Clock, timeout_ns: int) -> None:
        self.fired: dict[str, int] = {}
        self._inner = inner
        self._make_plan = make_plan
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._plan = make_plan(0)
        self._stopped = False
        self._welcome: Welcome | None = None
        self._listener: LinkListener | None = None
        self._stream_is_up = False
        self._held: Report | None = None
        self._late = LateFills()
        self._pending: dict[int, _Waiting] = {}
        self._last_pending = 0

    def stop_faults(self) -> None:
        """Let everything go well from now on; what is late or lost already stays so."""
        self._stopped = True
        self._plan.enabled = False

    async def open(self, listener: LinkListener) -> Welcome:
        """Connect, or only mend the stream when the connection behind it still stands."""
        welcome = self._welcome
        if welcome is None:
            welcome = self._welcome = await self._inner.open(self)
            self._plan = self._make_plan(welcome.session)
            self._plan.enabled = not self._stopped
        self._listener = listener
        self._stream_is_up = True
        return welcome

    async def close(self) -> None:
        """Disconnect; what was on its way is gone."""
        self._listener = None
        self._welcome = None
        self._lose_reports()
        pending, self._pending = self._pending, {}
        tasks = [waiting for waiting in pending.values() if isinstance(waiting, asyncio.Task)]
        for waiting in pending.values():
            waiting.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._inner.close()

    async def ask(self, request: Request) -> Reply:
        """Ask, unless the plan has it otherwise."""
        kind = self._plan.draw(_faults_of(request)) if self._welcome is not None else None
        if kind is None:
            return self._with_repetition(request, self._late.conceal(request, await self._inner.ask(request)))
        self._count(kind)
        if kind is FaultKind.RATE_LIMITED:
            retry_after_ns = self._plan.between(kind, 1, self._timeout_ns)
            return Limited("rate_limited: too many requests", retry_after_ns)
        if kind is FaultKind.LOST_REQUEST:
            return await self._silence()
        if kind is FaultKind.LATE_REQUEST or kind is FaultKind.EXPIRED_REQUEST:
            self._arrive_later(request, self._delay_ns(kind, request))
            return await self._silence()
        reply = self._late.conceal(request, await self._inner.ask(request))
        if kind is FaultKind.LATE_ANSWER:
            await self._clock.sleep_ns(self._plan.between(kind, 1, self._timeout_ns - 1))
            return reply
        if kind is FaultKind.GARBAGE_ANSWER:
            return _garbage_for(request)
        return await self._silence()

    def tell_fault(self, kind: str) -> None:
        """Have a fault counted by the venue."""
        self._inner.tell_fault(kind)

    # -- the stream ------------------------------------------------------------------------------------------

    def report(self, report: Report) -> None:
        """Take a report from the venue and pass it on as the plan has it."""
        if not self._stream_is_up:
            return
        if isinstance(report, Trade | Quote):
            self._deliver(report)
            return
        if isinstance(report, FillReport) and self._comes_late(report):
            return
        self._pass_on(report)
        if isinstance(report, OrderReport) and report.status not in ALIVE:
            for trade_id in self._late.of(report.venue_order_id):
                delay_ns = self._plan.between(FaultKind.LATE_FILL, 1, self._timeout_ns)
                self._after(delay_ns, partial(self._tell_late, trade_id))

    def _pass_on(self, report: Report) -> None:
        kind = self._plan.draw(_STREAM_FAULTS)
        if kind is not None:
            self._count(kind)
        if kind is FaultKind.DISCONNECT:
            self._lose_reports()
            if self._listener is not None:
                self._listener.broken("the stream broke (injected)")
        elif kind is FaultKind.REORDERED_REPORT and self._held is None:
            self._held = report
            self._after(self._timeout_ns, self._release_held)
        elif kind is FaultKind.DELAYED_REPORT:
            delay_ns = self._plan.between(kind, 1, self._timeout_ns)
            self._after(delay_ns, lambda: self._deliver(report))
        else:
            self._deliver(report)
            self._release_held()
            if kind is FaultKind.DUPLICATE_REPORT:
                delay_ns = self._plan.between(kind, 1, self._timeout_ns)
                self._after(delay_ns, lambda: self._deliver(report))

    def broken(self, reason: str) -> None:
        """Hear from the connection behind that it broke."""
        self._welcome = None
        was_up = self._stream_is_up
        self._lose_reports()
        if was_up and self._listener is not None:
            self._listener.broken(reason)

    def _deliver(self, report: Report) -> None:
        if self._stream_is_up and self._listener is not None:
            self._listener.report(report)

    def _comes_late(self, fill: FillReport) -> bool:
        """Hold the fill back when the plan says so, at the longest for the request timeout."""
        kind = self._plan.draw((FaultKind.LATE_FILL,))
        if kind is None:
            return False
        self._count(kind)
        self._late.hold(fill)
        self._after(self._timeout_ns, partial(self._tell_late, fill.trade_id))
        return True

    def _tell_late(self, trade_id: str) -> None:
        fill = self._late.release(trade_id)
        if fill is not None:
            self._deliver(fill)

    def _release_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._deliver(held)

    def _lose_reports(self) -> None:
        self._stream_is_up = False
        self._held = None
        self._late.forget()

    # -- requests --------------------------------------------------------------------------------------------

    def _with_repetition(self, request: Request, reply: Reply) -> Reply:
        """Repeat one fill within a page of the history when the plan says so."""
        if not isinstance(request, ReadFills) or not isinstance(reply, Fills) or not reply.fills:
            return reply
        kind = self._plan.draw((FaultKind.DUPLICATE_FILL,))
        if kind is None:
            return reply
        self._count(kind)
        again = reply.fills[self._plan.between(kind, 0, len(reply.fills) - 1)]
        return Fills([*reply.fills, again], reply.cursor, reply.more)

    async def _silence(self) -> Reply:
        await self._clock.sleep_ns(self._timeout_ns)
        raise NoAnswer("The paper venue did not answer in time.")

    def _delay_ns(self, kind: FaultKind, request: Request) -> int:
        """Return how late the request arrives: after our timeout but in time, or after its deadline."""
        deadline_ns = _deadline_of(request)
        window_ns = max(1, deadline_ns - self._clock.wall_ns()) if deadline_ns else 2 * self._timeout_ns
        if kind is FaultKind.EXPIRED_REQUEST:
            return window_ns + self._plan.between(kind, 1, self._timeout_ns)
        earliest_ns = self._timeout_ns if self._timeout_ns < window_ns else window_ns // 2
        return self._plan.between(kind, earliest_ns, window_ns - 1)

    def _arrive_later(self, request: Request, delay_ns: int) -> None:
        async def arrive() -> None:
            with contextlib.suppress(LinkFault):  # nobody waits for this answer
                await self._inner.ask(request)

        def start() -> None:
            number = self._next_pending()
            task = self._pending[number] = asyncio.get_running_loop().create_task(arrive())
            task.add_done_callback(lambda _: self._pending.pop(number, None))

        self._after(delay_ns, start)

    def _after(self, delay_ns: int, action: Callable[[], None]) -> None:
        number = self._next_pending()

        def due() -> None:
            self._pending.pop(number, None)
            action()

        self._pending[number] = self._clock.call_at_ns(self._clock.monotonic_ns() + delay_ns, due)

    def _next_pending(self) -> int:
        self._last_pending += 1
        return self._last_pending

    def _count(self, kind: FaultKind) -> None:
        self.fired[kind.value] = self.fired.get(kind.value, 0) + 1
        self._inner.tell_fault(kind.value)


def _deadline_of(request: Request) -> int:
    if isinstance(request, Place):
        return request.order.deadline_ns
    return request.change.deadline_ns if isinstance(request, Modify) else 0


def _faults_of(request: Request) -> tuple[FaultKind, ...]:
    if isinstance(request, Place | Modify | Cancel):
        return _PLACE_FAULTS if _deadline_of(request) else _CANCEL_FAULTS
    return _READ_FAULTS if isinstance(request, _READS) else ()


def _garbage_for(request: Request) -> Reply:
    """Return an answer that makes no sense for the request, as a broken proxy would."""
    return Taken("", 0) if isinstance(request, _READS) else Holdings(())
