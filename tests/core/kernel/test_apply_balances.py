"""The fold of fills into balances: what changes hands, what is settled, and fees in other currencies."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.records import AttemptStarted
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import CONTRACT, Fold, fill, fill_row, order, sold

D = Decimal
SELL = OrderSide.SELL
MAIN = f"{BTC} main"
FIRST = f"episodes.{MAIN} 1"


@pytest.mark.parametrize(
    ("currency", "held", "balances"),
    [
        ("BTC", D("0.5"), {"BTC": D("0.5"), "USDT": D(-100)}),  # paid out of what was bought
        ("BNB", D(1), {"BTC": D(1), "USDT": D(-100), "BNB": D("-0.5")}),
    ],
)
def test_a_fee_in_another_currency_is_kept_by_currency(
    currency: str, held: Decimal, balances: dict[str, Decimal]
) -> None:
    """On order, position and episode; it is paid from that balance, and the cost stays what was paid."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9))
    changes = fold.changes(fill(fee_currency=currency))
    fees = ((currency, D("0.5")),)
    for path in ("orders.x", f"positions.{MAIN}", FIRST):
        assert changes[f"{path}.other_fees"] == fees
        assert f"{path}.fees" not in changes
    assert changes[f"positions.{MAIN}.quantity"] == changes[f"{FIRST}.entry_quantity"] == held
    assert changes[f"positions.{MAIN}.cost"] == D(100)
    assert fold.state.balances == balances
    assert set(changes["dirty.balances"]) == set(balances)  # type: ignore[call-overload]  # a list
    assert changes["dirty.fills"] == fill_row("T1", 3, 1, f"buy:1@100-0.5{currency}", fee_currency=currency)


def test_a_contract_settles_what_it_realizes_less_its_fee() -> None:
    """No coin changes hands: only the settlement currency moves, and only by result and fee."""
    terms = {"contract": CONTRACT}
    fold = Fold(order(**terms), AttemptStarted("x", 1, 5, 9))
    opened = fold.changes(fill(base="", value=D(1000)))
    assert opened[f"positions.{MAIN}.contract"] == opened[f"{FIRST}.contract"] == CONTRACT
    assert opened["balances.USDT"] == D("-0.5")
    assert opened["dirty.balances"] == ["USDT"]
    assert not [path for path in opened if path.startswith("promise")]
    fold.changes(order("y", side=SELL, limit_price=D(110), reduces=True, **terms))
    closed = fold.changes(sold(base="", value=D(1100), price=D(110), fee=D(2)))
    assert closed[f"positions.{MAIN}.realized_pnl"] == D(100)
    assert closed["balances.USDT"] == D("97.5")
