"""Budgets of a venue's rate limits: how much is used, and how it comes back with time.

A token bucket and a decaying counter are one law seen from its two ends: what is *used* comes back
at a constant rate, and a request fits as long as used and cost together stay within the size. So
one state serves both, and a budget may change its shape between two starts without becoming full.

Everything is exact: amounts are `Decimal`, times integer nanoseconds, and nothing is rounded but
a wait, which is rounded up.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.numbers import QUANTISING, ZERO, add, multiply, subtract
from fairlead.domain.values import Value

# fixed: the finest time there is, since times are whole nanoseconds
_NANO = Decimal("1E-9")


class BudgetLevel(Value):
    """How a budget stands, as plain numbers.

    *used* was taken at *at_ns*; nothing fits before *held_until_ns*, which is when the venue said to
    come back, 0 when it said nothing. Times are nanoseconds of one clock that never goes back.
    """

    used: Decimal
    at_ns: int
    held_until_ns: int = 0


UNUSED = BudgetLevel(ZERO, 0)
"""A budget of which nothing was ever taken."""


def used_at(level: BudgetLevel, per_second: Decimal, now_ns: int) -> Decimal:
    """Return what is still used; a time before the level's own gives nothing back."""
    if now_ns <= level.at_ns:
        return level.used
    back = multiply(per_second, multiply(Decimal(now_ns - level.at_ns), _NANO))
    return subtract(level.used, back) if back < level.used else ZERO


def available_at(level: BudgetLevel, size: Decimal, per_second: Decimal, now_ns: int) -> Decimal:
    """Return how much a request may cost now: never below zero, never above the size."""
    if now_ns < level.held_until_ns:
        return ZERO
    used = used_at(level, per_second, now_ns)
    return subtract(size, used) if used < size else ZERO


def after_spending(level: BudgetLevel, cost: Decimal, per_second: Decimal, now_ns: int) -> BudgetLevel:
    """Return the level after a request of this cost; whether it fits was asked before."""
    used = add(used_at(level, per_second, now_ns), cost)
    return BudgetLevel(used, max(level.at_ns, now_ns), level.held_until_ns)


def after_refusal(
    level: BudgetLevel, size: Decimal, per_second: Decimal, now_ns: int, pause_ns: int
) -> BudgetLevel:
    """Return the level after the venue refused for its rate limit: all is used, and held for the pause."""
    used = max(size, used_at(level, per_second, now_ns))
    held_until_ns = max(level.held_until_ns, now_ns + max(pause_ns, 0))
    return BudgetLevel(used, max(level.at_ns, now_ns), held_until_ns)


def wait_for_ns(level: BudgetLevel, amount: Decimal, size: Decimal, per_second: Decimal, now_ns: int) -> int:
    """Return how long until the amount has become available, 0 when it is.

    An amount above the size stands for several requests one after the other: so long until all of
    them can have been made.
    """
    held_ns = max(0, level.held_until_ns - now_ns)
    missing = subtract(add(used_at(level, per_second, now_ns), amount), size)
    if missing <= ZERO:
        return held_ns
    nanoseconds = QUANTISING.divide_int(missing, multiply(per_second, _NANO))
    if multiply(nanoseconds, multiply(per_second, _NANO)) < missing:
        nanoseconds = add(nanoseconds, Decimal(1))
    return max(held_ns, int(nanoseconds) + max(0, level.at_ns - now_ns))
