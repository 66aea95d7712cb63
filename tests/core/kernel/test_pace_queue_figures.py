"""What the queue for the rate limits tells of itself: how long was waited, and what happens next and when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.records import BudgetSpent, OrderPaced, QueryPaced
from fairlead.domain.requests import Lane, RequestKind
from fairlead.kernel.core.pace_queue import PaceQueue

COSTS = (("orders", Decimal(1)),)
LEVELS = (("orders", BudgetLevel(Decimal(0), 0)),)


def waits(queue: PaceQueue, name: str, *, since_ns: int, until_ns: int = 0) -> None:
    """Let an entry wait since this time, and no longer than until that one."""
    paced = OrderPaced(name, RequestKind.SUBMIT, Lane.ENTRY, "BTC/USDT", COSTS, since_ns, 1, until_ns)
    queue.order_paced(paced)


def asks(queue: PaceQueue, number: int, *, since_ns: int, budget: str = "reads") -> None:
    """Let a question wait since this time."""
    costs = ((budget, Decimal(1)),)
    queue.query_paced(QueryPaced(RequestKind.LOOK_UP, number, "BTC/USDT", costs, since_ns, 1))


def goes(queue: PaceQueue, name: str, *, at_ns: int) -> None:
    """Let a request go to the venue at this time."""
    queue.now_ns = at_ns
    queue.spent(BudgetSpent(RequestKind.SUBMIT, name, LEVELS))


def test_the_time_waited_is_from_coming_to_going() -> None:
    """An operator reads how long requests waited, together and at most; what never waited adds nothing."""
    queue = PaceQueue()
    waits(queue, "long", since_ns=100)
    waits(queue, "short", since_ns=150)
    goes(queue, "long", at_ns=400)
    assert (queue.counts.waited_ns, queue.counts.longest_wait_ns) == (300, 300)
    goes(queue, "short", at_ns=410)
    goes(queue, "at once", at_ns=900)
    assert (queue.counts.waited_ns, queue.counts.longest_wait_ns) == (560, 300)
    assert queue.counts.calls == {RequestKind.SUBMIT: 3}
    assert queue.counts.waits == {RequestKind.SUBMIT: 2}


def test_what_the_venue_refused_for_its_pace_still_waits() -> None:
    """It is counted as limited and not as a call, and keeps its place."""
    queue = PaceQueue()
    waits(queue, "one", since_ns=100)
    queue.spent(BudgetSpent(RequestKind.SUBMIT, "one", LEVELS, refused=True))
    assert (queue.counts.limited, queue.counts.calls, queue.counts.waited_ns) == (1, {}, 0)
    assert list(queue.waiting) == [(RequestKind.SUBMIT, "one")]


@pytest.mark.parametrize(("now_ns", "next_ns"), [(100, 600), (599, 600), (600, 700), (700, 800), (800, None)])
def test_the_next_question_to_step_up_is_the_first_that_has_not(now_ns: int, next_ns: int | None) -> None:
    """The kernel wakes for it then: one overdue already is passed by, and entries never step up."""
    queue = PaceQueue()
    waits(queue, "entry", since_ns=0)
    asks(queue, 1, since_ns=100)
    asks(queue, 2, since_ns=300)
    asks(queue, 3, since_ns=200, budget="others")
    queue.now_ns = now_ns
    assert queue.next_overdue_ns(500) == next_ns


@pytest.mark.parametrize(
    ("now_ns", "ended", "next_ns"),
    [(199, [], 200), (200, ["soon"], 300), (300, ["soon", "later"], None)],
)
def test_a_wait_ends_at_its_very_instant(now_ns: int, ended: list[str], next_ns: int | None) -> None:
    """A request that has waited as long as it may is told in the order of its end; without one it stays."""
    queue = PaceQueue()
    waits(queue, "later", since_ns=100, until_ns=300)
    waits(queue, "ever", since_ns=100)
    waits(queue, "soon", since_ns=150, until_ns=200)
    queue.now_ns = now_ns
    assert [each.subject for each in queue.at_their_end()] == ended
    assert queue.next_end_ns == next_ns


def test_what_stands_ahead_is_the_same_lane_those_above_and_overdue_questions() -> None:
    """An entry is told to wait for what goes before it, and a young question does not."""
    queue = PaceQueue()
    waits(queue, "entry", since_ns=0)
    asks(queue, 1, since_ns=100, budget="orders")
    asks(queue, 2, since_ns=200, budget="orders")
    for now_ns, ahead in ((599, 1), (600, 2), (700, 3)):
        queue.now_ns = now_ns
        assert queue.ahead_of("orders", Lane.ENTRY, 500) == ahead
    assert queue.ahead_of("orders", Lane.QUERY, 500) == 3
    queue.now_ns = 0
    assert queue.ahead_of("orders", Lane.PROTECTIVE, 500) == 0
    assert queue.ahead_of("no such budget", Lane.QUERY, 500) == 0
