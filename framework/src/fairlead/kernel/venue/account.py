"""The account at the venue: what it holds, what it held before a kernel came, and what its ledger lists.

A trade between two readings must not look like a difference. So what differs is asked again after a pause,
with history and ledger read in between, and is believed only when the difference is the same as before and
the history tells of nothing that moved it meanwhile (see `net_positions`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import attrs

from fairlead.domain.numbers import ZERO, subtract
from fairlead.domain.reconciliation import BalanceEntry
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault
from fairlead.kernel.core.account_inputs import BalancesDiffer, InventorySeen, LedgerListed, LedgerRead
from fairlead.kernel.core.funds import promised_at_work
from fairlead.kernel.core.holdings import Holdings
from fairlead.kernel.core.inputs import Input
from fairlead.kernel.core.readable import balances_problem, entry_problem, page_problem
from fairlead.kernel.decide.account import BALANCES, CURSOR_LEDGER, is_old
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.inbox import Inbox
from fairlead.kernel.venue.net_positions import LOOKS_MAX
from fairlead.kernel.venue.timers import Timers
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient, LedgerKeeper

_Take = Callable[[Input], None]


@attrs.define
class Account:
    """Reads balances and ledger where the client declares them. *read_fills* brings the history in.

    *pausing* are the tasks that wait to look at balances a second time, and for nothing else; *differing*
    is what the last comparison found.
    """

    client: ExchangeClient
    clock: Clock
    engine: Engine
    inbox: Inbox
    admission: Admission
    read_fills: Callable[[], Awaitable[int]]
    pausing: frozenset[asyncio.Task[Any]] = frozenset()
    differing: tuple[BalanceEntry, ...] = ()
    _read_ns: int = 0
    _seen: Holdings | None = None
    _stopped: bool = False

    def watch(
        self,
        timers: Timers,
        spawn: Callable[[str, Coroutine[Any, Any, None]], object],
        logger: logging.Logger,
    ) -> None:
        """Read balances whenever the timer of that name says so: a little after fills."""

        def due() -> None:
            if not self._stopped and not self.engine.suspended:
                spawn(BALANCES, self._refresh(logger))

        timers.name(BALANCES, due)
        if not self.client.capabilities.balances:
            logger.info("The exchange client tells no balances: what an order needs is not checked.")

    def stop(self) -> None:
        """Read nothing any more after fills."""
        self._stopped = True

    async def read(self, take: _Take, *, scheduled: bool) -> tuple[int, int]:
        """Bring the opening inventory in, once, the ledger on from its cursor, and compare balances.

        A *scheduled* one only when the last is `balances_interval_ms` old. Return how many fills and how many
        adjustments were news. Raises what the client raises, `ExchangeFault` for what proves nothing.
        """
        if scheduled and not self._is_due():
            return 0, 0
        state, offers = self.engine.state, self.client.capabilities
        fills = entries = 0
        if offers.balances and not state.inventory_ns:
            fills += await self._open_inventory(take)
        if offers.ledger and (self.engine.state.inventory_ns or not offers.balances):
            entries += await self._read_ledger(take)
        if offers.balances and self.engine.state.inventory_ns:
            more, later = await self._compare(take)
            fills, entries = fills + more, entries + later
        self._read_ns = self.clock.monotonic_ns()
        return fills, entries

    def _is_due(self) -> bool:
        interval_ns = self.engine.rules.settings.ns("balances_interval")
        return self.clock.monotonic_ns() - self._read_ns >= interval_ns

    async def _refresh(self, logger: logging.Logger) -> None:
        try:
            await self._look()
        except Exception as error:  # supervision point: the next reading of any kind makes up for it
            logger.warning("Reading the venue's balances failed: %s", type(error).__name__)

    async def _look(self) -> Holdings:
        """Ask for the balances, and keep them for whoever decides unless something moved meanwhile."""
        derived = dict(self.engine.state.balances)
        await self.admission.admit(RequestKind.BALANCES)
        asked_ns = self.clock.wall_ns()
        told = await self.admission.answer(RequestKind.BALANCES, self.client.balances())
        problem = balances_problem(told)
        if problem:
            raise ExchangeFault(f"The venue's balances prove nothing: {problem}.")
        seen = Holdings(dict(told), derived, asked_ns, promised_at_work(self.engine.state))
        if self.engine.state.balances == derived:
            self.engine.state.holdings = seen
        return seen

    async def _open_inventory(self, take: _Take) -> int:
        """Have the inventory recorded, unless something moved while it was read: then the next time."""
        listed = await self._list() if self.client.capabilities.ledger else None
        seen = await self._look()
        booked = await self.read_fills()
        quiet = listed is None or {*(await self._list(listed.cursor)).entry_ids} <= {*listed.entry_ids}
        if quiet and self.engine.state.balances == seen.derived:
            totals = tuple((asset, balance.total) for asset, balance in sorted(seen.told.items()))
            take(InventorySeen(totals, seen.asked_ns, listed))
        return booked

    async def _list(self, cursor: str | None = None) -> LedgerListed:
        """Read the ledger to its end and book nothing of it, from the journaled cursor.

        From another *cursor* it is a second look: then every entry is named, whatever its date.
        """
        since = self.engine.state.cursors.get(CURSOR_LEDGER, "") if cursor is None else cursor
        old, young = since, dict[str, None]()
        settled = more = True
        while more:
            page, more = await self._page(since, settled=settled)
            since = page.cursor
            settled = is_old(page, self.engine.rules, self.clock.wall_ns())
            if settled and cursor is None:
                old = since
            else:
                young.update((entry.entry_id, None) for entry in page.entries if not entry_problem(entry))
        return LedgerListed(old, tuple(young))

    async def _page(self, cursor: str, *, settled: bool) -> tuple[LedgerRead, bool]:
        """Return the next page of the ledger, and whether there is more."""
        keeper = cast("LedgerKeeper", self.client)  # its capabilities say that it is one
        await self.admission.admit(RequestKind.LEDGER)
        page = await self.admission.answer(RequestKind.LEDGER, keeper.ledger_since(cursor))
        problem = page_problem(page)
        if problem:
            raise ExchangeFault(f"The venue's ledger proves nothing: {problem}.")
        if page.more and page.cursor == cursor:
            raise ExchangeFault("The ledger says that there is more, and its cursor does not move.")
        return LedgerRead(page.entries, page.cursor, settled), page.more

    async def _compare(self, take: _Take) -> tuple[int, int]:
        """Say what differs, as far as it is certain; return how many fills and entries came in meanwhile."""
        found = await self._differences()
        fills = entries = looks = 0
        while found and found != self.differing and looks < LOOKS_MAX:
            looks += 1
            await self._pause()
            fills += await self.read_fills()
            if self.client.capabilities.ledger:
                entries += await self._read_ledger(take)
            standing = {(each.asset, each.difference) for each in found}
            again = await self._differences()
            found = tuple(each for each in again if (each.asset, each.difference) in standing)
            fills += await self.read_fills()
            if all(self.engine.state.balances.get(each.asset, ZERO) == each.derived for each in found):
                break
        ours = self.engine.state.balances
        found = tuple(each for each in found if ours.get(each.asset, ZERO) != each.at_venue)
        self.differing = found
        if found:
            take(BalancesDiffer(found))
        return fills, entries

    def entry_of(self, asset: str) -> BalanceEntry:
        """Return what was derived and told of the asset when balances were read last."""
        seen = self._seen
        if seen is None:
            return BalanceEntry(asset, ZERO, ZERO)
        return BalanceEntry(asset, seen.derived.get(asset, ZERO), seen.total_of(asset))

    async def _differences(self) -> tuple[BalanceEntry, ...]:
        seen = self._seen = await self._look()
        pairs = (
            (asset, seen.derived.get(asset, ZERO), seen.total_of(asset))
            for asset in sorted({*seen.told, *seen.derived})
        )
        return tuple(BalanceEntry(*pair) for pair in pairs if subtract(pair[1], pair[2]))

    async def _pause(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        self.pausing = frozenset({task})
        try:
            await self.clock.sleep_ns(self.engine.rules.look_up_interval_ns)
        finally:
            self.pausing = frozenset()

    async def _read_ledger(self, take: _Take) -> int:
        """Read on from the cursor, which stays before what is young; entries are known by their ids."""
        engine = self.engine
        cursor = engine.state.cursors.get(CURSOR_LEDGER, "")
        booked = 0
        settled = more = True
        while more:
            given, more = await self._page(cursor, settled=settled)
            with engine.eviction:  # what is loaded for the page stays until the page is taken
                readable = [entry.entry_id for entry in given.entries if not entry_problem(entry)]
                for entry_id in readable:
                    await self.inbox.ensure_booked(entry_id)
                news = {entry_id for entry_id in readable if entry_id not in engine.state.adjustments}
                take(given)
                booked += sum(entry_id in engine.state.adjustments for entry_id in news)
            settled = is_old(given, engine.rules, self.clock.wall_ns())
            cursor = given.cursor
        return booked
