"""The market as decisions see it, made of the settings once."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.money import Conversion
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.price_points import PriceLimits, PricePoint, Unusable
from fairlead.domain.prices import Quote
from fairlead.domain.trading_days import TradingDay
from fairlead.kernel.core.market import Market, stale_detail, taking_price
from fairlead.kernel.settings import KernelSettings
from tests.core.kernel.bench import BTC, ETH

D = Decimal


def test_the_rules_of_the_market_are_those_of_the_settings() -> None:
    """Ages in nanoseconds, the band as it is, money and the trading day."""
    conversion = Conversion(currency="BTC", into="USDT", pair=BTC)
    settings = KernelSettings(
        account="test",
        price_max_age_ms=3,
        price_ahead_max_ms=2,
        price_jump_band="0.2",
        reporting_currency="USDT",
        conversions=(conversion,),
        trading_day=TradingDay(),
    )
    market = Market.of(settings)
    assert market.limits == PriceLimits(3_000_000, 2_000_000, D("0.2"))
    assert (market.money.reporting_currency, market.money.conversions) == ("USDT", (conversion,))
    assert market.trading_day == settings.trading_day


def test_a_price_is_what_was_heard_of_the_symbol() -> None:
    """Of another symbol nothing is known, and an order there has no price to be taken at."""
    market = Market.of(KernelSettings(account="test"))
    point = PricePoint(BTC)
    point.take(Quote(BTC, D(99), D(101), 5), 5, market.limits)
    points = {BTC: point}
    price = market.price_of(points, BTC, 9)
    assert price == point.view(9, market.limits)
    assert market.price_of(points, ETH, 9) is None
    assert taking_price(points, BTC, OrderSide.BUY, market, 9) == D(101)
    assert taking_price(points, BTC, OrderSide.SELL, market, 9) == D(99)
    assert taking_price(points, ETH, OrderSide.BUY, market, 9) is Unusable.MISSING
    assert stale_detail(point) == "nothing was heard of its price since 5 ns"
