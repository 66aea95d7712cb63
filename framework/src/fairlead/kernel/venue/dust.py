"""Positions that are dust, as the state tells: what a closing at the market would leave, and nothing else."""

from __future__ import annotations

from fairlead.domain.dust import is_dust
from fairlead.domain.ledger import Position
from fairlead.domain.reconciliation import Found, PositionEntry
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.closings import exit_price

CONCLUDED = "too small to be traded"


def dust_of(state: EngineState, market: Market, now_ns: int) -> list[PositionEntry]:
    """Return every position of which the venue would take no exit now, with no order at work on it."""
    return [
        PositionEntry(Found.DUST, position.symbol, position.book, position.quantity, None, CONCLUDED)
        for position in state.positions.values()
        if position.quantity and not _is_worked_on(position) and _is_left(state, position, market, now_ns)
    ]


def _is_worked_on(position: Position) -> bool:
    return bool(position.pending_openings or position.reserved_exit)


def _is_left(state: EngineState, position: Position, market: Market, now_ns: int) -> bool:
    instrument = state.instruments.get(position.symbol)
    size, price = position.quantity.copy_abs(), exit_price(state, position, market, now_ns)
    return instrument is not None and is_dust(instrument, size, price, reduces=True)
