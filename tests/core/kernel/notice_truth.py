"""What must hold of every notice, whatever happened: looked at from the store and from what was told."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fairlead.ports.notices import Notice
from fairlead.ports.store import Batch, OutboxRow
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.scripted_notifier import ScriptedNotifier

OVER = ("dead", "discarded")
Problems = list[str]


def rows_of(disk: MemoryDisk, table: str, name: str) -> list[Mapping[str, object]]:
    """Return the durable rows of a notifier."""
    return list(disk.tables.by_name[table].where("name" if table == "notifiers" else "notifier", name))


class Truth:
    """One notifier's notices; *kinds* are those it wants, all when there is none.

    It remembers over all kernels what was told, with what contents, and in which order.
    """

    def __init__(self, disk: MemoryDisk, notifier: ScriptedNotifier, kinds: Collection[str] = ()) -> None:
        self._disk = disk
        self._kinds = frozenset(kinds)
        self.notifier = notifier
        self.replayed: set[str] = set()
        """What an operator had told again: that may come late."""
        self._begin = 0
        self._contents: dict[str, Notice] = {}
        self._first_told: dict[str, int] = {}

    def begin(self, batch: Batch | None = None) -> None:
        """Count from here on: the notifier is new, and its first mark is durable, or in this batch."""
        accounts = self._rows("notifiers")
        if batch is not None and not accounts:
            accounts = [row.named() for row in batch.rows if row.table == "notifiers"]
        elif batch is not None:
            return
        for account in accounts:
            self._begin = int(str(account["mark"]))

    def wants(self, kind: str) -> bool:
        """Tell whether facts of this kind are wanted."""
        return not self._kinds or kind in self._kinds

    def owed(self) -> list[OutboxRow]:
        """Return every durable fact that it wants, from the time on when it was there."""
        return [row for row in self._disk.outbox if row.sequence > self._begin and self.wants(row.kind)]

    def look(self) -> Problems:
        """Return what is wrong at any instant, with a kernel alive, dying or dead."""
        problems = self._told()
        state = {str(row["event_id"]): str(row["state"]) for row in self._rows("deliveries")}
        for account in self._rows("notifiers"):
            mark = int(str(account["mark"]))
            problems += [
                f"{self.notifier.name} has the mark {mark}; {row.event_id} is neither told nor written down"
                for row in self.owed()
                if row.sequence <= mark and row.event_id not in self._first_told and row.event_id not in state
            ]
        return problems

    def at_rest(self) -> Problems:
        """Return what is wrong once everything had time to be told: all of it is told, or is given up."""
        problems = self.look()
        state = {str(row["event_id"]): str(row["state"]) for row in self._rows("deliveries")}
        problems += [
            f"{self.notifier.name} was never told {row.event_id}, which is {state.get(row.event_id)}"
            for row in self.owed()
            if row.event_id not in self._first_told and state.get(row.event_id) not in OVER
        ]
        problems += [f"{each} still waits" for each, its in state.items() if its == "pending"]
        problems += self._disorder({each for each, its in state.items() if its in OVER})
        for account in self._rows("notifiers"):
            if account["mark"] != self._disk.head.sequence:
                problems.append(f"the mark stayed at {account['mark']} of {self._disk.head.sequence}")
        return problems

    def _told(self) -> Problems:
        """Take in what was told; the same id has the same contents, and it was wanted and is durable."""
        problems = []
        durable = {row.event_id for row in self.owed()}
        for notice, _ in self.notifier.attempts:
            if self._contents.setdefault(notice.event_id, notice) != notice:
                problems.append(f"{notice.event_id} came with other contents")
            if notice.event_id not in durable:
                problems.append(f"{notice.event_id} is not durable, or not wanted")
        self.notifier.attempts.clear()
        for notice in self.notifier.told:
            self._first_told.setdefault(notice.event_id, len(self._first_told))
        self.notifier.told.clear()
        return problems

    def _disorder(self, over: set[str]) -> Problems:
        """Return what was told before something earlier of its subject that was not given up."""
        problems = []
        latest: dict[str, tuple[int, str]] = {}
        for row in self.owed():
            place = self._first_told.get(row.event_id)
            if place is None or row.event_id in over or row.event_id in self.replayed:
                continue
            before, name = latest.get(row.subject, (-1, ""))
            if place < before:
                problems.append(f"{name} was told before {row.event_id}, of {row.subject}")
            latest[row.subject] = max((place, row.event_id), (before, name))
        return problems

    def _rows(self, table: str) -> list[Mapping[str, object]]:
        return rows_of(self._disk, table, self.notifier.name)
