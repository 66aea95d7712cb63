"""Fees in any currency, and contracts: what a fill does to order, position and balances, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead import Proposal
from fairlead.domain.contracts import Contract, average_price, contract_of, settlement_value
from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.orders import Order, view_of
from fairlead.domain.records import OrderFilled, OrderInitialized
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.position_events import position_view
from fairlead.kernel.journal.rows import order_from_row, order_row, position_from_row, position_row
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench

BUY, SELL = OrderSide.BUY, OrderSide.SELL
ORDER = "0" * 32
INVERSE = Contract(ContractKind.INVERSE)
PERPETUAL = Contract(ContractKind.LINEAR, Decimal("0.01"))


class Deal(NamedTuple):
    """One fill's figures; *fee_currency* is empty for the settlement currency."""

    side: OrderSide
    quantity: Decimal
    value: Decimal
    fee: Decimal = ZERO
    fee_currency: str = ""


class Account:
    """A folded state with one order that every fill is booked on."""

    def __init__(self, contract: Contract | None = None, decimals: int = 8) -> None:
        self.contract = contract
        self.decimals = decimals
        self.settlement = "BTC" if contract is not None and contract.inverse else "USDT"
        self.state = EngineState("test", "00000000")
        intent = OrderInitialized(
            ORDER, "bot", "bot", BTC, BUY, OrderType.MARKET, TimeInForce.IOC, Decimal(10**15), None, None,
            False, self.settlement, "", "", (), True, "", (), contract=contract,
        )  # fmt: skip
        apply(self.state, intent, 1)
        self.deals: list[Deal] = []

    def book(self, deals: Sequence[Deal]) -> None:
        """Apply the record of each fill."""
        for deal in deals:
            self.deals.append(deal)
            count = len(self.deals)
            record = OrderFilled(
                ORDER, "", f"T{count}", deal.side, deal.quantity, Decimal(1), deal.value, deal.fee,
                "BTC" if self.contract is None else "", self.settlement, self.decimals, Liquidity.TAKER,
                count, "stream", deal.fee_currency,
            )  # fmt: skip
            apply(self.state, record, count)

    def trade(
        self, side: OrderSide, quantity: str, price: str, fee: str = "0", fee_currency: str = ""
    ) -> None:
        """Book a fill that settles as its price says."""
        value = settlement_value(Decimal(quantity), Decimal(price), self.decimals, self.contract)
        self.book([Deal(side, Decimal(quantity), value, Decimal(fee), fee_currency)])

    @property
    def order(self) -> Order:
        """Return the order."""
        return self.state.orders[ORDER]

    @property
    def position(self) -> Position:
        """Return the position."""
        return self.state.positions[BTC, "bot", ""]

    def assert_exact(self) -> None:
        """Assert conservation in every currency, against exact fractions and without our arithmetic."""
        paid: defaultdict[str, Fraction] = defaultdict(Fraction)
        held = cash = Fraction(0)
        mirror = -1 if self.contract is not None and self.contract.inverse else 1
        for deal in self.deals:
            sign = 1 if deal.side is BUY else -1
            held += sign * Fraction(deal.quantity)
            cash -= mirror * sign * Fraction(deal.value)
            paid[deal.fee_currency or self.settlement] += Fraction(deal.fee)
        if self.contract is None:
            held -= paid["BTC"]
        position = self.position
        assert Fraction(position.quantity) == held
        settled = Fraction(position.realized_pnl) - Fraction(position.cost)
        assert settled == cash
        assert position.quantity or not position.cost
        for view in (view_of(self.order), position_view(position)):
            assert {name: Fraction(fee) for name, fee in view.fees_by_currency.items()} == {
                name: fee for name, fee in paid.items() if fee
            }
        balances = {asset: Fraction(total) for asset, total in self.state.balances.items() if total}
        expected = {asset: -fee for asset, fee in paid.items()}
        if self.contract is None:
            expected["BTC"] = held
            expected["USDT"] = cash - paid["USDT"]
        else:
            expected[self.settlement] = Fraction(position.realized_pnl) - paid[self.settlement]
        assert balances == {asset: total for asset, total in expected.items() if total}

    def assert_rows_hold_all(self) -> None:
        """Assert that order and position read back from their rows are the same."""
        order_values = order_row(self.order).named()
        fills = [{"trade_id": name, "digest": digest} for name, digest in self.order.trades.items()]
        assert _lasting(order_from_row(order_values, fills)) == _lasting(self.order)
        position_values = position_row(self.position).named()
        assert attrs.asdict(position_from_row(position_values)) == attrs.asdict(self.position)


