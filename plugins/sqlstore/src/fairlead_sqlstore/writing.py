"""The one connection that writes: takes the store, and makes batches durable.

Everything here runs in the writer's own thread. Which error means what:

- before COMMIT was asked for, nothing of a batch can be stored, whatever happened: `CommitFailed`;
- once COMMIT was asked for, an error proves nothing: with a failed fsync the batch may be gone now and back
  after a crash. `CommitUncertain`, and this connection writes no more.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import attrs

from fairlead.errors import (
    CommitFailed,
    CommitUncertain,
    ConfigurationRefused,
    JournalDamaged,
    RowRuleBroken,
    StaleEpoch,
)
from fairlead.ports.store import GENESIS_HASH, Batch, JournalHead, Opened, breach_of
from fairlead_sqlstore import statements
from fairlead_sqlstore.backing_up import back_up_before_upgrade
from fairlead_sqlstore.connecting import connect, explained, prepare_for_writing
from fairlead_sqlstore.place import Identity, identity_of
from fairlead_sqlstore.schema import bring_to_head, refuse_gaps
from fairlead_sqlstore.settings import SqlStoreSettings

# fixed: measured: more makes reads slow, fewer commits slow; nothing depends on it
CHECKPOINT_ROWS = 6_000
"""After this many rows the log, about 6 MB then, is copied into the database."""

_NOTHING_STORED = "Nothing of the batch was stored."


@attrs.frozen
class State:
    """The row that says whose store it is."""

    account: str
    epoch: int
    holder: str
    head: JournalHead


class WriteSession:
    """A connection that may write, from `begin` to `close`."""

    def __init__(
        self,
        path: Path,
        settings: SqlStoreSettings,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
        identity: Identity | None = None,
    ) -> None:
        """*identity* is that of the file that an earlier session of this store opened."""
        self._path = path
        self._settings = settings
        self._factory = factory
        self.identity = identity
        """Which file is written: a path may come to mean another."""
        self._connection: sqlite3.Connection | None = None
        self._rows_in_log = 0
        self._retired = False

    @property
    def wants_checkpoint(self) -> bool:
        """Whether enough was written since the last `checkpoint`."""
        return self._rows_in_log >= CHECKPOINT_ROWS

    def open(self, account: str, holder: str) -> Opened:
        """Create or migrate the file if needed, take it for this kernel, raise the epoch by one."""
        try:
            connection = self._connect("rwc")
            if self._settings.check_on_open:
                _refuse_damage(connection)
            bring_to_head(connection, self._path, self._backup(connection))
            refuse_gaps(connection, self._path)
            return self._take_over(connection, account, holder, is_start=True)
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    def _backup(self, connection: sqlite3.Connection) -> Callable[[str], object] | None:
        """Return what copies the file before its schema changes, unless that is turned off."""
        if not self._settings.backup_before_upgrade:
            return None
        folder = Path(self._settings.backup_folder or self._path.parent)
        return lambda schema: back_up_before_upgrade(connection, self._path, folder, schema)

    def reopen(self, account: str, holder: str) -> Opened:
        """Take the store over from our own earlier session, whose late writes fail from here on.

        Raises `JournalDamaged` when the path means another file by now: what SQLite kept beside the old one
        would be mixed into it.
        """
        if self.identity is not None and self._is_elsewhere():
            raise JournalDamaged(0, f"{self._path} was deleted or replaced while the kernel ran")
        try:
            connection = self._connect("rw")
            return self._take_over(connection, account, holder, is_start=False)
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        connection = self._connection
        if connection is None:
            raise CommitFailed("The store is not open.", not_done=_NOTHING_STORED)
        writes = statements.writes_of(batch)
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._refuse_if_retired()
            self._refuse_if_elsewhere()
            self._move_head(connection, batch)
            for sql, parameters in writes:
                if parameters:
                    connection.executemany(sql, parameters)
                    self._rows_in_log += len(parameters)
        except sqlite3.IntegrityError as error:
            _roll_back(connection)
            raise RowRuleBroken(_constraint_of(error)) from error
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            _roll_back(connection)
            raise CommitFailed(
                f"The database refused the batch: {error}.", not_done=_NOTHING_STORED
            ) from error
        except (CommitFailed, StaleEpoch):
            _roll_back(connection)
            raise
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise CommitUncertain(
                f"The commit was not confirmed: {error}.",
                not_done="It is not known whether the batch is stored.",
                fix="Read the head again before anything else.",
            ) from error

    def checkpoint(self) -> None:
        """Copy the log into the database; a failure costs nothing, since the log keeps what is in it.

        Done by us, after the commit was answered, and never by SQLite within a commit: a commit that was
        left behind because it hung must not copy the log while its successor writes. SQLite before 3.51.3
        can damage the log when two connections do that.
        """
        connection = self._connection
        if connection is not None and not self._retired:
            self._rows_in_log = 0
            with contextlib.suppress(sqlite3.Error):  # tried again after the next batches
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def retire(self) -> None:
        """Say, from any thread, that another session is about to take over.

        From here on this one commits nothing that it has not begun: a late `append` fails, and a late
        `reopen` cannot raise the epoch over its successor's head.
        """
        self._retired = True

    def _refuse_if_retired(self) -> None:
        """To be asked with the write lock held: whoever takes over waits for that lock."""
        if self._retired:
            raise CommitFailed("The store was reopened meanwhile.", not_done="Nothing was stored.")

    def _refuse_if_elsewhere(self) -> None:
        """Refuse to write into a file that nobody would find again after a restart."""
        if self._is_elsewhere():
            raise CommitFailed(
                f"{self._path} was deleted or replaced while the kernel ran.", not_done=_NOTHING_STORED
            )

    def _is_elsewhere(self) -> bool:
        return identity_of(self._path) != self.identity

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # an error here cannot take back what was committed
                connection.close()

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = connect(
            self._path, mode=mode, busy_timeout_ms=self._settings.busy_timeout_ms, factory=self._factory
        )
        self._connection = connection
        prepare_for_writing(connection, self._path)
        self.identity = identity_of(self._path)
        return connection

    def _take_over(
        self, connection: sqlite3.Connection, account: str, holder: str, *, is_start: bool
    ) -> Opened:
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._refuse_if_retired()
            state = _read_state(connection)
            if state is None:
                state = State(account, 0, holder, JournalHead(0, GENESIS_HASH))
                connection.execute(
                    statements.CREATE_STATE, (1, account, 0, holder, state.head.sequence, state.head.hash)
                )
            self._refuse_foreign(state, account, holder, is_start=is_start)
            _refuse_headless(connection, state.head)
            epoch = state.epoch + 1
            connection.execute(statements.TAKE_OVER, (epoch, holder, state.epoch))
        except BaseException:  # supervision point: whatever went wrong, the write lock must not stay taken
            _roll_back(connection)
            raise
        connection.execute("COMMIT")
        return Opened(epoch, state.head)

    def _refuse_foreign(self, state: State, account: str, holder: str, *, is_start: bool) -> None:
        if state.account != account:
            raise ConfigurationRefused(
                f"{self._path} belongs to account {state.account!r}, not to {account!r}.",
                not_done="Nothing in it was changed.",
                fix="Give each account a file of its own.",
            )
        if not is_start and state.holder != holder:
            raise StaleEpoch(
                f"The store was taken over by {state.holder}.",
                not_done="Nothing was written.",
                fix="Stop this kernel; the other one is in charge.",
            )

    def _move_head(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """Move the head under our epoch, or say why it cannot be moved."""
        stored = JournalHead(batch.first_sequence - 1, batch.previous_hash)
        problem = breach_of(batch, stored)
        if not problem:
            moved = connection.execute(
                statements.MOVE_HEAD,
                (batch.last_sequence, batch.head_hash, batch.epoch, stored.sequence, stored.hash),
            )
            if moved.rowcount == 1:
                return
        state = _read_state(connection)
        if state is None:
            raise CommitFailed("The store's own row is gone.", not_done=_NOTHING_STORED)
        if state.epoch != batch.epoch:
            raise StaleEpoch(
                f"The batch carries epoch {batch.epoch}, but the store is at {state.epoch}.",
                not_done=_NOTHING_STORED,
            )
        problem = breach_of(batch, state.head) or problem
        raise CommitFailed(f"The batch does not fit: {problem}.", not_done=_NOTHING_STORED)


def _constraint_of(error: sqlite3.IntegrityError) -> str:
    """Return the constraint that SQLite names, or its columns where it has no name for it."""
    return str(error).rpartition(": ")[2]


def _read_state(connection: sqlite3.Connection) -> State | None:
    row = connection.execute(statements.READ_STATE).fetchone()
    return None if row is None else State(row[0], row[1], row[2], JournalHead(row[3], row[4]))


def _refuse_damage(connection: sqlite3.Connection) -> None:
    findings = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if findings != ["ok"]:
        raise JournalDamaged(0, f"the database file is damaged: {'; '.join(map(str, findings))}")


def _refuse_headless(connection: sqlite3.Connection, head: JournalHead) -> None:
    """Refuse a journal that does not end where the store's own row says."""
    row = connection.execute(statements.READ_LAST_RECORD).fetchone()
    if row is None:  # all of it may have been archived
        row = connection.execute(statements.READ_LAST_ANCHOR).fetchone()
    last = JournalHead(0, GENESIS_HASH) if row is None else JournalHead(row[0], row[1])
    if last != head:
        raise JournalDamaged(
            min(last.sequence, head.sequence) + (last.sequence != head.sequence),
            f"the journal ends at record {last.sequence}, but the store's head is {head.sequence}"
            if last.sequence != head.sequence
            else "its hash is not the one of the store's head",
        )


def _roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction; SQLite may have done it by itself, and a failure leaves it to `close`."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):  # never committed, so nothing of it can be stored
            connection.execute("ROLLBACK")
