"""Batches as a kernel makes them, for the store rules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal

from fairlead.ports.row_rules import rules_of
from fairlead.ports.store import (
    TABLES,
    Batch,
    Envelope,
    JournalHead,
    Opened,
    OutboxRow,
    Row,
    Scalar,
    Store,
)

START_NS = 1_767_225_600_000_000_000
SPECS = {table.name: table for table in TABLES}

_EMPTY: Mapping[type, Scalar] = {str: "", int: 0, Decimal: Decimal(0), bool: False, bytes: b""}


def sample_row(table: str, **values: Scalar) -> Row:
    """Return a row of the table in which everything that is not given is empty, zero or the first allowed."""
    columns = SPECS[table].columns
    filled: dict[str, Scalar] = {
        column.name: None if column.optional else _EMPTY[column.kind] for column in columns
    }
    for each in rules_of(SPECS[table]):
        if each.allowed:
            filled[each.column] = each.allowed[0]
        if each.live_when and values.get("live") is True:
            filled[each.column] = each.live_when[0]
    return Row.of(table, {**filled, **values})


def setting(name: str, value: str = "") -> Row:
    """Return a row of the smallest table."""
    return Row("settings", (name, value))


def chained(previous: JournalHead, payloads: Sequence[bytes], kind: str = "note") -> list[Envelope]:
    """Return journal records that follow the head, each hashed over its predecessor."""
    envelopes: list[Envelope] = []
    last = previous.hash
    for sequence, payload in enumerate(payloads, previous.sequence + 1):
        ts_ns = START_NS + sequence
        last = chain_hash(last, sequence, ts_ns, kind, 1, payload)
        envelopes.append(Envelope(sequence, ts_ns, kind, 1, payload, last))
    return envelopes


def chain_hash(previous: bytes, sequence: int, ts_ns: int, kind: str, version: int, payload: bytes) -> bytes:
    """Return the hash of a record that follows the one with the previous hash."""
    header = f"{sequence}|{ts_ns}|{kind}|{version}|".encode()
    return hashlib.sha256(previous + header + payload).digest()


class Scribe:
    """Writes like a kernel: under its epoch, each batch after the last one that was stored."""

    def __init__(self, store: Store, opened: Opened) -> None:
        self.store = store
        self.epoch = opened.epoch
        self.head = opened.head

    @classmethod
    async def opened(cls, store: Store, account: str = "acc", holder: str = "kernel one") -> Scribe:
        """Open the store and write to it."""
        return cls(store, await store.open(account, holder))

    async def reopen(self) -> Opened:
        """Reopen the store and continue from what it answers."""
        opened = await self.store.reopen()
        self.epoch, self.head = opened.epoch, opened.head
        return opened

    def draft(self, *rows: Row, payloads: Sequence[bytes] = (b"x",), told: int = 1) -> Batch:
        """Return the batch that would come next, with *told* outbox rows for each record."""
        envelopes = chained(self.head, payloads)
        last = envelopes[-1]
        outbox = [
            OutboxRow(f"{each.sequence}-{number}", each.sequence, each.kind, f"subject {each.sequence}")
            for each in envelopes
            for number in range(told)
        ]
        return Batch(
            self.epoch,
            self.head.sequence + 1,
            last.sequence,
            self.head.hash,
            last.hash,
            envelopes,
            rows,
            outbox,
        )

    def alone(self, *rows: Row) -> Batch:
        """Return a batch of rows without any record."""
        sequence, last = self.head.sequence, self.head.hash
        return Batch(self.epoch, sequence + 1, sequence, last, last, (), rows, ())

    async def write(self, *rows: Row, payloads: Sequence[bytes] = (b"x",), told: int = 1) -> Batch:
        """Draft the next batch, append it and move on."""
        batch = self.draft(*rows, payloads=payloads, told=told)
        await self.store.append(batch)
        self.head = head_after(batch)
        return batch


def head_after(batch: Batch) -> JournalHead:
    """Return the head when the batch is stored."""
    return JournalHead(batch.last_sequence, batch.head_hash)


async def everything(store: Store) -> dict[str, object]:
    """Return all that can be read from the store."""
    found: dict[str, object] = {name: list(await store.rows(name)) for name in SPECS}
    found["journal"] = list(await store.envelopes(0, 1_000_000))
    found["outbox"] = list(await store.outbox(0, 1_000_000))
    return found
