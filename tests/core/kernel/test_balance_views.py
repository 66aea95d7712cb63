"""What is told of balances: what was there, what moved it, and what the venue says besides."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.account import AdjustmentKind, BalanceView
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.order_kinds import OrderSide
from fairlead.kernel.core.holdings import Holdings
from fairlead.kernel.engine.balance_views import balances_of
from fairlead.ports.account import VenueBalance
from tests.core.kernel.folding import Fold

D = Decimal
SELL = OrderSide.SELL


def test_balances_are_told_by_name_with_what_they_come_from() -> None:
    """Opening, adjustments and their sum with the fills; beside it what the venue said, and the drift."""
    state = Fold(
        InventoryOpened((("USDT", D(1000)), ("BTC", D(4))), 5),
        AdjustmentBooked("L1", AdjustmentKind.DEPOSIT, "USDT", D(7), 6, ""),
        AdjustmentBooked("L2", AdjustmentKind.FUNDING, "ADA", D(1), 6, ""),
    ).state
    ada = BalanceView("ADA", D(0), D(1), D(1))
    btc = BalanceView("BTC", D(4), D(0), D(4))
    usdt = BalanceView("USDT", D(1000), D(7), D(1007))
    assert balances_of(state) == (ada, btc, usdt)
    told = {"USDT": VenueBalance(D(1010), D(50)), "XRP": VenueBalance(D(2), D(1))}
    state.holdings = Holdings(told, {"USDT": D(1006), "BTC": D(3)}, 5, {})
    assert balances_of(state) == (
        _with(ada, 0, 0, 0),
        _with(btc, 0, 0, -3),
        _with(usdt, 1010, 50, 4),
        _with(BalanceView("XRP", D(0), D(0), D(0)), 2, 1, 2),
    )


def _with(view: BalanceView, total: int, locked: int, drift: int) -> BalanceView:
    return BalanceView(
        view.asset, view.opening, view.adjustments, view.derived, D(total), D(locked), D(drift)
    )
