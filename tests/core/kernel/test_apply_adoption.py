"""The fold of what was not sent by us: orders that were taken over, and corrections of a position."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.account_records import InventoryOpened
from fairlead.domain.episodes import PositionSide
from fairlead.domain.ledger import PositionChange
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.reconcile_records import OrderAdopted
from fairlead.kernel.apply.apply import apply
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import CONTRACT, Fold, at, corrected, fill, moved, order
from tests.core.kernel.test_apply_orders import COMMON, NEW, RESERVED, TERMS

D = Decimal
SELL = OrderSide.SELL
MAIN = f"{BTC} main"
FIRST = f"episodes.{MAIN} 1"


def opened(asked_ns: int, **amounts: int) -> InventoryOpened:
    """Return the record of what was there before the kernel."""
    return InventoryOpened(tuple((asset, D(amount)) for asset, amount in amounts.items()), asked_ns)


def test_a_correction_of_a_pair_takes_from_the_inventory() -> None:
    """The position has it and an episode of the operator's; balances stay, for no coin changed hands."""
    fold = Fold(opened(5, BTC=4, USDT=1000))
    assert fold.changes(corrected()) == {
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", symbol=BTC, book="main", currency="USDT", quantity=D(1), cost=D(100)),
        **at(f"positions.{MAIN}", episode=1, opened_ns=66),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, symbol=BTC, book="main", number=1, owner="operator", side=PositionSide.LONG),
        **at(FIRST, currency="USDT", opened_ns=66, note="counted", fills=1),
        **at(FIRST, entry_quantity=D(1), entry_value=D(100), peak_quantity=D(1)),
        **at("openings", BTC=D(3), USDT=D(1100)),
        "dirty.balances": ["BTC", "USDT"],
        "dirty.inventory": ["BTC", "USDT"],
        "exposed_total": 1,
        f"exposed_by_symbol.{BTC}": 1,
        f"net_by_symbol.{BTC}": D(1),
    }


def test_a_correction_of_a_contract_settles_what_it_realizes() -> None:
    """An opening realizes nothing; a closing does, and the position bears the contract's terms."""
    fold = Fold(opened(5, USDT=1000))
    begins = fold.changes(corrected(base="", value=D(1000), contract=CONTRACT))
    assert begins[f"positions.{MAIN}.contract"] == CONTRACT
    assert fold.state.balances == {"USDT": D(1000)}
    ends = fold.changes(corrected(base="", value=D(1100), contract=CONTRACT, side=SELL, ts_event=88))
    assert ends["balances.USDT"] == D(1100)
    assert "openings.USDT" not in ends
    assert ends[f"{FIRST}.closed_ns"] == 88
    assert ends["exposed_total"] == ends[f"exposed_by_symbol.{BTC}"] == 0
    assert apply(fold.state, corrected(), 99) is PositionChange.OPENED


def test_a_correction_without_a_contracts_terms_leaves_those_that_are_known() -> None:
    """An earlier version wrote none: what the position knows stays."""
    fold = Fold(corrected(base="", value=D(1000), contract=CONTRACT))
    assert f"positions.{MAIN}.contract" not in fold.changes(corrected(base="", value=D(1000)))
    fold.changes(order())
    assert f"positions.{MAIN}.contract" not in fold.changes(fill(base=""))
    assert fold.state.positions[BTC, "main", ""].contract == CONTRACT


def adopted(name: str = "x", note: str = "found") -> OrderAdopted:
    """Return the record of an order that an operator took over."""
    return OrderAdopted(
        **{**COMMON, "client_order_id": name},  # type: ignore[arg-type]  # fields of several types
        **TERMS,  # type: ignore[arg-type]  # same
        venue_order_id="V1",
        venue_client_order_id="theirs",
        by="operator",
        note=note,
    )


def test_an_order_that_was_taken_over_works_with_the_venues_terms() -> None:
    """From here on it is ours, and as young as can be; reports may be about such orders from the first on."""
    fold = Fold()
    assert fold.changes(adopted()) == {
        **moved(1, **COMMON, **TERMS, **NEW, state=OrderState.WORKING, venue_order_id="V1"),
        **at("orders.x", adopted=True, not_before_ns=10, detail="taken over by operator: found"),
        **RESERVED,
        "dirty.settings": ["adopts", "owner:bot"],
        "adopts": True,
        f"leaves.{MAIN} sell": D(3),
        f"positions.{MAIN}.reserved_exit": D(3),
        f"reserved_by_symbol.{BTC}": D(3),
        f"reduce_only.{MAIN}": ["x"],
    }
    second = fold.changes(adopted("y", note=""))
    assert second["orders.y.detail"] == "taken over by operator"
    assert "dirty.settings" not in second
