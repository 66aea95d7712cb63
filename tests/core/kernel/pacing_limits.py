"""Rate limits for the tests of pacing, and what the journal says about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from fairlead.domain.records import BudgetSpent, OrderPaced, QueryPaced
from fairlead.ports.exchange import Answer, Instrument, SubmitRequest
from fairlead.ports.pacing import EACH, Limit, Price, RateLimits, RequestKind, TokenBucket
from fairlead.testing import VirtualClock
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import Bench

SECOND_NS = 1_000_000_000
SECOND_MS = 1_000
ORDERS = "orders"
READS = "reads"


def order_limits(capacity: str = "2", per_second: str = "1", cancel: Price = EACH) -> RateLimits:
    """Return one budget of the account for orders and cancels; everything else is free."""
    prices = {RequestKind.SUBMIT: EACH, RequestKind.CANCEL: cancel}
    return RateLimits((Limit(ORDERS, TokenBucket(capacity, per_second), prices),))


def one_limit(capacity: str, per_second: str, *kinds: RequestKind) -> RateLimits:
    """Return one budget of which each of these kinds takes one."""
    return RateLimits((Limit(ORDERS, TokenBucket(capacity, per_second), dict.fromkeys(kinds, EACH)),))


def spends(bench: Bench) -> list[tuple[str, str]]:
    """Return the kind and subject of every durable spend, in order."""
    found = [each for each in bench.records() if type(each) is BudgetSpent]
    return [(each.request.value, each.subject) for each in found if not each.refused]


def waits(bench: Bench) -> list[OrderPaced]:
    """Return every durable announcement of a wait of an order's request."""
    return [each for each in bench.records() if type(each) is OrderPaced]


def query_waits(bench: Bench) -> list[QueryPaced]:
    """Return every durable announcement of a wait of a question."""
    return [each for each in bench.records() if type(each) is QueryPaced]


def left(bench: Bench, name: str = ORDERS) -> Decimal:
    """Return what is available of a budget now."""
    budgets = bench.kernel.pacing.budgets
    assert name in budgets
    return budgets[name].available


def most_in_a_second(times_ns: Sequence[int]) -> int:
    """Return how many of these came within any one second."""
    return max(sum(begin <= each < begin + SECOND_NS for each in times_ns) for begin in times_ns)


class Clocked(ScriptedExchange):
    """An exchange that notes when orders and cancels came."""

    clock: VirtualClock

    def __init__(self, rules: Iterable[Instrument]) -> None:
        super().__init__(rules)
        self.times_ns: list[int] = []

    async def submit(self, request: SubmitRequest) -> Answer:
        """See `ExchangeClient.submit`."""
        self.times_ns.append(self.clock.monotonic_ns())
        return await super().submit(request)

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """See `ExchangeClient.cancel`."""
        self.times_ns.append(self.clock.monotonic_ns())
        return await super().cancel(client_order_id, venue_order_id, symbol)
