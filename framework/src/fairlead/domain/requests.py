"""Requests to a venue: their kinds, and the lanes in which they wait for their pace."""

from __future__ import annotations

from enum import StrEnum


class RequestKind(StrEnum):
    """What is asked of a venue, as its rate limits price it."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    MODIFY = "modify"
    LOOK_UP = "look_up"
    OPEN_ORDERS = "open_orders"
    FILLS = "fills"
    BALANCES = "balances"
    INSTRUMENTS = "instruments"
    POSITIONS = "positions"
    LEDGER = "ledger"


class Lane(StrEnum):
    """Who goes first when a budget is short; within a lane, who came first.

    ``PROTECTIVE``: cancels and orders that only reduce. ``ENTRY``: orders that add exposure.
    ``QUERY``: look-ups and reads.
    """

    PROTECTIVE = "protective"
    ENTRY = "entry"
    QUERY = "query"

    rank: int


for _rank, _lane in enumerate(Lane):
    _lane.rank = _rank


class PacingPolicy(StrEnum):
    """What becomes of an order that the venue's rate limit does not let out at once."""

    WAIT = "wait"
    REFUSE = "refuse"
