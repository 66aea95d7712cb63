"""Journal records of commands that are about more than one order, or last longer than one step."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fairlead.domain.closings import CloseCode
from fairlead.domain.values import Value


class CommandTaken(Value):
    """A command was carried out at once: who asked, about what, and the *names* it was answered with."""

    KIND: ClassVar[str] = "command_taken"
    VERSION: ClassVar[int] = 1
    command: str
    by: str
    subject: str
    names: tuple[str, ...]
    idempotency_key: str = ""
    command_digest: str = ""


class OrderAnnotated(Value):
    """Somebody said something about an order: its remarks are these from now on."""

    KIND: ClassVar[str] = "order_annotated"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    by: str
    note: str
    tags: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    idempotency_key: str = ""
    command_digest: str = ""


class EpisodeAnnotated(Value):
    """Somebody said something about an episode of a position: its remarks are these from now on."""

    KIND: ClassVar[str] = "episode_annotated"
    VERSION: ClassVar[int] = 1
    symbol: str
    book: str
    position_id: str
    number: int
    by: str
    note: str
    tags: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    idempotency_key: str = ""
    command_digest: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Return what the episode is found by."""
        return self.symbol, self.book, self.position_id, self.number


class ClosingRequested(Value):
    """Somebody wants a position closed; *joins* names the closing under way that this one is now part of."""

    KIND: ClassVar[str] = "closing_requested"
    VERSION: ClassVar[int] = 1
    closing_id: str
    by: str
    symbol: str
    book: str
    operator: bool
    cancel_entries: bool
    cancel_exits: bool
    limit_price: Decimal | None
    held: Decimal
    joins: str = ""
    idempotency_key: str = ""
    command_digest: str = ""
    position_id: str = ""


class ClosingMoved(Value):
    """A closing made its next exit order; another one is made not before *due_ns*."""

    KIND: ClassVar[str] = "closing_moved"
    VERSION: ClassVar[int] = 1
    closing_id: str
    exit_order_id: str
    due_ns: int


class ClosingEnded(Value):
    """A closing is over, with the position's figures at that moment."""

    KIND: ClassVar[str] = "closing_ended"
    VERSION: ClassVar[int] = 1
    closing_id: str
    code: CloseCode
    detail: str
    quantity_left: Decimal
    realized_pnl: Decimal
    fees: Decimal
    episode: int
    closed_ns: int
