"""What holds for every history: limits are never passed, and figures of any size raise nothing."""

from __future__ import annotations

import typing
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.ledger import Position
from fairlead.domain.money import MoneyRules
from fairlead.domain.prices import Price
from fairlead.ports.risk import ALLOW, Allow, Deny, Fact, Lock, RiskCheck, RiskRequest
from fairlead.testing import strategies
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
from fairlead_riskhooks.plugin import RiskHooksSettings
from fairlead_riskhooks.price_band import PriceBand, PriceBandSettings
from fairlead_riskhooks.stale_price import StalePrice, StalePriceSettings
from fairlead_riskhooks.symbols import Symbols, SymbolsSettings
from fairlead_riskhooks.trading_hours import TradingHours, TradingHoursSettings, TradingWindow
from tests.riskhooks.orders import folded, order, sent

EXAMPLES = 60
EXAMPLES_OF_ALL = 25 * 24
MILLISECOND = 1_000_000
WINDOW_MS = 50
_LIMITS = SizeLimits(minimum_quantity="2", maximum_quantity="3", quantity_step="2", minimum_cost="9")
_WINDOW = TradingWindow(days=("monday",), begins="22:00", ends="04:00")
_OPTIMISTIC = PendingClosePolicy.OPTIMISTIC

# Every check with each of its settings at work: a setting that is nowhere here fails a test below.
CHECKS: tuple[RiskCheck, ...] = (
    MinimumSize(),
    MinimumSize(MinimumSizeSettings(symbols=dict.fromkeys(strategies.SYMBOLS, _LIMITS))),
    MaximumPositions(MaximumPositionsSettings(total=1, allow_increase=True)),
    MaximumPositions(MaximumPositionsSettings(per_symbol=1, pending_close_policy=_OPTIMISTIC)),
    MaximumExposure(MaximumExposureSettings(order="1e30")),
    MaximumExposure(MaximumExposureSettings(position="1e31")),
    MaximumExposure(MaximumExposureSettings(total="1e32")),
    DailyLoss(DailyLossSettings(maximum_loss="1e20")),
    DailyLoss(DailyLossSettings(maximum_drawdown="1e21")),
    DailyLoss(DailyLossSettings(maximum_loss="1e20", maximum_drawdown="1e21", unrealized=True)),
    OrderRate(OrderRateSettings(window_ms=WINDOW_MS, total=1)),
    OrderRate(OrderRateSettings(window_ms=WINDOW_MS, per_owner=1)),
    OrderRate(OrderRateSettings(window_ms=WINDOW_MS, per_symbol=1)),
    DuplicateIntent(DuplicateIntentSettings(window_ms=WINDOW_MS, remembered_max=1)),
    CoolDown(CoolDownSettings(after_loss_ms=1)),
    CoolDown(CoolDownSettings(after_stop_ms=1)),
    PriceBand(PriceBandSettings(rate="0.1")),
    PriceBand(PriceBandSettings(rate="0.1", only_worse=True)),
    StalePrice(StalePriceSettings(maximum_age_ms=1)),
    Symbols(SymbolsSettings(allow=("BTC/USDT",))),
    Symbols(SymbolsSettings(deny=("BTC/USDT",))),
    TradingHours(TradingHoursSettings(timezone="America/New_York", windows=(_WINDOW,))),
    MaximumLeverage(MaximumLeverageSettings(maximum="3")),
    MaximumLeverage(MaximumLeverageSettings(maximum=3, symbols={"BTC/USDT": Decimal(2)}, named=True)),
)


@st.composite
def views(draw: st.DrawFn) -> FakeRiskView:
    """Draw views with a reporting currency, positions, and a price of any size for every symbol."""
    keys = draw(st.sets(st.tuples(st.sampled_from(strategies.SYMBOLS), st.sampled_from(strategies.BOOKS))))
    prices = [
        Price(symbol, draw(strategies.positive_decimals()), None, None, 0, 0, fresh=True)
        for symbol in strategies.SYMBOLS
    ]
    held: list[Position] = [draw(strategies.positions(symbol, book)) for symbol, book in sorted(keys)]
    return FakeRiskView(held, now_ns=draw(st.integers(0, 2**62)), prices=prices, money=MoneyRules("USDT"))


def test_every_check_and_every_setting_is_drawn() -> None:
    """No shipped check, and no key of one, is left out of the property below."""
    drawn: dict[str, set[str]] = {}
    for check in CHECKS:
        made: Any = check
        kind = type(made.settings)
        given_keys = {
            field.name for field in attrs.fields(kind) if getattr(made.settings, field.name) != field.default
        }
        drawn.setdefault(check.name, set()).update(given_keys)
    offered = {
        name: {field.name for field in attrs.fields(typing.get_args(kind)[0])}
        for name, kind in typing.get_type_hints(RiskHooksSettings).items()
    }
    assert drawn == offered


@settings(max_examples=EXAMPLES_OF_ALL, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(CHECKS), st.lists(strategies.facts(), max_size=8), strategies.requests(), views())
def test_every_figure_is_answered_and_always_alike(
    check: RiskCheck, history: list[Fact], request: RiskRequest, view: FakeRiskView
) -> None:
    """Pure and total: each check answers whatever it is asked, alike each time, and changes nothing.

    With money to count, numbers of 38 digits and magnitudes of 38 raise nothing, multiplied or not.
    """
    value = folded(check, history)
    assert folded(check, history) == value
    before = repr((request, view))
    answer = check.judge(request, view, value)
    assert repr((request, view)) == before

    assert isinstance(answer, Allow | Deny | Lock)
    assert check.judge(request, view, value) == answer


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 5))
def test_no_window_ever_has_more_orders_than_allowed(pauses_ms: list[int], limit: int) -> None:
    """Orders after pauses of any length: in every window of the approved ones there are at most the limit."""
    check = OrderRate(OrderRateSettings(window_ms=WINDOW_MS, total=limit))
    value, now_ns, approved = check.initial(), 0, list[int]()
    for number, pause_ms in enumerate(pauses_ms):
        now_ns += pause_ms * MILLISECOND
        if check.judge(order(), FakeRiskView(now_ns=now_ns), value) == ALLOW:
            approved.append(now_ns)
            for fact in sent(order(), f"o{number}", now_ns):
                value = check.fold(value, fact)

    for begin_ns in approved:
        assert sum(0 <= each - begin_ns < WINDOW_MS * MILLISECOND for each in approved) <= limit


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), max_size=12), st.integers(1, 5000))
def test_approved_orders_are_never_worth_more_than_the_total(
    wishes: list[tuple[int, int]], limit: int
) -> None:
    """Buys of any size and price, none filled: what is approved stays within the limit, and fills it up."""
    check = MaximumExposure(MaximumExposureSettings(total=limit))
    value, worth, live = check.initial(), 0, 0
    for number, (quantity, price) in enumerate(wishes):
        pending = [Position("BTC/USDT", "bot", "USDT", pending_openings=live)]
        request = order(str(quantity), str(price))
        allowed = check.judge(request, FakeRiskView(pending, money=MoneyRules("USDT")), value) == ALLOW
        assert allowed is (worth + quantity * price <= limit)
        if allowed:
            worth, live = worth + quantity * price, live + 1
            for fact in sent(request, f"o{number}", 0):
                value = check.fold(value, fact)

    assert Decimal(worth) <= limit
