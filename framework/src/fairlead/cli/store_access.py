"""How commands read a store: through the plugin that wrote it, beside a live kernel, without writing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import attrs
import typer

if TYPE_CHECKING:
    from fairlead.hookspecs import PluginContext
    from fairlead.plugins.manager import PluginManager
    from fairlead.ports.keeping import StoreKeeper
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
    provider = _provider(place)
    account, reader = provider.account, provider.reader()
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


async def journal_of(reader: StoreReader, after: int = 0) -> AsyncIterator[Envelope]:
    """Yield every journal record after one, in order."""
    last = after
    while page := await reader.envelopes(last, _PAGE):
        for envelope in page:
            yield envelope
        last = page[-1].sequence


@asynccontextmanager
async def open_keeper(place: StorePlace, *, alone: bool = True) -> AsyncIterator[StoreKeeper]:
    """Give out a keeper of the store, which has the store for itself unless *alone* is false.

    Raises `StoreHeld` while a kernel has the store, and what `open_reader` raises.
    """
    keeper = _provider(place).keeper()
    if alone:
        await keeper.open()
    try:
        yield keeper
    finally:
        await keeper.close()


@attrs.frozen
class _Provider:
    """Asks the plugins of a place for what they have on its store."""

    account: str
    tables: Mapping[str, Mapping[str, Any]]
    folder: Path

    def reader(self) -> StoreReader:
        manager, context = self._asked()
        return self._only(manager.store_readers(context), "reads a store")

    def keeper(self) -> StoreKeeper:
        manager, context = self._asked()
        return self._only(manager.store_keepers(context), "keeps a store")

    def _asked(self) -> tuple[PluginManager, PluginContext]:
        from fairlead.hookspecs import PluginContext
        from fairlead.kernel.system_clock import SystemClock
        from fairlead.kernel.system_ids import SystemIds
        from fairlead.plugins.manager import PluginManager

        manager = PluginManager(tables=self.tables)
        manager.load(list(self.tables))
        logger = logging.getLogger("fairlead")
        return manager, PluginContext(
            self.account or "tool", SystemClock(), SystemIds(), {}, logger, self.folder
        )

    def _only(self, found: Sequence[_T], what: str) -> _T:
        from fairlead.errors import PluginRefused

        named = ", ".join(self.tables) or "no plugin at all"
        if not found:
            raise PluginRefused(f"None of these plugins {what}: {named}.", fix="Name the one that wrote it.")
        if len(found) > 1:
            raise PluginRefused(f"More than one {what} of: {named}.", fix="Use --store to name one.")
        return found[0]


def _provider(place: StorePlace) -> _Provider:
    """Return who is asked: the plugin that was named, or those of the configuration, with its account."""
    from fairlead.errors import ConfigurationRefused

    if place.config is not None:
        from fairlead.kernel.configuration import read_configuration

        configuration = read_configuration(place.config)
        return _Provider(configuration.settings.account, configuration.tables, configuration.folder)
    path = place.path
    if path is None or not path.is_file():
        raise ConfigurationRefused(f"There is no store at {str(path)!a}.", fix="Check the path.")
    return _Provider("", {place.plugin: {"path": str(path)}}, Path())


def _foreign(config: Path | None, account: str) -> Exception:
    from fairlead.errors import ConfigurationRefused

    return ConfigurationRefused(
        f"The store of {str(config)!a} is not that of account {account!a}.",
        fix="Run `fairlead doctor` on the configuration.",
    )
