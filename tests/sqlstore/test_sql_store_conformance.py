"""The SQL store on SQLite keeps every rule of the store port."""

from __future__ import annotations

from pathlib import Path

from fairlead.testing.conformance.store import StoreConformance
from tests.sqlstore.sql_medium import SqlMedium


class TestSqliteStore(StoreConformance):
    """Every rule, with real files, real threads and faults of a real driver."""

    def medium_at(self, folder: Path) -> SqlMedium:
        """Return a file that is not there yet."""
        return SqlMedium(folder / "bot.sqlite")
