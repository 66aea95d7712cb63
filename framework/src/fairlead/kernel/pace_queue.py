"""The queue for the venue's rate limits: what waits for its pace, and how the budgets were used.

The queue is a fold of the journal's records, like everything `decide` looks at. It is not read back at a
start: orders that waited are closed then, cancels and look-ups are asked again from the orders' rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.domain.records import BudgetSpent, OrderPaced, QueryPaced
from fairlead.domain.requests import Lane, RequestKind
from fairlead.ports.clock import Clock

CODE_PACE_EXCEEDED = "PACE_EXCEEDED"
"""The denial code of an order that would wait longer for the rate limit than it may."""

Key = tuple[RequestKind, str]


@attrs.define(slots=True)
class Waiting:
    """A request that waits; times are those of the budgets, *until_ns* is 0 when it waits for ever."""

    request: RequestKind
    subject: str
    symbol: str
    lane: Lane
    costs: tuple[tuple[str, Decimal], ...]
    since_ns: int
    until_ns: int = 0
    command_id: int = 0

    @property
    def key(self) -> Key:
        """Return what the request is about: there is one of a kind about an order at a time."""
        return self.request, self.subject


@attrs.define(slots=True)
class PaceCounts:
    """What happened since the process started."""

    calls: dict[RequestKind, int] = attrs.Factory(dict)
    waits: dict[RequestKind, int] = attrs.Factory(dict)
    waited_ns: int = 0
    longest_wait_ns: int = 0
    refusals: int = 0
    limited: int = 0


@attrs.define(slots=True, eq=False)
class PaceQueue:
    """What waits, in the order of its coming; *now_ns* is the time of the step as the budgets count it."""

    now_ns: int = 0
    waiting: dict[Key, Waiting] = attrs.Factory(dict)
    counts: PaceCounts = attrs.Factory(PaceCounts)
    _load: dict[str, list[Decimal]] = attrs.Factory(dict)

    def order_paced(self, record: OrderPaced) -> None:
        """Queue a request about an order."""
        self._add(
            Waiting(
                record.request,
                record.client_order_id,
                record.symbol,
                record.lane,
                record.costs,
                record.since_ns,
                record.until_ns,
            )
        )

    def query_paced(self, record: QueryPaced) -> None:
        """Queue a question."""
        subject = str(record.number)
        self._add(
            Waiting(
                record.request,
                subject,
                record.symbol,
                Lane.QUERY,
                record.costs,
                record.since_ns,
                command_id=record.number,
            )
        )

    def spent(self, record: BudgetSpent) -> None:
        """Take a request out that goes to the venue now, and count it."""
        counts = self.counts
        if record.refused:
            counts.limited += 1
            return
        waited = self.remove((record.request, record.subject))
        if record.levels:
            counts.calls[record.request] = counts.calls.get(record.request, 0) + 1
        if waited is not None:
            waited_ns = self.now_ns - waited.since_ns
            counts.waited_ns += waited_ns
            counts.longest_wait_ns = max(counts.longest_wait_ns, waited_ns)

    def order_moved(self, order: Order, after: OrderState) -> None:
        """Take out what an order that moves on needs no more."""
        if order.state is OrderState.APPROVED:
            self.remove((RequestKind.SUBMIT, order.client_order_id))
        if after.is_final:
            self.remove((RequestKind.CANCEL, order.client_order_id))
            self.remove((RequestKind.LOOK_UP, order.client_order_id))

    def _add(self, waiting: Waiting) -> None:
        self.waiting[waiting.key] = waiting
        self.counts.waits[waiting.request] = self.counts.waits.get(waiting.request, 0) + 1
        for name, cost in waiting.costs:
            load = self._load.setdefault(name, [ZERO] * len(Lane))
            load[waiting.lane.rank] = add(load[waiting.lane.rank], cost)

    def remove(self, key: Key) -> Waiting | None:
        """Take a request out; return it, or nothing when it did not wait."""
        waiting = self.waiting.pop(key, None)
        if waiting is not None:
            for name, cost in waiting.costs:
                load = self._load[name]
                load[waiting.lane.rank] = subtract(load[waiting.lane.rank], cost)
        return waiting

    def ahead_of(self, name: str, lane: Lane, overdue_ns: int) -> Decimal:
        """Return what requests of this lane and higher ones, and overdue queries, want of the budget."""
        load = self._load.get(name)
        if load is None:
            return ZERO
        ahead = ZERO
        for waiting in load[: lane.rank + 1]:
            ahead = add(ahead, waiting)
        if lane is not Lane.QUERY and load[Lane.QUERY.rank]:
            ahead = add(ahead, self._overdue(name, overdue_ns))
        return ahead

    def _overdue(self, name: str, overdue_ns: int) -> Decimal:
        total = ZERO
        for waiting in self.waiting.values():
            if waiting.lane is Lane.QUERY and self.is_overdue(waiting, overdue_ns):
                total = add(total, dict(waiting.costs).get(name, ZERO))
        return total

    def is_overdue(self, waiting: Waiting, overdue_ns: int) -> bool:
        """Tell whether a query has waited so long that it goes with the protective lane."""
        return waiting.lane is Lane.QUERY and self.now_ns - waiting.since_ns >= overdue_ns

    def in_order(self, overdue_ns: int) -> list[Waiting]:
        """Return what waits, in the order in which it may go."""

        def place(waiting: Waiting) -> tuple[int, int]:
            overdue = self.is_overdue(waiting, overdue_ns)
            return Lane.PROTECTIVE.rank if overdue else waiting.lane.rank, waiting.since_ns

        return sorted(self.waiting.values(), key=place)

    def take_over(self, other: PaceQueue) -> None:
        """After a rebuild from the store: keep what somebody in this process waits for, and the counts."""
        self.now_ns = other.now_ns
        for waiting in other.waiting.values():
            if waiting.command_id:
                self._add(waiting)
        self.counts = other.counts


class PaceClock:
    """The time of the budgets: wall time when the kernel started, and from then on monotonic.

    A jump of the wall clock neither refills a budget nor stops it. After a restart it goes on where the
    journal's budgets stand, should the wall clock have been set back meanwhile.
    """

    __slots__ = ("_ahead_ns", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ns = 0

    def begin(self, budgets: Mapping[str, BudgetLevel]) -> None:
        """Start from the wall time, or from the latest time in the budgets if that is later."""
        latest_ns = max((level.at_ns for level in budgets.values()), default=0)
        self._ahead_ns = max(self._clock.wall_ns(), latest_ns) - self._clock.monotonic_ns()

    def now_ns(self) -> int:
        """Return the time; it never goes back."""
        return self._clock.monotonic_ns() + self._ahead_ns
