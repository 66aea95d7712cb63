"""Facts: what risk checks are told, so that none has to keep books of its own.

Every journal record is a fact, in journal order. After a record come the facts that follow from it: what
a fill did to its position, the end and the beginning of an episode, the end of an order. Only their
consequences for a check's value are journaled, so a restart tells nothing twice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fairlead.domain.episodes import EpisodeView
from fairlead.domain.ledger import PositionChange
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.records import RECORD_CLASSES, Record
from fairlead.domain.values import Value


class PositionMoved(Value):
    """A fill moved a position: how it stands now, and what this fill realized (before fees)."""

    KIND: ClassVar[str] = "position_moved"
    change: PositionChange
    position: PositionView
    realized_pnl: Decimal


class EpisodeBegan(Value):
    """A position was opened, or turned round."""

    KIND: ClassVar[str] = "episode_began"
    episode: EpisodeView


class EpisodeEnded(Value):
    """A position was closed, or turned round: one trade's final figures, told once."""

    KIND: ClassVar[str] = "episode_ended"
    episode: EpisodeView


class OrderEnded(Value):
    """An order is closed: filled, canceled, expired, refused, or never placed. A denied one never began."""

    KIND: ClassVar[str] = "order_ended"
    order: OrderView


Derived = PositionMoved | EpisodeBegan | EpisodeEnded | OrderEnded
Fact = Record | Derived

FACT_CLASSES: tuple[type[Fact], ...] = (
    *RECORD_CLASSES,
    PositionMoved,
    EpisodeBegan,
    EpisodeEnded,
    OrderEnded,
)