def _lasting(order: Order) -> dict[str, object]:
    """Return what of an order outlives the process."""
    return {name: value for name, value in attrs.asdict(order).items() if not name.endswith("_monotonic_ns")}


def _amounts(most: int, places: int, least: int = 1) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda units, point: Decimal(units).scaleb(-point), st.integers(least, most), st.integers(0, places)
    )


# Made once: making a strategy costs more than drawing from it.
_QUANTITIES = st.one_of(st.integers(1, 4).map(Decimal), _amounts(10**9, 8))
_VALUES = _amounts(10**12, 12, 0)
_FEES = _amounts(10**6, 10, least=-(10**6))
_SHARES = st.integers(-90, 90)
_DRAWN = st.tuples(
    st.sampled_from(OrderSide),
    _QUANTITIES,
    _VALUES,
    st.sampled_from(("", "BTC", "BNB", "KFEE")),
    _FEES,
    _SHARES,
)


def _deal(drawn: tuple[OrderSide, Decimal, Decimal, str, Decimal, int]) -> Deal:
    """Return the deal; a fee in base is less than what was traded, else the kernel puts the fill aside."""
    side, quantity, value, currency, fee, share = drawn
    return Deal(side, quantity, value, quantity * share / 100 if currency == "BTC" else fee, currency)


_DEALS = st.lists(_DRAWN.map(_deal), min_size=1, max_size=10)


@given(_DEALS, st.integers(0, 10), st.sampled_from((None, PERPETUAL, INVERSE)))
def test_every_currency_is_conserved(deals: list[Deal], decimals: int, contract: Contract | None) -> None:
    """After each of any fills, flips included, with fees in settlement, base and third currencies: exact.

    Cash moved = realized - remaining cost; fees sum up by currency; balances are what moved.
    """
    account = Account(contract, decimals)
    for deal in deals:
        if contract is not None and deal.fee_currency == account.settlement:
            deal = deal._replace(fee_currency="")  # noqa: PLW2901 - as the kernel records it
        account.book([deal])
        account.assert_exact()
    account.assert_rows_hold_all()


def test_the_anchors_wrong_case_inverse_average() -> None:
    """Buy 100,000 at 10,000 and at 20,000, sell all at 15,000: harmonic average, +1.66666667 BTC, not 0."""
    account = Account(INVERSE)
    account.trade(BUY, "100000", "10000")
    account.trade(BUY, "100000", "20000")
    average = account.position.average_entry_price
    assert average is not None
    assert str(average).startswith("13333.3333333333333")
    account.trade(SELL, "200000", "15000")
    assert account.position.realized_pnl == Decimal("1.66666667")
    assert account.state.balances["BTC"] == Decimal("1.66666667")
    account.assert_exact()


def test_the_anchors_wrong_case_base_fee() -> None:
    """Buy 1 at 50,000 for 0.001 BTC, sell 0.999 at 50,100: realized +49.90 USDT, as the cash, not 99.90."""
    account = Account()
    account.trade(BUY, "1", "50000", "0.001", "BTC")
    assert (account.position.quantity, account.position.cost) == (Decimal("0.999"), Decimal(50_000))
    account.trade(SELL, "0.999", "50100")
    view = position_view(account.position)
    assert (view.quantity, view.cost) == (ZERO, ZERO)
    assert view.realized_pnl == view.net_pnl == account.state.balances["USDT"] == Decimal("49.9")
    assert account.state.balances["BTC"] == ZERO
    assert view.fees_by_currency == {"BTC": Decimal("0.001")}
    account.assert_exact()


