"""What the entry point `house_checks` of group `fairlead.plugins.v1` loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import attrs

from fairlead.errors import SettingRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.names import to_symbol
from fairlead.ports.numbers import to_positive
from fairlead.ports.risk import RiskCheck
from fairlead.ports.settings import structure_settings
from house_checks.house_minimum import HouseMinimum
from house_checks.orders_per_day import OrdersPerDay

requires_api = "1.0"


@attrs.frozen(kw_only=True)
class HouseSettings:
    """The table ``[plugins.house_checks]``; a check whose setting is left out is off."""

    smallest: Mapping[str, Decimal] | None = attrs.field(
        default=None, metadata={"doc": "smallest order by symbol, base currency; off when left out"}
    )
    orders_per_day: int | None = attrs.field(
        default=None, metadata={"doc": "orders of a symbol in a trading day; off when left out"}
    )

    def __attrs_post_init__(self) -> None:
        for symbol, quantity in (self.smallest or {}).items():
            to_symbol(symbol, "smallest")
            to_positive(quantity, "smallest")
        if self.orders_per_day is not None and self.orders_per_day < 1:
            raise SettingRefused("orders_per_day", "is below 1", fix="Give at least 1, or leave it out.")

    def checks(self) -> Sequence[RiskCheck]:
        """Return the checks that are on."""
        found: list[RiskCheck] = []
        if self.smallest is not None:
            found.append(HouseMinimum(self.smallest))
        if self.orders_per_day is not None:
            found.append(OrdersPerDay(self.orders_per_day))
        return found


@hookimpl
def fairlead_risk_checks(context: PluginContext) -> Sequence[RiskCheck]:
    """Return the checks that the table names."""
    return structure_settings(HouseSettings, context.configuration, "plugins.house_checks").checks()
