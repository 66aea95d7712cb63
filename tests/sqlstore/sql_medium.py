"""The SQL store as the store rules want it, with a driver that fails on demand."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

from fairlead.ports.store import Store
from fairlead.testing.conformance.store_medium import PlannedFault, StoreMedium
from fairlead.testing.memory_store import AppendFault
from fairlead_sqlstore import SqlStore, SqlStoreSettings


class FaultPlan:
    """What goes wrong next in the connections of one store; each planned fault happens once."""

    def __init__(self) -> None:
        self.fault: AppendFault | None = None
        self.hangs_at_commit = False
        self.hanging = threading.Event()
        self.released = threading.Event()

    def hang(self) -> None:
        """Block the thread until the test lets it go on."""
        self.hanging.set()
        self.released.wait()

    async def hang_reached(self) -> None:
        """Wait until a thread is in `hang`."""
        await asyncio.to_thread(self.hanging.wait)

    def take(self, *faults: AppendFault) -> AppendFault | None:
        """Return the planned fault if it is one of these, and forget it."""
        if self.fault not in faults:
            return None
        fault, self.fault = self.fault, None
        return fault


class FaultyConnection(sqlite3.Connection):
    """A real connection, which fails around real statements."""

    plan: FaultPlan

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # noqa: ANN401 (as in sqlite3)
        """Run the statement, or let the planned fault happen at it."""
        plan = self.plan
        if sql == "BEGIN IMMEDIATE" and plan.take(AppendFault.HANGS):
            plan.hang()
        if sql != "COMMIT":
            return super().execute(sql, parameters)
        if plan.take(AppendFault.UNCERTAIN_LOST):
            super().execute("ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        if plan.hangs_at_commit:
            plan.hangs_at_commit = False
            plan.hang()
        cursor = super().execute("COMMIT")
        if plan.take(AppendFault.UNCERTAIN_STORED):
            raise sqlite3.OperationalError("disk I/O error")
        if plan.take(AppendFault.HANGS_STORED):
            plan.hang()
        return cursor

    def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401 (as in sqlite3)
        """Run the statement, or let the planned fault happen after it."""
        cursor = super().executemany(sql, parameters)
        if self.plan.take(AppendFault.FAILS):
            raise sqlite3.OperationalError("database or disk is full")
        return cursor


def faulty_store(path: Path, busy_timeout_ms: int = 5_000) -> tuple[SqlStore, FaultPlan]:
    """Return a store on the file, and what lets it fail."""
    plan = FaultPlan()
    factory = type("PlannedConnection", (FaultyConnection,), {"plan": plan})
    return SqlStore(SqlStoreSettings(path, busy_timeout_ms), connection_factory=factory), plan


class SqlMedium(StoreMedium):
    """One database file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._plans: dict[int, FaultPlan] = {}

    def new_store(self) -> Store:
        """Return another store on the file."""
        store, plan = faulty_store(self.path)
        self._plans[id(store)] = plan
        return store

    async def kill(self, store: Store) -> None:
        """Do what the end of a process does: the lock goes, the connections close."""
        assert isinstance(store, SqlStore)
        assert store._hold is not None
        store._hold.drop()
        await store._reader.close()
        store._abandon()

    def plan_fault(self, store: Store, fault: AppendFault) -> PlannedFault:
        """Let the driver fail at the next append."""
        plan = self._plans[id(store)]
        plan.fault = fault
        return PlannedFault(plan.hang_reached, plan.released.set)
