"""The reconciler: brings the venue's evidence in, both directions, before trading is enabled.

The stream is connected before it runs, so nothing falls between the snapshot and the stream. History
is the truth: fills are fetched since the journaled cursor, open orders are compared with live ones,
and every live order that the venue does not list is looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs

from fairlead.domain.order_table import OrderState
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault, JournalUnavailable
from fairlead.kernel.admission import Admission
from fairlead.kernel.decide import CURSOR_FILLS
from fairlead.kernel.engine import Engine
from fairlead.kernel.inbox import Inbox
from fairlead.kernel.inputs import FillsRead, Input, LookedUp, OrderReported, ReconciliationEnded
from fairlead.kernel.readable import look_up_problem
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient


@attrs.frozen
class ReconcileReport:
    """What a reconciliation found, by class.

    *matched*: live here and at the venue; *missing*: live here, not at the venue; *foreign*: at the
    venue, not in the journal; *resolved*: live before, ended by what was found.
    """

    reason: str
    matched: int
    missing: int
    foreign: int
    resolved: int
    fills_booked: int


class Reconciler:
    """Runs one reconciliation at a time, on request."""

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        inbox: Inbox,
        admission: Admission,
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._admission = admission
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
            booked = await self._read_fills()
            live_before = self._live()
            matched, foreign = await self._read_open_orders()
            missing = [name for name in self._live() if name not in matched and self._was_sent(name)]
            for client_order_id in missing:
                await self._look_up(client_order_id)
            left = self._live()
            resolved = sum(1 for name in live_before if name not in left)
            still_missing = sum(1 for name in missing if name in left)
            report = ReconcileReport(reason, len(matched), still_missing, foreign, resolved, booked)
            self._take(
                ReconciliationEnded(
                    reason, report.matched, report.missing, foreign, resolved, booked, enable=enable
                )
            )
            await engine.journal.settled()
            self._check_whole()
            self.last = report
            return report

    def _take(self, given: Input) -> None:
        self._check_whole()
        self._engine.process(given)

    def _check_whole(self) -> None:
        """What was found before a recovery was discarded with it: such a reconciliation proves nothing."""
        if self._engine.rebuilds != self._rebuilds:
            raise JournalUnavailable(
                "The journal was recovered during the reconciliation.", fix="It is made again."
            )

    def _live(self) -> dict[str, None]:
        return {name: None for name, order in self._engine.state.orders.items() if order.state.is_live}

    def _was_sent(self, client_order_id: str) -> bool:
        return self._engine.state.orders[client_order_id].state is not OrderState.APPROVED

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

    async def _read_open_orders(self) -> tuple[dict[str, None], int]:
        await self._admission.admit(RequestKind.OPEN_ORDERS)
        asked_ns = self._clock.wall_ns()
        matched: dict[str, None] = {}
        foreign = 0
        for report in await self._admission.answer(RequestKind.OPEN_ORDERS, self._client.open_orders()):
            await self._inbox.ensure_known(report.client_order_id)
            if report.client_order_id in self._engine.state.orders:
                matched[report.client_order_id] = None
            else:
                foreign += 1
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
