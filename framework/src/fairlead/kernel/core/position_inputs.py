"""Inputs about the history of positions: what is said about them, and what is kept of them."""

from __future__ import annotations

from fairlead.domain.episodes import EpisodeKey
from fairlead.domain.remarks import Annotation
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.domain.values import Value


class Annotate(Value):
    """Someone wants to say something about an order, or else about an episode; both are in memory.

    The *operator* may do so whoever owns it.
    """

    by: str
    wanted: Annotation
    client_order_id: str = ""
    episode: EpisodeKey | None = None
    command_id: int = 0
    idempotency_key: str = ""
    command_digest: str = ""
    operator: bool = False


class DayTurned(Value):
    """A trading day begins with this step; part of another input's step."""

    began_ns: int
    ends_ns: int


class SnapshotsTaken(Value):
    """Snapshots of open positions were gathered and are to be kept."""

    snapshots: tuple[PositionSnapshot, ...]
