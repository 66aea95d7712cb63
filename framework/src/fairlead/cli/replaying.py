"""What `fairlead journal replay` and `fairlead journal export` read and show."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from fairlead.cli.archives import anchors_of
from fairlead.cli.store_access import StorePlace, journal_of, open_reader

if TYPE_CHECKING:
    from fairlead.kernel.journal.verify import Folded
    from fairlead.ports.keeping import Progress
    from fairlead.ports.store import Envelope, Scalar, StoreReader

CHANGE_COLUMNS = ("table", "key", "what changed")
ORDER_COLUMNS = ("order", "state", "owner/book", "what", "filled")
# fixed: ids of this length are shortened where there is no room
ID_LENGTH = 32
POSITION_COLUMNS = ("position", "quantity", "cost", "realized", "fees")


@attrs.frozen
class Change:
    """A row that was made or changed: each column with what it was before, or nothing, and what it became."""

    table: str
    key: str
    columns: Mapping[str, tuple[Scalar, Scalar]]


@attrs.frozen
class Replayed:
    """The state after a record: all rows by table, or what changed; *problems* where stored rows differ."""

    sequence: int
    ts_ns: int
    trading: str
    rows: Mapping[str, Sequence[Mapping[str, Scalar]]]
    changes: Sequence[Change] | None = None
    problems: Sequence[str] = ()


async def replayed(reader: StoreReader, at: int | None, since: int | None) -> Replayed:
    """Fold the journal up to a record; raises `UnknownName` for one that this journal does not hold."""
    from fairlead.kernel.journal.verify import fold_journal, verify_journal

    anchors = await anchors_of(reader)
    head = (await reader.head()).sequence
    last = head if at is None else at
    await _refuse_outside(reader, since, last, head)
    fold = await fold_journal(reader, anchors=anchors, until=last)
    page = await reader.envelopes(last - 1, 1) if fold.records else []
    problems = (await verify_journal(reader, anchors)).problems if last == head else ()
    rows = {name: [found[key] for key in sorted(found)] for name, found in fold.rows.items()}
    trading = f"{fold.state.trading.value} ({fold.state.trading_reason})"
    changes = None
    if since is not None:
        changes = _changes((await fold_journal(reader, anchors=anchors, until=since)).rows, fold.rows)
    return Replayed(last, page[0].ts_ns if page else 0, trading, rows, changes, problems)


async def _refuse_outside(reader: StoreReader, since: int | None, last: int, head: int) -> None:
    """Refuse records that this journal does not hold; the one before its first is where it begins."""
    from fairlead.errors import UnknownName

    first = await reader.envelopes(0, 1)
    begins = first[0].sequence - 1 if first else head
    for sequence in (last, begins if since is None else since):
        if not begins <= sequence <= head:
            fix = f"This journal holds records {begins + 1} to {head}; older ones are in archives."
            raise UnknownName("record", str(sequence), fix=fix)


def _changes(before: Folded, after: Folded) -> list[Change]:
    changes = []
    for table, rows in after.items():
        for key, row in rows.items():
            old = before[table].get(key, {})
            columns = {
                name: (old.get(name), value) for name, value in row.items() if not old or old[name] != value
            }
            if columns:
                changes.append(Change(table, " ".join(str(part) for part in key if part != ""), columns))
    return changes


def change_cells(change: Change) -> tuple[object, ...]:
    """Return the cells of a change; of a new row, what is not empty."""
    from fairlead.cli.output import Shortened
    from fairlead.domain.order_names import ending_of

    told = [
        f"{name} {_shown(name, new)}" if old is None else f"{name} {_shown(name, old)} -> {_shown(name, new)}"
        for name, (old, new) in change.columns.items()
        if old is not None or (new and str(new) not in change.key)
    ]
    short = (
        "/".join(ending_of(part) for part in change.key.split("/"))
        if change.table != "settings"
        else change.key
    )
    return change.table, Shortened(change.key, short), ", ".join(told)


def _shown(name: str, value: Scalar) -> str:
    """Return a value as people read it: a moment as a time."""
    from fairlead.cli.output import cell
    from fairlead.cli.wording import time_of

    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_ns"):
        return time_of(value) or "never"
    return cell(value)


def order_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of a live order."""
    from fairlead.cli.output import Shortened
    from fairlead.cli.wording import size_of
    from fairlead.domain.order_names import ending_of

    name = Shortened(row["client_order_id"], ending_of(row["client_order_id"]))
    return name, row["state"], f"{row['owner']}/{row['book']}", size_of(row), row["filled_quantity"] or None


def position_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of a position."""
    place = " ".join(part for part in (row["symbol"], row["book"], row["position_id"]) if part)
    return place, row["quantity"], row["cost"], row["realized_pnl"], f"{row['fees']} {row['currency']}"


async def exported(place: StorePlace, after: int, progress: Progress) -> tuple[int, int]:
    """Print every record after one, a line each; return how many there were, and the last."""
    count, last = 0, after
    async with open_reader(place) as reader:
        head = (await reader.head()).sequence
        async for envelope in journal_of(reader, after):
            sys.stdout.write(line_of(envelope))
            count, last = count + 1, envelope.sequence
            progress(last - after, head - after)
    sys.stdout.flush()
    return count, last


def line_of(envelope: Envelope) -> str:
    """Return a record as a line of JSON in ASCII; the payload is a text whose UTF-8 is what was hashed."""
    return (
        json.dumps(
            {
                "sequence": envelope.sequence,
                "ts_ns": envelope.ts_ns,
                "kind": envelope.kind,
                "version": envelope.version,
                "payload": envelope.payload.decode(),
                "hash": envelope.hash.hex(),
            }
        )
        + "\n"
    )
