"""The price band and the age of prices, at, just inside and just outside their limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.domain.prices import Price, Trade
from fairlead.errors import SettingRefused
from fairlead.ports.risk import ALLOW, RiskRequest
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.price_band import PriceBand, PriceBandSettings
from fairlead_riskhooks.stale_price import StalePrice, StalePriceSettings
from tests.core.kernel.bench import Bench, on_bench
from tests.riskhooks.orders import code_of, denial, order

MILLISECOND = 1_000_000


def view(last: str = "100", age_ns: int = 0, *, fresh: bool = True, jumped: bool = False) -> FakeRiskView:
    """Return a view with a price of BTC/USDT."""
    suspect = Trade("BTC/USDT", Decimal(999), Decimal(1), 0) if jumped else None
    return FakeRiskView(prices=[Price("BTC/USDT", Decimal(last), None, None, 0, age_ns, fresh, suspect)])


def band(rate: str = "0.05", **settings: Any) -> PriceBand:  # noqa: ANN401 - settings as a user writes them
    """Return the check."""
    return PriceBand(PriceBandSettings(rate=rate, **settings))


def aging(maximum_age_ms: int = 2) -> StalePrice:
    """Return the check."""
    return StalePrice(StalePriceSettings(maximum_age_ms=maximum_age_ms))


SELL = OrderSide.SELL
OUTSIDE = "PRICE_OUTSIDE_BAND"
UNKNOWN = "PRICE_BAND_UNKNOWN"

# The order, the view, whether only the worse side is bound, and the code of the denial or the empty string.
BANDS: tuple[tuple[RiskRequest, FakeRiskView, bool, str], ...] = (
    (order(price="105"), view(), False, ""),
    (order(price="105.01"), view(), False, OUTSIDE),
    (order(price="95"), view(), False, ""),
    (order(price="94.99"), view(), False, OUTSIDE),
    (order(price="105.01", side=SELL), view(), False, OUTSIDE),
    (order(price="94.99", side=SELL), view(), False, OUTSIDE),
    (order(price="1"), view(), True, ""),
    (order(price="105.01"), view(), True, OUTSIDE),
    (order(price="999", side=SELL), view(), True, ""),
    (order(price="94.99", side=SELL), view(), True, OUTSIDE),
    (order(price="999", order_type=OrderType.MARKET), view(), False, ""),
    (order(price=None, order_type=OrderType.STOP), view(), False, UNKNOWN),
    (order(price="106", order_type=OrderType.STOP), view(), False, OUTSIDE),
    (order(), FakeRiskView(), False, UNKNOWN),
    (order(), view(fresh=False), False, UNKNOWN),
    (order(), view(jumped=True), False, UNKNOWN),
    (order(price="999", reduces=True), view(), False, ""),
)


@pytest.mark.parametrize(("request_", "seen", "only_worse", "code"), BANDS)
def test_band(request_: RiskRequest, seen: FakeRiskView, code: str, *, only_worse: bool) -> None:
    """One row of the table above: the edges of the band belong to it."""
    assert code_of(band(only_worse=only_worse).judge(request_, seen, "")) == code


def test_band_wider_than_the_price_has_no_lower_edge() -> None:
    """A rate above 1 is meant for the other side."""
    assert band("3").judge(order(price="0.1"), view(), "") == ALLOW
    assert code_of(band("3").judge(order(price="400.1"), view(), "")) == OUTSIDE


def test_band_denial_names_both_prices() -> None:
    """A trader sees the slip of the finger."""
    found = denial(band().judge(order(price="1000"), view(), ""))

    assert found.reason == "1000 is more than 5 % away from the latest price of BTC/USDT, 100."
    assert found.figures == (("price", "1000"), ("latest_price", "100"), ("rate", "0.05"))


AGES: tuple[tuple[FakeRiskView, str], ...] = (
    (view(), ""),
    (view(age_ns=2 * MILLISECOND), ""),
    (view(age_ns=2 * MILLISECOND + 1), "PRICE_STALE"),
    (view(fresh=False), "PRICE_STALE"),
    (view(jumped=True), "PRICE_SUSPECT"),
    (FakeRiskView(), "PRICE_MISSING"),
)


@pytest.mark.parametrize(("seen", "code"), AGES)
def test_age(seen: FakeRiskView, code: str) -> None:
    """One row of the table above, for a limit order and for a market order; reductions pass."""
    assert code_of(aging().judge(order(), seen, "")) == code
    assert code_of(aging().judge(order(price=None), seen, "")) == code
    assert aging().judge(order(reduces=True), seen, "") == ALLOW


def test_limits_are_told_and_must_be_some() -> None:
    """A lowered limit is noticed at the next start; zero is none."""
    assert band().limits == {"rate": Decimal("0.05")}
    assert aging().limits == {"maximum_age_ms": 2}
    with pytest.raises(ValueError, match="rate"):
        band("0")
    with pytest.raises(SettingRefused):
        aging(0)


def test_kernel_denies_without_a_price_after_a_restart() -> None:
    """Prices are not journaled: the next kernel has none until its feed brings one."""

    async def main(bench: Bench) -> None:
        assert (await bench.execute()).order.denial_code == UNKNOWN
        bench.price("100")
        assert (await bench.execute(price="106")).order.denial_code == OUTSIDE
        assert not (await bench.execute(price="104")).denied
        await bench.pass_ms(51)
        assert (await bench.execute(price="104")).order.denial_code == "PRICE_STALE"
        await bench.restart()
        assert (await bench.execute()).order.denial_code == UNKNOWN

    on_bench(main, checks=(band(), aging(50)))