def test_the_anchors_wrong_case_many_fills() -> None:
    """1,000 fills of 0.1 from 50,000.01 in steps of a cent: 50,005.005, without a trailing error."""
    account = Account()
    for index in range(1_000):
        account.trade(BUY, "0.1", str(Decimal("50000.01") + index * Decimal("0.01")))
    assert account.position.average_entry_price == Decimal("50005.005")


@pytest.mark.parametrize(
    ("side", "quantity", "entry", "mark", "pnl"),
    [
        (SELL, "100000", "10000", "11000", "-0.90909091"),
        (BUY, "100000", "10500", "11505.60", "0.83238969"),
        (SELL, "1250000", "15500", "12506.65", "19.30166700"),
        (BUY, "1000", "1000", "1250", "0.2"),
    ],
)
def test_the_anchors_inverse_figures(side: OrderSide, quantity: str, entry: str, mark: str, pnl: str) -> None:
    """The anchor's single-fill inverse figures, marked and realized, to the eighth decimal."""
    account = Account(INVERSE)
    account.trade(side, quantity, entry)
    marked = position_view(account.position).unrealized_pnl(Decimal(mark), 8)
    assert marked == Decimal(pnl)
    account.trade(side.opposite, quantity, mark)
    assert account.position.realized_pnl == Decimal(pnl)
    account.assert_exact()


def test_a_linear_contract_settles_by_its_multiplier() -> None:
    """100 contracts of 0.01 from 100 to 110: 10 USDT, and no base changes hands."""
    account = Account(PERPETUAL)
    account.trade(BUY, "100", "100", "0.05")
    view = position_view(account.position)
    assert (view.cost, view.average_entry_price) == (Decimal(100), Decimal(100))
    assert view.unrealized_pnl(Decimal(110), 8) == Decimal(10)
    account.trade(SELL, "100", "110", "0.05")
    assert account.state.balances == {"USDT": Decimal("9.9")}
    account.assert_exact()


def test_a_flip_of_a_spot_position_with_a_base_fee() -> None:
    """Hold 1 and sell 1 for a fee of 0.001 BTC: that much is owed, and shown as the short it is."""
    account = Account()
    account.trade(BUY, "1", "100")
    account.trade(SELL, "1", "110", "0.001", "BTC")
    assert account.position.quantity == Decimal("-0.001")
    account.assert_exact()


def test_what_is_a_contract() -> None:
    """Spot is none; a colon, a multiplier or the inverse kind makes one."""
    assert contract_of(instrument()) is None
    assert contract_of(instrument("BTC/USDT", contract_multiplier="2")) == Contract(
        ContractKind.LINEAR, Decimal(2)
    )
    perpetual = instrument("BTC/USDT:USDT", quote="USDT")
    assert contract_of(perpetual) == Contract(ContractKind.LINEAR)
    assert contract_of(inverse_rules()) == INVERSE


def test_an_average_of_nothing() -> None:
    """No quantity has no average price, nor has an inverse quantity that settled for nothing."""
    assert average_price(ZERO, ZERO, None) is None
    assert average_price(ZERO, ZERO, INVERSE) is None
    assert average_price(Decimal(1), ZERO, INVERSE) is None
    assert average_price(Decimal(-2), Decimal(-8), None) == Decimal(4)
    assert average_price(Decimal(2), Decimal(8), PERPETUAL) == Decimal(400)


def inverse_rules() -> Instrument:
    """Return the rules of an inverse perpetual."""
    return instrument("BTC/USD:BTC", quote="USD", contract=ContractKind.INVERSE, quantity_increment="1")


