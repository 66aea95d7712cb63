"""The pacing port: a venue's rate limits as a pure model.

An exchange client declares one in its capabilities (`ExchangeCapabilities.pacing`); a kernel may be
given another in its place (``Kernel(pacing=...)``); without any nothing is paced. The model says what
a request costs and how budgets refill. It keeps nothing: how the budgets stand is the kernel's, in
its journal, and is there again after a restart.

`RateLimits` describes most venues as data::

    RateLimits(
        (
            Limit("reads", DecayingCounter("15", "0.33"), {RequestKind.FILLS: Price("2")}),
            Limit(
                "engine",
                DecayingCounter("60", "1"),
                {
                    RequestKind.SUBMIT: Price("1"),
                    RequestKind.CANCEL: Price(by_age=((5_000, "8"), (10_000, "6"), (300_000, "1"))),
                },
                per_symbol=True,
            ),
        )
    )

A request is counted here when it leaves and at the venue when it arrives. Where the way takes now
longer, now shorter, the venue sees requests closer together than they left: declare a little less
than the venue allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import attrs

from fairlead.domain.budgets import (
    BudgetLevel,
    after_refusal,
    after_spending,
    available_at,
    used_at,
    wait_for_ns,
)
from fairlead.domain.identifiers import to_name
from fairlead.domain.numbers import ONE, ZERO, Number, add, to_decimal, to_positive
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.errors import ConfigurationRefused
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND

__all__ = [
    "Budget",
    "BudgetLevel",
    "DecayingCounter",
    "Lane",
    "Limit",
    "PacingModel",
    "PacingPolicy",
    "Price",
    "RateLimits",
    "RequestKind",
    "TokenBucket",
]

Costs = Sequence[tuple[str, Decimal]]
"""What a request takes, by name of the budget."""


class Budget(Protocol):
    """One budget of a venue. Pure: every method answers from its arguments alone.

    *now_ns* is nanoseconds of a clock that never goes back; a time before the level's own gives
    nothing back. *level* is what an earlier call returned.
    """

    size: Decimal

    def used(self, level: BudgetLevel, now_ns: int) -> Decimal:
        """Return how much is still used."""

    def available(self, level: BudgetLevel, now_ns: int) -> Decimal:
        """Return how much a request may cost now: 0 to *size*."""

    def spend(self, level: BudgetLevel, cost: Decimal, now_ns: int) -> BudgetLevel:
        """Return the level after a request of this cost; raises `ValueError` when it does not fit."""

    def refused(self, level: BudgetLevel, now_ns: int, pause_ns: int) -> BudgetLevel:
        """Return the level after the venue refused for its rate limit: empty, and held for the pause."""

    def wait_ns(self, level: BudgetLevel, amount: Decimal, now_ns: int) -> int:
        """Return how long until the amount is available, 0 when it is.

        An amount above the size stands for several requests in a row.
        """


class PacingModel(Protocol):
    """The rate limits of a venue."""

    def costs(self, request: RequestKind, symbol: str, order_age_ns: int) -> Costs:
        """Return what a request takes of which budgets; nothing when it is free.

        *symbol* is empty for what concerns the whole account; *order_age_ns* is the age of the order
        that is canceled or modified, 0 for other requests.
        """

    def budget(self, name: str) -> Budget:
        """Return the budget of a name that `costs` gave out, the same one every time.

        Raises `KeyError` for a name that this model does not give out.
        """


class _SteadyBudget:
    """What both shapes have in common: what is used comes back at a constant rate."""

    __slots__ = ("per_second", "size")

    def __init__(self, size: Number, per_second: Number, size_name: str, rate_name: str) -> None:
        self.size = to_positive(size, size_name)
        self.per_second = to_positive(per_second, rate_name)

    def used(self, level: BudgetLevel, now_ns: int) -> Decimal:
        """See `Budget.used`."""
        return used_at(level, self.per_second, now_ns)

    def available(self, level: BudgetLevel, now_ns: int) -> Decimal:
        """See `Budget.available`."""
        return available_at(level, self.size, self.per_second, now_ns)

    def spend(self, level: BudgetLevel, cost: Decimal, now_ns: int) -> BudgetLevel:
        """See `Budget.spend`."""
        if not ZERO <= cost <= self.available(level, now_ns):
            raise ValueError("the cost is below zero, or above what is available")
        return after_spending(level, cost, self.per_second, now_ns)

    def refused(self, level: BudgetLevel, now_ns: int, pause_ns: int) -> BudgetLevel:
        """See `Budget.refused`."""
        return after_refusal(level, self.size, self.per_second, now_ns, pause_ns)

    def wait_ns(self, level: BudgetLevel, amount: Decimal, now_ns: int) -> int:
        """See `Budget.wait_ns`."""
        return wait_for_ns(level, amount, self.size, self.per_second, now_ns)


class TokenBucket(_SteadyBudget):
    """A bucket of *capacity* tokens, full at first, into which *refill_per_second* tokens drop."""

    __slots__ = ()

    def __init__(self, capacity: Number, refill_per_second: Number) -> None:
        """Check both; raise `NumberRefused` for floats and what is not above zero."""
        super().__init__(capacity, refill_per_second, "capacity", "refill_per_second")


class DecayingCounter(_SteadyBudget):
    """A counter, 0 at first, that requests raise up to *threshold* and that falls by *decay_per_second*."""

    __slots__ = ()

    def __init__(self, threshold: Number, decay_per_second: Number) -> None:
        """Check both; raise `NumberRefused` for floats and what is not above zero."""
        super().__init__(threshold, decay_per_second, "threshold", "decay_per_second")


@attrs.frozen(init=False)
class Price:
    """What one kind of request costs: *fixed*, and more for an order that is younger than so many ms.

    ``Price("1", by_age=((5_000, "3"), (10_000, "2")))`` costs 4 for an order younger than 5 s, 3 for
    one younger than 10 s, and 1 from then on. Of several ages the lowest that is not reached counts.
    """

    fixed: Decimal
    by_age: tuple[tuple[int, Decimal], ...]

    def __init__(self, fixed: Number = ZERO, *, by_age: Sequence[tuple[int, Number]] = ()) -> None:
        """Check and sort; raise `NumberRefused` and `ConfigurationRefused`."""
        if any(type(age_ms) is not int or age_ms <= 0 for age_ms, _ in by_age):
            raise ConfigurationRefused(
                "by_age: an age is not a whole number of milliseconds above zero.",
                not_done="The price was not made.",
                fix='Write (5_000, "8") for an order younger than five seconds.',
            )
        steps = tuple(sorted((age_ms, _cost(extra, "by_age")) for age_ms, extra in by_age))
        self.__attrs_init__(_cost(fixed, "fixed"), steps)

    def at_age(self, age_ns: int) -> Decimal:
        """Return the cost for an order of this age."""
        for age_ms, extra in self.by_age:
            if age_ns < age_ms * NANOSECONDS_PER_MILLISECOND:
                return add(self.fixed, extra)
        return self.fixed

    @property
    def highest(self) -> Decimal:
        """Return what it costs at worst."""
        return add(self.fixed, max((extra for _, extra in self.by_age), default=ZERO))


@attrs.frozen(init=False)
class Limit:
    """One limit of a venue: a budget, what takes of it, and whether each symbol has its own."""

    name: str
    budget: Budget
    prices: Mapping[RequestKind, Price]
    per_symbol: bool

    def __init__(
        self, name: str, budget: Budget, prices: Mapping[RequestKind, Price], *, per_symbol: bool = False
    ) -> None:
        """Check; raise `ConfigurationRefused` for a price that the whole budget could not pay."""
        for kind, price in prices.items():
            if price.highest > budget.size:
                raise ConfigurationRefused(
                    f"Limit {name!r}: a {RequestKind(kind).value} can cost {price.highest}, "
                    f"and the whole budget is {budget.size}.",
                    not_done="The limit was not made.",
                    fix="Make the budget larger or the price lower: such a request could never be sent.",
                )
        self.__attrs_init__(to_name(name, "limit.name"), budget, dict(prices), per_symbol)


@attrs.frozen(init=False)
class RateLimits:
    """A `PacingModel` made of data; a budget is called like its limit, with its symbol when it has one."""

    limits: tuple[Limit, ...]
    _budgets: Mapping[str, Budget] = attrs.field(repr=False)

    def __init__(self, limits: Sequence[Limit]) -> None:
        """Check; raise `ConfigurationRefused` when two limits have one name."""
        budgets = {limit.name: limit.budget for limit in limits}
        if len(budgets) < len(limits):
            raise ConfigurationRefused(
                "Two rate limits have the same name.", not_done="Nothing was made.", fix="Rename one."
            )
        self.__attrs_init__(tuple(limits), budgets)

    def costs(self, request: RequestKind, symbol: str, order_age_ns: int) -> Costs:
        """See `PacingModel.costs`."""
        found: list[tuple[str, Decimal]] = []
        for limit in self.limits:
            price = limit.prices.get(request)
            if price is not None:
                name = f"{limit.name} {symbol}" if limit.per_symbol else limit.name
                found.append((name, price.at_age(order_age_ns)))
        return found

    def budget(self, name: str) -> Budget:
        """See `PacingModel.budget`."""
        return self._budgets[name.partition(" ")[0]]


def _cost(value: Number, field: str) -> Decimal:
    number = to_decimal(value, field)
    return to_positive(number, field) if number < ZERO else number


EACH = Price(ONE)
"""One unit a request."""
