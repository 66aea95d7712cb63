"""The queue for the venue's rate limits: what waits for its pace, and how the budgets were used.

The queue is a fold of the journal's records, like everything `decide` looks at. It is not read back at a
start: orders that waited are closed then, cancels and look-ups are asked again from the orders' rows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Iterator
from decimal import Decimal
from heapq import heappop, heappush

import attrs

from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.domain.records import BudgetSpent, OrderPaced, QueryPaced
from fairlead.domain.requests import Lane, RequestKind
from fairlead.ports.clock import Clock

CODE_PACE_EXCEEDED = "PACE_EXCEEDED"
"""The denial code of an order that would wait longer for the rate limit than it may."""

Key = tuple[RequestKind, str]
Line = tuple[Lane, tuple[str, ...]]


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

    @property
    def line(self) -> Line:
        """Return the line in which it stands: its lane, and the budgets it wants."""
        return self.lane, tuple(name for name, _ in self.costs)


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
    _lines: dict[Line, dict[Key, Waiting]] = attrs.Factory(dict)
    _ends: list[tuple[int, Key]] = attrs.Factory(list)

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
        self._lines.setdefault(waiting.line, {})[waiting.key] = waiting
        if waiting.until_ns:
            insort(self._ends, (waiting.until_ns, waiting.key))
        self.counts.waits[waiting.request] = self.counts.waits.get(waiting.request, 0) + 1
        for name, cost in waiting.costs:
            load = self._load.setdefault(name, [ZERO] * len(Lane))
            load[waiting.lane.rank] = add(load[waiting.lane.rank], cost)

    def remove(self, key: Key) -> Waiting | None:
        """Take a request out; return it, or nothing when it did not wait."""
        waiting = self.waiting.pop(key, None)
        if waiting is None:
            return None
        line = self._lines[waiting.line]
        del line[key]
        if not line:
            del self._lines[waiting.line]
        if waiting.until_ns:
            del self._ends[bisect_left(self._ends, (waiting.until_ns, key))]
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
        for wanted in load[: lane.rank + 1]:
            ahead = add(ahead, wanted)
        if lane is not Lane.QUERY and load[Lane.QUERY.rank]:
            ahead = add(ahead, self._overdue(name, overdue_ns))
        return ahead

    def _overdue(self, name: str, overdue_ns: int) -> Decimal:
        total = ZERO
        for (lane, _), line in self._lines.items():
            if lane is Lane.QUERY:
                for waiting in line.values():
                    if not self.is_overdue(waiting, overdue_ns):
                        break
                    total = add(total, dict(waiting.costs).get(name, ZERO))
        return total

    def is_overdue(self, waiting: Waiting, overdue_ns: int) -> bool:
        """Tell whether a query has waited so long that it goes with the protective lane."""
        return waiting.lane is Lane.QUERY and self.now_ns - waiting.since_ns >= overdue_ns

    def at_their_end(self) -> list[Waiting]:
        """Return the requests that have waited as long as they may."""
        ended = []
        for until_ns, key in self._ends:
            if until_ns > self.now_ns:
                break
            ended.append(self.waiting[key])
        return ended

    @property
    def next_end_ns(self) -> int | None:
        """Return when the next request will have waited as long as it may."""
        return next((until_ns for until_ns, _ in self._ends if until_ns > self.now_ns), None)

    def in_order(self, overdue_ns: int, short: Container[str]) -> Iterator[Waiting]:
        """Yield what may go, in order; what stands behind a budget that became *short* is left out.

        Requests that want the same budgets in the same lane stand in one line: when its first cannot go, none
        of it can. So this costs what goes out and the number of lines, not the length of the queue.
        """
        places: list[tuple[int, int, int, Iterator[Waiting], Waiting]] = []
        for number, line in enumerate(self._lines.values()):
            self._step_up(places, number, iter(line.values()), overdue_ns)
        while places:
            _, _, number, others, waiting = heappop(places)
            if any(name in short for name, _ in waiting.costs):
                continue
            yield waiting
            self._step_up(places, number, others, overdue_ns)

    def _step_up(
        self,
        places: list[tuple[int, int, int, Iterator[Waiting], Waiting]],
        number: int,
        line: Iterator[Waiting],
        overdue_ns: int,
    ) -> None:
        waiting = next(line, None)
        if waiting is not None:
            overdue = self.is_overdue(waiting, overdue_ns)
            rank = Lane.PROTECTIVE.rank if overdue else waiting.lane.rank
            heappush(places, (rank, waiting.since_ns, number, line, waiting))

    def next_overdue_ns(self, overdue_ns: int) -> int | None:
        """Return when the next query goes to a higher lane: the first of its line that has not yet."""
        firsts = (
            next((each for each in line.values() if not self.is_overdue(each, overdue_ns)), None)
            for (lane, _), line in self._lines.items()
            if lane is Lane.QUERY
        )
        return min((first.since_ns + overdue_ns for first in firsts if first is not None), default=None)

    def take_over(self, other: PaceQueue) -> None:
        """After a rebuild from the store: keep what somebody in this process waits for, and the counts."""
        self.now_ns = other.now_ns
        for waiting in other.waiting.values():
            if waiting.command_id:
                self._add(waiting)
        self.counts = other.counts


class PaceClock:
    """The time of the budgets: monotonic while a kernel runs, so no jump of the wall clock moves it.

    A restart adds the wall time that passed since a budget was last spent, and nothing when the wall clock
    was set back meanwhile: so it never goes back, and a budget neither fills for nothing nor stops.
    """

    __slots__ = ("_ahead_ns", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ns = 0

    def begin(self, last: tuple[int, int]) -> None:
        """Go on from this time at that wall time, (0, 0) for the first start of all."""
        then_ns, wall_then_ns = last
        passed_ns = max(0, self._clock.wall_ns() - wall_then_ns)
        self._ahead_ns = then_ns + passed_ns - self._clock.monotonic_ns()

    def now_ns(self) -> int:
        """Return the time; it never goes back."""
        return self._clock.monotonic_ns() + self._ahead_ns
