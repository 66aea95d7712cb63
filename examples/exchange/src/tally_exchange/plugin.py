"""What the entry point `tally` of group `fairlead.plugins.v1` loads."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fairlead.errors import SettingRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.exchange import ExchangeClient
from fairlead.ports.settings import structure_settings

requires_api = "1.0"

_MILLISECONDS_PER_SECOND = 1000


@attrs.frozen(kw_only=True)
class TallySettings:
    """The table ``[plugins.tally]``."""

    port: int = attrs.field(metadata={"doc": "where the venue listens"})
    host: str = attrs.field(default="127.0.0.1", metadata={"doc": "where the venue runs"})
    timeout_ms: int = attrs.field(default=5000, metadata={"doc": "how long an answer may take"})

    def __attrs_post_init__(self) -> None:
        if self.timeout_ms < 1:
            raise SettingRefused("timeout_ms", "is below 1", fix="Give at least 1.")


@hookimpl
def fairlead_exchanges(context: PluginContext) -> Sequence[ExchangeClient]:
    """Return the client of the configured venue."""
    from tally_exchange.client import TallyClient

    given = structure_settings(TallySettings, context.configuration, "plugins.tally")
    return [TallyClient(given.host, given.port, given.timeout_ms / _MILLISECONDS_PER_SECOND)]
