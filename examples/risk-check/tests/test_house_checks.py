"""Both checks keep every rule for risk checks, and deny what they are there for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from fairlead import Instrument, OrderSide, OrderType
from fairlead.errors import ConfigurationRefused
from fairlead.ports.risk import ALLOW, Deny, Lock, LockPlaced, RiskRequest, RiskView, TradingDayBegan
from fairlead.ports.settings import structure_settings
from fairlead.testing.conformance.risk import RiskConformance
from fairlead.testing.risk_view import FakeRiskView
from house_checks.house_minimum import HouseMinimum
from house_checks.orders_per_day import OrdersPerDay
from house_checks.plugin import HouseSettings

BITCOIN = Instrument(
    symbol="BTC/USDT", base="BTC", quote="USDT", price_increment="0.1", quantity_increment="0.0001"
)
REQUEST = RiskRequest(
    owner="bot",
    symbol="BTC/USDT",
    book="bot",
    side=OrderSide.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.01"),
    price=Decimal(98_000),
    reduces=False,
    instrument=BITCOIN,
)
TWO_SENT = '{"orders":{"BTC/USDT":2},"locked_until_ns":{}}'
DAY_NS = 86_400_000_000_000


class TestHouseMinimum(RiskConformance):
    """The rules, on the check that remembers nothing."""

    def make_check(self) -> HouseMinimum:
        """Return the check."""
        return HouseMinimum({"BTC/USDT": Decimal("0.01")})

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order that is one step too small."""
        return replace(REQUEST, quantity=Decimal("0.0099")), FakeRiskView(), ""

    def test_the_limit_itself_is_allowed(self) -> None:
        """Exactly the smallest quantity goes, and a symbol without one does not."""
        check, view = self.make_check(), FakeRiskView()
        assert check.judge(REQUEST, view, "") == ALLOW
        other = check.judge(replace(REQUEST, symbol="ETH/USDT"), view, "")
        assert isinstance(other, Deny)
        assert other.code == "NO_HOUSE_MINIMUM"


class TestOrdersPerDay(RiskConformance):
    """The rules, on the check that keeps a value."""

    def make_check(self) -> OrdersPerDay:
        """Return the check."""
        return OrdersPerDay(2)

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return the third order of a day."""
        return REQUEST, FakeRiskView(), TWO_SENT

    def test_the_order_too_many_locks_its_symbol_until_the_day_ends(self) -> None:
        """The second order goes, the third locks this symbol alone, and the lock outlives a raised limit."""
        check, view = self.make_check(), FakeRiskView(now_ns=1)
        assert check.judge(REQUEST, view, TWO_SENT.replace("2", "1")) == ALLOW
        answer = check.judge(REQUEST, view, TWO_SENT)
        assert isinstance(answer, Lock)
        assert (answer.scope, answer.until_ns) == ("BTC/USDT", DAY_NS)
        assert check.judge(replace(REQUEST, symbol="ETH/USDT"), view, TWO_SENT) == ALLOW

        lock = LockPlaced(check.name, answer.scope, None, answer.until_ns, answer.code, answer.reason)
        locked = check.fold(TWO_SENT, lock)
        assert isinstance(OrdersPerDay(99).judge(REQUEST, view, locked), Deny)
        assert check.judge(REQUEST, FakeRiskView(now_ns=DAY_NS), check.fold(locked, _day(DAY_NS))) == ALLOW

    def test_reductions_pass(self) -> None:
        """Whoever wants out is never held."""
        reducing = replace(REQUEST, reduces=True)
        assert self.make_check().judge(reducing, FakeRiskView(), TWO_SENT) == ALLOW


def _day(began_ns: int) -> TradingDayBegan:
    return TradingDayBegan(began_ns, began_ns + DAY_NS)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"orders_per_day": 0}, "orders_per_day"),
        ({"orders_a_day": 2}, "orders_per_day"),
        ({"smallest": {"BTC/USDT": "0"}}, "smallest"),
        ({"smallest": {"BTC": "1"}}, "smallest"),
        ({"smallest": {"BTC/USDT": 0.1}}, "smallest"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(table: dict[str, object], problem: str) -> None:
    """The refusal names the setting, also for a misspelt one."""
    with pytest.raises(ConfigurationRefused, match=problem):
        structure_settings(HouseSettings, table, "plugins.house_checks")
