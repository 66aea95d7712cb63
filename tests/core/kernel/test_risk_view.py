"""What a risk check sees of the market: prices with their age, conversions, and the trading day."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.money import Conversion, Converted, NoRate
from fairlead.domain.trading_days import TradingDay, trading_day_of
from fairlead.ports.risk import ALLOW, Judgement, RiskRequest, RiskView
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.checks import Says


def test_a_check_sees_prices_conversions_and_the_trading_day() -> None:
    """The view answers from the prices of its own step; what has no fresh price is said, never guessed."""
    seen: list[RiskView] = []

    def look(_request: RiskRequest, view: RiskView, _value: str) -> Judgement:
        price = view.price(BTC)
        assert price is not None
        assert price.fresh
        assert view.price(ETH) is None
        assert view.reporting_currency == "USDT"
        worth = view.convert(Decimal(2), "BTC")
        assert isinstance(worth, Converted)
        assert (worth.amount, worth.currency, worth.path) == (Decimal(200), "USDT", (BTC,))
        assert isinstance(view.convert(Decimal(1), "ETH"), NoRate)
        assert view.trading_day == trading_day_of(view.now_ns, bench_day)
        begin, end = view.trading_day
        assert begin <= view.now_ns < end
        seen.append(view)
        return ALLOW

    async def main(bench: Bench) -> None:
        bench.price("100")
        result = await bench.execute()
        assert not result.denied, result.reasons

    conversions = (
        Conversion(currency="BTC", into="USDT", pair=BTC),
        Conversion(currency="ETH", into="USDT", pair=ETH),
    )
    settings = {"reporting_currency": "USDT", "conversions": conversions}
    bench_day = TradingDay()
    on_bench(main, checks=[Says(look)], settings=settings)
    assert len(seen) == 1
