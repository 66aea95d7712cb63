"""Conservation over the whole account: opening, fills and adjustments are the balances, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import OrderFilled, OrderInitialized
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.balance_views import balances_of
from fairlead.kernel.journal.account_rows import restore_balance, restore_inventory
from fairlead.kernel.journal.rows import dirty_rows

Sums = defaultdict[str, Fraction]
DECIMALS = 8
ASSETS = ("BTC", "USDT", "BNB", "KFEE")
OPENED_NS = 1_000


class Market(NamedTuple):
    """What can be traded, and what it settles in."""

    symbol: str
    settles: str
    contract: Contract | None = None

    @property
    def is_inverse(self) -> bool:
        """Tell whether its value is in base."""
        return self.contract is not None and self.contract.inverse


MARKETS = (
    Market("BTC/USDT", "USDT"),
    Market("BTC/USDT:USDT", "USDT", Contract(ContractKind.LINEAR, Decimal("0.01"))),
    Market("BTC/USD:BTC", "BTC", Contract(ContractKind.INVERSE)),
)


class Fill(NamedTuple):
    """A fill on a market, a book and a hedging position, of a time before or after the opening."""

    market: Market
    book: str
    position_id: str
    side: OrderSide
    quantity: Decimal
    value: Decimal
    fee: Decimal
    fee_currency: str
    old: bool


class Correction(NamedTuple):
    """An operator's word about the position of a book; on a pair it moves no balance."""

    market: Market
    book: str
    side: OrderSide
    quantity: Decimal
    value: Decimal


class Adjustment(NamedTuple):
    """An entry of the venue's ledger."""

    kind: AdjustmentKind
    asset: str
    amount: Decimal


def _amounts(most: int, places: int, least: int = 1) -> st.SearchStrategy[Decimal]:
    units, point = st.integers(least, most), st.integers(0, places)
    return st.builds(lambda number, shift: Decimal(number).scaleb(-shift), units, point)


@st.composite
def _fills(draw: st.DrawFn) -> Fill:
    market = draw(st.sampled_from(MARKETS))
    quantity = draw(st.one_of(st.integers(1, 4).map(Decimal), _amounts(10**9, 8)))
    currency = draw(st.sampled_from(("", *ASSETS)))
    fee = draw(_amounts(10**6, 10, least=-(10**6)))
    if currency == "BTC" and market.contract is None:  # less than what was traded, else it is put aside
        fee = quantity * Decimal(draw(st.integers(-90, 90))) / 100
    if currency == market.settles:
        currency = ""  # as the kernel records it
    return Fill(
        market,
        draw(st.sampled_from(("one", "two"))),
        draw(st.sampled_from(("", "h1", "h2"))),
        draw(st.sampled_from(OrderSide)),
        quantity,
        draw(_amounts(10**12, 12, 0)),
        fee,
        currency,
        draw(st.booleans()),
    )


_corrections = st.builds(
    Correction,
    st.sampled_from(MARKETS),
    st.sampled_from(("one", "operator")),
    st.sampled_from(OrderSide),
    st.one_of(st.integers(1, 4).map(Decimal), _amounts(10**9, 8)),
    _amounts(10**12, 12, 0),
)
_adjustments = st.builds(
    Adjustment,
    st.sampled_from(AdjustmentKind),
    st.sampled_from(ASSETS),
    _amounts(10**15, 18, least=-(10**15)),
)
_openings = st.dictionaries(st.sampled_from(ASSETS), _amounts(10**15, 18, 0))


