"""The inbox: where reports and everything else from outside wait for the engine's door.

A report about an order that memory no longer holds is preceded by loading that order from the
store, because `decide` may not do I/O.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from fairlead.kernel.core.change_inputs import ModifyAnswered
from fairlead.kernel.core.inputs import Input
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.strangers import name_of_report
from fairlead.kernel.core.venue_inputs import FillReported, OrderReported, SubmitAnswered
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.journal.restore import load_adjustment, load_order
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import FillReport, OrderReport, PriceHeartbeat, Quote, Report, Trade
from fairlead.ports.store import Store

# fixed: a fair turn for the rest of the loop; the order of reports is the same
_YIELD_EVERY = 256


class Inbox:
    """A queue of inputs, drained by one task; also the sink that an exchange client is given."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        clock: Clock,
        on_price: Callable[[Quote | Trade | PriceHeartbeat], None],
        *,
        timeout_ns: int,
        reports_max: int,
    ) -> None:
        """*reports_max*: how many reports of the stream may wait; the others are dropped, and made up for."""
        self._engine = engine
        self._store = store
        self._clock = clock
        self._on_price = on_price
        self._timeout_ns = timeout_ns
        self._queue: deque[Input] = deque()
        self._wake = asyncio.Event()
        self._busy = False
        self._closed = False
        self._reports_max = reports_max
        self.dropped = 0
        """Reports of the present flood that were dropped."""
        self._is_broken = False
        self.on_disconnected: Callable[[str], None] = lambda _reason: None
        self.on_reconnected: Callable[[], None] = lambda: None
        self.on_store_failed: Callable[[Exception], None] = lambda _error: None

    def put(self, report: Report) -> None:
        """Queue one report for the kernel. A price does not wait: nothing that is journaled hangs on it."""
        if type(report) is Trade or type(report) is Quote or type(report) is PriceHeartbeat:
            self._on_price(report)
        elif len(self._queue) >= self._reports_max:
            self._drop()
        elif type(report) is FillReport:
            self.add(FillReported(report, "stream"))
        else:  # an order's report, or something that will be found unreadable
            self.add(OrderReported(report, "stream"))  # type: ignore[arg-type]  # see above

    def _drop(self) -> None:
        """Let a report go that there is no room for: the stream has a gap now, as if it had broken."""
        self.dropped += 1
        if self.dropped == 1:
            self.on_disconnected(f"more than {self._reports_max} reports wait; what is more is dropped")

    def _make_up(self) -> None:
        """The flood is worked off: have what was dropped read from the history.

        Where the stream itself is down, that is polled meanwhile, and whole when the client says so.
        """
        if self.dropped and not self._queue:
            self.dropped = 0
            if not self._is_broken:
                self.on_reconnected()

    def disconnected(self, reason: str) -> None:
        """The client's stream broke."""
        self._is_broken = True
        self.on_disconnected(reason)

    def reconnected(self) -> None:
        """The client's stream is back; the kernel reconciles, after a flood when that is worked off."""
        self._is_broken = False
        if not self.dropped:
            self.on_reconnected()

    def add(self, given: Input) -> None:
        """Queue one input."""
        if self._closed:
            return
        self._queue.append(given)
        self._wake.set()

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing waits and nothing is being loaded."""
        return not self._queue and not self._busy

    def resume(self) -> None:
        """Go on after the engine was suspended."""
        self._wake.set()

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True
        self._queue.clear()

    @property
    def answered(self) -> frozenset[str]:
        """Return the orders and changes whose answer to a submit or a modify waits here."""
        orders = (given.client_order_id for given in self._queue if type(given) is SubmitAnswered)
        changes = (given.change_id for given in self._queue if type(given) is ModifyAnswered)
        return frozenset((*orders, *changes))

    async def run(self) -> None:
        """Bring inputs to the door, in order, until canceled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._busy = True
            done = 0
            while self._queue and not self._engine.suspended:
                await self._bring(self._queue.popleft())
                done += 1
                if done % _YIELD_EVERY == 0:
                    await self._clock.sleep_ns(0)
            self._make_up()
            self._busy = False

    async def _bring(self, given: Input) -> None:
        name = refers_to(given, self._engine.state)
        try:
            if name not in self._engine.state.orders:
                await self.ensure_known(name)
        except Exception as error:  # supervision point: whatever a store raises, it is recovered as a whole
            self._queue.appendleft(given)
            self.on_store_failed(error)
            return
        if self._engine.suspended:
            self._queue.appendleft(given)
        else:
            self._engine.process(given)

    async def ensure_held(self, report: OrderReport | FillReport) -> None:
        """Load the order that a report is about, ours or taken over, when the store has it."""
        await self.ensure_known(refers_to(OrderReported(report, ""), self._engine.state))  # type: ignore[arg-type]  # either

    async def ensure_known(self, client_order_id: str) -> None:
        """Load an order of ours that memory does not hold, when the store has it."""
        engine = self._engine
        if client_order_id in engine.state.orders or not client_order_id.startswith(engine.state.account_tag):
            return
        with engine.eviction:
            await self._load(load_order, client_order_id)

    async def ensure_booked(self, entry_id: str) -> None:
        """Load an adjustment that memory does not hold, when the store has it; eviction waits meanwhile."""
        if entry_id not in self._engine.state.adjustments:
            await self._load(load_adjustment, entry_id)

    async def _load(self, load: Callable[[Store, EngineState, str], Awaitable[object]], name: str) -> None:
        engine = self._engine
        async with self._clock.timeout_ns(self._timeout_ns):
            rebuilds = -1
            while rebuilds != engine.rebuilds:  # a rebuild in the meantime knows nothing of what was loaded
                rebuilds = engine.rebuilds
                await load(self._store, engine.state, name)


def refers_to(given: Input, state: EngineState) -> str:
    """Return the client order id that an input is about, or nothing."""
    about: object = given
    if type(given) is FillReported or type(given) is OrderReported:
        about = given.report
        if state.adopts:
            return name_of_report(about, state.account_tag)
    name: object = getattr(about, "client_order_id", "")
    return name if isinstance(name, str) else ""
