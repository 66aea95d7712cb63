"""What a step gives out once it is durable: effects, answers, events, outbox rows."""

from __future__ import annotations

import asyncio

import attrs

from fairlead.domain.command_records import EpisodeAnnotated
from fairlead.domain.events import Event
from fairlead.domain.ledger import PositionChange
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
    tag: str,
    sequence: int,
    record: Record,
    client_order_id: str | None,
    change: PositionChange | None,
) -> None:
    """Add the facts that notifiers are owed for one record."""
    if type(record) in _SILENT:
        return
    subject = _subject(record) if client_order_id is None else client_order_id
    event_id = f"{tag}-{sequence}"
    outbox.append(OutboxRow(event_id, sequence, record.KIND, subject))
    if change is not None:
        kind = _POSITION_KINDS[change]
        outbox.append(OutboxRow(f"{event_id}-position", sequence, kind, subject))


def _subject(record: Record) -> str:
    if isinstance(record, AnomalyNoted):
        return record.subject
    if isinstance(record, EpisodeAnnotated):
        return " ".join(part for part in record.key[:3] if part)
    return record.scope if isinstance(record, LockPlaced) else _KERNEL_SUBJECT
