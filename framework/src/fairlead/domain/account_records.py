"""Journal records of the account: its opening inventory, and what moved besides fills."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.values import Value


class InventoryOpened(Value, omit_defaults=True):
    """What an account held before this kernel moved anything in it; recorded once in its life.

    *amounts* are by asset and exact; an asset that is not named had nothing. *asked_ns* is the wall time
    at which the venue was asked. *listed* are the entries of the venue's ledger, behind the cursor recorded
    with it, that are part of it; nothing where the ledger was not read: then what it dates earlier is.
    """

    KIND: ClassVar[str] = "inventory_opened"
    VERSION: ClassVar[int] = 1
    amounts: tuple[tuple[str, Decimal], ...]
    asked_ns: int
    listed: tuple[str, ...] | None = None


class AdjustmentBooked(Value, omit_defaults=True):
    """An entry of the venue's ledger that is no fill of ours; each *entry_id* counts once, for ever.

    *amount* is signed and in *asset*; *ts_event* is the venue's time of it. *by* is empty for the ledger's
    word; a `CORRECTION` is an operator's, under an id of ours.
    """

    KIND: ClassVar[str] = "adjustment_booked"
    VERSION: ClassVar[int] = 1
    entry_id: str
    kind: AdjustmentKind
    asset: str
    amount: Decimal
    ts_event: int
    note: str
    by: str = ""
