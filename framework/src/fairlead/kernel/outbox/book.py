"""What is kept of a notifier and of a delivery, and the rows that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from fairlead.ports.store import Row


class DeliveryState(StrEnum):
    """What became of a notice that did not go at once."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Nobody tries it again, unless an operator has it replayed."""
    DISCARDED = "discarded"
    """An operator gave it up."""


@attrs.define(slots=True)
class NotifierAccount:
    """How far one notifier has been told, and how it fares.

    Up to *mark*, a journal sequence, it is owed nothing but what rows of deliveries hold.
    """

    name: str
    mark: int
    disabled: bool = False
    reason: str = ""
    failures: int = 0
    failing_since_ns: int = 0
    circuit_until_ns: int = 0
    updated_ns: int = 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> NotifierAccount:
        """Return the account of a row."""
        return cls(*(row[field.name] for field in attrs.fields(cls)))

    def row(self, now_ns: int) -> Row:
        """Return the row as it is now."""
        self.updated_ns = now_ns
        return Row("notifiers", attrs.astuple(self))


@attrs.define(slots=True)
class Delivery:
    """One notice that did not go at once: what was tried, and when it is tried again."""

    notifier: str
    sequence: int
    event_id: str
    kind: str
    subject: str
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_at_ns: int = 0
    detail: str = ""
    created_ns: int = 0
    updated_ns: int = 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Delivery:
        """Return the delivery of a row."""
        values = {field.name: row[field.name] for field in attrs.fields(cls)}
        return cls(**{**values, "state": DeliveryState(values["state"])})

    def row(self, now_ns: int) -> Row:
        """Return the row as it is now."""
        self.created_ns = self.created_ns or now_ns
        self.updated_ns = now_ns
        values = {**attrs.asdict(self), "state": self.state.value}
        return Row.of("deliveries", {**values, "live": self.state is DeliveryState.PENDING})
