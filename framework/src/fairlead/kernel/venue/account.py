"""The account at the venue: what it held before a kernel came, and what its ledger lists since."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import cast

from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault
from fairlead.kernel.core.account_inputs import InventorySeen, LedgerRead
from fairlead.kernel.core.inputs import Input
from fairlead.kernel.core.readable import balances_problem, entry_problem, page_problem
from fairlead.kernel.decide.account import CURSOR_LEDGER, is_old
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.inbox import Inbox
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient, LedgerKeeper


class Account:
    """Reads balances and ledger where the client declares them. *read_fills* brings the history in."""

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        inbox: Inbox,
        admission: Admission,
        read_fills: Callable[[], Awaitable[int]],
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._admission = admission
        self._read_fills = read_fills

    async def read(self, take: Callable[[Input], None]) -> tuple[int, int]:
        """Bring the opening inventory in, once, and the ledger on from its cursor.

        Return how many fills and how many adjustments were news. Raises what the client raises, and
        `ExchangeFault` for an answer that proves nothing.
        """
        fills = entries = 0
        if self._client.capabilities.balances and not self._engine.state.inventory_ns:
            fills = await self._open_inventory(take)
        if self._client.capabilities.ledger:
            entries = await self._read_ledger(take)
        return fills, entries

    async def _open_inventory(self, take: Callable[[Input], None]) -> int:
        """Have the inventory recorded, unless something traded while it was read: then the next time."""
        state = self._engine.state
        derived = dict(state.balances)
        asked_ns = self._clock.wall_ns()
        totals = await self._read_balances()
        booked = await self._read_fills()
        if state is self._engine.state and state.balances == derived:
            take(InventorySeen(tuple(sorted(totals.items())), asked_ns))
        return booked

    async def _read_balances(self) -> Mapping[str, Decimal]:
        await self._admission.admit(RequestKind.BALANCES)
        told = await self._admission.answer(RequestKind.BALANCES, self._client.balances())
        problem = balances_problem(told)
        if problem:
            raise ExchangeFault(f"The venue's balances prove nothing: {problem}.")
        return told

    async def _read_ledger(self, take: Callable[[Input], None]) -> int:
        """Read on from the cursor, which stays before what is young; entries are known by their ids."""
        engine = self._engine
        keeper = cast("LedgerKeeper", self._client)  # its capabilities say that it is one
        cursor = engine.state.cursors.get(CURSOR_LEDGER, "")
        booked = 0
        settled = more = True
        while more:
            await self._admission.admit(RequestKind.LEDGER)
            page = await self._admission.answer(RequestKind.LEDGER, keeper.ledger_since(cursor))
            problem = page_problem(page)
            if problem:
                raise ExchangeFault(f"The venue's ledger proves nothing: {problem}.")
            with engine.eviction:  # what is loaded for the page stays until the page is taken
                readable = [entry.entry_id for entry in page.entries if not entry_problem(entry)]
                for entry_id in readable:
                    await self._inbox.ensure_booked(entry_id)
                news = {entry_id for entry_id in readable if entry_id not in engine.state.adjustments}
                given = LedgerRead(page.entries, page.cursor, settled)
                take(given)
                booked += sum(entry_id in engine.state.adjustments for entry_id in news)
            settled = is_old(given, engine.rules, self._clock.wall_ns())
            more = page.more
            if more and page.cursor == cursor:
                raise ExchangeFault("The ledger says that there is more, and its cursor does not move.")
            cursor = page.cursor
        return booked
