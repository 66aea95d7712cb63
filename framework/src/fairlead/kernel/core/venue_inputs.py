"""Inputs about what the venue said: answers, reports, look-ups, and pages of its history."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.domain.requests import RequestKind
from fairlead.domain.values import Value
from fairlead.ports.exchange import Answer, FillReport, LookUp, OrderReport


class SubmitAnswered(Value):
    """What became of one attempt to submit."""

    client_order_id: str
    attempt: int
    answer: Answer


class CancelAnswered(Value):
    """What became of one request to cancel."""

    client_order_id: str
    answer: Answer


class OrderReported(Value):
    """The venue said something about an order; *source* is stream, history, open_orders, look_up or adoption.

    *asked_ns* is when a snapshot was asked for, 0 for what came by itself; *asked_monotonic_ns* is that by
    the clock which nobody sets, and tells what had happened here by then.
    """

    report: OrderReport
    source: str
    asked_ns: int = 0
    asked_monotonic_ns: int = 0


class FillReported(Value):
    """The venue reported one trade of ours."""

    report: FillReport
    source: str


class LookedUp(Value):
    """A look-up came back; *asked_ns* is when it was asked, *asked_monotonic_ns* as in `OrderReported`."""

    client_order_id: str
    result: LookUp
    asked_ns: int
    asked_monotonic_ns: int = 0


class AbsenceSeen(Value):
    """A complete look-up, asked at that time, found nothing."""

    client_order_id: str
    asked_ns: int
    asked_monotonic_ns: int = 0


class LookUpFailed(Value):
    """A look-up could not be made, or was not complete."""

    client_order_id: str
    reason: str


class QueryWanted(Value):
    """Somebody wants to ask the venue something that is about no order."""

    command_id: int
    request: RequestKind
    symbol: str


class QueryRefused(Value):
    """The venue refused a question for its rate limit; *pause_ns* is how long it said to wait."""

    request: RequestKind
    symbol: str
    pause_ns: int


class FillsRead(Value):
    """A page of fill history, with the cursor that covers it.

    *settled*: the pages before it in this reading were old enough for nothing to be added to them.
    """

    fills: Sequence[FillReport]
    cursor: str
    settled: bool = True
