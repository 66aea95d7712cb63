"""The reconciler: brings the venue's evidence in, both directions, before trading is enabled.

The stream is connected before it runs, so nothing falls between the snapshot and the stream. History
is the truth: fills are fetched since the journaled cursor, open orders are compared with live ones,
and every live order that the venue does not list is looked up.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import attrs

from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order, status_of
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault, JournalUnavailable
from fairlead.kernel.core.inputs import FillsRead, Input, LookedUp, OrderReported, ReconciliationEnded
from fairlead.kernel.core.readable import look_up_problem, outside_text
from fairlead.kernel.core.state import MISSING
from fairlead.kernel.decide.decide import CURSOR_FILLS
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.inbox import Inbox
from fairlead.kernel.venue.monitoring import SCHEDULED, StreamWatch
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient


class Found(StrEnum):
    """The classes of a reconciliation."""

    MATCHED = "matched"
    MISSING = "missing"
    FOREIGN = "foreign"
    RESOLVED = "resolved"


MEANING: dict[Found, str] = {
    Found.MATCHED: "live here and at the venue",
    Found.MISSING: "live here, not at the venue; looked up, and kept until it is explained",
    Found.FOREIGN: "at the venue, not in the journal; left alone",
    Found.RESOLVED: "live before, ended by what was found",
}


@attrs.frozen
class ReconcileEntry:
    """One order that a reconciliation found; *concluded* is its state afterwards, or what was done."""

    found: Found
    client_order_id: str
    venue_order_id: str
    symbol: str
    concluded: str


@attrs.frozen
class ReconcileReport:
    """What a reconciliation found, by class (`Found`): counts, and an entry for each order."""

    reason: str
    matched: int
    missing: int
    foreign: int
    resolved: int
    fills_booked: int
    entries: tuple[ReconcileEntry, ...] = ()


def _entry(found: Found, order: Order) -> ReconcileEntry:
    concluded = status_of(order).value
    return ReconcileEntry(found, order.client_order_id, order.venue_order_id, order.symbol, concluded)


class Reconciler:
    """Runs one reconciliation at a time, on request."""

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        inbox: Inbox,
        admission: Admission,
        watch: StreamWatch,
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._admission = admission
        self._watch = watch
        self._rebuilds = 0
        self._lock = asyncio.Lock()
        self._queued: dict[asyncio.Task[Any], None] = {}
        self.last: ReconcileReport | None = None

    @property
    def queued(self) -> frozenset[asyncio.Task[Any]]:
        """Return the tasks that wait for another reconciliation to end, and for nothing else."""
        return frozenset(self._queued)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        self._queued[task] = None
        try:
            await self._lock.acquire()
        finally:
            del self._queued[task]
        try:
            yield
        finally:
            self._lock.release()

    async def run(self, reason: str, *, enable: bool = False) -> ReconcileReport:
        """Reconcile once; *enable* lets trading begin when nothing stands against it.

        Raises whatever the client raises, `ExchangeFault` for a history that does not go on, and
        `JournalUnavailable` when the journal was recovered in the middle; then nothing is enabled.
        """
        async with self._turn():
            engine = self._engine
            self._rebuilds = engine.rebuilds
            mark = self._watch.mark()
            report = await self._compare(reason)
            recorded = reason != SCHEDULED or self._is_news(report)
            self._take(
                ReconciliationEnded(
                    reason,
                    report.matched,
                    report.missing,
                    report.foreign,
                    report.resolved,
                    report.fills_booked,
                    enable=enable,
                    whole=self._watch.covers(mark),
                    recorded=recorded,
                )
            )
            self._watch.heard(mark)
            await engine.journal.settled()
            self._check_whole()
            self.last = report
            return report

    async def _compare(self, reason: str) -> ReconcileReport:
        """Take the evidence in, in both directions, and say what it amounts to."""
        live_before = self._live()
        booked = await self._read_fills()
        live_before |= self._live()
        matched, foreign = await self._read_open_orders()
        missing = [name for name in self._live() if name not in matched and self._was_sent(name)]
        for client_order_id in missing:
            if reason != SCHEDULED or self._nobody_asks(client_order_id):
                await self._look_up(client_order_id)
        self._check_whole()
        left = self._live()
        entries = [
            *(_entry(Found.MATCHED, left[name]) for name in matched if name in left),
            *(_entry(Found.MISSING, left[name]) for name in missing if name in left),
            *foreign,
            *(_entry(Found.RESOLVED, order) for name, order in live_before.items() if name not in left),
        ]
        count = Counter(entry.found for entry in entries)
        return ReconcileReport(
            reason,
            count[Found.MATCHED],
            count[Found.MISSING],
            count[Found.FOREIGN],
            count[Found.RESOLVED],
            booked,
            tuple(entries),
        )

    def _is_news(self, report: ReconcileReport) -> bool:
        """Tell whether a report says what the one before did not."""
        last = self.last
        changed = last is None or (last.missing, last.foreign) != (report.missing, report.foreign)
        return changed or report.resolved + report.fills_booked > 0

    def _take(self, given: Input) -> None:
        self._check_whole()
        self._engine.process(given)

    def _check_whole(self) -> None:
        """What was found before a recovery was discarded with it: such a reconciliation proves nothing."""
        if self._engine.rebuilds != self._rebuilds:
            raise JournalUnavailable(
                "The journal was recovered during the reconciliation.", fix="It is made again."
            )

    def _live(self) -> dict[str, Order]:
        return {name: order for name, order in self._engine.state.orders.items() if order.state.is_live}

    def _was_sent(self, client_order_id: str) -> bool:
        return self._engine.state.orders[client_order_id].state is not OrderState.APPROVED

    def _nobody_asks(self, client_order_id: str) -> bool:
        """Tell whether no timer looks the order up already, with pauses that grow."""
        self._check_whole()
        order = self._engine.state.orders.get(client_order_id)  # it may have ended, and left, meanwhile
        return order is not None and order.state is OrderState.WORKING and order.detail != MISSING

    async def _read_fills(self) -> int:
        engine = self._engine
        booked = 0
        more = True
        while more:
            cursor = engine.state.cursors.get(CURSOR_FILLS, "")
            await self._admission.admit(RequestKind.FILLS)
            page = await self._admission.answer(RequestKind.FILLS, self._client.fills_since(cursor))
            with engine.eviction:  # what is loaded for the page stays until the page is taken
                for fill in page.fills:
                    await self._inbox.ensure_known(fill.client_order_id)
                    order = engine.state.orders.get(fill.client_order_id)
                    booked += order is not None and fill.trade_id not in order.trades
                self._take(FillsRead(page.fills, page.cursor))
            more = page.more
            if more and page.cursor == cursor:
                raise ExchangeFault("The history says that there is more, and its cursor does not move.")
        return booked

    async def _read_open_orders(self) -> tuple[dict[str, None], list[ReconcileEntry]]:
        await self._admission.admit(RequestKind.OPEN_ORDERS)
        asked_ns = self._clock.wall_ns()
        matched: dict[str, None] = {}
        foreign: list[ReconcileEntry] = []
        for report in await self._admission.answer(RequestKind.OPEN_ORDERS, self._client.open_orders()):
            await self._inbox.ensure_known(report.client_order_id)
            if report.client_order_id in self._engine.state.orders:
                matched[report.client_order_id] = None
            else:
                name, venue_id = outside_text(report.client_order_id), outside_text(report.venue_order_id)
                foreign.append(
                    ReconcileEntry(Found.FOREIGN, name, venue_id, outside_text(report.symbol), "left alone")
                )
            self._take(OrderReported(report, "open_orders", asked_ns))
        return matched, foreign

    async def _look_up(self, client_order_id: str) -> None:
        self._check_whole()
        order = self._engine.state.orders.get(client_order_id)
        if order is None or not order.state.is_live:
            return  # it ended while others were looked up
        symbol = order.symbol
        await self._admission.admit(RequestKind.LOOK_UP, symbol)
        asked_ns = self._clock.wall_ns()
        question = self._client.look_up(client_order_id, symbol)
        result = await self._admission.answer(RequestKind.LOOK_UP, question, symbol)
        problem = look_up_problem(result, client_order_id)
        if problem:
            raise ExchangeFault(f"The look-up of an order proves nothing: {problem}.")
        self._take(LookedUp(client_order_id, result, asked_ns))
