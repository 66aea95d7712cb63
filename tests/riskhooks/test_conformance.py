"""The shipped checks keep every rule for risk checks."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import Position
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.ports.risk import RiskCheck, RiskRequest, RiskView
from fairlead.testing.conformance.risk import RiskConformance
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from fairlead_riskhooks.maximum_positions import (
    MaximumPositions,
    MaximumPositionsSettings,
    PendingClosePolicy,
)
from fairlead_riskhooks.minimum_size import MinimumSize, MinimumSizeSettings, SizeLimits


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
