"""What the entry point `line_store` of group `fairlead.plugins.v1` loads."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.settings import structure_settings
from fairlead.ports.store import Store, StoreReader

requires_api = "1.0"


@attrs.frozen(kw_only=True)
class LineStoreSettings:
    """The table ``[plugins.line_store]``."""

    path: str = attrs.field(
        metadata={"doc": "the file; a relative path starts at the configuration's folder"}
    )


@hookimpl
def fairlead_stores(context: PluginContext) -> Sequence[Store]:
    """Return the store in the configured file."""
    from line_store.store import LineStore

    return [LineStore(context.path(_settings(context).path))]


@hookimpl
def fairlead_store_readers(context: PluginContext) -> Sequence[StoreReader]:
    """Return a reader of the configured file, for ``fairlead orders`` and the other commands."""
    from line_store.store import LineReader

    return [LineReader(context.path(_settings(context).path))]


def _settings(context: PluginContext) -> LineStoreSettings:
    return structure_settings(LineStoreSettings, context.configuration, "plugins.line_store")