def test_fees_in_every_currency_survive_a_restart() -> None:
    """A fee in base takes off what is held, one in a third currency off its own balance; all is kept."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "3", "100")
        bench.exchange.trade(name, "1", "100", fee="0.1")
        bench.exchange.trade(name, "1", "100", fee="0.001", fee_currency="BTC")
        bench.exchange.trade(name, "1", "100", fee="0.002", fee_currency="BNB")
        await bench.pass_ms()
        order, position = bench.order(name), bench.bot.position(BTC)
        assert order.status == "FILLED"
        assert position is not None
        assert (position.quantity, position.cost) == (Decimal("2.999"), Decimal(300))
        fees = {"USDT": Decimal("0.1"), "BTC": Decimal("0.001"), "BNB": Decimal("0.002")}
        assert order.fees_by_currency == position.fees_by_currency == fees
        await bench.verify()
        await bench.restart()
        assert bench.bot.position(BTC) == position
        assert await bench.kernel.find_order(name) == order
        rows = {row["asset"]: row["total"] for row in await bench.store.rows("balances")}
        assert rows == {"BTC": Decimal("2.999"), "USDT": Decimal("-300.1"), "BNB": Decimal("-0.002")}
        told = [row["fee_currency"] for row in await bench.store.rows("fills")]
        assert set(told) == {"BNB", "BTC", "USDT"}

    on_bench(main)


@pytest.mark.parametrize(
    ("side", "fee", "currency"), [("buy", "1", "BTC"), ("sell", "-1.5", "BTC"), ("buy", "1", "")]
)
def test_a_fee_that_cannot_be_halts(side: str, fee: str, currency: str) -> None:
    """A base fee that takes all of the fill, a rebate above it, a fee in no currency: put aside, halted."""

    async def main(bench: Bench) -> None:
        name = await bench.working(side, "2", "100")
        good = bench.exchange.trade(name, "1", "100", said=False)
        bad = replace(good, fee=Decimal(fee), fee_currency=currency)
        bench.exchange.history[-1] = bad
        bench.exchange.say(bad)
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == ZERO
        assert bench.anomalies() == ["impossible_fill"]
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


def test_an_inverse_contract_through_the_kernel() -> None:
    """Average harmonic, PnL and fees in base, nothing else moves; the same after a restart."""
    symbol = "BTC/USD:BTC"

    async def main(bench: Bench) -> None:
        names = []
        for side, price in (("buy", "10000"), ("buy", "20000")):
            names.append(await bench.working(side, "100000", price, symbol=symbol))
            bench.exchange.trade(names[-1], "100000", price, fee="0.001", fee_currency="BTC")
            await bench.pass_ms()
        order = bench.order(names[0])
        assert (order.average_price, order.currency, order.fees) == (Decimal(10_000), "BTC", Decimal("0.001"))
        await bench.restart()
        held = bench.bot.position(symbol)
        assert held is not None
        assert str(held.average_entry_price).startswith("13333.3333333333")
        name = await bench.working("sell", "200000", "15000", symbol=symbol)
        bench.exchange.trade(name, "200000", "15000", fee="0.001", fee_currency="BTC")
        await bench.pass_ms()
        (position,) = bench.kernel.positions()
        assert (position.quantity, position.net_pnl) == (ZERO, Decimal("1.66366667"))
        rows = {row["asset"]: row["total"] for row in await bench.store.rows("balances")}
        assert rows == {"BTC": Decimal("1.66366667")}

    on_bench(main, exchange=ScriptedExchange([inverse_rules()]))


def test_a_base_fee_counts_where_reduce_only_orders_are_cut() -> None:
    """Hold 2, reduce-only 1 rests, another sale of 1 costs 0.1 BTC: 0.9 is left, so the rest is canceled."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        resting = await bench.bot.execute(
            Proposal(symbol=BTC, side="sell", quantity="1", limit_price="120", reduce_only=True)
        )
        name = await bench.working("sell", "1", "110")
        bench.exchange.trade(name, "1", "110", fee="0.1", fee_currency="BTC")
        await bench.pass_ms()
        assert bench.order(resting.client_order_id).status in ("CANCELED", "PENDING_CANCEL")

    on_bench(main)
