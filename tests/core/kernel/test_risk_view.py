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


def test_a_check_sees_the_net_of_a_symbol_and_what_its_exits_may_take() -> None:
    """Over all books: what other owners hold and may sell counts as well, and no other symbol does."""
    seen: list[tuple[Decimal, Decimal]] = []

    def look(_request: RiskRequest, view: RiskView, _value: str) -> Judgement:
        seen.append((view.net_quantity(BTC), view.reserved_exit(BTC)))
        assert view.net_quantity("XRP/USDT") == view.reserved_exit("XRP/USDT") == Decimal(0)
        return ALLOW

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        other = (await bench.execute("sell", "1", "100", owner="other")).client_order_id
        bench.exchange.trade(other, "1", "100")
        await bench.pass_ms()
        await bench.hold("7", symbol=ETH)
        exit_ = await bench.working("sell", "2", "120")
        await bench.execute("buy", "0.5", "90", owner="other")
        cover = await bench.execute("buy", "0.5", "80", owner="third")
        assert cover.status == "ACCEPTED"
        bench.exchange.trade(exit_, "0.5", "120")
        await bench.pass_ms()
        await bench.execute("buy", "1", "70", owner="third")
        await bench.bot.cancel(exit_)
        await bench.pass_ms()
        await bench.execute("buy", "1", "70", owner="third")

    on_bench(main, checks=[Says(look)])
    assert seen == [
        (Decimal(0), Decimal(0)),
        (Decimal(3), Decimal(0)),
        (Decimal(2), Decimal(0)),
        (Decimal(2), Decimal("2.5")),
        (Decimal("1.5"), Decimal(2)),
        (Decimal("1.5"), Decimal("0.5")),
    ]
