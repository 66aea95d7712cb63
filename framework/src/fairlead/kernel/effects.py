"""Effects: what a step asks the shell to do, once its records are durable."""

from __future__ import annotations

import attrs

from fairlead.kernel.approved import ApprovedOrder


@attrs.define(slots=True)
class SendOrder:
    """Send an approved order to the venue, once."""

    order: ApprovedOrder
    attempt: int
    not_before_ns: int


@attrs.define(slots=True)
class SendCancel:
    """Ask the venue to cancel an order."""

    client_order_id: str
    venue_order_id: str
    symbol: str


@attrs.define(slots=True)
class LookUpOrder:
    """Ask the venue what it knows about an order."""

    client_order_id: str
    symbol: str


@attrs.define(slots=True)
class WakeAt:
    """Come back to an order at a wall time; derived from state, re-armed at start."""

    client_order_id: str
    at_ns: int


@attrs.define(slots=True)
class PaceIn:
    """Come back to what waits for its pace when so much time has passed."""

    wait_ns: int


@attrs.define(slots=True)
class AnswerCommand:
    """Answer a command other than a proposal: accepted, or refused with a code and a reason."""

    command_id: int
    accepted: bool
    code: str
    reason: str


@attrs.define(slots=True)
class AnswerWithOrder:
    """A repeated proposal is answered with the order that its first time made."""

    client_order_id: str
    first_client_order_id: str


@attrs.define(slots=True)
class RefuseRepeat:
    """The same idempotency key came with another proposal."""

    client_order_id: str
    idempotency_key: str


Effect = (
    SendOrder | SendCancel | LookUpOrder | WakeAt | PaceIn | AnswerCommand | AnswerWithOrder | RefuseRepeat
)
