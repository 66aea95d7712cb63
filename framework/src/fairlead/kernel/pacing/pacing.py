"""Pacing: what a request would take of the venue's budgets, and how long it would have to wait.

Pure arithmetic over the exchange client's model and the journaled levels; deciding is done in
`fairlead.kernel.decide.pacing`.
"""

from __future__ import annotations

from collections.abc import KeysView
from decimal import Decimal

import attrs

from fairlead.domain.budgets import UNUSED, BudgetLevel
from fairlead.domain.numbers import ZERO, add, multiply, subtract
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.pacing import Budget, PacingModel

Costs = tuple[tuple[str, Decimal], ...]


@attrs.define(slots=True)
class PaceStep:
    """What one step took of the budgets already, and which of them it found short."""

    levels: dict[str, BudgetLevel] = attrs.Factory(dict)
    short: dict[str, None] = attrs.Factory(dict)


@attrs.define(slots=True)
class Plan:
    """What a request costs; *wait_ns* 0 says that it fits, and *levels* how budgets stand then."""

    costs: Costs
    wait_ns: int
    levels: tuple[tuple[str, BudgetLevel], ...]


@attrs.frozen
class Pacing:
    """The model of the venue's limits, and the settings about them. Durations are nanoseconds."""

    model: PacingModel
    policy: PacingPolicy
    wait_max_ns: int
    query_wait_max_ns: int
    age_margin_ns: int
    reserve: Decimal

    @classmethod
    def of(cls, settings: KernelSettings, model: PacingModel | None) -> Pacing | None:
        """Return the pacing of a kernel, or nothing when its venue has no limits."""
        if model is None:
            return None
        return cls(
            model,
            settings.pacing_policy,
            settings.ns("pacing_wait_max"),
            settings.ns("pacing_query_wait_max"),
            settings.ns("pacing_age_margin"),
            settings.pacing_reserve,
        )

    def costs(self, request: RequestKind, symbol: str, age_ns: int) -> Costs:
        """Return what a request takes, free budgets left out; none can cost more than there is."""
        age_ns = max(0, age_ns - self.age_margin_ns)
        costs = self.model.costs(request, symbol, age_ns)
        return tuple((name, min(cost, self.model.budget(name).size)) for name, cost in costs if cost > ZERO)

    def plan(
        self, state: EngineState, step: PaceStep, costs: Costs, lane: Lane, *, queued: bool = False
    ) -> Plan:
        """Return whether the request fits now, and else how long it will wait.

        One that is not *queued* yet comes after those that wait already in its lane or a higher one.
        """
        now_ns = state.pace.now_ns
        wait_ns = 0
        levels = []
        for name, cost in costs:
            budget = self.model.budget(name)
            level = step.levels.get(name) or state.budgets.get(name, UNUSED)
            ahead = ZERO if queued else state.pace.ahead_of(name, lane, self.query_wait_max_ns)
            kept = ZERO if lane is Lane.PROTECTIVE else self._kept(budget, cost)
            wanted = add(cost, kept)
            if ahead or name in step.short or budget.available(level, now_ns) < wanted:
                wait_ns = max(wait_ns, budget.wait_ns(level, add(wanted, ahead), now_ns), 1)
            else:
                levels.append((name, budget.spend(level, cost, now_ns)))
        return Plan(costs, wait_ns, tuple(levels))

    def _kept(self, budget: Budget, cost: Decimal) -> Decimal:
        """Return what stays for the protective lane: the reserve, unless the request is larger."""
        return min(multiply(budget.size, self.reserve), subtract(budget.size, cost))

    def refused(
        self, state: EngineState, step: PaceStep, costs: Costs, pause_ns: int
    ) -> tuple[tuple[str, BudgetLevel], ...]:
        """Return how the budgets stand after the venue refused: empty, until its pause is over."""
        return tuple(
            (
                name,
                self.model.budget(name).refused(
                    step.levels.get(name) or state.budgets.get(name, UNUSED), state.pace.now_ns, pause_ns
                ),
            )
            for name, _ in costs
        )


def names_of(costs: Costs) -> KeysView[str]:
    """Return the budgets of which a request takes."""
    return dict(costs).keys()
