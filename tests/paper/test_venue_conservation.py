"""The venue's books balance after every step, whatever orders, cancels and trades come."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from fairlead.ports.exchange import (
    AdjustmentKind,
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
from fairlead_paper.records import DepthRules, FeeIn, Locking, VenueFill, VenueOrder, VenueRules
from tests.paper.venues import ACCOUNT, BUY, INSTRUMENT, SELL, SYMBOL, a_bench

PRICES = st.integers(900, 1_100).map(lambda tenths: f"{Decimal(tenths) / 10:f}")
QUANTITIES = st.integers(5, 4_000).map(lambda lots: f"{Decimal(lots) / 1_000:f}")
OPENING = {"USDT": "500", "BTC": "5"}
LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
PLAIN = (OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP)


class Books(RuleBasedStateMachine):
    """Any sequence of requests, trades and books against an account that is soon short of funds."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = a_bench(VenueRules(participation=Decimal("0.75")), INSTRUMENT, **OPENING)
        self.orders: dict[int, VenueOrder] = {}
        self.fills: list[VenueFill] = []
        self.moved = {"USDT": Fraction(0), "BTC": Fraction(0)}

    @initialize(
        locking=st.sampled_from(Locking),
        fee_in=st.sampled_from(FeeIn),
        queue=st.sampled_from(["0", "1.5"]),
        slippage=st.sampled_from([0, 2]),
        depth=st.none() | st.just(DepthRules(level_quantity=Decimal(1), variation=Decimal("0.5"), seed=3)),
    )
    def open(
        self, locking: Locking, fee_in: FeeIn, queue: str, slippage: int, depth: DepthRules | None
    ) -> None:
        """Draw the venue's rules."""
        rules = VenueRules(
            participation=Decimal("0.75"),
            locking=locking,
            fee_in=fee_in,
            queue_ahead=Decimal(queue),
            slippage_ticks=slippage,
            depth=depth,
        )
        self.bench = a_bench(rules, INSTRUMENT, **OPENING)

    def held(self) -> list[tuple[str, Decimal, Decimal]]:
        """Return what the account holds."""
        holdings = self.bench.venue.holdings(ACCOUNT)
        return [(held.asset, held.total, held.locked) for held in holdings if held.total or held.locked]

    @rule(
        side=st.sampled_from(OrderSide),
        quantity=QUANTITIES,
        kind=st.sampled_from(OrderType),
        price=PRICES,
        trigger=PRICES,
        distance=st.integers(1, 50),
        time_in_force=st.sampled_from(TimeInForce),
        reduce_only=st.booleans(),
    )
    def place(
        self,
        side: OrderSide,
        quantity: str,
        kind: OrderType,
        price: str,
        trigger: str,
        distance: int,
        time_in_force: TimeInForce,
        *,
        reduce_only: bool,
    ) -> None:
        """Place an order; a refusal must change nothing."""
        before = self.held()
        bench = self.bench
        bench.now_ns += 1
        request = replace(
            bench.request(side, quantity, price, time_in_force=time_in_force),
            order_type=kind,
            limit_price=Decimal(price) if kind in LIMITED else None,
            trigger_price=None if kind in PLAIN else Decimal(trigger),
            trailing_distance=Decimal(distance) / 10 if kind is OrderType.TRAILING_STOP else None,
            expire_ns=bench.now_ns + 9 if time_in_force is TimeInForce.GTD else 0,
            reduce_only=reduce_only,
        )
        if isinstance(bench.venue.place(ACCOUNT, request, bench.now_ns), Refused):
            assert self.held() == before

    @rule(number=st.integers(1, 60))
    def cancel(self, number: int) -> None:
        """Cancel some order, open or not."""
        self.bench.venue.cancel(ACCOUNT, f"c{number}", "", self.bench.now_ns)

    @rule(number=st.integers(1, 60), quantity=QUANTITIES, price=PRICES, trigger=st.none() | PRICES)
    def modify(self, number: int, quantity: str, price: str, trigger: str | None) -> None:
        """Change some order, open or not; a refusal must change nothing."""
        before = self.held()
        terms = Terms(Decimal(quantity), Decimal(price), None if trigger is None else Decimal(trigger))
        request = ModifyRequest(f"c{number}", "", SYMBOL, BUY, OrderType.LIMIT, terms, 0)
        if isinstance(self.bench.venue.modify(ACCOUNT, request, self.bench.now_ns), Refused):
            assert self.held() == before

    @rule(price=PRICES, quantity=QUANTITIES)
    def trade(self, price: str, quantity: str) -> None:
        """Let others trade; together our orders get at most their part of it."""
        self.bench.trade(price, quantity)

    @rule(middle=st.integers(910, 1_090), quantity=QUANTITIES)
    def show(self, middle: int, quantity: str) -> None:
        """Show a book of two levels on each side."""
        bids, asks = (
            [(Decimal(middle + sign * step) / 10, Decimal(quantity)) for step in (2, 7)] for sign in (-1, 1)
        )
        self.bench.venue.show(SYMBOL, bids, asks, self.bench.now_ns)

    @rule(asset=st.sampled_from(["USDT", "BTC"]), amount=st.integers(-3, 5).filter(bool))
    def adjust(self, asset: str, amount: int) -> None:
        """Move a balance without a trade; what is locked cannot leave."""
        moved = self.bench.venue.adjust(
            ACCOUNT, asset, Decimal(amount), AdjustmentKind.DEPOSIT, "", self.bench.now_ns
        )
        if not isinstance(moved, Refused):
            self.moved[asset] += amount

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
        held = {asset: Fraction(OPENING[asset]) + self.moved[asset] for asset in OPENING}
        for fill in self.fills:
            sign = 1 if fill.side is BUY else -1
            assert (
                0 <= Fraction(fill.quantity) * Fraction(fill.price) - Fraction(fill.value) < Fraction(1, 100)
            )
            rate = Fraction(
                INSTRUMENT.taker_fee_rate if fill.liquidity.value == "taker" else INSTRUMENT.maker_fee_rate
            )
            paid_on = fill.value if fill.fee_currency == "USDT" else fill.quantity
            assert 0 <= Fraction(paid_on) * rate - Fraction(fill.fee) < Fraction(1, 100)
            held["BTC"] += sign * Fraction(fill.quantity)
            held["USDT"] -= sign * Fraction(fill.value)
            held[fill.fee_currency] -= Fraction(fill.fee)
        for asset, total in held.items():
            assert Fraction(self.bench.holding(asset).total) == total

    def _check_locks(self) -> None:
        live = [order for order in self.orders.values() if order.is_open]
        for asset, side in (("USDT", BUY), ("BTC", SELL)):
            holding = self.bench.holding(asset)
            assert holding.locked == sum((order.locked for order in live if order.side is side), Decimal(0))
            assert 0 <= holding.locked <= holding.total
        rules = self.bench.venue.rules
        for order in live:
            if rules.locking is Locking.NONE:
                assert order.locked == 0
            elif order.limit_price is not None or order.side is SELL:
                assert order.locked == self._need(order, rules.fee_in)

    def _need(self, order: VenueOrder, fee_in: FeeIn) -> Decimal:
        """Return what an order whose price is known must hold, fee included where it is of the same asset."""
        rate = INSTRUMENT.taker_fee_rate if order.crossed else INSTRUMENT.maker_fee_rate
        if order.is_waiting_for_trigger:
            rate = max(INSTRUMENT.taker_fee_rate, INSTRUMENT.maker_fee_rate)
        if fee_in is FeeIn.RECEIVED or (fee_in is FeeIn.BASE) is (order.side is BUY):
            rate = Decimal(0)
        if order.side is SELL:
            need, unit = order.leaves_quantity * (1 + rate), "0.00000001"
        else:
            assert order.limit_price is not None
            need, unit = order.leaves_quantity * order.limit_price * (1 + rate), "0.01"
        return need.quantize(Decimal(unit), rounding=ROUND_CEILING)

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
            if not order.is_open:
                assert order.locked == 0
            if fills and order.order_type not in (OrderType.MARKET, OrderType.LIMIT):
                assert order.triggered, "a conditional order traded before its trigger was reached"


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
