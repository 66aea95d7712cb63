"""How commands read a store: through the plugin that wrote it, beside a live kernel, without writing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from fairlead.ports.store import Envelope, StoreReader

_T = TypeVar("_T")

# fixed: bounds memory while a store is read; the result is the same
_PAGE = 5_000

StoreOption = Annotated[
    Path,
    typer.Option("--store", help="The kernel's database. It is read beside a live kernel and never written."),
]
PluginOption = Annotated[
    str, typer.Option("--store-plugin", help="The installed plugin that reads the store.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

DEFAULT_PLUGIN = "sqlstore"


@asynccontextmanager
async def open_reader(path: Path, plugin: str = DEFAULT_PLUGIN) -> AsyncIterator[StoreReader]:
    """Open a reader of the store, through the named plugin.

    Raises `ConfigurationRefused` when there is no such store, and `PluginRefused` when the plugin is
    not installed or reads no store.
    """
    reader = _reader(path, plugin)
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()


def read_store(path: Path, plugin: str, work: Callable[[StoreReader], Awaitable[_T]]) -> _T:
    """Run something on a reader of the store, in an event loop of its own."""

    async def read() -> _T:
        async with open_reader(path, plugin) as reader:
            return await work(reader)

    return asyncio.run(read())


async def journal_of(reader: StoreReader) -> AsyncIterator[Envelope]:
    """Yield every journal record in order."""
    last = 0
    while page := await reader.envelopes(last, _PAGE):
        for envelope in page:
            yield envelope
        last = page[-1].sequence


def _reader(path: Path, plugin: str) -> StoreReader:
    from fairlead.errors import ConfigurationRefused, PluginRefused
    from fairlead.hookspecs import PluginContext
    from fairlead.kernel.system_clock import SystemClock
    from fairlead.kernel.system_ids import SystemIds
    from fairlead.plugins.manager import PluginManager

    if not path.is_file():
        raise ConfigurationRefused(f"There is no store at {str(path)!a}.", fix="Check the path.")
    manager = PluginManager(tables={plugin: {"path": str(path)}})
    manager.load([plugin])
    context = PluginContext("tool", SystemClock(), SystemIds(), {}, logging.getLogger("fairlead"))
    readers = manager.store_readers(context)
    if not readers:
        raise PluginRefused(f"Plugin {plugin!a} reads no store.", fix="Name the one that wrote it.")
    return readers[0]
