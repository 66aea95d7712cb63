"""Closings: the wish that a position ends, kept until it has, across restarts.

One closing a position key at a time: whoever else wants the same joins it and gets the same answer.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.domain.ledger import PositionKey
from fairlead.domain.numbers import ZERO
from fairlead.domain.values import Value

CLOSING_PREFIX = "close-"
"""How the id of a closing begins, and that of no order."""


def is_closing(name: str) -> bool:
    """Tell whether a name is that of a closing, not of an order."""
    return name.startswith(CLOSING_PREFIX)


class CloseCode(StrEnum):
    """How a closing ended; `MEANING` says it in words."""

    CLOSED = "CLOSED"
    ALREADY_FLAT = "ALREADY_FLAT"
    DUST_LEFT = "DUST_LEFT"
    EXIT_WORKING = "EXIT_WORKING"
    NOT_CLOSED = "NOT_CLOSED"
    FOREIGN_OWNER = "FOREIGN_OWNER"


MEANING: dict[CloseCode, str] = {
    CloseCode.CLOSED: "the position is flat, and was not when the closing began",
    CloseCode.ALREADY_FLAT: "there was nothing to close; the figures are those of the last episode",
    CloseCode.DUST_LEFT: "what is left is less than the venue takes as an order",
    CloseCode.EXIT_WORKING: "other exits that are working may take all of it already; they were left alone",
    CloseCode.NOT_CLOSED: "the exits were denied, refused or ended unfilled too often; what is left is said",
    CloseCode.FOREIGN_OWNER: "the book bears the name of another owner; nothing was done",
}


@attrs.define(slots=True, eq=False)
class Closing:
    """One closing as the engine holds it.

    *cancel_entries* and *cancel_exits* say which orders of the key are canceled first, of *by* alone or,
    for an operator, of everyone. *exit_order_id* is the exit made last, *exits* how many were made;
    the next one is made not before *due_ns*. *code* is empty while it is under way; the figures after
    it are those of the position at the end.
    """

    closing_id: str
    by: str
    symbol: str
    book: str
    operator: bool
    cancel_entries: bool
    cancel_exits: bool
    limit_price: Decimal | None
    held: Decimal
    created_ns: int
    exit_order_id: str = ""
    exits: int = 0
    due_ns: int = 0
    code: str = ""
    detail: str = ""
    quantity_left: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    episode: int = 0
    closed_ns: int = 0
    position_id: str = ""

    @property
    def key(self) -> PositionKey:
        """Return what its position is found by."""
        return self.symbol, self.book, self.position_id

    @property
    def is_over(self) -> bool:
        """Tell whether the closing has ended."""
        return self.code != ""


class CloseResult(Value):
    """How a closing ended, the same for everyone who asked for it.

    *quantity_left* is what is still held, signed, in base. *realized_pnl* (before fees) and *fees* are
    the position's over all its episodes, in quote; *episode* counts them and *closed_ns* is when the
    last one ended, wall nanoseconds. *exits* is how many exit orders it took.
    """

    closing_id: str
    symbol: str
    book: str
    code: CloseCode
    reason: str
    quantity_left: Decimal
    realized_pnl: Decimal
    fees: Decimal
    episode: int
    closed_ns: int
    exits: int
    position_id: str = ""

    @property
    def is_flat(self) -> bool:
        """Tell whether nothing is held any more."""
        return self.code in (CloseCode.CLOSED, CloseCode.ALREADY_FLAT)


def result_of(closing: Closing) -> CloseResult:
    """Return how a closing that is over has ended."""
    return CloseResult(
        closing.closing_id,
        closing.symbol,
        closing.book,
        CloseCode(closing.code),
        closing.detail,
        closing.quantity_left,
        closing.realized_pnl,
        closing.fees,
        closing.episode,
        closing.closed_ns,
        closing.exits,
        closing.position_id,
    )
