"""A reader over a memory disk, and an installed plugin that offers it to the commands."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from fairlead.cli.main import main
from fairlead.plugins.discovery import installed
from fairlead.ports.searches import Search
from fairlead.ports.store import Envelope, JournalHead, Scalar
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from tests.core.plugins.installed_distributions import declare, install

PLUGIN = "shelf"
SHELVES: dict[str, MemoryDisk] = {}
"""Disk by the path that the command line names."""

_MODULE = """
from fairlead.hookspecs import hookimpl
from tests.core.cli.memory_reader import SHELVES, MemoryReader

requires_api = "1.0"

@hookimpl
def fairlead_store_readers(context):
    return [MemoryReader(SHELVES[context.configuration["path"]])]
"""


class MemoryReader:
    """What the commands read: the store of a disk."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._store = MemoryStore(disk)
        self._disk = disk
        self.is_open = False

    async def open(self) -> None:
        """Open."""
        self.is_open = True

    async def close(self) -> None:
        """Close."""
        self.is_open = False

    async def account(self) -> str:
        """Return the account."""
        return "test"

    async def head(self) -> JournalHead:
        """Return the last record."""
        last = self._disk.envelopes[-1]
        return JournalHead(last.sequence, last.hash)

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """Return rows."""
        assert self.is_open
        return await self._store.rows(table, live_only=live_only)

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """Return rows."""
        return await self._store.rows_where(table, column, value)

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """Return rows."""
        return await self._store.search(table, wanted)

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """Return records."""
        return await self._store.envelopes(after_sequence, limit)


@contextlib.contextmanager
def shelved(disk: MemoryDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the plugin for this process, and offer the disk under the path that is returned."""
    install(folder / "site", "test-shelf", declare(PLUGIN, "shelf_plugin"), {"shelf_plugin": _MODULE})
    monkeypatch.syspath_prepend(folder / "site")
    path = folder / "kernel.store"
    path.touch()
    SHELVES[str(path)] = disk
    installed.cache_clear()
    try:
        yield path
    finally:
        del SHELVES[str(path)]
        sys.modules.pop("shelf_plugin", None)
        installed.cache_clear()


def run_command(*arguments: str) -> tuple[int, str, str]:
    """Run `fairlead` in this process; return exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()
