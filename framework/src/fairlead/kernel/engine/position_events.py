"""What is told of positions: snapshots of them, and the event of a fill that changed one."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from msgspec.structs import replace

from fairlead.domain.episodes import EpisodeView, episode_view
from fairlead.domain.events import PositionChanged
from fairlead.domain.ledger import Position, PositionChange, PositionKey
from fairlead.domain.marks import mark
from fairlead.domain.numbers import ZERO
from fairlead.domain.orders import PositionView
from fairlead.domain.prices import Price
from fairlead.kernel.core.state import EngineState


class Latest(Protocol):
    """Where the latest price of a symbol comes from."""

    def latest(self, symbol: str) -> Price | None:
        """Return what is known of the symbol's price."""


_ENDS = {PositionChange.CLOSED: 0, PositionChange.FLIPPED: 1}
"""How far back from the position's last episode the one lies that a fill ended."""


def position_view(position: Position) -> PositionView:
    """Return a snapshot of the position."""
    return PositionView(
        position.symbol,
        position.book,
        position.currency,
        position.quantity,
        position.cost,
        position.average_entry_price,
        position.realized_pnl,
        position.fees,
        position.episode,
        position.opened_ns,
        position.closed_ns,
        position.pending_openings,
        position.reserved_exit,
        position.other_fees,
        position.contract,
        position_id=position.position_id,
    )


def marked_view(state: EngineState, position: Position, prices: Latest) -> PositionView:
    """Return a snapshot of the position, marked to the market of this moment when it is open."""
    view = position_view(position)
    instrument = state.instruments.get(position.symbol)
    if instrument is None or not position.is_open:
        return view
    price = prices.latest(position.symbol)
    if price is None:
        return view
    return replace(view, mark=mark(position, price, instrument.settlement_decimals))


def net_quantity(state: EngineState, symbol: str) -> Decimal:
    """Return what all positions of a symbol come to, signed."""
    return state.net_by_symbol.get(symbol, ZERO)


def open_episode(state: EngineState, key: PositionKey) -> EpisodeView | None:
    """Return a snapshot of the open episode of a position, or nothing when it is flat."""
    position = state.positions.get(key)
    if position is None or not position.is_open:
        return None
    return episode_view(state.episodes[*key, position.episode])


def position_changed(
    state: EngineState, position: Position, change: PositionChange, now_ns: int
) -> PositionChanged:
    """Return the event of a fill that was just applied, with the episodes that it is about."""
    number = position.episode
    back = _ENDS.get(change)
    ended = None if back is None else episode_view(state.episodes[*position.key, number - back])
    running = open_episode(state, position.key)
    return PositionChanged(state.sequence, now_ns, change, position_view(position), running, ended)
