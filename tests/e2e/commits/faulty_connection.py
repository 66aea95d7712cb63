"""A SQLite connection whose next commit fails in a chosen way; the rest is SQLite's own."""

from __future__ import annotations

import enum
import sqlite3
import threading
from typing import Any


class Fault(enum.Enum):
    """What goes wrong with one commit."""

    REFUSED = "refused"
    """An insert fails: nothing can be stored."""

    UNCERTAIN_LOST = "uncertain_lost"
    """COMMIT fails, and nothing is stored."""

    UNCERTAIN_STORED = "uncertain_stored"
    """COMMIT fails, and everything is stored."""

    HANGS_BEFORE = "hangs_before"
    """The transaction is not even begun until `Plan.release`."""

    HANGS_IN_COMMIT = "hangs_in_commit"
    """COMMIT does not return until `Plan.release`, and holds the database meanwhile."""


class Plan:
    """Says which fault happens next, to every connection made with its `connection_class`."""

    def __init__(self) -> None:
        self.armed: Fault | None = None
        self.fired: list[Fault] = []
        self.hanging = threading.Event()
        self._released = threading.Event()

    def release(self) -> None:
        """Let what hangs go on."""
        self._released.set()

    def connection_class(self) -> type[sqlite3.Connection]:
        """Return the class to give to the store."""
        plan = self

        class FaultyConnection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401
                if sql == "BEGIN IMMEDIATE":
                    plan.hang_if(Fault.HANGS_BEFORE)
                if sql == "COMMIT":
                    plan.hang_if(Fault.HANGS_IN_COMMIT)
                    if plan.fires(Fault.UNCERTAIN_LOST):
                        super().execute("ROLLBACK")
                        raise sqlite3.OperationalError("disk I/O error")
                    if plan.fires(Fault.UNCERTAIN_STORED):
                        super().execute(sql, *parameters)
                        raise sqlite3.OperationalError("disk I/O error")
                return super().execute(sql, *parameters)

            def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401
                if plan.fires(Fault.REFUSED):
                    raise sqlite3.OperationalError("database or disk is full")
                return super().executemany(sql, *parameters)

        return FaultyConnection

    def fires(self, fault: Fault) -> bool:
        """Tell whether this fault happens now; it then happens once."""
        if self.armed is not fault:
            return False
        self.armed = None
        self.fired.append(fault)
        return True

    def hang_if(self, fault: Fault) -> None:
        """Wait, in the store's own thread, until released, when this fault is due."""
        if self.fires(fault):
            self.hanging.set()
            self._released.wait()
