"""Effects: what a step asks the shell to do, once its records are durable."""

from __future__ import annotations

from fairlead.domain.values import Value
from fairlead.kernel.core.approved import ApprovedChange, ApprovedOrder


class SendOrder(Value):
    """Send an approved order to the venue, once."""

    order: ApprovedOrder
    attempt: int
    not_before_ns: int


class SendModify(Value):
    """Ask the venue to change an order in place, once."""

    client_order_id: str
    change: ApprovedChange
    change_id: str
    not_before_ns: int


class SendCancel(Value):
    """Ask the venue to cancel an order."""

    client_order_id: str
    venue_order_id: str
    symbol: str


class LookUpOrder(Value):
    """Ask the venue what it knows about an order."""

    client_order_id: str
    symbol: str


class WakeAt(Value):
    """Come back to an order at a wall time; derived from state, re-armed at start."""

    client_order_id: str
    at_ns: int


class ReadRules(Value):
    """Read the venue's rules again: it refused for one of them, with this reason."""

    reason: str


class PaceIn(Value):
    """Come back to what waits for its pace when so much time has passed."""

    wait_ns: int


class AnswerCommand(Value):
    """Answer a command other than a proposal: accepted, or refused with a code and a reason.

    *names* are the orders or closings that it was about, where it was about several.
    """

    command_id: int
    accepted: bool
    code: str
    reason: str
    names: tuple[str, ...] = ()


class AnswerWaiting(Value):
    """Answer whoever waits for this order or closing, which there is not, with a value."""

    client_order_id: str
    value: object


class AnswerWithOrder(Value):
    """A repeated command is answered with the order, or the closing, that its first time made."""

    client_order_id: str
    first_client_order_id: str


class RefuseRepeat(Value):
    """The same idempotency key came with another proposal."""

    client_order_id: str
    idempotency_key: str


Effect = (
    SendOrder
    | SendModify
    | SendCancel
    | LookUpOrder
    | WakeAt
    | ReadRules
    | PaceIn
    | AnswerCommand
    | AnswerWaiting
    | AnswerWithOrder
    | RefuseRepeat
)
