"""The market as decisions see it: which price counts, what money is worth, when a day begins."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.domain.money import MoneyRules
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.price_points import PriceLimits, PricePoint, Unusable
from fairlead.domain.prices import Price
from fairlead.domain.trading_days import TradingDay
from fairlead.kernel.settings import KernelSettings


@attrs.define(slots=True, eq=False)
class Market:
    """Constant while a kernel runs."""

    limits: PriceLimits
    money: MoneyRules
    trading_day: TradingDay

    @classmethod
    def of(cls, settings: KernelSettings) -> Market:
        """Return the market rules of a kernel with these settings."""
        limits = PriceLimits(
            settings.ns("price_max_age"), settings.ns("price_ahead_max"), settings.price_jump_band
        )
        money = MoneyRules(settings.reporting_currency, settings.conversions)
        return cls(limits, money, settings.trading_day)

    def price_of(self, points: Mapping[str, PricePoint], symbol: str, now_ns: int) -> Price | None:
        """Return what is known of a symbol's price."""
        point = points.get(symbol)
        return None if point is None else point.view(now_ns, self.limits)


def taking_price(
    points: Mapping[str, PricePoint], symbol: str, side: OrderSide, market: Market, now_ns: int
) -> Decimal | Unusable:
    """Return what an order of this side would pay now: by a fresh quote, else by the last fresh trade."""
    point = points.get(symbol)
    return Unusable.MISSING if point is None else point.taking(side, now_ns, market.limits)


def stale_detail(point: PricePoint) -> str:
    """Return what the journal says of the use of a stale price: the same words for the whole episode."""
    return f"nothing was heard of its price since {point.heard_ns} ns"
