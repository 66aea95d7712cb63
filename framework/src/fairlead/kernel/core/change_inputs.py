"""Inputs about changes of orders: the command, the venue's answer, and the next look at one under way."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.changes import ChangeKind
from fairlead.domain.requests import PacingPolicy
from fairlead.domain.values import Value
from fairlead.ports.exchange import Answer


class ChangeOrder(Value):
    """Someone wants an order changed, in place or by another order, under the id that the change will have.

    A term that is nothing stays as it is; *quantity* is the whole, what was filled included.
    """

    change_id: str
    kind: ChangeKind
    client_order_id: str
    by: str
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    idempotency_key: str = ""
    command_digest: str = ""
    pacing: PacingPolicy | None = None
    wait_max_ns: int | None = None


class AdvanceChange(Value):
    """Something happened to the order of a change; part of another input's step."""

    change_id: str


class ModifyAnswered(Value):
    """What became of one request to change an order in place."""

    client_order_id: str
    change_id: str
    answer: Answer
