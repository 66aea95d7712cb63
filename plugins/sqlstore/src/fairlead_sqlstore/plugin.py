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
    from fairlead.ports.store import Store

requires_api = "1.0"


@hookimpl
def fairlead_stores(context: PluginContext) -> Sequence[Store]:
    """Return the store that the plugin's configuration table describes."""
    return _stores(SqlStoreSettings.structured(context.configuration))


class SqlStorePlugin:
    """The same plugin as an object, for `Kernel(plugins=[SqlStorePlugin(SqlStoreSettings(...))])`."""

    name = "sqlstore"

    def __init__(self, settings: SqlStoreSettings) -> None:
        self._settings = settings

    @hookimpl
    def fairlead_stores(self, context: PluginContext) -> Sequence[Store]:
        """Return the store of the settings."""
        del context
        return _stores(self._settings)


def _stores(settings: SqlStoreSettings) -> Sequence[Store]:
    from fairlead_sqlstore.store import SqlStore

    return [SqlStore(settings)]
