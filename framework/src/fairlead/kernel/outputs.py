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
    Record,
)
from fairlead.kernel.effects import Effect
from fairlead.ports.store import OutboxRow

_SILENT: frozenset[type[Record]] = frozenset({AttemptStarted, CursorMoved, CheckValueChanged})
_KERNEL_SUBJECT = "kernel"


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


def outbox_rows(tag: str, sequence: int, record: Record, change: PositionChange | None) -> list[OutboxRow]:
    """Return the facts that notifiers are owed for one record."""
    if type(record) in _SILENT:
        return []
    subject = _subject(record)
    rows = [OutboxRow(f"{tag}-{sequence}", sequence, record.KIND, subject)]
    if change is not None:
        rows.append(OutboxRow(f"{tag}-{sequence}-position", sequence, f"position_{change.value}", subject))
    return rows


def _subject(record: Record) -> str:
    client_order_id: str | None = getattr(record, "client_order_id", None)
    if client_order_id is not None:
        return client_order_id
    if isinstance(record, AnomalyNoted):
        return record.subject
    return record.scope if isinstance(record, LockPlaced) else _KERNEL_SUBJECT
