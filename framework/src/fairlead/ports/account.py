"""The account's part of the exchange port: what moves balances besides trades."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.values import Value


class LedgerEntry(Value):
    """What moved a balance at the venue besides trades and their fees.

    *entry_id* is the venue's own, the same however often it is told; *amount* is signed and exact, in
    *asset*. A corrected or voided trade is an entry too, with the difference that it made.
    """

    entry_id: str
    kind: AdjustmentKind
    asset: str
    amount: Decimal
    ts_event: int
    note: str = ""


class LedgerPage(Value):
    """A page of the venue's ledger in its order; *cursor* covers everything up to its end."""

    entries: Sequence[LedgerEntry]
    cursor: str
    more: bool


class LedgerKeeper(Protocol):
    """What an `ExchangeClient` with the capability *ledger* has besides."""

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """Return the next page of the ledger after the cursor; the empty cursor is the beginning.

        Trades and their fees are not in it. Entries of the same instant that lie on both sides of a page's
        border are all returned, once each.
        """
