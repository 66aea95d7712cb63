"""What the entry point `sqlstore` of group `fairlead.plugins.v1` loads: this plugin's hook implementations.

Kept light: a loader that only lists plugins imports this module, so what is heavy is imported where it is
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.hookspecs import PluginContext, hookimpl
from fairlead_sqlstore.settings import SqlStoreSettings

if TYPE_CHECKING:
    from fairlead.ports.keeping import StoreKeeper
    from fairlead.ports.store import Store, StoreReader

requires_api = "1.0"


@hookimpl
def fairlead_stores(context: PluginContext) -> Sequence[Store]:
    """Return the store that the plugin's configuration table describes."""
    return _stores(SqlStoreSettings.structured(context))


@hookimpl
def fairlead_store_readers(context: PluginContext) -> Sequence[StoreReader]:
    """Return a reader of the store that the plugin's configuration table describes."""
    return _readers(SqlStoreSettings.structured(context))


@hookimpl
def fairlead_store_keepers(context: PluginContext) -> Sequence[StoreKeeper]:
    """Return a keeper of the store that the plugin's configuration table describes."""
    return _keepers(SqlStoreSettings.structured(context))


class SqlStorePlugin:
    """The same plugin as an object, for `Kernel(plugins=[SqlStorePlugin(SqlStoreSettings(...))])`."""

    name = "sqlstore"
    requires_api = requires_api

    def __init__(self, settings: SqlStoreSettings) -> None:
        self._settings = settings

    @hookimpl
    def fairlead_stores(self, context: PluginContext) -> Sequence[Store]:
        """Return the store of the settings."""
        del context
        return _stores(self._settings)

    @hookimpl
    def fairlead_store_readers(self, context: PluginContext) -> Sequence[StoreReader]:
        """Return a reader of the store of the settings."""
        del context
        return _readers(self._settings)

    @hookimpl
    def fairlead_store_keepers(self, context: PluginContext) -> Sequence[StoreKeeper]:
        """Return a keeper of the store of the settings."""
        del context
        return _keepers(self._settings)


def _stores(settings: SqlStoreSettings) -> Sequence[Store]:
    from fairlead_sqlstore.store import SqlStore

    return [SqlStore(settings)]


def _readers(settings: SqlStoreSettings) -> Sequence[StoreReader]:
    from fairlead_sqlstore.reader import SqlReader

    return [
        SqlReader(
            settings.path,
            busy_timeout_ms=settings.busy_timeout_ms,
            is_snapshot=True,
            archive_folder=settings.archive_folder,
        )
    ]


def _keepers(settings: SqlStoreSettings) -> Sequence[StoreKeeper]:
    from fairlead_sqlstore.keeper import SqlKeeper

    return [SqlKeeper(settings)]
