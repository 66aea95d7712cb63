"""Looking after a store from outside: upgrade, copies, archives. Needs the lock, but for copies."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from fairlead.errors import ConfigurationRefused, NotRunning
from fairlead.ports.keeping import ArchivePlan, Progress, Upgraded
from fairlead_sqlstore.hold import Hold
from fairlead_sqlstore.place import refuse_network
from fairlead_sqlstore.settings import SqlStoreSettings


class SqlKeeper:
    """A `StoreKeeper` of one SQLite file. Its work blocks the loop: it is for tools, not for kernels."""

    def __init__(
        self, settings: SqlStoreSettings, *, connection_factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        """*connection_factory* makes the writing connection; tests pass one that dies."""
        self._settings = settings
        self._path = Path(os.path.realpath(settings.path))
        self._factory = connection_factory
        self._hold: Hold | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """See `StoreKeeper.open`."""
        from fairlead_sqlstore.connecting import connect, explained, prepare_for_writing

        if not self._path.is_file():
            raise ConfigurationRefused(f"There is no store at {str(self._path)!a}.", fix="Check the path.")
        refuse_network(self._path)
        lock = self._path.with_name(self._path.name + ".lock")
        self._hold = Hold(lock, f"fairlead db, process {os.getpid()}")
        try:
            timeout_ms = self._settings.busy_timeout_ms
            connection = connect(self._path, mode="rw", busy_timeout_ms=timeout_ms, factory=self._factory)
            self._connection = connection
            prepare_for_writing(connection, self._path)
        except sqlite3.Error as error:
            await self.close()
            raise explained(error, self._path) from error
        except BaseException:  # supervision point: a refused store must be given back
            await self.close()
            raise

    async def close(self) -> None:
        """See `StoreKeeper.close`."""
        connection, self._connection = self._connection, None
        hold, self._hold = self._hold, None
        if connection is not None:
            connection.close()
        if hold is not None:
            hold.release()

    async def back_up(self, target: Path | None, progress: Progress) -> Path:
        """See `StoreKeeper.back_up`."""
        from fairlead_sqlstore.backing_up import back_up, named_for
        from fairlead_sqlstore.connecting import connect, explained
        from fairlead_sqlstore.schema import version_of

        try:
            timeout_ms = self._settings.busy_timeout_ms
            with closing(connect(self._path, mode="ro", busy_timeout_ms=timeout_ms)) as connection:
                schema = version_of(connection, self._path)
                if schema is None:
                    raise ConfigurationRefused(
                        f"{self._path} holds nothing yet.", not_done="No copy was made."
                    )
                if target is None:
                    target = self._folder / named_for(connection, self._path, schema)
                    if target.exists():  # of this very record: there is nothing newer to copy
                        return target
                back_up(connection, target, progress)
        except sqlite3.Error as error:
            raise explained(error, self._path) from error
        return target

    async def upgrade(self) -> Upgraded:
        """See `StoreKeeper.upgrade`."""
        from fairlead_sqlstore.backing_up import back_up_before_upgrade
        from fairlead_sqlstore.connecting import explained
        from fairlead_sqlstore.schema import HEAD, bring_to_head, refuse_gaps, version_of

        connection = self._writing()
        copies: list[str] = []

        def copy(schema: str) -> None:
            copies.append(back_up_before_upgrade(connection, self._path, self._folder, schema).name)

        try:
            before = version_of(connection, self._path)
            bring_to_head(connection, self._path, copy if self._settings.backup_before_upgrade else None)
            refuse_gaps(connection, self._path)
        except sqlite3.Error as error:
            raise explained(error, self._path) from error
        return Upgraded(before or "", HEAD, "".join(copies))

    async def write_archive(self, plan: ArchivePlan) -> Path:
        """See `StoreKeeper.write_archive`."""
        from fairlead_sqlstore.archiving import archive_name, write_archive
        from fairlead_sqlstore.connecting import explained

        target = self._archives / archive_name(self._path, plan)
        try:
            write_archive(self._writing(), plan, target)
        except sqlite3.Error as error:
            raise explained(error, self._path) from error
        return target

    async def drop_archived(self, plan: ArchivePlan, archive: Path) -> None:
        """See `StoreKeeper.drop_archived`; the file is made smaller at the end."""
        from fairlead_sqlstore.archiving import drop_archived
        from fairlead_sqlstore.connecting import explained

        connection = self._writing()
        try:
            drop_archived(connection, plan, archive)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    @property
    def _folder(self) -> Path:
        return Path(self._settings.backup_folder or self._path.parent)

    @property
    def _archives(self) -> Path:
        return Path(self._settings.archive_folder or self._path.parent)

    def _writing(self) -> sqlite3.Connection:
        if self._connection is None:
            raise NotRunning(f"{self._path} is not open.", fix="Open it first.")
        return self._connection
