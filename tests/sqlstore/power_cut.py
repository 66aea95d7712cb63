"""What a power cut may leave of SQLite's files, made from copies of what they were before and after a step.

What was synchronised is there. Of what was being written, each sector of the disk has its old or its new
contents, in any combination, and a file may end anywhere between its old and its new end. SQLite
synchronises a new header of its log before it writes behind it (`sqlite.org/wal.html`), so wherever
anything of a log that began anew is there, its header is.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

Draw = Callable[[int], int]
"""Draws a whole number below the one given."""

SECTOR = 512
LOG_HEADER = 32
_COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"


@attrs.frozen
class Image:
    """The bytes of a database and of its log."""

    database: bytes
    log: bytes

    @classmethod
    def of(cls, path: Path, folder: Path) -> Image:
        """Copy the files of a live database, in another process: closing a file here drops SQLite's locks."""
        found = []
        for name in (path.name, f"{path.name}-wal"):
            copy = folder / f"{name}.copy"
            subprocess.run([sys.executable, "-S", "-c", _COPY, path.with_name(name), copy], check=True)
            found.append(copy.read_bytes())
        return cls(*found)

    def put(self, path: Path) -> None:
        """Write the files where a store will find them."""
        path.write_bytes(self.database)
        path.with_name(f"{path.name}-wal").write_bytes(self.log)


def cut(before: Image, after: Image, draw: Draw) -> Image:
    """Return what a power cut may leave in the middle of the step from one image to the other."""
    log = _mixed(before.log, after.log, draw)
    if log != before.log:
        log = after.log[:LOG_HEADER] + log[LOG_HEADER:]
    return Image(_mixed(before.database, after.database, draw), log)


def _mixed(old: bytes, new: bytes, draw: Draw) -> bytes:
    if old == new:
        return old
    kept_in_hundred = (0, 10, 50, 90, 100)[draw(5)]
    whole = bytearray()
    for start in range(0, max(len(old), len(new)), SECTOR):
        is_new = draw(100) < kept_in_hundred
        sector = (new if is_new else old)[start : start + SECTOR]
        whole += sector.ljust(min(SECTOR, max(len(old), len(new)) - start), b"\0")
    end = len(old) + draw(len(new) + 1 - len(old)) if len(new) > len(old) else len(whole)
    return bytes(whole[:end])
