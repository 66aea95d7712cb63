"""Reading what is owed: pages of outbox rows behind the durable head, made into notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from fairlead.errors import JournalDamaged
from fairlead.kernel.outbox.notices import notice_of
from fairlead.ports.notices import Notice
from fairlead.ports.store import Envelope, OutboxRow, Store

# fixed: so many records between two that are told are read along rather than asked for apart
GAP_MAX = 16
PAGE = 100  # fixed: bounds memory while reading; the result is the same
"""How many rows are read together."""


@attrs.frozen
class Owed:
    """One row with its notice, or with why there is none."""

    row: OutboxRow
    notice: Notice | None
    problem: str = ""


class OutboxReader:
    """Reads the outbox of one store."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account

    async def page(self, after: int, durable: int, limit: int) -> tuple[list[Owed], int]:
        """Return what is owed after a sequence, up to the durable one, and the sequence to go on from."""
        rows = [row for row in await self._store.outbox(after, min(limit, PAGE)) if row.sequence <= durable]
        return await self._owed(rows), rows[-1].sequence if rows else durable

    async def of_events(self, wanted: Sequence[tuple[int, str]]) -> list[Owed]:
        """Return what is owed for these events, each given by its sequence and id, in their order."""
        found: dict[str, OutboxRow] = {}
        for sequence in sorted({sequence for sequence, _ in wanted}):
            for row in await self._store.outbox(sequence - 1, 1):
                found[row.event_id] = row
        return await self._owed([found[event_id] for _, event_id in wanted if event_id in found])

    async def _owed(self, rows: Sequence[OutboxRow]) -> list[Owed]:
        envelopes = await self._envelopes(sorted({row.sequence for row in rows}))
        orders: dict[str, Mapping[str, object] | None] = {}
        for row in rows:
            if row.figures and row.subject not in orders:
                found = await self._store.rows_where("orders", "client_order_id", row.subject)
                orders[row.subject] = found[0] if found else None
        return [self._made(row, envelopes.get(row.sequence), orders.get(row.subject)) for row in rows]

    def _made(self, row: OutboxRow, envelope: Envelope | None, order: Mapping[str, object] | None) -> Owed:
        if envelope is None:
            return Owed(row, None, "its record is not in the journal")
        try:
            return Owed(row, notice_of(row, envelope, self._account, order))
        except JournalDamaged as error:
            return Owed(row, None, f"its record cannot be read: {error.what}")

    async def _envelopes(self, sequences: Sequence[int]) -> dict[int, Envelope]:
        """Return the records of these sequences; those that lie close together are read together."""
        found: dict[int, Envelope] = {}
        wanted = set(sequences)
        runs: list[list[int]] = []
        for sequence in sequences:
            if runs and sequence - runs[-1][1] <= GAP_MAX:
                runs[-1][1] = sequence
            else:
                runs.append([sequence, sequence])
        for first, last in runs:
            for envelope in await self._store.envelopes(first - 1, last - first + 1):
                if envelope.sequence in wanted:
                    found[envelope.sequence] = envelope
        return found
