"""The reconciler: brings the venue's evidence in, both directions, before trading is enabled.

The stream is connected before it runs, so nothing falls between the snapshot and the stream. History
is the truth: fills are fetched since the journaled cursor, open orders are compared with live ones,
every live order that the venue does not list is looked up, and net positions are compared where the venue
keeps some. What is done about each class is the policy's word.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fairlead.domain.numbers import ZERO
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order, status_of
from fairlead.domain.reconciliation import (
    Found,
    PositionEntry,
    ReconcileEntry,
    ReconcileReport,
    counts_of,
)
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault, JournalUnavailable
from fairlead.kernel.core.inputs import DriftSeen, Input, ReconciliationEnded
from fairlead.kernel.core.readable import look_up_problem, report_problem
from fairlead.kernel.core.state import MISSING
from fairlead.kernel.core.strangers import name_in
from fairlead.kernel.core.venue_inputs import FillsRead, LookedUp, OrderReported
from fairlead.kernel.decide.decide import CURSOR_FILLS, is_settled
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue import questions
from fairlead.kernel.venue.account import Account
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.dust import dust_of
from fairlead.kernel.venue.foreign_orders import ForeignOrders
from fairlead.kernel.venue.inbox import Inbox
from fairlead.kernel.venue.monitoring import SCHEDULED, StreamWatch
from fairlead.kernel.venue.net_positions import Drift, NetPositions
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient, LookUp, OrderReport, VenuePosition


def _entry(found: Found, order: Order) -> ReconcileEntry:
    concluded = status_of(order).value
    return ReconcileEntry(found, order.client_order_id, order.venue_order_id, order.symbol, concluded)


def _standing(report: ReconcileReport) -> tuple[int, int, int, int]:
    """Return the counts of what stays as it is until somebody sees to it."""
    return report.missing, report.foreign, report.drifted, report.unbalanced


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
        foreign: ForeignOrders,
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._admission = admission
        self._watch = watch
        self._foreign = foreign
        self._net = NetPositions(client, clock, engine, admission, self._read_fills)
        self.account = Account(client, clock, engine, inbox, admission, self._read_fills)
        self._rebuilds = 0
        self._lock = asyncio.Lock()
        self._queued: dict[asyncio.Task[Any], None] = {}
        self.last: ReconcileReport | None = None

    @property
    def queued(self) -> frozenset[asyncio.Task[Any]]:
        """Return the tasks that wait for another reconciliation to end, and for nothing else."""
        return frozenset(self._queued)

    @property
    def pausing(self) -> frozenset[asyncio.Task[Any]]:
        """Return the tasks that wait to look at net positions or balances a second time."""
        return self._net.pausing | self.account.pausing

    async def venue_position(self, symbol: str) -> VenuePosition | None:
        """Return what the venue holds of the symbol, flat or not; nothing where it keeps no positions."""
        if not self._net.are_kept:
            return None
        return (await self._net.read()).get(symbol, VenuePosition(symbol, ZERO))

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
                    counts_of(report),
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
        matched, strangers = await self._read_open_orders()
        foreign = [await self._foreign.follow_policy(report) for report in strangers]
        self._check_whole()
        listed = {*matched, *(entry.client_order_id for entry in foreign if entry.found is Found.ADOPTED)}
        missing = [name for name in self._live() if name not in listed and self._was_sent(name)]
        for client_order_id in missing:
            if reason != SCHEDULED or self._nobody_asks(client_order_id):
                await self._look_up(client_order_id)
        drifts, more = await self._net.compare()
        if drifts:
            self._take(DriftSeen(tuple((symbol, at_venue) for symbol, _, at_venue in drifts)))
        late, adjusted = await self.account.read(self._take, scheduled=reason == SCHEDULED)
        left = self._live()
        entries = [
            *(_entry(Found.MATCHED, left[name]) for name in matched if name in left),
            *(_entry(Found.MISSING, left[name]) for name in missing if name in left),
            *foreign,
            *(_entry(Found.RESOLVED, order) for name, order in live_before.items() if name not in left),
        ]
        dust = dust_of(self._engine.state, self._engine.rules.market, self._clock.wall_ns())
        positions = [*self._drifted(drifts), *dust]
        news = booked + more + late
        differing = self.account.differing
        return ReconcileReport(reason, news, tuple(entries), tuple(positions), adjusted, differing)

    def _drifted(self, drifts: list[Drift]) -> list[PositionEntry]:
        policy = self._engine.rules.settings.drifted_policy.value
        return [
            PositionEntry(Found.DRIFTED, symbol, "", ours, at_venue, policy)
            for symbol, ours, at_venue in drifts
        ]

    def _is_news(self, report: ReconcileReport) -> bool:
        """Tell whether a report says what the one before did not."""
        last = self.last
        if last is None or _standing(last) != _standing(report):
            return True
        news = report.adopted + report.resolved + report.fills_booked + report.adjustments_booked
        return news > 0

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
        """Read the history on from the cursor, and return how many trades were news.

        The cursor stays before what is young: the venue may still list a trade there. Orders and fills that
        are read once more are known by their ids.
        """
        engine = self._engine
        cursor = engine.state.cursors.get(CURSOR_FILLS, "")
        booked = 0
        settled = more = True
        while more:
            await self._admission.admit(RequestKind.FILLS)
            page = await self._admission.answer(RequestKind.FILLS, self._client.fills_since(cursor))
            with engine.eviction:  # what is loaded for the page stays until the page is taken
                for fill in page.fills:
                    await self._inbox.ensure_held(fill)
                    order = engine.state.orders.get(name_in(engine.state, fill))
                    booked += order is not None and fill.trade_id not in order.trades
                given = FillsRead(page.fills, page.cursor, settled)
                self._take(given)
            settled = is_settled(given, engine.rules, self._clock.wall_ns())
            more = page.more
            if more and page.cursor == cursor:
                raise ExchangeFault("The history says that there is more, and its cursor does not move.")
            cursor = page.cursor
        return booked

    async def _read_open_orders(self) -> tuple[dict[str, None], list[OrderReport]]:
        """Return our orders that the venue lists, and the reports of those that are not ours."""
        await self._admission.admit(RequestKind.OPEN_ORDERS)
        asked_ns, asked_monotonic_ns = self._clock.wall_ns(), self._clock.monotonic_ns()
        matched: dict[str, None] = {}
        strangers: list[OrderReport] = []
        for report in await self._admission.answer(RequestKind.OPEN_ORDERS, self._client.open_orders()):
            await self._inbox.ensure_held(report)
            readable = not report_problem(report)
            name = name_in(self._engine.state, report) if readable else ""
            if name in self._engine.state.orders:
                matched[name] = None
            elif readable:
                strangers.append(report)
            self._take(OrderReported(report, "open_orders", asked_ns, asked_monotonic_ns))
        return matched, strangers

    async def _look_up(self, client_order_id: str) -> None:
        self._check_whole()
        order = self._engine.state.orders.get(client_order_id)
        if order is None or not order.state.is_live:
            return  # it ended while others were looked up
        symbol = order.symbol
        await self._admission.admit(RequestKind.LOOK_UP, symbol)
        asked_ns, asked_monotonic_ns = self._clock.wall_ns(), self._clock.monotonic_ns()
        question = questions.look_up(self._client, client_order_id, symbol, order)
        result = await self._admission.answer(RequestKind.LOOK_UP, question, symbol)
        problem = look_up_problem(result, client_order_id)
        if problem:
            raise ExchangeFault(f"The look-up of an order proves nothing: {problem}.")
        with self._engine.eviction:  # the order may have ended, and left, while the venue was asked
            await self._inbox.ensure_known(client_order_id)
            self._take(LookedUp(client_order_id, cast("LookUp", result), asked_ns, asked_monotonic_ns))
