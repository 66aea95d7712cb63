"""What holds for every history: limits are never passed, and figures of any size raise nothing."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.ledger import Position
from fairlead.domain.money import MoneyRules
from fairlead.domain.prices import Price
from fairlead.ports.risk import ALLOW, Allow, Deny, Fact, Lock, RiskCheck, RiskRequest
from fairlead.testing import strategies
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from fairlead_riskhooks.order_rate import OrderRate, OrderRateSettings
from fairlead_riskhooks.price_band import PriceBand, PriceBandSettings
from tests.riskhooks.orders import folded, order, sent

EXAMPLES = 60
MILLISECOND = 1_000_000
WINDOW_MS = 50
CHECKS: tuple[RiskCheck, ...] = (
    MaximumExposure(MaximumExposureSettings(order="1e30", position="1e31", total="1e32")),
    DailyLoss(DailyLossSettings(maximum_loss="1e20", maximum_drawdown="1e21")),
    PriceBand(PriceBandSettings(rate="0.1")),
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


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(CHECKS), st.lists(strategies.facts(), max_size=8), strategies.requests(), views())
def test_every_figure_is_answered_and_always_alike(
    check: RiskCheck, history: list[Fact], request: RiskRequest, view: FakeRiskView
) -> None:
    """With money to count, numbers of 38 digits and magnitudes of 38 raise nothing, multiplied or not."""
    value = folded(check, history)
    answer = check.judge(request, view, value)

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
