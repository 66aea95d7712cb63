"""Inputs about the account: what the venue says that it holds, and what its ledger lists."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fairlead.domain.reconciliation import BalanceEntry
from fairlead.domain.values import Value
from fairlead.ports.exchange import LedgerEntry


class LedgerListed(Value):
    """What the venue's ledger lists: everything up to *cursor*, which is old, and *entry_ids* after it."""

    cursor: str
    entry_ids: tuple[str, ...]


class InventorySeen(Value):
    """What the account holds of each asset, asked for at *asked_ns*, with every fill until then booked.

    *listed* is what the ledger listed before that and after; nothing where there is no ledger.
    """

    totals: tuple[tuple[str, Decimal], ...]
    asked_ns: int
    listed: LedgerListed | None = None


class LedgerEntrySeen(Value):
    """The venue's ledger lists this; part of another input's step."""

    entry: LedgerEntry


class BalancesDiffer(Value):
    """What the venue holds was compared with what we derive, twice, and these assets differ."""

    entries: tuple[BalanceEntry, ...]


class AcceptBalance(Value):
    """An operator accepts what the venue holds of an asset; the difference is booked under *entry_id*.

    *seen* is what the operator saw there, *entry* what was read last; *is_certain*: twice, and the same.
    """

    asset: str
    seen: Decimal
    entry: BalanceEntry
    is_certain: bool
    by: str
    note: str
    entry_id: str
    command_id: int


class LedgerRead(Value):
    """A page of the venue's ledger, with the cursor that covers it.

    *settled*: the pages before it in this reading were old enough for nothing to be added to them.
    """

    entries: Sequence[LedgerEntry]
    cursor: str
    settled: bool = True


AccountInput = InventorySeen | LedgerEntrySeen | LedgerRead | BalancesDiffer | AcceptBalance
