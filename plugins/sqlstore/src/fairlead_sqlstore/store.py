"""The SQL store: the writing session in one thread, the reader in another, the hold on the file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.errors import CommitFailed, NotRunning, StaleEpoch, StoreHeld
from fairlead.ports.searches import Search
from fairlead.ports.store import Batch, Envelope, Opened, OutboxRow, Scalar
from fairlead_sqlstore.hold import Hold
from fairlead_sqlstore.place import refuse_network
from fairlead_sqlstore.reader import SqlReader
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.worker import Worker, WorkerEndedError

if TYPE_CHECKING:
    from fairlead_sqlstore.place import Identity
    from fairlead_sqlstore.writing import WriteSession


class SqlStore:
    """A `Store` in one SQLite file, which belongs to one account.

    One connection writes, from a thread of its own, so that a slow disk never holds up the event loop. SQLite
    before 3.51.3 can damage its log when two connections write; there is never a second one here.
    """

    def __init__(
        self, settings: SqlStoreSettings, *, connection_factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        """*connection_factory* makes the writing connection; tests pass one that fails."""
        self._settings = settings
        self._path = Path(os.path.realpath(settings.path))
        self._factory = connection_factory
        self._reader = SqlReader(self._path, busy_timeout_ms=settings.busy_timeout_ms)
        self._hold: Hold | None = None
        self._worker: Worker | None = None
        self._session: WriteSession | None = None
        self._account = ""
        self._holder = ""
        self._in_doubt: Batch | None = None
        self._identity: Identity | None = None

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @property
    def lock_path(self) -> Path:
        """The file beside it that carries the lock."""
        return self._path.with_name(self._path.name + ".lock")

    @staticmethod
    def reader(path: str | Path) -> SqlReader:
        """Return a reader of the file; it may run beside a live kernel."""
        return SqlReader(path)

    async def open(self, account: str, holder: str) -> Opened:
        """See `Store.open`."""
        if self._hold is not None:
            raise StoreHeld(self._holder)
        refuse_network(self._path)
        self._hold = Hold(self.lock_path, holder)
        self._account, self._holder, self._identity = account, holder, None
        try:
            opened = await self._begin(is_start=True)
            await self._reader.open()
        except BaseException:  # supervision point: a refused start must give everything back
            await self.close()
            raise
        return opened

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        worker, session = self._worker, self._session
        if worker is None or session is None:
            raise CommitFailed("The store is not open.", not_done="Nothing of the batch was stored.")
        if self._in_doubt is not None:
            raise CommitFailed(
                "An earlier append is in doubt.",
                not_done="Nothing of the batch was stored.",
                fix="Call reopen, which finds out.",
            )
        self._in_doubt = batch
        try:
            await worker.run(lambda: session.append(batch))
        except WorkerEndedError:
            self._settle(batch)
            raise CommitFailed("The store was reopened first.", not_done="Nothing was stored.") from None
        except (CommitFailed, StaleEpoch):
            self._settle(batch)
            raise
        self._settle(batch)
        if session.wants_checkpoint:
            worker.post(session.checkpoint)

    async def reopen(self) -> Opened:
        """See `Store.reopen`.

        Raises `StoreFault` when the earlier append still holds the database after `busy_timeout_ms`; then
        nothing can be written by anybody, and the call may be repeated.
        """
        if self._hold is None:
            raise NotRunning("The store is not open.", not_done="Nothing was written.")
        self._abandon()
        opened = await self._begin(is_start=False)
        self._in_doubt = None
        return opened

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows`."""
        return await self._reader.rows(table, live_only=live_only)

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        return await self._reader.rows_where(table, column, value)

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.search`."""
        return await self._reader.search(table, wanted)

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """See `Store.envelopes`."""
        return await self._reader.envelopes(after_sequence, limit)

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """See `Store.outbox`."""
        return await self._reader.outbox(after_sequence, limit)

    async def close(self) -> None:
        """See `Store.close`; an append that hangs is left behind."""
        try:
            await self._reader.close()
            if self._worker is not None and self._session is not None and self._in_doubt is None:
                await self._worker.run(self._session.close)
        finally:
            self._abandon()
            self._in_doubt = None
            hold, self._hold = self._hold, None
            if hold is not None:
                hold.release()

    async def _begin(self, *, is_start: bool) -> Opened:
        """Start a thread with a connection of its own and take the store over with it."""
        worker = self._worker = Worker("fairlead-sqlstore-writer")
        try:
            session = self._session = await worker.run(self._new_session)
            take = session.open if is_start else session.reopen
            opened = await worker.run(lambda: take(self._account, self._holder))
        except BaseException:  # supervision point: a session that did not take the store must not write
            self._abandon()
            raise
        self._identity = session.identity
        return opened

    def _new_session(self) -> WriteSession:
        # In the thread, because this is where SQLAlchemy is imported.
        from fairlead_sqlstore.writing import WriteSession

        return WriteSession(self._path, self._settings, self._factory, self._identity)

    def _abandon(self) -> None:
        """Leave thread and connection behind: they end by themselves once their present call returns."""
        worker, self._worker = self._worker, None
        session, self._session = self._session, None
        if session is not None:
            session.retire()
        if worker is not None:
            worker.end(session.close if session is not None else _nothing)

    def _settle(self, batch: Batch) -> None:
        """The append's fate is known; unless `reopen` took it over meanwhile, the next may come."""
        if self._in_doubt is batch:
            self._in_doubt = None


def _nothing() -> None:
    """There is no connection to close."""
