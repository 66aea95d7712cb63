"""What the queue for the rate limits tells of itself: how long was waited, and what happens next and when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import BudgetSpent, OrderPaced, QueryPaced
from fairlead.domain.requests import Lane, RequestKind
from fairlead.kernel.core.pace_queue import CODE_PACE_EXCEEDED, PaceClock, PaceQueue, Waiting
from tests.core.kernel.folding import Fold, order
from tests.core.reference.bookkeeping import HandClock

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


def wants(
    name: str, lane: Lane, since_ns: int, *budgets: str, kind: RequestKind = RequestKind.SUBMIT
) -> OrderPaced:
    """Return the record of a request of this lane that takes two of each of these budgets."""
    costs = tuple((budget, Decimal(2)) for budget in budgets)
    return OrderPaced(name, kind, lane, "BTC/USDT", costs, since_ns, 1)


def test_the_queue_holds_what_was_announced() -> None:
    """Each request with its lane, its costs and its times; one of a kind about an order at a time."""
    queue = PaceQueue()
    queue.order_paced(OrderPaced("x", RequestKind.CANCEL, Lane.PROTECTIVE, "BTC/USDT", COSTS, 100, 1, 900))
    queue.query_paced(QueryPaced(RequestKind.FILLS, 7, "ETH/USDT", COSTS, 200, 1))
    assert queue.waiting == {
        (RequestKind.CANCEL, "x"): Waiting(
            RequestKind.CANCEL, "x", "BTC/USDT", Lane.PROTECTIVE, COSTS, 100, until_ns=900, command_id=0
        ),
        (RequestKind.FILLS, "7"): Waiting(
            RequestKind.FILLS, "7", "ETH/USDT", Lane.QUERY, COSTS, 200, until_ns=0, command_id=7
        ),
    }
    assert queue.counts.waits == {RequestKind.CANCEL: 1, RequestKind.FILLS: 1}


def test_requests_go_by_lane_then_by_age() -> None:
    """Protective first, then entries, then questions, whatever budgets they want; overdue ones go first."""
    queue = PaceQueue()
    asks(queue, 1, since_ns=100)
    asks(queue, 2, since_ns=150)
    queue.order_paced(wants("entry", Lane.ENTRY, 120, "orders"))
    queue.order_paced(wants("later", Lane.ENTRY, 180, "others"))
    queue.order_paced(wants("cancel", Lane.PROTECTIVE, 190, "orders"))
    queue.order_paced(wants("second", Lane.ENTRY, 160, "orders"))

    def line(now_ns: int, *short: str) -> list[str]:
        queue.now_ns = now_ns
        return [each.subject for each in queue.in_order(500, short)]

    assert line(0) == ["cancel", "entry", "second", "later", "1", "2"]
    assert line(600) == ["1", "cancel", "entry", "second", "later", "2"]
    assert line(650) == ["1", "2", "cancel", "entry", "second", "later"]
    assert line(0, "orders") == ["later", "1", "2"]
    assert line(0, "others", "reads") == ["cancel", "entry", "second"]


def test_of_those_that_came_at_one_instant_the_first_goes_first() -> None:
    """Whichever budgets they want, and also when those before them have gone meanwhile."""
    queue = PaceQueue()
    queue.order_paced(wants("gone", Lane.ENTRY, 1, "orders"))
    queue.order_paced(wants("first", Lane.ENTRY, 5, "others"))
    queue.remove((RequestKind.SUBMIT, "gone"))
    queue.order_paced(wants("second", Lane.ENTRY, 5, "orders"))
    assert [each.subject for each in queue.in_order(500, ())] == ["first", "second"]


def test_what_stands_behind_a_budget_that_became_short_meanwhile_is_left_out() -> None:
    """Others go on; it costs the number of lines and not the length of the queue."""
    queue = PaceQueue()
    queue.order_paced(wants("first", Lane.ENTRY, 1, "orders"))
    queue.order_paced(wants("both", Lane.ENTRY, 2, "reads", "orders"))
    queue.order_paced(wants("second", Lane.ENTRY, 3, "orders"))
    queue.order_paced(wants("other", Lane.ENTRY, 4, "reads"))
    short: set[str] = set()
    gone = []
    for waiting in queue.in_order(500, short):
        gone.append(waiting.subject)
        short.add("orders")
    assert gone == ["first", "other"]


def test_what_left_the_queue_is_ahead_of_nobody() -> None:
    """Of each budget that it wanted, as much as it wanted; what stays is where it was."""
    queue = PaceQueue()
    for name, since_ns in (("a", 1), ("b", 2), ("c", 3)):
        queue.order_paced(wants(name, Lane.ENTRY, since_ns, "orders", "all"))
    waits(queue, "ends", since_ns=4, until_ns=300)
    waits(queue, "ends too", since_ns=4, until_ns=200)
    assert [queue.ahead_of(name, Lane.ENTRY, 500) for name in ("orders", "all")] == [8, 6]
    assert queue.ahead_of("orders", Lane.PROTECTIVE, 500) == 0
    removed = queue.remove((RequestKind.SUBMIT, "b"))
    assert removed is not None
    assert removed.subject == "b"
    assert queue.remove((RequestKind.SUBMIT, "b")) is None
    assert [queue.ahead_of(name, Lane.ENTRY, 500) for name in ("orders", "all")] == [6, 4]
    queue.remove((RequestKind.SUBMIT, "ends too"))
    assert [each.subject for each in queue.in_order(500, ())] == ["a", "c", "ends"]
    queue.now_ns = 300
    assert [each.subject for each in queue.at_their_end()] == ["ends"]


def test_overdue_questions_are_ahead_by_what_they_want_of_the_budget() -> None:
    """Those of every line, up to the first of each that is young; of another budget nothing."""
    queue = PaceQueue()
    for number, since_ns, budget in (
        (1, 100, "reads"),
        (2, 600, "reads"),
        (3, 50, "others"),
        (4, 80, "reads"),
    ):
        asks(queue, number, since_ns=since_ns, budget=budget)
    queue.now_ns = 600
    assert queue.ahead_of("reads", Lane.PROTECTIVE, 500) == 1
    assert queue.ahead_of("others", Lane.ENTRY, 500) == 1
    assert queue.ahead_of("reads", Lane.QUERY, 500) == 3


@pytest.mark.parametrize(
    ("state", "after", "left"),
    [
        (OrderState.APPROVED, OrderState.SUBMITTED, ["modify", "cancel", "look_up"]),
        (OrderState.APPROVED, OrderState.NOT_SENT, []),
        (OrderState.WORKING, OrderState.WORKING, ["submit", "modify", "cancel", "look_up"]),
        (OrderState.WORKING, OrderState.FILLED, ["submit"]),
    ],
)
def test_an_order_that_moves_needs_some_requests_no_more(
    state: OrderState, after: OrderState, left: list[str]
) -> None:
    """Sent, it is not sent again; over, it is not changed, canceled or looked up."""
    fold = Fold(order())
    moving = fold.state.orders["x"]
    queue = PaceQueue()
    for kind in (RequestKind.SUBMIT, RequestKind.MODIFY, RequestKind.CANCEL, RequestKind.LOOK_UP):
        queue.order_paced(wants("x", Lane.ENTRY, 1, "orders", kind=kind))
    queue.order_paced(wants("y", Lane.ENTRY, 1, "orders"))
    moving.state = state
    queue.order_moved(moving, after)
    assert [kind.value for kind, subject in queue.waiting if subject == "x"] == left
    assert (RequestKind.SUBMIT, "y") in queue.waiting


def test_after_a_recovery_waits_only_who_asked_in_this_process() -> None:
    """Orders are asked again from their rows; the counts and the time of the budgets go on."""
    before, after = PaceQueue(), PaceQueue()
    waits(before, "entry", since_ns=100)
    asks(before, 1, since_ns=100)
    asks(before, 2, since_ns=150)
    goes(before, "at once", at_ns=400)
    after.take_over(before)
    assert [subject for _, subject in after.waiting] == ["1", "2"]
    assert after.counts is before.counts
    assert after.now_ns == 400
    assert after.ahead_of("reads", Lane.QUERY, 5_000) == 2


def test_the_budgets_time_goes_on_over_a_restart_and_never_back() -> None:
    """By the wall time that passed since, by nothing when the wall clock was set back meanwhile."""
    clock = HandClock(1_000)
    times = PaceClock(clock)
    assert times.now_ns() == 1_000
    times.begin((5_000, 400))
    assert times.now_ns() == 5_600
    clock.now_ns = 1_250
    assert times.now_ns() == 5_850
    times.begin((7_000, 9_999))
    assert times.now_ns() == 7_000
    clock.now_ns = 1_251
    assert times.now_ns() == 7_001


def test_the_code_of_a_refusal_for_the_pace_is_a_kept_word() -> None:
    """Bots go by it, and it stands in journals; a new process has counted and queued nothing."""
    assert CODE_PACE_EXCEEDED == "PACE_EXCEEDED"
    queue = PaceQueue()
    assert (queue.now_ns, queue.waiting, queue.next_end_ns, queue.next_overdue_ns(1)) == (0, {}, None, None)
    assert (queue.counts.refusals, queue.counts.limited, queue.counts.longest_wait_ns) == (0, 0, 0)
    waiting = Waiting(RequestKind.CANCEL, "x", "BTC/USDT", Lane.ENTRY, COSTS, 0)
    assert (waiting.until_ns, waiting.command_id) == (0, 0)
