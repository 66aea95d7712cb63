"""The hold on a database file: one live kernel per account.

A lock on a file *beside* the database, never on the database itself: opening that file and closing it again
drops SQLite's own locks in this process, and another program then silently destroys what is written here.
The lock is the operating system's, so it ends with the process, however that dies. The side file stays; to
remove it while somebody waits for it would let two in.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from fairlead.errors import StoreFault, StoreHeld

# fixed: whoever may read the database may read who holds it; a few words
_MODE = 0o644
_TEXT_MAX = 4096


class Hold:
    """A lock that is held until `release` or the end of the process."""

    def __init__(self, path: Path, holder: str) -> None:
        """Take the lock and write down who holds it; raise `StoreHeld` when somebody else does."""
        self._descriptor = -1
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = os.pread(descriptor, _TEXT_MAX, 0).decode("utf-8", "replace").strip()
            os.close(descriptor)
            raise StoreHeld(found or "a kernel that has not said who it is") from None
        self._descriptor = descriptor
        self._write(holder)
        _HELD.add(self)

    def release(self) -> None:
        """Give the lock back; harmless when that was done."""
        if self._descriptor >= 0:
            self._write("")
            self.drop()

    def drop(self) -> None:
        """Close the file as the end of the process does, leaving what is written in it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, holder: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, holder.encode("utf-8")[:_TEXT_MAX], 0)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    except OSError as error:
        raise StoreFault(
            f"The lock file {path} cannot be opened: {error.strerror}.",
            not_done="The kernel did not start.",
            fix="Give this user write access to the folder.",
        ) from error


# A forked child inherits the lock; it would keep it after the kernel's death, and no restart could take it.
_HELD: weakref.WeakSet[Hold] = weakref.WeakSet()


def _drop_in_child() -> None:
    for hold in list(_HELD):
        hold.drop()


os.register_at_fork(after_in_child=_drop_in_child)
