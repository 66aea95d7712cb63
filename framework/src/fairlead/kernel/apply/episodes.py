"""What a fill does to the episodes of its position."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from fairlead.domain.episodes import Episode, side_of, split_fee
from fairlead.domain.ledger import Booking, Position, PositionChange
from fairlead.domain.order_kinds import OrderSide
from fairlead.kernel.core.state import EngineState


class Origin(Protocol):
    """What an episode takes over from what began it: an order, or an operator's correction."""

    @property
    def owner(self) -> str:
        """Return who began it."""

    @property
    def note(self) -> str:
        """Return what was said about it."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Return its tags."""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the bot's own data about it."""


class Booked(Protocol):
    """What was booked: a fill, or a correction, which has no fee."""

    @property
    def side(self) -> OrderSide:
        """Return which way it moved the position."""

    @property
    def fee(self) -> Decimal:
        """Return what was paid for it."""

    @property
    def fee_currency(self) -> str:
        """Return the currency of the fee, empty for that of the settlement."""

    @property
    def settlement_decimals(self) -> int:
        """Return the precision at which a partial close allots cost."""

    @property
    def ts_event(self) -> int:
        """Return when it happened."""


def fold_booking(
    state: EngineState, origin: Origin, position: Position, booking: Booking, record: Booked
) -> None:
    """Fold what a fill did to its position into the episode it belongs to; a flip belongs to two."""
    change, number = booking.change, position.episode
    if change is PositionChange.FLIPPED:
        closing, opening = split_fee(record.fee, booking, record.settlement_decimals)
        ended = state.episodes[*position.key, number - 1]
        ended.leave(booking, record.ts_event)
        ended.charge(record.fee_currency, closing)
        _end(state, ended)
        episode = _begin(state, origin, position, record)
        episode.enter(booking)
        episode.charge(record.fee_currency, opening)
        return
    if change is PositionChange.OPENED:
        episode = _begin(state, origin, position, record)
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


def _begin(state: EngineState, origin: Origin, position: Position, record: Booked) -> Episode:
    """Begin the position's next episode, with what its origin says about itself."""
    episode = Episode(
        *position.key,
        position.episode,
        origin.owner,
        side_of(record.side),
        position.currency,
        record.ts_event,
        position.contract,
        origin.note,
        origin.tags,
        origin.metadata,
    )
    state.episodes[episode.key] = episode
    state.dirty.episodes[episode.key] = None
    return episode


def _end(state: EngineState, episode: Episode) -> None:
    """Let an episode that is over leave memory as soon as its end is durable."""
    state.dirty.episodes[episode.key] = None
    state.ended[episode.key] = state.sequence
