"""Events: what a bot is told, after the fact is durable."""

from __future__ import annotations

from fairlead.domain.episodes import EpisodeView
from fairlead.domain.ledger import PositionChange
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.records import OrderFilled, Record
from fairlead.domain.values import Value


class OrderChanged(Value):
    """An order began, moved, or had a request made about it."""

    sequence: int
    ts_ns: int
    order: OrderView
    record: Record


class FillBooked(Value):
    """A trade was booked on an order and its position."""

    sequence: int
    ts_ns: int
    fill: OrderFilled
    order: OrderView


class PositionChanged(Value):
    """A fill opened, changed, closed or flipped a position.

    *episode* is the one that is open now, *ended* the one that this fill ended: a flip has both.
    """

    sequence: int
    ts_ns: int
    change: PositionChange
    position: PositionView
    episode: EpisodeView | None = None
    ended: EpisodeView | None = None


class EpisodeRemarked(Value):
    """Somebody annotated an episode of a position, open or over."""

    sequence: int
    ts_ns: int
    by: str
    episode: EpisodeView


class KernelChanged(Value):
    """Trading state, anomalies, reconciliation and refused commands."""

    sequence: int
    ts_ns: int
    record: Record


class EventsMissed(Value):
    """A slow reader lost this many events; catch up from the journal after *after_sequence*."""

    count: int
    after_sequence: int


Event = OrderChanged | FillBooked | PositionChanged | EpisodeRemarked | KernelChanged
