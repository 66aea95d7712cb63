"""What the entry point `riskhooks` of group `fairlead.plugins.v1` loads: this plugin's hook implementations.

Kept light: a loader that only lists plugins imports this module, so anything heavy is imported where
it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.risk import RiskCheck
from fairlead.ports.settings import structure_settings
from fairlead_riskhooks import __version__
from fairlead_riskhooks.cool_down import CoolDown, CoolDownSettings
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from fairlead_riskhooks.duplicate_intent import DuplicateIntent, DuplicateIntentSettings
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from fairlead_riskhooks.maximum_leverage import MaximumLeverage, MaximumLeverageSettings
from fairlead_riskhooks.maximum_positions import MaximumPositions, MaximumPositionsSettings
from fairlead_riskhooks.minimum_size import MinimumSize, MinimumSizeSettings
from fairlead_riskhooks.order_rate import OrderRate, OrderRateSettings
from fairlead_riskhooks.price_band import PriceBand, PriceBandSettings
from fairlead_riskhooks.stale_price import StalePrice, StalePriceSettings
from fairlead_riskhooks.symbols import Symbols, SymbolsSettings
from fairlead_riskhooks.trading_hours import TradingHours, TradingHoursSettings

requires_api = "1.0"

_PATH = "plugins.riskhooks"


@attrs.frozen(kw_only=True)
class RiskHooksSettings:
    """Which checks are on: a check whose table is absent is off, an empty table takes the defaults."""

    minimum_size: MinimumSizeSettings | None = attrs.field(
        default=None,
        metadata={"doc": "minimum and maximum size, step and cost; off when the table is absent"},
    )
    maximum_positions: MaximumPositionsSettings | None = attrs.field(
        default=None, metadata={"doc": "limits on the number of positions; off when the table is absent"}
    )

    maximum_exposure: MaximumExposureSettings | None = attrs.field(
        default=None,
        metadata={"doc": "limits on what an order, a symbol and everything is worth; off when absent"},
    )
    daily_loss: DailyLossSettings | None = attrs.field(
        default=None,
        metadata={"doc": "loss and drawdown of the trading day that lock until it ends; off when absent"},
    )
    order_rate: OrderRateSettings | None = attrs.field(
        default=None, metadata={"doc": "how many orders may be sent in a window of time; off when absent"}
    )
    duplicate_intent: DuplicateIntentSettings | None = attrs.field(
        default=None, metadata={"doc": "the same order again within a window of time; off when absent"}
    )
    cool_down: CoolDownSettings | None = attrs.field(
        default=None, metadata={"doc": "how long a symbol rests after a loss or a stop; off when absent"}
    )
    price_band: PriceBandSettings | None = attrs.field(
        default=None, metadata={"doc": "how far from the market an order's price may be; off when absent"}
    )
    stale_price: StalePriceSettings | None = attrs.field(
        default=None, metadata={"doc": "how old a symbol's price may be; off when absent"}
    )
    symbols: SymbolsSettings | None = attrs.field(
        default=None, metadata={"doc": "which symbols may be traded; off when absent"}
    )
    trading_hours: TradingHoursSettings | None = attrs.field(
        default=None, metadata={"doc": "when new exposure may be taken; off when absent"}
    )
    maximum_leverage: MaximumLeverageSettings | None = attrs.field(
        default=None, metadata={"doc": "how much leverage an order may ask for; off when absent"}
    )

    def checks(self) -> tuple[RiskCheck, ...]:
        """Return the checks that are on, in the order of the settings."""
        given = ((getattr(self, field.name), _CHECKS[field.name]) for field in attrs.fields(type(self)))
        return tuple(make(settings) for settings, make in given if settings is not None)


_CHECKS: Mapping[str, Callable[[Any], RiskCheck]] = {
    "minimum_size": MinimumSize,
    "maximum_positions": MaximumPositions,
    "maximum_exposure": MaximumExposure,
    "daily_loss": DailyLoss,
    "order_rate": OrderRate,
    "duplicate_intent": DuplicateIntent,
    "cool_down": CoolDown,
    "price_band": PriceBand,
    "stale_price": StalePrice,
    "symbols": Symbols,
    "trading_hours": TradingHours,
    "maximum_leverage": MaximumLeverage,
}


@attrs.frozen
class RiskHooksPlugin:
    """The same plugin as an object, configured in Python: ``Kernel(plugins=[RiskHooksPlugin(...)])``."""

    settings: RiskHooksSettings
    name: str = attrs.field(default="riskhooks", kw_only=True)
    version: str = attrs.field(default=__version__, init=False)

    @hookimpl
    def fairlead_risk_checks(self, context: PluginContext) -> Sequence[RiskCheck]:
        """Return the checks that the settings name; a configuration table beside them is refused."""
        if context.configuration:
            raise ConfigurationRefused(
                f"{_PATH}: this plugin was given its settings as an object.",
                fix="Remove the table or the object.",
            )
        return self.settings.checks()


@hookimpl
def fairlead_risk_checks(context: PluginContext) -> Sequence[RiskCheck]:
    """Return the checks that the plugin's configuration table names."""
    checks = structure_settings(RiskHooksSettings, context.configuration, _PATH).checks()
    if not checks:
        context.logger.warning("%s names no check, so this plugin provides none", _PATH)
    return checks
