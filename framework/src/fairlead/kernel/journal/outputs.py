"""What a step gives out once it is durable: effects, answers, events, outbox rows."""

from __future__ import annotations

import asyncio

import attrs

from fairlead.domain.command_records import EpisodeAnnotated
from fairlead.domain.events import Event
from fairlead.domain.ledger import PositionChange, PositionKey
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import (
    AnomalyNoted,
    AttemptStarted,
    BudgetSpent,
    CheckValueChanged,
    CursorMoved,
    LockPlaced,
    PositionsSnapshotted,
    QueryPaced,
    Record,
    TradingDayBegan,
)
from fairlead.kernel.core.effects import Effect
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.figures import order_figures, position_figures
from fairlead.ports.store import OutboxRow

_SILENT: frozenset[type[Record]] = frozenset(
    {
        AttemptStarted,
        CursorMoved,
        CheckValueChanged,
        BudgetSpent,
        QueryPaced,
        PositionsSnapshotted,
        TradingDayBegan,
    }
)
_KERNEL_SUBJECT = "kernel"
_POSITION_KINDS = {change: f"position_{change.value}" for change in PositionChange}


@attrs.define(slots=True)
class Delivery:
    """A future to be completed, with the snapshot that was true at its step.

    *client_order_id* is set when someone waits for an order rather than for a command's answer: if
    the step is discarded, the wait goes on.
    """

    future: asyncio.Future[object]
    value: object
    client_order_id: str = ""
    until_closed: bool = False


@attrs.define(slots=True)
class StepOutput:
    """Everything one step gives out."""

    sequence: int
    effects: list[Effect]
    deliveries: list[Delivery]
    events: list[Event]


def add_outbox_rows(
    outbox: list[OutboxRow],
    state: EngineState,
    record: Record,
    client_order_id: str | None,
    change: PositionChange | None,
) -> None:
    """Add the facts that notifiers are owed for one record, just applied, with how it stands at its step."""
    if type(record) in _SILENT:
        return
    sequence = state.sequence
    event_id = f"{state.account_tag}-{sequence}"
    if client_order_id is None:
        outbox.append(OutboxRow(event_id, sequence, record.KIND, _subject(record)))
        if change is not None and isinstance(record, PositionCorrected):
            outbox.append(_position_row(state, event_id, change, "", (record.symbol, record.book, "")))
        return
    order = state.orders.get(client_order_id)
    figures = "" if order is None else order_figures(order)
    outbox.append(OutboxRow(event_id, sequence, record.KIND, client_order_id, figures))
    if change is not None and order is not None:
        outbox.append(_position_row(state, event_id, change, client_order_id, order.key))


def _position_row(
    state: EngineState, event_id: str, change: PositionChange, subject: str, key: PositionKey
) -> OutboxRow:
    """Return the fact that a position changed; its subject is the order that did it, else the kernel."""
    figures = position_figures(state.positions[key])
    kind = _POSITION_KINDS[change]
    return OutboxRow(f"{event_id}-position", state.sequence, kind, subject or _KERNEL_SUBJECT, figures)


def _subject(record: Record) -> str:
    if isinstance(record, AnomalyNoted):
        return record.subject
    if isinstance(record, EpisodeAnnotated):
        return " ".join(part for part in record.key[:3] if part)
    return record.scope if isinstance(record, LockPlaced) else _KERNEL_SUBJECT
