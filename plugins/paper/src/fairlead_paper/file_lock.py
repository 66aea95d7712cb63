"""The hold on a venue file: a lock that ends with its process, however that ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fairlead.errors import ConfigurationRefused

if sys.platform != "win32":
    import fcntl


class FileLock:
    """Holds ``<file>.lock`` beside the database.

    A file of its own, because closing any other handle on the database itself would drop SQLite's locks.
    Where there is no `fcntl` (Windows) nothing is held, and starting two venues on one file is not noticed.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock; raise `ConfigurationRefused` when another venue holds it."""
        self._handle = -1
        if sys.platform == "win32":
            return
        try:
            # fixed: the file is this user's alone
            self._handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationRefused(
                f"The venue file {path.name} cannot be locked: {error.strerror}.", fix="Check its folder."
            ) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise ConfigurationRefused(
                f"The venue file {path.name} is held by another venue.",
                not_done="It was not opened.",
                fix="Stop the other venue; its hold ends with its process.",
            ) from error

    def release(self) -> None:
        """Give the hold up; harmless when given up."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