class Books:
    """A folded account, and beside it the same in fractions, by nobody's arithmetic but Python's."""

    def __init__(self) -> None:
        self.state = EngineState("test", "00000000")
        self.fills: list[Fill] = []
        self.opened: Sums = defaultdict(Fraction)
        self.adjusted: Sums = defaultdict(Fraction)
        self.cash: defaultdict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
        self.held: defaultdict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
        self.moved: Sums = defaultdict(Fraction)

    def open(self, amounts: dict[str, Decimal]) -> None:
        """Record the inventory."""
        apply(self.state, InventoryOpened(tuple(amounts.items()), OPENED_NS), OPENED_NS)
        for asset, amount in amounts.items():
            self.opened[asset] += Fraction(amount)

    def adjust(self, entry: Adjustment, number: int) -> None:
        """Book an entry of the ledger."""
        apply(self.state, AdjustmentBooked(f"L{number}", *entry, OPENED_NS, ""), OPENED_NS)
        self.adjusted[entry.asset] += Fraction(entry.amount)

    def fill(self, fill: Fill, number: int) -> None:
        """Book a fill, on an order of its own."""
        market, key = fill.market, (fill.market.symbol, fill.book, fill.position_id)
        name = f"{number:032}"
        intent = OrderInitialized(
            name, fill.book, fill.book, market.symbol, fill.side, OrderType.MARKET, TimeInForce.IOC,
            fill.quantity, None, None, False, market.settles, "", "", (), True, "", (),
            contract=market.contract, position_id=fill.position_id,
        )  # fmt: skip
        early = fill.old or not self.state.inventory_ns
        apply(self.state, intent, OPENED_NS if self.state.inventory_ns else 1)
        if early:  # an order that was there when the inventory was recorded
            self.state.orders[name].created_ns = 1
        before = self._realized(key)
        record = OrderFilled(
            name, "", f"T{number}", fill.side, fill.quantity, Decimal(1), fill.value, fill.fee,
            "" if market.contract else "BTC", market.settles, DECIMALS, Liquidity.TAKER,
            1 if early else OPENED_NS, "stream", fill.fee_currency,
        )  # fmt: skip
        apply(self.state, record, OPENED_NS)
        self._count(fill, key, self._realized(key) - before, absorbed=bool(self.state.inventory_ns) and early)

    def correct(self, word: Correction) -> None:
        """Book what an operator says of a position."""
        market, key = word.market, (word.market.symbol, word.book, "")
        before = self._realized(key)
        record = PositionCorrected(
            market.symbol, word.book, word.side, word.quantity, Decimal(1), word.value,
            "" if market.contract else "BTC", market.settles, DECIMALS, Decimal(0), word.quantity,
            "operator", "", OPENED_NS, market.contract,
        )  # fmt: skip
        apply(self.state, record, OPENED_NS)
        fill = Fill(market, word.book, "", *word[2:], Decimal(0), "", old=False)
        self._count(fill, key, self._realized(key) - before, absorbed=market.contract is None)

    def _realized(self, key: tuple[str, str, str]) -> Fraction:
        position = self.state.positions.get(key)
        return Fraction(0) if position is None else Fraction(position.realized_pnl)

    def _count(self, fill: Fill, key: tuple[str, str, str], realized: Fraction, *, absorbed: bool) -> None:
        sign = 1 if fill.side is OrderSide.BUY else -1
        quantity, value, fee = (Fraction(figure) for figure in (fill.quantity, fill.value, fill.fee))
        flow: Sums = defaultdict(Fraction)
        flow[fill.fee_currency or fill.market.settles] -= fee
        self.held[key] += sign * quantity
        self.cash[key] += (sign if fill.market.is_inverse else -sign) * value
        if fill.market.contract is None:
            self.held[key] -= fee if fill.fee_currency == "BTC" else 0
            flow["BTC"] += sign * quantity
            flow["USDT"] -= sign * value
        else:
            flow[fill.market.settles] += realized
        for asset, amount in flow.items():
            self.moved[asset] += amount
            if absorbed:
                self.opened[asset] -= amount

    def assert_exact(self) -> None:
        """Assert that every part and every sum is what the fractions say."""
        for view in balances_of(self.state):
            parts = self.opened[view.asset], self.moved[view.asset], self.adjusted[view.asset]
            told = view.opening, view.fills, view.adjustments
            assert tuple(map(Fraction, told)) == parts
            assert Fraction(view.derived) == sum(parts)
        told_of = {view.asset for view in balances_of(self.state)}
        for sums in (self.opened, self.moved, self.adjusted):
            assert not {asset for asset, amount in sums.items() if amount} - told_of
        for key, position in self.state.positions.items():
            assert Fraction(position.quantity) == self.held[key]
            assert Fraction(position.realized_pnl) - Fraction(position.cost) == self.cash[key]

    def assert_read_back(self) -> None:
        """Assert that the rows hold every part."""
        again = EngineState("test", "00000000")
        for row in dirty_rows(self.state, self.state.dirty):
            if row.table == "balances":
                restore_balance(again, row.named())
            elif row.table == "inventory":
                restore_inventory(again, row.named())
        assert balances_of(again) == balances_of(self.state)


@given(st.lists(st.one_of(_fills(), _corrections, _adjustments), max_size=12), _openings, st.integers(0, 12))
def test_opening_and_fills_and_adjustments_are_the_balances(
    steps: list[Fill | Correction | Adjustment], amounts: dict[str, Decimal], opened_after: int
) -> None:
    """Any fills, corrections and adjustments, before and after the opening, also fills that are part of it.

    All fee currencies, flips, two books, netting and hedging, spot, linear and inverse: after each step the
    parts add up, and each position's realized PnL and cost are the cash that moved.
    """
    books = Books()
    for number, step in enumerate(steps):
        if number == opened_after:
            books.open(amounts)
            books.assert_exact()
        if isinstance(step, Fill):
            books.fill(step, number)
        elif isinstance(step, Correction):
            books.correct(step)
        else:
            books.adjust(step, number)
        books.assert_exact()
    books.assert_read_back()
