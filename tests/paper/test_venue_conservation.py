"""The venue's books balance after every step, whatever orders, cancels and trades come."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fairlead.ports.exchange import (
    FillReport,
    ModifyRequest,
    OrderSide,
    OrderType,
    Terms,
    TimeInForce,
    Trade,
    VenueStatus,
)
from fairlead_paper.messages import Refused
from fairlead_paper.records import VenueFill, VenueOrder, VenueRules
from tests.paper.venues import ACCOUNT, BUY, INSTRUMENT, SELL, SYMBOL, a_bench

PRICES = st.integers(900, 1_100).map(lambda tenths: f"{Decimal(tenths) / 10:f}")
QUANTITIES = st.integers(5, 4_000).map(lambda lots: f"{Decimal(lots) / 1_000:f}")
OPENING = {"USDT": "500", "BTC": "5"}


class Books(RuleBasedStateMachine):
    """Any sequence of requests and trades against an account that is soon short of funds."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = a_bench(VenueRules(participation=Decimal("0.75")), INSTRUMENT, **OPENING)
        self.orders: dict[int, VenueOrder] = {}
        self.fills: list[VenueFill] = []

    @rule(
        side=st.sampled_from(OrderSide),
        quantity=QUANTITIES,
        price=st.none() | PRICES,
        time_in_force=st.sampled_from(TimeInForce),
    )
    def place(self, side: OrderSide, quantity: str, price: str | None, time_in_force: TimeInForce) -> None:
        """Place an order; a refusal must change nothing."""
        before = [(held.asset, held.total, held.locked) for held in self.bench.venue.holdings(ACCOUNT)]
        answer = self.bench.place(side, quantity, price, time_in_force=time_in_force)
        if isinstance(answer, Refused):
            held_now = self.bench.venue.holdings(ACCOUNT)
            assert [(held.asset, held.total, held.locked) for held in held_now] == before

    @rule(number=st.integers(1, 60))
    def cancel(self, number: int) -> None:
        """Cancel some order, open or not."""
        self.bench.venue.cancel(ACCOUNT, f"c{number}", "", self.bench.now_ns)

    @rule(number=st.integers(1, 60), quantity=QUANTITIES, price=PRICES)
    def modify(self, number: int, quantity: str, price: str) -> None:
        """Change some order, open or not; a refusal must change nothing."""
        before = [(held.asset, held.total, held.locked) for held in self.bench.venue.holdings(ACCOUNT)]
        terms = Terms(Decimal(quantity), Decimal(price))
        request = ModifyRequest(f"c{number}", "", SYMBOL, BUY, OrderType.LIMIT, terms, 0)
        answer = self.bench.venue.modify(ACCOUNT, request, self.bench.now_ns)
        if isinstance(answer, Refused):
            held_now = self.bench.venue.holdings(ACCOUNT)
            assert [(held.asset, held.total, held.locked) for held in held_now] == before

    @rule(price=PRICES, quantity=QUANTITIES)
    def trade(self, price: str, quantity: str) -> None:
        """Let others trade; together our orders get at most their part of it."""
        self.bench.trade(price, quantity)

    @invariant()
    def books_balance(self) -> None:
        """Compare the books with a second bookkeeping, from the fills alone, in fractions."""
        changes = self.bench.venue.take_changes()
        self.orders.update(changes.orders)
        self.fills += changes.fills
        reported = [report for _, report in changes.events if isinstance(report, FillReport)]
        assert [report.trade_id for report in reported] == [fill.trade_id for fill in changes.fills]
        self._check_totals()
        self._check_locks()
        self._check_prices(changes.fills)
        self._check_orders()

    def _check_totals(self) -> None:
        base, quote = Fraction(OPENING["BTC"]), Fraction(OPENING["USDT"])
        for fill in self.fills:
            sign = 1 if fill.side is BUY else -1
            assert (
                0 <= Fraction(fill.quantity) * Fraction(fill.price) - Fraction(fill.value) < Fraction(1, 100)
            )
            base += sign * Fraction(fill.quantity)
            quote -= sign * Fraction(fill.value) + Fraction(fill.fee)
        assert Fraction(self.bench.holding("BTC").total) == base
        assert Fraction(self.bench.holding("USDT").total) == quote

    def _check_locks(self) -> None:
        live = [order for order in self.orders.values() if order.status is VenueStatus.LIVE]
        for asset, side in (("USDT", BUY), ("BTC", SELL)):
            holding = self.bench.holding(asset)
            assert holding.locked == sum((order.locked for order in live if order.side is side), Decimal(0))
            assert 0 <= holding.locked <= holding.total
        for order in live:
            if order.side is SELL:
                assert order.locked == order.leaves_quantity
            elif order.order_type is OrderType.LIMIT:
                assert order.limit_price is not None
                rate = INSTRUMENT.taker_fee_rate if order.crossed else INSTRUMENT.maker_fee_rate
                need = order.leaves_quantity * order.limit_price * (1 + rate)
                assert order.locked == need.quantize(Decimal("0.01"), rounding=ROUND_CEILING)

    def _check_prices(self, fills: list[VenueFill]) -> None:
        """A fill is never worse than the limit that its order has when it happens."""
        by_id = {order.venue_order_id: order for order in self.orders.values()}
        for fill in fills:
            limit = by_id[fill.venue_order_id].limit_price
            if limit is not None:
                assert fill.price <= limit if fill.side is BUY else fill.price >= limit

    def _check_orders(self) -> None:
        for order in self.orders.values():
            fills = [fill for fill in self.fills if fill.venue_order_id == order.venue_order_id]
            assert order.filled_quantity == sum((fill.quantity for fill in fills), Decimal(0))
            assert order.filled_quantity <= order.quantity
            assert (order.status is VenueStatus.FILLED) == (order.filled_quantity == order.quantity)
            if order.status is not VenueStatus.LIVE:
                assert order.locked == 0


class SharedVolume(RuleBasedStateMachine):
    """The same steps, with a look at each trade's volume."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = a_bench(None, INSTRUMENT, USDT="10000000", BTC="10000")
        self.left = Decimal(0)

    @rule(side=st.sampled_from(OrderSide), quantity=QUANTITIES, price=st.none() | PRICES)
    def place(self, side: OrderSide, quantity: str, price: str | None) -> None:
        """Place an order: it may use what is left of the last trade."""
        self.bench.place(side, quantity, price)
        self._use()

    @rule(price=PRICES, quantity=QUANTITIES)
    def trade(self, price: str, quantity: str) -> None:
        """Trade: a new volume to share."""
        self.left = Decimal(quantity)
        self.bench.trade(price, quantity)
        self._use()

    def _use(self) -> None:
        changes = self.bench.venue.take_changes()
        trades = [report for _, report in changes.events if isinstance(report, Trade)]
        assert len(trades) <= 1
        self.left -= sum((fill.quantity for fill in changes.fills), Decimal(0))
        assert self.left >= 0, "more was filled than others traded"


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestSharedVolume = SharedVolume.TestCase
TestSharedVolume.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
