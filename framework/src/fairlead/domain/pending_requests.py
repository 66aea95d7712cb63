"""The second fact of an order: what was asked of the venue and is not answered yet.

A request stays pending through fills, acceptances and triggers; only its own answer, or the end of
the order, ends it. A cancel takes the place of a modify and never the other way round; when the venue
refuses the cancel, a modify that is not resolved is pending again.
"""

from __future__ import annotations

from enum import StrEnum

from fairlead.domain.order_table import OrderEvent


class PendingRequest(StrEnum):
    """What was asked of the venue and is not answered yet."""

    NONE = "none"
    CANCEL = "cancel"
    MODIFY = "modify"


PENDING: dict[tuple[PendingRequest, OrderEvent], PendingRequest] = {
    (PendingRequest.NONE, OrderEvent.CANCEL_REQUESTED): PendingRequest.CANCEL,
    (PendingRequest.MODIFY, OrderEvent.CANCEL_REQUESTED): PendingRequest.CANCEL,
    (PendingRequest.CANCEL, OrderEvent.CANCEL_REFUSED): PendingRequest.NONE,
    (PendingRequest.NONE, OrderEvent.MODIFY_REQUESTED): PendingRequest.MODIFY,
    (PendingRequest.MODIFY, OrderEvent.MODIFIED): PendingRequest.NONE,
    (PendingRequest.MODIFY, OrderEvent.MODIFY_REFUSED): PendingRequest.NONE,
}
"""The pairs that change the pending request; every other pair keeps it."""


def pending_after(pending: PendingRequest, event: OrderEvent, *, changing: bool = False) -> PendingRequest:
    """Return what is pending after the event, as long as the order is live; a closed one has nothing.

    *changing* says that a modify is not resolved after the event.
    """
    after = PENDING.get((pending, event), pending)
    return PendingRequest.MODIFY if changing and after is PendingRequest.NONE else after
