"""Journal verification: the chain, the fold, and the rows, each against the other.

Reads a store from outside (a reader is enough), checks every envelope's hash, folds every record
into a fresh state, and compares that state's rows with the stored ones, to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import attrs

from fairlead.domain.identifiers import account_tag
from fairlead.domain.records import KernelStarted
from fairlead.errors import JournalDamaged
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.codec import chain_hash, decode
from fairlead.kernel.journal.rows import dirty_rows
from fairlead.ports.store import GENESIS_HASH, RELAY_TABLES, TABLES, Envelope, JournalHead, Row, Scalar, Table

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


@attrs.define
class Fold:
    """A state folded from a journal, and the rows that it says there are."""

    state: EngineState
    rows: dict[str, dict[tuple[Scalar, ...], Mapping[str, Scalar]]]
    head: JournalHead
    records: int = 0


async def fold_journal(reader: JournalReader, account: str = "") -> Fold:
    """Check the chain and fold every record; raises `JournalDamaged` that names the first bad record."""
    state = EngineState(account, account_tag(account) if account else "")
    fold = Fold(state, {table.name: {} for table in TABLES}, JournalHead(0, GENESIS_HASH))
    while page := await reader.envelopes(fold.head.sequence, PAGE):
        for envelope in page:
            _fold_one(fold, envelope)
        _collect(fold, dirty_rows(state, state.dirty))
        state.dirty = type(state.dirty)()
    return fold


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


def _collect(fold: Fold, rows: list[Row]) -> None:
    keys = {table.name: table.key for table in TABLES}
    for row in rows:
        values = row.named()
        fold.rows[row.table][tuple(values[name] for name in keys[row.table])] = values


async def verify_journal(reader: JournalReader) -> VerifyReport:
    """Verify chain, fold and rows; damage in the chain is a problem in the report, not an error."""
    try:
        fold = await fold_journal(reader)
    except JournalDamaged as damage:
        return VerifyReport(damage.sequence - 1, JournalHead(damage.sequence - 1, b""), 0, (damage.what,))
    problems: list[str] = []
    compared = 0
    for table in TABLES:
        if table.name in RELAY_TABLES:
            continue  # no record stands for their rows
        stored = {tuple(row[name] for name in table.key): row for row in await reader.rows(table.name)}
        compared += len(stored)
        problems.extend(_differences(table, fold.rows[table.name], stored))
    return VerifyReport(fold.records, fold.head, compared, tuple(problems))


def _differences(
    table: Table,
    folded: Mapping[tuple[Scalar, ...], Mapping[str, Scalar]],
    stored: Mapping[tuple[Scalar, ...], Mapping[str, Scalar]],
) -> list[str]:
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
