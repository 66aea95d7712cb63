"""Journal records of changes of an order: modify in place, and replace."""

from __future__ import annotations

from typing import ClassVar

from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.values import Value
from fairlead.domain.verdicts import Verdict


class ChangeRequested(Value):
    """Somebody wants an order changed, and nothing stood against it.

    A modify is held beside the order, and the larger of both terms is reserved from here on; a
    replacement begins with the cancel that follows. *shrinks*: it raises nothing, so no check was asked.
    """

    KIND: ClassVar[str] = "change_requested"
    VERSION: ClassVar[int] = 1
    change_id: str
    change: ChangeKind
    client_order_id: str
    by: str
    terms: Terms
    shrinks: bool
    verdicts: tuple[Verdict, ...]
    idempotency_key: str = ""
    command_digest: str = ""


class ChangeDenied(Value):
    """A change that the gate or the kernel denied, with every verdict; nothing was reserved or sent."""

    KIND: ClassVar[str] = "change_denied"
    VERSION: ClassVar[int] = 1
    change_id: str
    change: ChangeKind
    client_order_id: str
    by: str
    terms: Terms
    code: str
    verdicts: tuple[Verdict, ...]
    idempotency_key: str = ""
    command_digest: str = ""


class ModifyStarted(Value):
    """The modify goes to the wire next; times are venue wall nanoseconds, deadline 0 when none."""

    KIND: ClassVar[str] = "modify_started"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    not_before_ns: int
    deadline_ns: int
    number: int = 1


class ModifyLimited(Value):
    """The venue turned the modify away for its rate limit: it is not there, and is tried again."""

    KIND: ClassVar[str] = "modify_limited"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    reason: str
    retry_ns: int


class ChangeUnresolved(Value):
    """No answer came to a modify, or to the order that takes another's place; or a restart came between.

    *look_up_ns* is when the order may be looked up, 0 when its own records say.
    """

    KIND: ClassVar[str] = "change_unresolved"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    cause: str
    look_up_ns: int


class OrderUpdated(Value):
    """The venue holds the order under these terms; *change_id* is empty when nobody here asked for that."""

    KIND: ClassVar[str] = "order_updated"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    terms: Terms
    venue_order_id: str
    ts_event: int
    source: str


class ModifyRejected(Value):
    """The modify was not done: the venue refused it, it never left, or evidence says so; *code* tells."""

    KIND: ClassVar[str] = "modify_rejected"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    code: str
    reason: str
    ts_event: int = 0


class ReplaceMoved(Value):
    """The old order is over with proof of what is left; the new one is made next, under this id."""

    KIND: ClassVar[str] = "replace_moved"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    new_order_id: str


class ChangeEnded(Value):
    """A change is over that no answer of the venue ended: a replacement, or one whose order ended."""

    KIND: ClassVar[str] = "change_ended"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    change_id: str
    code: str
    reason: str


ChangeRecord = (
    ChangeRequested
    | ChangeDenied
    | ModifyStarted
    | ModifyLimited
    | ChangeUnresolved
    | OrderUpdated
    | ModifyRejected
    | ReplaceMoved
    | ChangeEnded
)
CHANGE_RECORD_CLASSES: tuple[type[ChangeRecord], ...] = (
    ChangeRequested,
    ChangeDenied,
    ModifyStarted,
    ModifyLimited,
    ChangeUnresolved,
    OrderUpdated,
    ModifyRejected,
    ReplaceMoved,
    ChangeEnded,
)
