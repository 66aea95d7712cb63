"""What must hold of every notice, whatever happened: looked at from the disk and from what was told.

The rows of the disk say what is owed, up to where it is said to be told, and what was given up; who was told
says what it heard, and when. Nothing of the kernel's relay is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from fairlead.ports.notices import Notice
from fairlead.ports.store import Batch, OutboxRow
from fairlead.testing.memory_store import MemoryDisk

OVER = ("dead", "discarded")
Problems = list[str]


class Hearer(Protocol):
    """Who is told, and remembers it: an `Endpoint` or a `ScriptedNotifier`."""

    name: str
    attempts: list[tuple[Notice, int]]
    told: list[Notice]


def rows_of(disk: MemoryDisk, table: str, name: str) -> list[Mapping[str, object]]:
    """Return the durable rows of a notifier."""
    return list(disk.tables.by_name[table].where("name" if table == "notifiers" else "notifier", name))


class NoticeTruth:
    """One notifier's notices; *kinds* are those it wants, all when there is none.

    It remembers over all kernels what was told, with what contents, and in which order.
    """

    def __init__(self, disk: MemoryDisk, notifier: Hearer, kinds: Collection[str] = ()) -> None:
        self._disk = disk
        self._kinds = frozenset(kinds)
        self.notifier = notifier
        self.replayed: set[str] = set()
        """What an operator had told again: that may come late."""
        self._begin = 0
        self._has_begun = False
        self._contents: dict[str, Notice] = {}
        self._first_told: dict[str, int] = {}
        self._found: Problems = []
        self._attempts_read = self._told_read = 0

    def begin(self, batch: Batch | None = None) -> None:
        """Count from here on: the notifier is new, and its first mark is durable, or in this batch.

        Call it with every batch before it is committed: what was not durable in the end does not count.
        """
        if self._has_begun:
            return
        accounts = self._rows("notifiers")
        self._has_begun = bool(accounts)
        if batch is not None and not accounts:
            accounts = [row.named() for row in batch.rows if row.table == "notifiers"]
        elif batch is not None:
            return
        for account in accounts:
            if account["name"] == self.notifier.name:
                self._begin = int(str(account["mark"]))

    def wants(self, kind: str) -> bool:
        """Tell whether facts of this kind are wanted."""
        return not self._kinds or kind in self._kinds

    def owed(self) -> list[OutboxRow]:
        """Return every durable fact that it wants, from the time on when it was there."""
        return [row for row in self._disk.outbox if row.sequence > self._begin and self.wants(row.kind)]

    def untold(self) -> list[OutboxRow]:
        """Return what is owed and was neither told nor given up."""
        self._take_in()
        settled = self._over().union(self._first_told)
        return [row for row in self.owed() if row.event_id not in settled]

    def given_up(self) -> set[str]:
        """Return the ids of what nobody tries again although nobody was told."""
        self._take_in()
        return self._over() - set(self._first_told)

    def look(self) -> Problems:
        """Return what is wrong at any instant, with a kernel alive, dying or dead."""
        self._take_in()
        problems = list(self._found)
        state = self._states()
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
        state = self._states()
        problems += [
            f"{self.notifier.name} was never told {row.event_id}, which is {state.get(row.event_id)}"
            for row in self.untold()
        ]
        problems += [f"{each} still waits" for each, its in state.items() if its == "pending"]
        problems += self._disorder()
        for account in self._rows("notifiers"):
            if account["mark"] != self._disk.head.sequence:
                problems.append(f"the mark stayed at {account['mark']} of {self._disk.head.sequence}")
        return problems

    def _take_in(self) -> None:
        """Take in what was told; the same id has the same contents, and it was wanted and is durable."""
        attempts, told = self.notifier.attempts[self._attempts_read :], self.notifier.told[self._told_read :]
        self._attempts_read += len(attempts)
        self._told_read += len(told)
        durable = {row.event_id for row in self.owed()} if attempts else ()
        for notice, _ in attempts:
            if self._contents.setdefault(notice.event_id, notice) != notice:
                self._found.append(f"{notice.event_id} came with other contents")
            if notice.event_id not in durable:
                self._found.append(f"{notice.event_id} is not durable, or not wanted")
        for notice in told:
            self._first_told.setdefault(notice.event_id, len(self._first_told))

    def _disorder(self) -> Problems:
        """Return what was told before something earlier of its subject that was not given up."""
        problems = []
        over = self._over()
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

    def _states(self) -> dict[str, str]:
        return {str(row["event_id"]): str(row["state"]) for row in self._rows("deliveries")}

    def _over(self) -> set[str]:
        return {event_id for event_id, state in self._states().items() if state in OVER}

    def _rows(self, table: str) -> list[Mapping[str, object]]:
        return rows_of(self._disk, table, self.notifier.name)
