"""Journal verification: the chain, the fold, and the rows, each against the other.

Reads a store from outside (a reader is enough), checks every envelope's hash, folds every record
into a fresh state, or the state at the anchor behind which an archived journal goes on, and compares that
state's rows with the stored ones, to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol, cast

import attrs

from fairlead.domain.identifiers import account_tag
from fairlead.domain.records import KernelStarted
from fairlead.errors import JournalDamaged
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.base_rows import rows_of, state_of
from fairlead.kernel.journal.codec import chain_hash, decode
from fairlead.kernel.journal.rows import dirty_rows
from fairlead.ports.keeping import Anchor
from fairlead.ports.store import GENESIS_HASH, RELAY_TABLES, TABLES, Envelope, JournalHead, Scalar, Table

# fixed: bounds memory while the journal is read; the result is the same
PAGE = 5_000


class JournalReader(Protocol):
    """What verification needs of a store or of a read-only reader of one."""

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """Return up to *limit* journal records that follow the sequence, in order."""

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows in key order."""


@attrs.frozen
class VerifyReport:
    """What verification found; *problems* is empty when journal, chain and rows agree."""

    records: int
    head: JournalHead
    rows_compared: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything agrees."""
        return not self.problems


Folded = dict[str, dict[tuple[Scalar, ...], Mapping[str, Scalar]]]
"""Rows by table and key."""


@attrs.define
class Fold:
    """A state folded from a journal, and the rows that it says there are."""

    state: EngineState
    rows: Folded
    head: JournalHead
    records: int = 0


async def fold_journal(
    reader: JournalReader,
    account: str = "",
    *,
    anchors: Sequence[Anchor] = (),
    until: int | None = None,
    before_ns: int | None = None,
) -> Fold:
    """Check the chain and fold every record; raises `JournalDamaged` that names the first bad record.

    It begins at the anchor that the journal goes on from, and ends with record *until*, or before the first
    record that is not older than *before_ns*.
    """
    first = await reader.envelopes(0, 1)
    fold = await _beginning(anchors, first[0].sequence - 1 if first else None, account)
    while page := await reader.envelopes(fold.head.sequence, PAGE):
        for envelope in page:
            if envelope.sequence - 1 == until or (before_ns is not None and envelope.ts_ns >= before_ns):
                _collect(fold)
                return fold
            _fold_one(fold, envelope)
        _collect(fold)
    return fold


async def _beginning(anchors: Sequence[Anchor], sequence: int | None, account: str) -> Fold:
    """Return the fold of nothing, or the one at the anchor with this sequence; the last one for None."""
    behind = [each for each in anchors if sequence is None or each.sequence == sequence]
    if not behind:
        state = EngineState(account, account_tag(account) if account else "")
        return Fold(state, {table.name: {} for table in TABLES}, JournalHead(0, GENESIS_HASH))
    anchor = behind[-1]
    head = JournalHead(anchor.sequence, anchor.hash)
    rows = rows_of(anchor.base, anchor.sequence)
    keyed = {table.name: {key_of(table, row): row for row in rows[table.name]} for table in TABLES}
    return Fold(await state_of(rows, head), cast("Folded", keyed), head)


def key_of(table: Table, row: Mapping[str, Scalar]) -> tuple[Scalar, ...]:
    """Return the row's key."""
    return tuple(row[name] for name in table.key)


def _fold_one(fold: Fold, envelope: Envelope) -> None:
    sequence = envelope.sequence
    if sequence != fold.head.sequence + 1:
        raise JournalDamaged(
            sequence, f"it follows {fold.head.sequence}, records are missing or out of order"
        )
    expected = chain_hash(
        fold.head.hash, sequence, envelope.ts_ns, envelope.kind, envelope.version, envelope.payload
    )
    if expected != envelope.hash:
        raise JournalDamaged(sequence, f"its bytes do not match the chain (kind {envelope.kind!r})")
    record = decode(envelope)
    if isinstance(record, KernelStarted):
        fold.state.account = record.account
        fold.state.account_tag = account_tag(record.account)
    try:
        apply(fold.state, record, envelope.ts_ns)
    except KeyError as error:
        raise JournalDamaged(sequence, f"it refers to {error}, which no earlier record made") from error
    fold.head = JournalHead(sequence, envelope.hash)
    fold.records += 1


def _collect(fold: Fold) -> None:
    """Take in the rows that changed since the last call."""
    keys = {table.name: table for table in TABLES}
    for row in dirty_rows(fold.state, fold.state.dirty):
        values = row.named()
        fold.rows[row.table][key_of(keys[row.table], values)] = values
    fold.state.dirty = type(fold.state.dirty)()


async def verify_journal(reader: JournalReader, anchors: Sequence[Anchor] = ()) -> VerifyReport:
    """Verify chain, fold and rows; damage in the chain is a problem in the report, not an error.

    An archive, whose last anchor is its own end, holds the rows that moved; those that stayed in the store
    are compared with what the anchor keeps of them.
    """
    try:
        fold = await fold_journal(reader, anchors=anchors)
        stored = {table.name: await _stored(reader, table) for table in TABLES}
        if anchors and fold.records and anchors[-1].sequence == fold.head.sequence:
            for table in TABLES:
                stayed = rows_of(anchors[-1].base, fold.head.sequence)[table.name]
                stored[table.name].update({key_of(table, row): row for row in stayed})
    except JournalDamaged as damage:
        return VerifyReport(damage.sequence - 1, JournalHead(damage.sequence - 1, b""), 0, (damage.what,))
    problems: list[str] = []
    for table in TABLES:
        if table.name not in RELAY_TABLES:  # no record stands for their rows
            problems.extend(differences(table, fold.rows[table.name], stored[table.name]))
    compared = sum(len(rows) for name, rows in stored.items() if name not in RELAY_TABLES)
    return VerifyReport(fold.records, fold.head, compared, tuple(problems))


async def _stored(reader: JournalReader, table: Table) -> dict[tuple[Scalar, ...], Mapping[str, Scalar]]:
    return {key_of(table, row): row for row in await reader.rows(table.name)}


def differences(
    table: Table,
    folded: Mapping[tuple[Scalar, ...], Mapping[str, Scalar]],
    stored: Mapping[tuple[Scalar, ...], Mapping[str, Scalar]],
) -> list[str]:
    """Return a sentence for every row, and every value of one, that is not the same in both."""
    problems = [f"{table.name} {_name(key)}: in the journal, no row" for key in folded if key not in stored]
    problems += [
        f"{table.name} {_name(key)}: a row, not in the journal" for key in stored if key not in folded
    ]
    for key, values in folded.items():
        other = stored.get(key)
        if other is None:
            continue
        for column in table.columns:
            name = column.name
            if not _same(values[name], other[name]):
                problems.append(
                    f"{table.name} {_name(key)}: {name} is {other[name]!s}, the journal says {values[name]!s}"
                )
    return problems


def _same(one: Scalar, other: Scalar) -> bool:
    """Compare to the last digit: decimals by value, everything else with its type."""
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one == other
    return type(one) is type(other) and one == other


def _name(key: tuple[Scalar, ...]) -> str:
    return "/".join(str(part) for part in key)
