"""What is told of positions: snapshots of them, and the event of a fill that changed one."""

from __future__ import annotations

from fairlead.domain.episodes import EpisodeView, episode_view
from fairlead.domain.events import PositionChanged
from fairlead.domain.ledger import Position, PositionChange, PositionKey
from fairlead.domain.orders import PositionView
from fairlead.kernel.core.state import EngineState

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
