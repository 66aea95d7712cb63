"""By what a trade is known again when it is told twice, and what its row says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.kernel.core.fill_rows import fill_digest
from fairlead.ports.exchange import FillReport
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import fill

D = Decimal
TOLD = FillReport(
    "x", "V1", "T1", BTC, OrderSide.BUY, D("1.50"), D("1E+2"), None, D("0.50"), "USDT", Liquidity.MAKER, 77
)
BOOKED = fill(quantity=D("1.5"), price=D(100), fee=D("0.5"))


def test_a_trade_is_the_same_with_other_zeros() -> None:
    """Told by the venue, or booked in the currency of its value: one word for side, figures and fee."""
    assert fill_digest(TOLD) == fill_digest(BOOKED) == "buy:1.5@100-0.5USDT"
    assert fill_digest(replace(BOOKED, fee_currency="USDT")) == fill_digest(BOOKED)


@pytest.mark.parametrize(
    ("changes", "digest"),
    [
        ({"side": OrderSide.SELL}, "sell:1.5@100-0.5USDT"),
        ({"quantity": D(2)}, "buy:2@100-0.5USDT"),
        ({"price": D(101)}, "buy:1.5@101-0.5USDT"),
        ({"fee": D(-1)}, "buy:1.5@100--1USDT"),
        ({"fee_currency": "BNB"}, "buy:1.5@100-0.5BNB"),
        ({"fee_currency": "BTC"}, "buy:1.5@100-0.5BTC"),
        ({"fee": D("0.00"), "fee_currency": "BNB"}, "buy:1.5@100-0"),  # nothing has no currency
    ],
)
def test_a_trade_with_another_figure_is_noticed(changes: dict[str, object], digest: str) -> None:
    """The same trade id with any other figure is told apart."""
    assert fill_digest(replace(TOLD, **changes)) == fill_digest(replace(BOOKED, **changes)) == digest


def test_a_fee_whose_currency_the_venue_does_not_say_has_none() -> None:
    """Booked, it is in the currency of the value: so the same trade with a currency is another word."""
    assert fill_digest(replace(TOLD, fee_currency="")) == "buy:1.5@100-0.5"
    assert fill_digest(replace(BOOKED, fee_currency="")) == "buy:1.5@100-0.5USDT"


def test_what_changes_no_figure_is_the_same_trade() -> None:
    """When it was, which id the order has there, and who made the market may be told otherwise later."""
    again = replace(TOLD, venue_order_id="V2", ts_event=99, liquidity=Liquidity.TAKER, value=D(150))
    assert fill_digest(again) == fill_digest(TOLD)
