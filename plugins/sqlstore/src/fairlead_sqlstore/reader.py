"""Reading the store, beside a live kernel or without one.

`SqlReader` cannot write: its connection is opened read-only and has its own thread. It is what the store
itself reads with, what the command line uses, and what a user's own tools may use.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from fairlead.errors import ConfigurationRefused, NotRunning
from fairlead.ports.keeping import Anchor
from fairlead.ports.searches import Search
from fairlead.ports.store import Envelope, JournalHead, OutboxRow, Scalar
from fairlead_sqlstore.settings import BUSY_TIMEOUT_MS
from fairlead_sqlstore.worker import Worker

if TYPE_CHECKING:
    from fairlead_sqlstore.reading import ReadSession

T = TypeVar("T")


class SqlReader:
    """The reading half of a `Store`, on a database file; never writes and never waits for a writer.

    Each call sees what was committed before it; with *is_snapshot* every call sees the store as it was
    when the reader was opened. A snapshot keeps the write-ahead log from shrinking, so close it soon.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        is_snapshot: bool = False,
        archive_folder: str | Path = "",
    ) -> None:
        """Archives are looked for in *archive_folder*, or beside the file."""
        self._path = Path(os.path.realpath(path))
        self._archives = Path(archive_folder or self._path.parent)
        self._is_snapshot = is_snapshot
        self._busy_timeout_ms = busy_timeout_ms
        self._worker: Worker | None = None
        self._session: ReadSession | None = None

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def open(self) -> None:
        """Open the file, or raise `ConfigurationRefused` when it is not a store that can be read."""
        if self._worker is None:
            worker = Worker("fairlead-sqlstore-reader")
            try:
                self._session = await worker.run(self._open_session)
            except BaseException:  # supervision point: no thread may stay behind when the start fails
                worker.end(_nothing)
                raise
            self._worker = worker

    async def close(self) -> None:
        """Close the file; harmless when it is not open."""
        worker, self._worker = self._worker, None
        session, self._session = self._session, None
        if worker is not None and session is not None:
            try:
                await worker.run(session.close)
            finally:
                worker.end(_nothing)

    async def account(self) -> str:
        """Return the account the store belongs to."""
        return str((await self._run(lambda session: session.state()))[0])

    async def holder(self) -> str:
        """Return the kernel that took the store last; it need not be alive."""
        return str((await self._run(lambda session: session.state()))[2])

    async def head(self) -> JournalHead:
        """Return the last durable record."""
        state = await self._run(lambda session: session.state())
        return JournalHead(state[3], state[4])

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows`."""
        return await self._run(lambda session: session.rows(table, live_only=live_only))

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        return await self._run(lambda session: session.rows_where(table, column, value))

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.search`."""
        return await self._run(lambda session: session.search(table, wanted))

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """See `Store.envelopes`."""
        return await self._run(lambda session: session.envelopes(after_sequence, limit))

    async def anchors(self) -> Sequence[Anchor]:
        """See `StoreReader.anchors`."""
        return await self._run(lambda session: session.anchors())

    def archive(self, anchor: Anchor) -> SqlReader:
        """See `StoreReader.archive`."""
        return SqlReader(self._archives / Path(anchor.archive).name, busy_timeout_ms=self._busy_timeout_ms)

    async def archive_digest(self, anchor: Anchor) -> str:
        """See `StoreReader.archive_digest`."""
        from fairlead_sqlstore.archiving import digest_of

        file = self._archives / Path(anchor.archive).name
        try:
            return digest_of(file)
        except OSError as error:
            raise ConfigurationRefused(
                f"The archive {file} cannot be read: {error.strerror}.",
                fix="Bring it back from where it was put.",
            ) from error

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """See `Store.outbox`."""
        return await self._run(lambda session: session.outbox(after_sequence, limit))

    async def _run(self, job: Callable[[ReadSession], T]) -> T:
        worker, session = self._worker, self._session
        if worker is None or session is None:
            raise NotRunning(f"{self._path} is not open.", fix="Open it first, or use `async with`.")
        return await worker.run(lambda: job(session))

    def _open_session(self) -> ReadSession:
        from fairlead_sqlstore.reading import ReadSession

        session = ReadSession(self._path, self._busy_timeout_ms)
        if self._is_snapshot:
            try:
                session.hold_still()
            except BaseException:  # supervision point: a session that cannot be used must not stay open
                session.close()
                raise
        return session


def _nothing() -> None:
    """The session has been closed already."""
