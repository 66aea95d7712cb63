"""A venue that counts requests as Kraken does, by itself, and turns away whoever asks for too much."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from decimal import Decimal

from fairlead.domain.instruments import Instrument
from fairlead.ports.exchange import Answer, FillPage, LookUp, OrderReport, Outcome, SubmitRequest
from fairlead.ports.pacing import DecayingCounter, Limit, Price, RateLimits, RequestKind
from fairlead.testing import SeededLoop, VirtualClock
from fairlead.testing.scripted_exchange import ScriptedExchange

SECOND_NS = 1_000_000_000
ORDERS_MAX, ORDERS_DECAY = Decimal(20), Decimal(1)
READS_MAX, READS_DECAY = Decimal(15), Decimal("0.5")
CANCEL_COSTS = ((5_000, Decimal(8)), (10_000, Decimal(6)), (15_000, Decimal(5)))
READS = (RequestKind.FILLS, RequestKind.OPEN_ORDERS, RequestKind.LOOK_UP, RequestKind.INSTRUMENTS)


def declared() -> RateLimits:
    """Return what the venue's rules say, as a client declares it."""
    orders = {RequestKind.SUBMIT: Price("1"), RequestKind.CANCEL: Price(by_age=CANCEL_COSTS)}
    return RateLimits(
        (
            Limit("orders", DecayingCounter(ORDERS_MAX, ORDERS_DECAY), orders, per_symbol=True),
            Limit("reads", DecayingCounter(READS_MAX, READS_DECAY), dict.fromkeys(READS, Price("1"))),
        )
    )


def _now_ns() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SeededLoop)
    return VirtualClock(loop).monotonic_ns()


class Counter:
    """A figure that grows with each request and decays with time; above its highest it turns away."""

    def __init__(self, highest: Decimal, per_second: Decimal) -> None:
        self.highest = highest
        self.per_second = per_second
        self.value = Decimal(0)
        self.at_ns = 0

    def takes(self, cost: Decimal, now_ns: int) -> bool:
        """Count the request, and tell whether the venue takes it."""
        gone = Decimal(now_ns - self.at_ns) / SECOND_NS * self.per_second
        self.value = max(Decimal(0), self.value - gone) + cost
        self.at_ns = now_ns
        return self.value <= self.highest


class MeteredVenue(ScriptedExchange):
    """Counts orders and cancels per symbol, and questions per account; *banned* holds what was too much.

    A question too many is answered all the same, so that the story comes to its end.
    """

    def __init__(self, rules: Iterable[Instrument]) -> None:
        super().__init__(rules)
        self.orders_of: dict[str, Counter] = {}
        self.reads = Counter(READS_MAX, READS_DECAY)
        self.placed_ns: dict[str, int] = {}
        self.banned: list[str] = []

    async def submit(self, request: SubmitRequest) -> Answer:
        """See `ExchangeClient.submit`."""
        if not self._takes_order(request.symbol, Decimal(1), "submit"):
            return Answer(Outcome.LIMITED, reason="EOrder:Rate limit exceeded")
        self.placed_ns[request.client_order_id] = _now_ns()
        return await super().submit(request)

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """See `ExchangeClient.cancel`."""
        age_ns = _now_ns() - self.placed_ns[client_order_id]
        costs = [cost for age_ms, cost in CANCEL_COSTS if age_ns < age_ms * 1_000_000]
        if not self._takes_order(symbol, costs[0] if costs else Decimal(0), "cancel"):
            return Answer(Outcome.LIMITED, reason="EOrder:Rate limit exceeded")
        return await super().cancel(client_order_id, venue_order_id, symbol)

    def _takes_order(self, symbol: str, cost: Decimal, what: str) -> bool:
        counter = self.orders_of.setdefault(symbol, Counter(ORDERS_MAX, ORDERS_DECAY))
        taken = counter.takes(cost, _now_ns())
        if not taken:
            self.banned.append(f"{what} {symbol}")
        return taken

    def _read(self, what: str) -> None:
        if not self.reads.takes(Decimal(1), _now_ns()):
            self.banned.append(what)

    async def instruments(self) -> Sequence[Instrument]:
        """See `ExchangeClient.instruments`."""
        self._read("instruments")
        return await super().instruments()

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """See `ExchangeClient.look_up`."""
        self._read("look_up")
        return await super().look_up(client_order_id, symbol)

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        self._read("open_orders")
        return await super().open_orders()

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`."""
        self._read("fills_since")
        return await super().fills_since(cursor)
