"""How commands read a store: through the plugin that wrote it, beside a live kernel, without writing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import attrs
import typer

if TYPE_CHECKING:
    from fairlead.ports.store import Envelope, StoreReader

_T = TypeVar("_T")

DEFAULT_PLUGIN = "sqlstore"

# fixed: bounds memory while a store is read; the result is the same
_PAGE = 5_000

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="The kernel's database. It is read beside a live kernel and never written."),
]
PluginOption = Annotated[
    str, typer.Option("--store-plugin", help="The installed plugin that reads the store.", show_default=True)
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The kernel's configuration, which names the store; instead of --store."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@attrs.frozen
class StorePlace:
    """Where a store is: a path with the plugin that reads it, or a configuration that names both."""

    path: Path | None = None
    plugin: str = DEFAULT_PLUGIN
    config: Path | None = None

    def __attrs_post_init__(self) -> None:
        if (self.path is None) is (self.config is None):
            problem = "name the store, or the configuration that does, and not both"
            raise typer.BadParameter(problem, param_hint="--store / --config")


@asynccontextmanager
async def open_reader(place: StorePlace) -> AsyncIterator[StoreReader]:
    """Open a reader of the store.

    Raises `ConfigurationRefused` when there is no such store, when the configuration is refused or when the
    store is not its account's, and `PluginRefused` when a plugin is not installed or reads no store.
    """
    account, reader = _configured(place.config) if place.config else ("", _reader(place.path, place.plugin))
    await reader.open()
    try:
        if account and await reader.account() != account:
            raise _foreign(place.config, account)
        yield reader
    finally:
        await reader.close()


def read_store(path: Path | None, plugin: str, work: Callable[[StoreReader], Awaitable[_T]]) -> _T:
    """Run something on a reader of the store at the path; see `read_place`."""
    return read_place(StorePlace(path, plugin), work)


def read_place(place: StorePlace, work: Callable[[StoreReader], Awaitable[_T]]) -> _T:
    """Run something on a reader of the store, in an event loop of its own."""

    async def read() -> _T:
        async with open_reader(place) as reader:
            return await work(reader)

    return asyncio.run(read())


async def journal_of(reader: StoreReader) -> AsyncIterator[Envelope]:
    """Yield every journal record in order."""
    last = 0
    while page := await reader.envelopes(last, _PAGE):
        for envelope in page:
            yield envelope
        last = page[-1].sequence


def _reader(path: Path | None, plugin: str) -> StoreReader:
    from fairlead.errors import ConfigurationRefused

    if path is None or not path.is_file():
        raise ConfigurationRefused(f"There is no store at {str(path)!a}.", fix="Check the path.")
    return _only_reader({plugin: {"path": str(path)}}, "tool", Path())


def _configured(config: Path) -> tuple[str, StoreReader]:
    """Return the account of a configuration, and a reader of the store that it describes."""
    from fairlead.kernel.configuration import read_configuration

    configuration = read_configuration(config)
    account = configuration.settings.account
    return account, _only_reader(configuration.tables, account, configuration.folder)


def _only_reader(tables: Mapping[str, Mapping[str, Any]], account: str, folder: Path) -> StoreReader:
    from fairlead.errors import PluginRefused
    from fairlead.hookspecs import PluginContext
    from fairlead.kernel.system_clock import SystemClock
    from fairlead.kernel.system_ids import SystemIds
    from fairlead.plugins.manager import PluginManager

    manager = PluginManager(tables=tables)
    manager.load(list(tables))
    logger = logging.getLogger("fairlead")
    readers = manager.store_readers(PluginContext(account, SystemClock(), SystemIds(), {}, logger, folder))
    named = ", ".join(tables) or "no plugin at all"
    if not readers:
        raise PluginRefused(
            f"None of these plugins reads a store: {named}.", fix="Name the one that wrote it."
        )
    if len(readers) > 1:
        raise PluginRefused(
            f"Several of these plugins read a store: {named}.", fix="Use --store to name one."
        )
    return readers[0]


def _foreign(config: Path | None, account: str) -> Exception:
    from fairlead.errors import ConfigurationRefused

    return ConfigurationRefused(
        f"The store of {str(config)!a} is not that of account {account!a}.",
        fix="Run `fairlead doctor` on the configuration.",
    )
