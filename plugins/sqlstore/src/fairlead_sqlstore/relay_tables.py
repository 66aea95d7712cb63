"""The tables of what notifiers are owed, as SQLModel classes; see `fairlead_sqlstore.tables`."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from fairlead_sqlstore.columns import FairleadTable, flag, integer, text


class NotifierRow(FairleadTable, table=True):
    """How far a notifier has been told, and how it fares."""

    __tablename__: ClassVar[Any] = "notifiers"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    name: str = text("the notifier", primary_key=True)
    mark: int = integer("up to this journal record it owes nothing but what stands in deliveries")
    disabled: bool = flag("whether it is told nothing until an operator enables it")
    reason: str = text('why it is disabled, or ""')
    failures: int = integer("failed attempts in a row")
    failing_since_ns: int = integer("since when it fails, or 0")
    circuit_until_ns: int = integer("until when nothing is tried, or 0")
    updated_ns: int = integer("when this row changed last")


class DeliveryRow(FairleadTable, table=True):
    """A notice that was not delivered at once: what became of it, and when it is tried again."""

    __tablename__: ClassVar[Any] = "deliveries"
    __table_args__: ClassVar[Any] = (
        Index(None, "notifier", "live", "subject"),
        {"sqlite_with_rowid": False},
    )

    notifier: str = text("who is told", primary_key=True)
    sequence: int = Field(
        sa_type=BigInteger, primary_key=True, description="the journal record that it tells about"
    )
    event_id: str = text("the fact, as in the outbox", primary_key=True)
    kind: str = text("what happened")
    subject: str = text("the order, position or kernel it is about")
    state: str = text("pending, delivered, dead or discarded")
    attempts: int = integer("how often it was tried")
    next_at_ns: int = integer("when it is tried again, or 0")
    detail: str = text("what the last attempt came to, in a line")
    created_ns: int = integer("when it was put here")
    updated_ns: int = integer("when it changed last")
    live: bool = Field(description="whether it is still tried")
