"""The facts that follow from a record, for the checks that keep a value."""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead.domain.episodes import episode_view
from fairlead.domain.facts import Derived, EpisodeBegan, EpisodeEnded, OrderEnded, PositionMoved
from fairlead.domain.ledger import PositionChange, PositionKey
from fairlead.domain.numbers import ZERO, subtract
from fairlead.domain.orders import Order, view_of
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import Record
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.position_events import position_view

_ENDS = {PositionChange.CLOSED: 0, PositionChange.FLIPPED: 1}
_BEGINS = frozenset({PositionChange.OPENED, PositionChange.FLIPPED})


@attrs.define(slots=True)
class Before:
    """What has to be known of an order and its position before a record about it is applied."""

    key: PositionKey
    order: Order | None
    was_live: bool
    realized_pnl: Decimal


def before(state: EngineState, record: Record) -> Before | None:
    """Return what the record may change, or nothing when it is about no order in memory and no position."""
    order = state.orders.get(getattr(record, "client_order_id", ""))
    if order is not None:
        key = order.key
    elif type(record) is PositionCorrected:
        key = record.symbol, record.book, ""
    else:
        return None
    position = state.positions.get(key)
    realized = ZERO if position is None else position.realized_pnl
    return Before(key, order, order is not None and order.state.is_live, realized)


def facts_after(state: EngineState, known: Before, change: PositionChange | None) -> list[Derived]:
    """Return the facts that follow from a record that was just applied, in the order to tell them."""
    facts: list[Derived] = []
    if change is not None:
        position = state.positions[known.key]
        realized = subtract(position.realized_pnl, known.realized_pnl)
        facts.append(PositionMoved(change, position_view(position), realized))
        if change in _ENDS:
            ended = state.episodes[*position.key, position.episode - _ENDS[change]]
            facts.append(EpisodeEnded(episode_view(ended)))
        if change in _BEGINS:
            facts.append(EpisodeBegan(episode_view(state.episodes[*position.key, position.episode])))
    order = known.order
    if order is not None and known.was_live and not order.state.is_live:
        facts.append(OrderEnded(view_of(order)))
    return facts
