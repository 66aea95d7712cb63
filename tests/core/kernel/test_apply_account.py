"""The fold of the account: the opening inventory, adjustments, and fills that it holds already."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.records import AttemptStarted
from fairlead.kernel.apply.apply import apply
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, at, fill, order

D = Decimal
MAIN = f"{BTC} main"


def opened(asked_ns: int, **amounts: int) -> InventoryOpened:
    """Return the record of what was there before the kernel."""
    return InventoryOpened(tuple((asset, D(amount)) for asset, amount in amounts.items()), asked_ns)


def test_the_inventory_is_what_balances_begin_with() -> None:
    """What was folded before stays on top; what the ledger listed is part of it, if it was read."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9), fill())
    assert fold.changes(opened(60, BTC=2, USDT=1000)) == {
        **at("openings", BTC=D(2), USDT=D(1000)),
        **at("balances", BTC=D(3), USDT=D("899.5")),
        "dirty.balances": ["BTC", "USDT"],
        "dirty.inventory": ["BTC", "USDT"],
        "dirty.settings": ["inventory_asked_ns"],
        "inventory_ns": 60,
    }
    listed = InventoryOpened((), 70, ("L1",))
    assert fold.changes(listed) == {
        "dirty.settings": ["inventory_asked_ns", "inventory_listed"],
        "inventory_ns": 70,
        "inventory_listed": frozenset({"L1"}),
    }


def test_an_adjustment_moves_its_balance_and_adds_up() -> None:
    """Each entry is kept with its record's sequence; the inventory's row tells the sum."""
    fold = Fold(opened(5, USDT=100))
    first = AdjustmentBooked("L1", AdjustmentKind.DEPOSIT, "USDT", D(7), 3, "in")
    second = AdjustmentBooked("L2", AdjustmentKind.WITHDRAWAL, "USDT", D(-2), 4, "out")
    assert fold.changes(first) == {
        "balances.USDT": D(107),
        "adjusted.USDT": D(7),
        "adjustments.L1": (first, 2),
        "dirty.balances": ["USDT"],
        "dirty.inventory": ["USDT"],
        "dirty.adjustments": ["L1"],
    }
    changes = fold.changes(second)
    assert (changes["balances.USDT"], changes["adjusted.USDT"]) == (D(105), D(5))


@pytest.mark.parametrize(
    ("made_ns", "ts_event", "btc"),
    [
        (1, 76, 4),  # older than the inventory, of an order that is older as well: it was counted
        (76, 76, 4),
        (1, 77, 5),  # of the very time at which the venue was asked
        (77, 76, 5),  # of an order made after that, whatever the venue's clock says
    ],
)
def test_a_late_fill_of_before_the_inventory_is_part_of_it(made_ns: int, ts_event: int, btc: int) -> None:
    """The position has it, and what was there when the venue was asked had it already: balances stay."""
    fold = Fold()
    apply(fold.state, order(), made_ns)
    fold.changes(AttemptStarted("x", 1, 5, 9))
    fold.changes(opened(77, BTC=4, USDT=1000))
    changes = fold.changes(fill(ts_event=ts_event, fee_currency="BNB"))
    assert changes[f"positions.{MAIN}.quantity"] == D(1)
    if btc == 4:
        assert fold.state.balances == {"BTC": D(4), "USDT": D(1000), "BNB": D(0)}
        assert fold.state.openings == {"BTC": D(3), "USDT": D(1100), "BNB": D("0.5")}
        assert changes["dirty.inventory"] == ["BTC", "USDT", "BNB"]
    else:
        assert fold.state.balances == {"BTC": D(5), "USDT": D(900), "BNB": D("-0.5")}
        assert fold.state.openings == {"BTC": D(4), "USDT": D(1000)}


def test_the_past_of_an_order_that_was_taken_over_is_part_of_the_inventory() -> None:
    """It is younger here than it is at the venue, so its fills count by their own time alone."""
    fold = Fold(opened(5, BTC=4), order(), AttemptStarted("x", 1, 5, 9))
    fold.state.orders["x"].adopted = True
    fold.changes(fill(ts_event=4))
    assert fold.state.balances == {"BTC": D(4), "USDT": D(0)}
    assert fold.state.openings == {"BTC": D(3), "USDT": D("100.5")}
    fold.changes(fill("x", "T2", ts_event=5))
    assert fold.state.balances["BTC"] == D(5)


def test_an_order_made_while_the_clock_was_set_back_is_younger_than_the_inventory() -> None:
    """Its fills came after, whatever the clock says: the inventory's time gives way."""
    fold = Fold(opened(15, BTC=1))
    changes = fold.changes(order())
    assert "inventory_ns" not in changes
    fold.state.inventory_ns = 35
    changes = fold.changes(order("y"))
    assert changes["inventory_ns"] == 30
    assert changes["dirty.settings"] == ["inventory_asked_ns"]
    fold.state.inventory_ns = 40
    assert "dirty.settings" not in fold.changes(order("z")), (
        "it was made in the very instant: nothing gives way"
    )
