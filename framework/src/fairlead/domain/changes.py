"""Changes of an order that works: in place at the venue (modify), or by an order in its stead (replace).

A change is a wish in the journal, kept until it is known what came of it, across restarts. One an
order at a time. While a modify is not resolved the order holds it beside its terms (`Wish`), and the
larger of both is reserved: the venue may fill either.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs
import msgspec

from fairlead.domain.values import Value

CHANGE_PREFIX = "change-"
"""How the id of a change begins, and that of no order."""


def is_change(name: str) -> bool:
    """Tell whether a name is that of a change, not of an order."""
    return name.startswith(CHANGE_PREFIX)


class Terms(Value):
    """The terms of an order that can be changed while it works.

    *quantity* is the whole of the order, what was filled included; a price is nothing where the order
    has none.
    """

    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None

    def differs_from(self, other: Terms) -> bool:
        """Tell whether one of the terms that *other* has is another one here."""
        return (
            self.quantity != other.quantity
            or (other.limit_price is not None and self.limit_price != other.limit_price)
            or (other.trigger_price is not None and self.trigger_price != other.trigger_price)
        )

    def raises_nothing_of(self, other: Terms) -> bool:
        """Tell whether neither the quantity nor a price lies above that of *other*: a change that shrinks."""
        return (
            self.quantity <= other.quantity
            and not _is_above(self.limit_price, other.limit_price)
            and not _is_above(self.trigger_price, other.trigger_price)
        )


def _is_above(price: Decimal | None, other: Decimal | None) -> bool:
    return price is not None and (other is None or price > other)


class Wish(Value):
    """A modify that is not resolved, as its order holds it.

    *sent_ns* is when it left for the venue, 0 while it waits: for its pace, or to be tried again;
    *deadline_ns* is the venue time after which it can no longer be done, 0 where the venue knows no
    deadlines. *attempt* counts how often it left.
    """

    change_id: str
    terms: Terms
    sent_ns: int = 0
    deadline_ns: int = 0
    attempt: int = 0


_encode = msgspec.json.Encoder(decimal_format="string").encode
_decoder = msgspec.json.Decoder(Wish)


def wish_text(wish: Wish) -> str:
    """Return the wish as it is kept in the order's row: JSON."""
    return _encode(wish).decode()


def wish_from_text(text: str) -> Wish | None:
    """Return the wish of a row, or nothing."""
    return _decoder.decode(text) if text else None


class ChangeKind(StrEnum):
    """How an order is changed."""

    MODIFY = "modify"
    REPLACE = "replace"


class ChangeCode(StrEnum):
    """What came of a change; `MEANING` says it in words.

    A change that was refused or denied before it began bears the code of that instead.
    """

    PENDING = "PENDING"
    MODIFIED = "MODIFIED"
    REPLACED = "REPLACED"
    NOTHING_LEFT = "NOTHING_LEFT"
    REJECTED = "REJECTED"
    NOT_SENT = "NOT_SENT"
    LIMITED = "LIMITED"
    NOT_DONE = "NOT_DONE"
    ORDER_CLOSED = "ORDER_CLOSED"
    WITHDRAWN = "WITHDRAWN"
    NOT_REPLACED = "NOT_REPLACED"


MEANING: dict[ChangeCode, str] = {
    ChangeCode.PENDING: "it is not known yet whether it was done; the order keeps the larger reservation",
    ChangeCode.MODIFIED: "the venue holds the order under the new terms",
    ChangeCode.REPLACED: "the old order is over, and the new one reached the venue",
    ChangeCode.NOTHING_LEFT: "the old order is over, and what was filled leaves nothing for a new one",
    ChangeCode.REJECTED: "the venue refused, so nothing was changed; whether the order lives is looked up",
    ChangeCode.NOT_SENT: "it never left; the order has its old terms",
    ChangeCode.LIMITED: "turned away for the rate limit to the last attempt; the order has its old terms",
    ChangeCode.NOT_DONE: "no answer came, and the venue's evidence after its deadline says it was not done",
    ChangeCode.ORDER_CLOSED: "the order ended before the change was confirmed",
    ChangeCode.WITHDRAWN: "a cancel of the order came after it",
    ChangeCode.NOT_REPLACED: "the old order is over, and the new one was denied, refused or not sent",
}


@attrs.define(slots=True, eq=False)
class Change:
    """One change as the engine holds it.

    *terms* are those wished for; *shrinks* says that they raised nothing when it was asked. Of a
    replacement, *new_order_id* names the order that takes the old one's place, once it was made.
    *unresolved* says that the answer did not come; *code* is empty while the change is under way.
    """

    change_id: str
    kind: ChangeKind
    client_order_id: str
    by: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    shrinks: bool
    created_ns: int
    new_order_id: str = ""
    unresolved: bool = False
    code: str = ""
    detail: str = ""
    closed_ns: int = 0

    @property
    def is_over(self) -> bool:
        """Tell whether it is known what came of it."""
        return self.code != ""

    @property
    def terms(self) -> Terms:
        """Return the terms wished for."""
        return Terms(self.quantity, self.limit_price, self.trigger_price)


_DONE = frozenset({ChangeCode.MODIFIED.value, ChangeCode.REPLACED.value})


class ChangeResult(Value):
    """What came of a change; the same for a command that is repeated.

    *code* is one of `ChangeCode`, or the reason code of a refusal or denial: then there is no change, and
    neither id nor terms of one. *terms* are those wished for, also where they stayed. *new_order_id* names
    the order that a replacement made, and is empty otherwise.
    """

    change_id: str
    client_order_id: str
    code: str
    reason: str
    terms: Terms | None
    new_order_id: str = ""

    @property
    def accepted(self) -> bool:
        """Tell whether the change was done."""
        return self.code in _DONE

    @property
    def unresolved(self) -> bool:
        """Tell whether it is not known yet; it will be, by the venue's evidence."""
        return self.code == ChangeCode.PENDING.value


def refused_result(client_order_id: str, code: str, reason: str) -> ChangeResult:
    """Return the answer to a change that was refused or denied before it began."""
    return ChangeResult("", client_order_id, code, reason, None)


def change_result(change: Change) -> ChangeResult:
    """Return what is known of a change."""
    return ChangeResult(
        change.change_id,
        change.client_order_id,
        change.code or ChangeCode.PENDING.value,
        change.detail,
        change.terms,
        change.new_order_id,
    )
