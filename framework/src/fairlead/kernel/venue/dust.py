"""Dust: positions of which the venue would take no order, as the state tells."""

from __future__ import annotations

from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import Position
from fairlead.domain.reconciliation import Found, PositionEntry
from fairlead.kernel.core.state import EngineState

CONCLUDED = "too small to be traded"


def dust_of(state: EngineState) -> list[PositionEntry]:
    """Return every position that is below the venue's minimum quantity or lot step, with no order at work."""
    found = []
    for position in state.positions.values():
        instrument = state.instruments.get(position.symbol)
        if instrument is not None and is_dust(position, instrument):
            entry = PositionEntry(
                Found.DUST, position.symbol, position.book, position.quantity, None, CONCLUDED
            )
            found.append(entry)
    return found


def is_dust(position: Position, instrument: Instrument) -> bool:
    """Tell whether the venue would take no order for what is held, and none that would add is at work.

    Costs are of no account: what a position is worth moves with the price.
    """
    if not position.quantity or position.pending_openings:
        return False
    size = position.quantity.copy_abs()
    return size < instrument.minimum_quantity or size < instrument.quantity_increment
