"""What can be seen of pacing from outside: budgets, waits and counts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.domain.requests import Lane, RequestKind
from fairlead.kernel.core.pace_queue import PaceClock, PaceCounts
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.pacing.pacing import Pacing


@attrs.frozen
class BudgetReading:
    """How one budget of the venue stands now; *held_ns* is how long the venue said to wait still."""

    name: str
    size: Decimal
    used: Decimal
    available: Decimal
    held_ns: int


@attrs.frozen
class WaitingRequest:
    """A request that waits: for how long so far, and in which lane.

    *subject* is the client order id, or the number of a question.
    """

    request: RequestKind
    subject: str
    symbol: str
    lane: Lane
    waited_ns: int


class PacingView:
    """How the venue's rate limits stand at this moment. Counts begin with the process."""

    def __init__(self, state: EngineState, pacing: Pacing | None, clock: PaceClock) -> None:
        self._state = state
        self._pacing = pacing
        self._clock = clock

    @property
    def is_paced(self) -> bool:
        """Tell whether the venue has rate limits that the kernel knows of."""
        return self._pacing is not None

    @property
    def budgets(self) -> Mapping[str, BudgetReading]:
        """Return every budget that was ever used and that the present limits still have, by name."""
        if self._pacing is None:
            return {}
        now_ns = self._clock.now_ns()
        readings = {}
        for name, level in sorted(self._state.budgets.items()):
            try:
                budget = self._pacing.model.budget(name)
            except KeyError:  # the limits were others at an earlier start
                continue
            held_ns = max(0, level.held_until_ns - now_ns)
            available = budget.available(level, now_ns)
            readings[name] = BudgetReading(name, budget.size, budget.used(level, now_ns), available, held_ns)
        return readings

    @property
    def waiting(self) -> tuple[WaitingRequest, ...]:
        """Return what waits, in the order of its coming."""
        now_ns = self._clock.now_ns()
        return tuple(
            WaitingRequest(each.request, each.subject, each.symbol, each.lane, now_ns - each.since_ns)
            for each in self._state.pace.waiting.values()
        )

    @property
    def calls(self) -> Mapping[RequestKind, int]:
        """Return how many paced requests went out, by kind; free ones are not counted."""
        return dict(self._counts.calls)

    @property
    def waits(self) -> Mapping[RequestKind, int]:
        """Return how many requests had to wait, by kind."""
        return dict(self._counts.waits)

    @property
    def waited_ns(self) -> int:
        """Return how long all requests together waited that went out."""
        return self._counts.waited_ns

    @property
    def longest_wait_ns(self) -> int:
        """Return the longest wait of a request that went out."""
        return self._counts.longest_wait_ns

    @property
    def refusals(self) -> int:
        """Return how many orders were denied because they would have waited too long."""
        return self._counts.refusals

    @property
    def limited(self) -> int:
        """Return how often the venue itself refused for its rate limit."""
        return self._counts.limited

    @property
    def _counts(self) -> PaceCounts:
        return self._state.pace.counts
