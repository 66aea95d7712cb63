"""What a step gives out once it is durable: effects, answers, events, outbox rows."""

from __future__ import annotations

import asyncio

import attrs

from fairlead.domain.events import Event
from fairlead.domain.ledger import PositionChange
from fairlead.domain.records import (
    AnomalyNoted,
    AttemptStarted,
    CheckValueChanged,
    CursorMoved,
    LockPlaced,
    OrderFilled,
    Record,
)
from fairlead.kernel.effects import Effect
from fairlead.ports.store import OutboxRow

_SILENT: tuple[type[Record], ...] = (AttemptStarted, CursorMoved, CheckValueChanged)
_KERNEL_SUBJECT = "kernel"


@attrs.define(slots=True)
class Delivery:
    """A future to be completed, with the snapshot that was true at its step."""

    future: asyncio.Future[object]
    value: object


@attrs.define(slots=True)
class StepOutput:
    """Everything one step gives out."""

    sequence: int
    effects: list[Effect]
    deliveries: list[Delivery]
    events: list[Event]


def outbox_rows(tag: str, sequence: int, record: Record, change: PositionChange | None) -> list[OutboxRow]:
    """Return the facts that notifiers are owed for one record."""
    if isinstance(record, _SILENT):
        return []
    subject = _subject(record)
    rows = [OutboxRow(f"{tag}-{sequence}", sequence, record.KIND, subject)]
    if change is not None and isinstance(record, OrderFilled):
        rows.append(OutboxRow(f"{tag}-{sequence}-position", sequence, f"position_{change.value}", subject))
    return rows


def _subject(record: Record) -> str:
    if isinstance(record, AnomalyNoted):
        return record.subject
    if isinstance(record, LockPlaced):
        return record.scope
    return getattr(record, "client_order_id", _KERNEL_SUBJECT)
