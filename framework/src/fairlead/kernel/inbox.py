"""The inbox: where reports and everything else from outside wait for the engine's door.

A report about an order that memory no longer holds is preceded by loading that order from the
store, because `decide` may not do I/O.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from fairlead.kernel.engine import Engine
from fairlead.kernel.inputs import FillReported, Input, LookedUp, OrderReported, PriceSeen
from fairlead.kernel.restore import load_order
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import FillReport, OrderReport, Report
from fairlead.ports.store import Store

_YIELD_EVERY = 256


class Inbox:
    """A queue of inputs, drained by one task; also the sink that an exchange client is given."""

    def __init__(
        self, engine: Engine, store: Store, clock: Clock, on_price: Callable[[PriceSeen], None]
    ) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._on_price = on_price
        self._queue: deque[Input] = deque()
        self._wake = asyncio.Event()
        self._busy = False
        self._closed = False
        self.on_disconnected: Callable[[str], None] = lambda _reason: None
        self.on_reconnected: Callable[[], None] = lambda: None

    def put(self, report: Report) -> None:
        """Queue one report for the kernel."""
        if self._closed:
            return
        if type(report) is FillReport:
            self.add(FillReported(report, "stream"))
        elif type(report) is OrderReport:
            self.add(OrderReported(report, "stream"))
        else:
            self.add(PriceSeen(report))  # type: ignore[arg-type]  # the union's last member

    def disconnected(self, reason: str) -> None:
        """The client's stream broke."""
        self.on_disconnected(reason)

    def reconnected(self) -> None:
        """The client's stream is back; the kernel reconciles."""
        self.on_reconnected()

    def add(self, given: Input) -> None:
        """Queue one input."""
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
            self._busy = False

    async def _bring(self, given: Input) -> None:
        kind = type(given)
        if kind is PriceSeen:
            self._on_price(given)  # type: ignore[arg-type]  # narrowed by its type just above
            return
        if kind is FillReported or kind is OrderReported:
            await self.ensure_known(given.report.client_order_id)  # type: ignore[union-attr]  # as above
        self._engine.process(given)

    async def ensure_known(self, client_order_id: str) -> None:
        """Load an order of ours that memory does not hold, when the store has it."""
        state = self._engine.state
        if client_order_id not in state.orders and client_order_id.startswith(state.account_tag):
            await load_order(self._store, state, client_order_id)


def refers_to(given: Input) -> str:
    """Return the client order id that an input is about, or nothing."""
    if isinstance(given, FillReported | OrderReported):
        return given.report.client_order_id
    if isinstance(given, LookedUp):
        return given.client_order_id
    return ""
