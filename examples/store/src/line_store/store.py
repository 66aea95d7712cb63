"""The store and its reader. An append is one write and one flush of the disk, on the loop's own thread."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import IO

from fairlead.errors import CommitFailed, CommitUncertain, ConfigurationRefused, StaleEpoch, StoreHeld
from fairlead.ports.searches import Search
from fairlead.ports.store import Batch, Envelope, JournalHead, Opened, OutboxRow, Scalar, breach_of
from line_store.contents import Contents, Rows
from line_store.lines import FORMAT, Line, dumped, read


class LookUps:
    """What a store and a reader answer alike."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.contents = Contents()

    async def rows(self, table: str, *, live_only: bool = False) -> Rows:
        """See `Store.rows`."""
        found = self.contents.rows(table)
        return [row for row in found if row["live"] is True] if live_only else found

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        return self.contents.rows_where(table, column, value)

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.search`."""
        return self.contents.search(table, wanted)

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """See `Store.envelopes`."""
        return self.contents.envelopes(after_sequence, limit)

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """See `Store.outbox`."""
        return self.contents.outbox(after_sequence, limit)


class LineStore(LookUps):
    """A `Store` in one file; a second file beside it is locked while a process holds the store."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.file: FileIO | None = None
        self.hold: IO[str] | None = None
        self._in_doubt = False

    async def open(self, account: str, holder: str) -> Opened:
        """See `Store.open`."""
        hold = self._take_hold(holder)
        try:
            self._check_account(account)
            self.hold = hold
            return self._take_over(account)
        except BaseException:  # isolation point: whatever stops the opening gives the hold back first
            self._let_go()
            hold.close()
            raise

    async def reopen(self) -> Opened:
        """See `Store.reopen`."""
        self._check_open()
        return self._take_over(self.contents.account)

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        file = self._check_open()
        if batch.epoch != self.contents.epoch:
            raise StaleEpoch(
                f"The batch carries epoch {batch.epoch}, and the store is at {self.contents.epoch}.",
                not_done="Nothing of it was stored.",
            )
        problem = "an earlier one is in doubt" if self._in_doubt else breach_of(batch, self.contents.head)
        if problem:
            raise CommitFailed(f"The batch was not taken: {problem}.", not_done="Nothing of it was stored.")
        stored = self.contents.checked(batch)
        self._store(file, dumped(Line(batch=stored)))
        self.contents.take(stored)

    async def close(self) -> None:
        """See `Store.close`."""
        self._let_go()

    def write(self, file: FileIO, data: bytes) -> None:
        """Write all of it; what `OSError` leaves half written is cut off again."""
        written = 0
        while written < len(data):
            written += file.write(data[written:])

    def flush(self, file: FileIO) -> None:
        """Return when the disk has it."""
        os.fsync(file.fileno())

    def _store(self, file: FileIO, data: bytes) -> None:
        before = file.seek(0, os.SEEK_END)
        self._in_doubt = True
        try:
            self.write(file, data)
        except OSError as error:
            file.truncate(before)  # what this raises is taken for an uncertain commit, and the doubt stays
            self._in_doubt = False
            raise CommitFailed(
                f"The disk refused the batch: {error}.", not_done="It is not stored."
            ) from error
        try:
            self.flush(file)
        except OSError as error:
            raise CommitUncertain(f"The disk did not confirm the batch: {error}.") from error
        self._in_doubt = False

    def _take_over(self, account: str) -> Opened:
        """Read the file anew, cut off what was never whole, and begin the next epoch in it."""
        if self.file is not None:
            self.file.close()
        self.contents, whole = read(self.path)
        self.file = FileIO(self.path, "a+")
        self.file.truncate(whole)
        first = not self.contents.account
        epoch = self.contents.epoch + 1
        self._store(self.file, dumped(Line(FORMAT if first else 0, account if first else "", epoch)))
        self.contents.account, self.contents.epoch = account, epoch
        if first:
            _flush_folder(self.path.parent)
        return Opened(epoch, self.contents.head)

    def _check_account(self, account: str) -> None:
        contents, _ = read(self.path)
        if contents.account not in ("", account):
            raise ConfigurationRefused(
                f"The store {self.path} belongs to account {contents.account!a}, not to {account!a}.",
                not_done="The kernel did not start.",
                fix="Give each account a file of its own.",
            )

    def _take_hold(self, holder: str) -> IO[str]:
        path = self.path.with_name(f"{self.path.name}.hold")
        hold = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hold.seek(0)
            other = hold.read()
            hold.close()
            raise StoreHeld(other) from None
        hold.truncate(0)
        hold.write(holder)
        hold.flush()
        return hold

    def _check_open(self) -> FileIO:
        if self.file is None or self.file.closed:
            raise StaleEpoch("This process does not hold the store.", not_done="Nothing was stored.")
        return self.file

    def _let_go(self) -> None:
        for handle in (self.file, self.hold):
            if handle is not None:
                handle.close()
        self.file = self.hold = None


class LineReader(LookUps):
    """A `StoreReader`: what the file held when it was opened, beside a live kernel or not."""

    async def open(self) -> None:
        """See `StoreReader.open`."""
        self.contents, _ = read(self.path)
        if not self.contents.account:
            raise ConfigurationRefused(
                f"There is no store at {self.path}.", fix="Name the file that a kernel wrote."
            )

    async def close(self) -> None:
        """See `StoreReader.close`."""

    async def account(self) -> str:
        """See `StoreReader.account`."""
        return self.contents.account

    async def head(self) -> JournalHead:
        """See `StoreReader.head`."""
        return self.contents.head


def _flush_folder(folder: Path) -> None:
    """Make the file's name durable, not only what is in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
