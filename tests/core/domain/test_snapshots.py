"""A snapshot says how a position stood: all of it, and its price only where there was one."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from fairlead.domain.ledger import Position
from fairlead.domain.marks import Mark
from fairlead.domain.snapshots import PositionSnapshot, snapshot_of

D = Decimal
HELD = attrs.evolve(
    Position("BTC/USDT", "bot", "USDT", D(2), D(200), position_id="p1"),
    realized_pnl=D(7),
    fees=D(3),
    episode=4,
)
FIGURES = ("BTC/USDT", "bot", "p1", 99, 4, "USDT", D(2), D(200), D(7), D(3))


@pytest.mark.parametrize("usable", [True, False])
def test_a_position_with_a_price_is_snapshotted_at_what_it_is_worth(*, usable: bool) -> None:
    """With how old the price was and whether it counts: a stale one is told, and told to be so."""
    snapshot = snapshot_of(HELD, Mark(D(90), D(180), D(-20), 6, usable), 99)
    assert snapshot == PositionSnapshot(*FIGURES, D(90), D(-20), 6, usable)


def test_a_position_without_a_price_is_snapshotted_all_the_same() -> None:
    """Nothing is made up: no price, no worth, no age, and nothing to rely on."""
    assert snapshot_of(HELD, None, 99) == PositionSnapshot(*FIGURES, None, None, 0, False)
