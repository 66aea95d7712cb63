"""What a fill does to the episodes of its position."""

from __future__ import annotations

from fairlead.domain.episodes import Episode, side_of, split_fee
from fairlead.domain.ledger import Booking, Position, PositionChange
from fairlead.domain.orders import Order
from fairlead.domain.records import OrderFilled
from fairlead.kernel.core.state import EngineState


def fold_booking(
    state: EngineState, order: Order, position: Position, booking: Booking, record: OrderFilled
) -> None:
    """Fold what a fill did to its position into the episode it belongs to; a flip belongs to two."""
    change, number = booking.change, position.episode
    if change is PositionChange.FLIPPED:
        closing, opening = split_fee(record.fee, booking, record.settlement_decimals)
        ended = state.episodes[*position.key, number - 1]
        ended.leave(booking, record.ts_event)
        ended.charge(record.fee_currency, closing)
        _end(state, ended)
        episode = _begin(state, order, position, record)
        episode.enter(booking)
        episode.charge(record.fee_currency, opening)
        return
    if change is PositionChange.OPENED:
        episode = _begin(state, order, position, record)
    else:
        episode = state.episodes[*position.key, number]
    episode.charge(record.fee_currency, record.fee)
    if booking.closing_quantity:
        episode.leave(booking, record.ts_event)
    else:
        episode.enter(booking)
    if change is PositionChange.CLOSED:
        _end(state, episode)
    else:
        state.dirty.episodes[episode.key] = None


def _begin(state: EngineState, order: Order, position: Position, record: OrderFilled) -> Episode:
    """Begin the position's next episode, with what the order says about itself."""
    episode = Episode(
        *position.key,
        position.episode,
        order.owner,
        side_of(record.side),
        position.currency,
        record.ts_event,
        position.contract,
        order.note,
        order.tags,
        order.metadata,
    )
    state.episodes[episode.key] = episode
    state.dirty.episodes[episode.key] = None
    return episode


def _end(state: EngineState, episode: Episode) -> None:
    """Let an episode that is over leave memory as soon as its end is durable."""
    state.dirty.episodes[episode.key] = None
    state.ended[episode.key] = state.sequence
