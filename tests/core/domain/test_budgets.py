"""Budgets of rate limits: exact, never over, nothing for free, and data for the limits of real venues."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.budgets import UNUSED, BudgetLevel
from fairlead.errors import ConfigurationRefused, NumberRefused, TextRefused
from fairlead.ports.pacing import (
    EACH,
    Budget,
    DecayingCounter,
    Limit,
    Price,
    RateLimits,
    RequestKind,
    TokenBucket,
)

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND

amounts = st.decimals("0.01", "200", places=2)
rates = st.decimals("0.0001", "50", places=4)
shapes = st.sampled_from((TokenBucket, DecayingCounter))
budgets = st.builds(lambda shape, size, rate: shape(size, rate), shapes, amounts, rates)
pauses = st.integers(0, 1_000 * SECOND) | st.integers(0, 1_000)
costs = st.decimals("0", "220", places=3)


def rate_of(budget: Budget) -> Fraction:
    """Return what comes back in a nanosecond."""
    assert isinstance(budget, TokenBucket | DecayingCounter)
    return Fraction(budget.per_second) / SECOND


@given(budgets, st.lists(st.tuples(pauses, costs), max_size=30))
def test_a_budget_agrees_with_an_independent_count_and_is_never_overspent(
    budget: Budget, requests: list[tuple[int, Decimal]]
) -> None:
    """Counted again in fractions: the same to the last digit, from nothing used to all used, never beyond."""
    now_ns, level, used, spent = START, UNUSED, Fraction(0), []
    for pause_ns, cost in requests:
        now_ns += pause_ns
        used = max(Fraction(0), used - pause_ns * rate_of(budget))
        available = budget.available(level, now_ns)
        assert Fraction(available) == Fraction(budget.size) - used
        assert 0 <= available <= budget.size
        if cost > available:
            with pytest.raises(ValueError, match="available"):
                budget.spend(level, cost, now_ns)
            continue
        level = budget.spend(level, cost, now_ns)
        used += Fraction(cost)
        spent.append((now_ns, Fraction(cost)))
        assert Fraction(budget.used(level, now_ns)) == used
    for begin, (from_ns, _) in enumerate(spent):
        total = Fraction(0)
        for until_ns, cost_then in spent[begin:]:
            total += cost_then
            assert total <= Fraction(budget.size) + (until_ns - from_ns) * rate_of(budget)


@given(budgets, amounts, pauses, pauses, pauses)
def test_waiting_only_ever_helps(
    budget: Budget, used: Decimal, pause_ns: int, earlier_ns: int, more_ns: int
) -> None:
    """Whatever was used or refused: a later time never has less."""
    level = budget.refused(BudgetLevel(used, START), START, pause_ns)
    earlier, later = START + earlier_ns, START + earlier_ns + more_ns
    assert budget.available(level, earlier) <= budget.available(level, later)
    assert budget.wait_ns(level, used, earlier) >= budget.wait_ns(level, used, later)


@given(budgets, amounts, costs, pauses, pauses)
def test_the_wait_is_exact(
    budget: Budget, used: Decimal, cost: Decimal, later_ns: int, pause_ns: int
) -> None:
    """What fits after the wait did not fit a nanosecond before its end; also after a refusal."""
    cost = min(cost + Decimal("0.001"), budget.size)
    for level in (BudgetLevel(used, START), budget.refused(BudgetLevel(used, START), START, pause_ns)):
        now_ns = START + later_ns
        wait_ns = budget.wait_ns(level, cost, now_ns)
        assert budget.available(level, now_ns + wait_ns) >= cost
        assert now_ns + wait_ns >= level.held_until_ns
        if wait_ns:
            just_before = now_ns + wait_ns - 1
            assert budget.available(level, just_before) < cost or just_before < level.held_until_ns


@given(budgets, amounts, costs, pauses, pauses)
def test_a_time_that_jumps_back_gives_nothing_for_free(
    budget: Budget, used: Decimal, cost: Decimal, back_ns: int, later_ns: int
) -> None:
    """Neither reading nor spending at an earlier time makes more of the budget, then or later."""
    level = BudgetLevel(used, START)
    early_ns = START - back_ns
    assert budget.available(level, early_ns) == budget.available(level, START)
    if cost > budget.available(level, early_ns):
        assert budget.wait_ns(level, cost, early_ns) >= budget.wait_ns(level, cost, START) > 0
        return
    spent = budget.spend(level, cost, early_ns)
    assert spent.at_ns == START
    fair = budget.spend(level, cost, START)
    assert budget.available(spent, START + later_ns) == budget.available(fair, START + later_ns)


@given(budgets, amounts, pauses, pauses)
def test_a_refusal_by_the_venue_empties_the_budget_for_its_pause(
    budget: Budget, used: Decimal, pause_ns: int, later_ns: int
) -> None:
    """Nothing before the venue's pause is over, and no more than came back since; a second adds to it."""
    level = budget.refused(BudgetLevel(used, START), START, pause_ns)
    available = Fraction(budget.available(level, START + later_ns))
    assert available <= later_ns * rate_of(budget)
    if later_ns < pause_ns:
        assert not available
    again = budget.refused(level, START, pause_ns // 2)
    assert again.held_until_ns == level.held_until_ns
    assert budget.refused(level, START, -5).held_until_ns == level.held_until_ns


@pytest.mark.parametrize(("pause_ns", "held_ns"), [(0, 0), (-5, 0), (1, 1)])
def test_a_refusal_holds_the_budget_for_exactly_its_pause(pause_ns: int, held_ns: int) -> None:
    """None for none: what drops back in counts from the same instant on."""
    budget = TokenBucket("2", "1")
    level = budget.refused(BudgetLevel(Decimal(0), START), START, pause_ns)
    assert level == BudgetLevel(Decimal(2), START, START + held_ns)


def test_nothing_below_zero_is_spent() -> None:
    """A cost below zero would fill the budget."""
    with pytest.raises(ValueError, match="below zero"):
        TokenBucket(5, 1).spend(UNUSED, Decimal(-1), START)


def test_a_long_wait_is_told_for_several_requests_in_a_row() -> None:
    """More than the size stands for requests one after the other."""
    bucket = TokenBucket(5, 2)
    assert bucket.wait_ns(UNUSED, Decimal(9), START) == 2 * SECOND


def test_what_fits_waits_for_nothing_whatever_the_clock_says() -> None:
    """A time before that of the level adds no wait to a request that fits, up to the last of the room."""
    bucket = TokenBucket(5, 1)
    level = bucket.spend(UNUSED, Decimal(2), START)
    for now_ns in (START - 10 * SECOND, START):
        assert bucket.wait_ns(level, Decimal(1), now_ns) == 0
        assert bucket.wait_ns(level, Decimal(3), now_ns) == 0
    assert bucket.wait_ns(level, Decimal(4), START - 10 * SECOND) == 11 * SECOND


# -- data ----------------------------------------------------------------------------------------------------

AMEND = Price(1, by_age=((5_000, 3), (10_000, 2), (15_000, 1)))
CANCEL = Price(by_age=((5_000, 8), (10_000, 6), (15_000, 5), (45_000, 4), (90_000, 2), (300_000, 1)))
ENGINE = {RequestKind.SUBMIT: EACH, RequestKind.MODIFY: AMEND, RequestKind.CANCEL: CANCEL}


def limits_like_krakens(threshold: str = "60", decay: str = "1") -> RateLimits:
    """Return a counter for reads of the account, and one a pair for orders, as Kraken documents them."""
    reads = {RequestKind.FILLS: Price(2), RequestKind.OPEN_ORDERS: EACH}
    return RateLimits(
        (
            Limit("reads", DecayingCounter("15", "0.33"), reads),
            Limit("engine", DecayingCounter(threshold, decay), ENGINE, per_symbol=True),
        )
    )


def test_cancels_are_priced_by_age() -> None:
    """Kraken's example: add, amend after 7 s, cancel 36 s later, raises the counter by 8 in all."""
    model = limits_like_krakens()
    total = sum(
        cost
        for request, age_s in ((RequestKind.SUBMIT, 0), (RequestKind.MODIFY, 7), (RequestKind.CANCEL, 36))
        for _, cost in model.costs(request, "BTC/USDT", age_s * SECOND)
    )
    assert total == 8
    assert CANCEL.at_age(5 * SECOND) == 6
    assert CANCEL.at_age(300 * SECOND) == 0


def test_the_counter_falls_as_documented() -> None:
    """Kraken's example: 50 orders at once, ten seconds later the counter of Intermediate is 26.6."""
    model = limits_like_krakens("125", "2.34")
    ((name, cost),) = model.costs(RequestKind.SUBMIT, "BTC/USDT", 0)
    budget, level = model.budget(name), UNUSED
    for _ in range(50):
        level = budget.spend(level, cost, START)
    assert budget.used(level, START + 10 * SECOND) == Decimal("26.6")


def test_each_symbol_has_its_own_budget_where_the_venue_says_so() -> None:
    """Names tell them apart; what concerns the account has one name; what has no price is free."""
    model = limits_like_krakens()
    assert model.costs(RequestKind.SUBMIT, "ETH/USDT", 0) == [("engine ETH/USDT", Decimal(1))]
    assert model.costs(RequestKind.FILLS, "", 0) == [("reads", Decimal(2))]
    assert model.costs(RequestKind.BALANCES, "", 0) == []
    assert model.budget("engine ETH/USDT") is model.budget("engine BTC/USDT")
    with pytest.raises(KeyError):
        model.budget("other")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: TokenBucket(0, 1), NumberRefused),
        (lambda: TokenBucket("5", cast("Any", 0.5)), NumberRefused),
        (lambda: DecayingCounter(5, "-1"), NumberRefused),
        (lambda: Price("-1"), NumberRefused),
        (lambda: Price(by_age=((0, 1),)), ConfigurationRefused),
        (lambda: Price(by_age=((cast("Any", 1.5), 1),)), ConfigurationRefused),
        (lambda: Limit("a b", TokenBucket(1, 1), {}), TextRefused),
        (lambda: Limit("a", TokenBucket(7, 1), {RequestKind.CANCEL: CANCEL}), ConfigurationRefused),
        (lambda: RateLimits([Limit("a", TokenBucket(7, 1), {})] * 2), ConfigurationRefused),
    ],
)
def test_limits_that_cannot_work_are_refused(make: Callable[[], object], error: type[Exception]) -> None:
    """Zero, below zero, floats, ages that are none, names that collide, a price above the whole budget."""
    with pytest.raises(error):
        make()
