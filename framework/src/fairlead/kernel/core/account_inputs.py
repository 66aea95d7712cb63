"""Inputs about the account: what the venue says that it holds, and what its ledger lists."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fairlead.domain.values import Value
from fairlead.ports.exchange import LedgerEntry


class InventorySeen(Value):
    """What the account holds of each asset, asked for at *asked_ns*, with every fill until then booked."""

    totals: tuple[tuple[str, Decimal], ...]
    asked_ns: int


class LedgerEntrySeen(Value):
    """The venue's ledger lists this; part of another input's step."""

    entry: LedgerEntry


class LedgerRead(Value):
    """A page of the venue's ledger, with the cursor that covers it.

    *settled*: the pages before it in this reading were old enough for nothing to be added to them.
    """

    entries: Sequence[LedgerEntry]
    cursor: str
    settled: bool = True
