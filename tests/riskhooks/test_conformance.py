"""The shipped checks keep every rule for risk checks."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import Position
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.ports.risk import RiskCheck, RiskRequest, RiskView
from fairlead.testing.conformance.risk import RiskConformance
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.cool_down import CoolDown, CoolDownSettings
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from fairlead_riskhooks.duplicate_intent import DuplicateIntent, DuplicateIntentSettings
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from fairlead_riskhooks.maximum_leverage import MaximumLeverage, MaximumLeverageSettings
from fairlead_riskhooks.maximum_positions import (
    MaximumPositions,
    MaximumPositionsSettings,
    PendingClosePolicy,
)
from fairlead_riskhooks.minimum_size import MinimumSize, MinimumSizeSettings, SizeLimits
from fairlead_riskhooks.order_rate import OrderRate, OrderRateSettings
from fairlead_riskhooks.price_band import PriceBand, PriceBandSettings
from fairlead_riskhooks.stale_price import StalePrice, StalePriceSettings
from fairlead_riskhooks.symbols import Symbols, SymbolsSettings
from fairlead_riskhooks.trading_hours import TradingHours, TradingHoursSettings, TradingWindow


def small_order() -> RiskRequest:
    """Return an order for one satoshi."""
    instrument = Instrument(
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        price_increment=Decimal("0.1"),
        quantity_increment=Decimal("0.00000001"),
        minimum_quantity=Decimal("0.0001"),
    )
    return RiskRequest(
        owner="bot",
        symbol="BTC/USDT",
        book="bot",
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.00000001"),
        price=Decimal(90000),
        reduces=False,
        instrument=instrument,
    )


class TestMinimumSize(RiskConformance):
    """`MinimumSize` with the venue's rules alone."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return MinimumSize()

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order that is too small."""
        return small_order(), FakeRiskView(), ""


class TestMinimumSizeConfigured(TestMinimumSize):
    """`MinimumSize` with every limit configured."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        limits = SizeLimits(
            minimum_quantity=Decimal("0.001"),
            maximum_quantity=Decimal(10),
            quantity_step=Decimal("0.001"),
            minimum_cost=Decimal(5),
        )
        return MinimumSize(MinimumSizeSettings(symbols={"BTC/USDT": limits, "ETH/USDT": limits}))


class TestMaximumPositionsStrict(RiskConformance):
    """`MaximumPositions` with both limits, pending closes counted."""

    settings = MaximumPositionsSettings(total=1, per_symbol=1)

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return MaximumPositions(self.settings)

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return a second position."""
        return small_order(), FakeRiskView([Position("BTC/USDT", "other", "USDT", pending_openings=1)]), ""


class TestMaximumPositionsOptimistic(TestMaximumPositionsStrict):
    """`MaximumPositions` with pending closes subtracted and increases allowed."""

    settings = MaximumPositionsSettings(
        total=1, pending_close_policy=PendingClosePolicy.OPTIMISTIC, allow_increase=True
    )


class TestMaximumExposure(RiskConformance):
    """`MaximumExposure` with every limit; the views drawn have no reporting currency, so it denies."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        limits = MaximumExposureSettings(order=Decimal(1), position=Decimal(2), total=Decimal(3))
        return MaximumExposure(limits)

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order that nobody can value in a reporting currency."""
        return small_order(), FakeRiskView(), self.make_check().initial()


class TestDailyLoss(RiskConformance):
    """`DailyLoss` with both limits."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return DailyLoss(DailyLossSettings(maximum_loss=Decimal(1), maximum_drawdown=Decimal(2)))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order where no reporting currency is set."""
        return small_order(), FakeRiskView(), self.make_check().initial()


class TestOrderRate(RiskConformance):
    """`OrderRate` with every limit."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return OrderRate(OrderRateSettings(window_ms=1000, total=2, per_owner=2, per_symbol=1))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return a second order of a symbol that may have one."""
        value = '{"waiting":{},"sent":[[0,["other","BTC/USDT"]]]}'
        return small_order(), FakeRiskView(), value


class TestDuplicateIntent(RiskConformance):
    """`DuplicateIntent`."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return DuplicateIntent(DuplicateIntentSettings(window_ms=1000))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order that waits to be sent already."""
        value = '{"waiting":{"a":["bot","BTC/USDT","buy","limit","0.00000001","90000"]},"sent":[]}'
        return small_order(), FakeRiskView(), value


class TestCoolDown(RiskConformance):
    """`CoolDown` with both rests."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return CoolDown(CoolDownSettings(after_loss_ms=10, after_stop_ms=20))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order of a symbol that rests."""
        return small_order(), FakeRiskView(), '{"symbols":{"BTC/USDT":[1,"COOL_DOWN_AFTER_LOSS"]},"lost":[]}'


class TestPriceBand(RiskConformance):
    """`PriceBand`."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return PriceBand(PriceBandSettings(rate="0.1"))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order without any price to compare with."""
        return small_order(), FakeRiskView(), ""


class TestStalePrice(RiskConformance):
    """`StalePrice`."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return StalePrice(StalePriceSettings(maximum_age_ms=1))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order of a symbol without a price."""
        return small_order(), FakeRiskView(), ""


class TestSymbols(RiskConformance):
    """`Symbols` with both lists."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return Symbols(SymbolsSettings(allow=("ETH/USDT", "XRP/USD"), deny=("XRP/USD",)))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order of a symbol that is on no list."""
        return small_order(), FakeRiskView(), ""


class TestTradingHours(RiskConformance):
    """`TradingHours` in a zone whose clocks are changed, over midnight."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        window = TradingWindow(days=("monday", "friday"), begins="22:00", ends="04:00")
        return TradingHours(TradingHoursSettings(timezone="America/New_York", windows=(window,)))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order on the first of January 1970, a Thursday."""
        return small_order(), FakeRiskView(), ""


class TestMaximumLeverage(RiskConformance):
    """`MaximumLeverage`, by symbol too."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        limits = {"ETH/USDT": Decimal(2)}
        return MaximumLeverage(MaximumLeverageSettings(maximum=3, symbols=limits, named=True))

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order that asks for more."""
        return replace(small_order(), leverage=Decimal(5)), FakeRiskView(), ""
