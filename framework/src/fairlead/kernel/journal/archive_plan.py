"""What of a store may move to an archive: what is over, did not change since, and nothing refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from fairlead.domain.order_table import OrderState
from fairlead.kernel.journal.base_rows import base_of
from fairlead.kernel.journal.verify import Folded, JournalReader, fold_journal, key_of
from fairlead.ports.keeping import Anchor, ArchivePlan
from fairlead.ports.store import TABLES, Scalar

Key = tuple[Scalar, ...]
Row = Mapping[str, Any]

ARCHIVED = ("orders", "fills", "episodes", "position_snapshots", "commands", "closings", "changes")
"""Tables of which rows move. What the others hold is needed for as long as there is the account."""

SETTLED = ("delivered", "discarded")
"""States of a delivery that needs its record no more; in any other it may still be sent."""


@attrs.frozen
class Cut:
    """How old is old: rows and records before *before_ns*, idempotency keys before *keys_before_ns*."""

    before_ns: int
    keys_before_ns: int


@attrs.define
class Candidates:
    """The rows that may still move, by table; what is found to be needed is taken out."""

    rows: dict[str, dict[Key, Row]]
    fills_of: dict[str, list[Row]]

    def keep(self, table: str, keys: Iterable[Key]) -> bool:
        """Take these out; tell whether any was in."""
        found = [key for key in keys if self.rows[table].pop(key, None) is not None]
        return bool(found)


async def plan_archive(reader: JournalReader, anchors: Sequence[Anchor], cut: Cut) -> ArchivePlan | None:
    """Return what may move at this cut; None when that is no record at all.

    From the first record on that a notifier is still owed, everything stays. Raises `JournalDamaged` when the
    chain up to the cut is broken: damage is never archived.
    """
    owed_from = await _owed_from(reader)
    until = None if owed_from is None else owed_from - 1
    fold = await fold_journal(reader, anchors=anchors, until=until, before_ns=cut.before_ns)
    if not fold.records:
        return None
    whole = await fold_journal(reader, anchors=anchors)
    last = (await reader.envelopes(fold.head.sequence - 1, 1))[0]
    candidates = await _candidates(reader, fold.rows, cut)
    while _keep_what_is_needed(candidates, await _kept(reader, candidates)):
        pass
    moved = {name: tuple(found) for name, found in candidates.rows.items() if found}
    stay = {
        name: [row for key, row in found.items() if key not in candidates.rows.get(name, {})]
        for name, found in fold.rows.items()
    }
    anchor = Anchor(fold.head.sequence, fold.head.hash, last.ts_ns, "", "", base_of(stay))
    first = fold.head.sequence - fold.records + 1
    return ArchivePlan(first, whole.head.sequence, anchor, moved)


async def _owed_from(reader: JournalReader) -> int | None:
    """Return the first record that a notifier is still owed, disabled ones too; None when none is.

    What could not be delivered is owed until an operator discards it: it may be sent again.
    """
    marks = [int(str(row["mark"])) + 1 for row in await reader.rows("notifiers")]
    deliveries = await reader.rows("deliveries")
    unsettled = [int(str(row["sequence"])) for row in deliveries if row["state"] not in SETTLED]
    return min([*marks, *unsettled], default=None)


async def _candidates(reader: JournalReader, folded: Folded, cut: Cut) -> Candidates:
    """Return the rows that are over, old enough, and the same now as at the anchor."""
    found: dict[str, dict[Key, Row]] = {}
    fills_of: dict[str, list[Row]] = {}
    for table in (table for table in TABLES if table.name in ARCHIVED):
        rows = {key_of(table, row): row for row in await reader.rows(table.name)}
        if table.name == "fills":
            for row in rows.values():
                fills_of.setdefault(str(row["client_order_id"]), []).append(row)
        found[table.name] = {
            key: row
            for key, row in rows.items()
            if folded[table.name].get(key) == row and _is_over(table.name, row, cut)
        }
    return Candidates(found, fills_of)


def _is_over(table: str, row: Row, cut: Cut) -> bool:
    if table == "commands":
        return bool(row["created_ns"] < cut.keys_before_ns)
    if table == "orders":
        return OrderState(row["state"]).is_final and row["updated_ns"] < cut.before_ns
    if table in ("episodes", "closings", "changes"):
        return not row["live"] and row["closed_ns"] < cut.before_ns
    return True  # a snapshot or a fill: it is as old as its record


async def _kept(reader: JournalReader, candidates: Candidates) -> dict[str, list[Row]]:
    """Return the rows that stay as things stand, by table."""
    kept: dict[str, list[Row]] = {}
    for table in (table for table in TABLES if table.name in ARCHIVED):
        moving = candidates.rows[table.name]
        kept[table.name] = [row for row in await reader.rows(table.name) if key_of(table, row) not in moving]
    kept["positions"] = [row for row in await reader.rows("positions") if row["live"] and row["position_id"]]
    return kept


def _keep_what_is_needed(candidates: Candidates, kept: Mapping[str, Sequence[Row]]) -> bool:
    """Keep what a row that stays refers to; tell whether that was anything."""
    named = {str(row["client_order_id"]) for row in kept["commands"]}  # an order, a closing or a change
    orders = named | {str(row["client_order_id"]) for row in kept["fills"]}
    for change in kept["changes"]:
        orders |= {change["client_order_id"], change["new_order_id"]}
    orders |= {str(row["exit_order_id"]) for row in kept["closings"]}
    orders |= {str(row["replaces"]) for row in kept["orders"]}
    hedging = {row["position_id"] for row in kept["positions"]}
    orders |= {key for (key,), row in candidates.rows["orders"].items() if row["position_id"] in hedging}  # type: ignore[misc] # a text
    episodes = {_episode(row) for row in kept["episodes"]}
    changed = candidates.keep("closings", [(name,) for name in named])
    changed |= candidates.keep("changes", [(name,) for name in named])
    needed = [row for row in candidates.rows["fills"].values() if not episodes.isdisjoint(_episodes_of(row))]
    orders |= {str(row["client_order_id"]) for row in needed}
    changed |= candidates.keep("orders", [(name,) for name in orders])
    staying = {str(row["client_order_id"]) for row in kept["orders"]} | orders
    lost = [row for name in staying for row in candidates.fills_of.get(name, ())]
    changed |= candidates.keep("fills", [(row["client_order_id"], row["trade_id"]) for row in lost])
    changed |= candidates.keep("episodes", [key for row in lost for key in _episodes_of(row)])
    return changed


def _episode(row: Row) -> Key:
    return row["symbol"], row["book"], row["position_id"], row["number"]


def _episodes_of(row: Row) -> list[Key]:
    """Return the episodes that a fill belongs to; a flip's belongs to two."""
    place = row["symbol"], row["book"], row["position_id"]
    numbers = (row["episode"] - 1, row["episode"]) if row["flipped"] else (row["episode"],)
    return [(*place, number) for number in numbers]
