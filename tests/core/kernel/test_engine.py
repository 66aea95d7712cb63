"""The door by itself: what one step decides, applies and tells, with decisions that a test makes."""

from __future__ import annotations

import pytest

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.change_records import ChangeEnded, ChangeRequested
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.command_records import EpisodeAnnotated
from fairlead.domain.episodes import episode_view
from fairlead.domain.events import EpisodeRemarked, FillBooked, KernelChanged, OrderChanged
from fairlead.domain.ledger import PositionChange
from fairlead.domain.numbers import ONE
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.orders import view_of
from fairlead.domain.price_points import PricePoint
from fairlead.domain.reconciliation import Counts
from fairlead.domain.records import (
    AnomalyNoted,
    AttemptStarted,
    BudgetSpent,
    CheckValueChanged,
    CursorMoved,
    OrderEventNoted,
    PositionsSnapshotted,
    Reconciled,
    Record,
)
from fairlead.domain.requests import RequestKind
from fairlead.errors import JournalUnavailable
from fairlead.kernel.core.effects import (
    WakeAt,
)
from fairlead.kernel.core.holdings import Holdings
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.core.position_inputs import DayTurned
from fairlead.kernel.engine.position_events import position_changed
from fairlead.kernel.journal.outputs import StepOutput
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.engine_stage import NOW, Counting, Stage, Told, decide_as_told
from tests.core.kernel.folding import Fold, corrected, fill, order

CURSOR, OTHER = CursorMoved("fills", "7"), CursorMoved("ledger", "8")
ANOMALY = AnomalyNoted(AnomalyKind.LATE_FILL, Severity.NOTE, "x", "odd")
WAKE = WakeAt("x", 9)
CANCEL = OrderEventNoted("x", OrderEvent.CANCELED, "done")
SENT = AttemptStarted("x", 1, 5, 9)
REJECTED = OrderEventNoted("x", OrderEvent.REJECTED, "no")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Have the engine decide what a test says; return the inputs that it was asked about."""
    return decide_as_told(monkeypatch)


def test_a_step_journals_its_records_in_order_with_their_time() -> None:
    """And gives out its effects, and what notifiers are owed, at the sequence of its last record."""
    stage = Stage()
    output = stage.step(CURSOR, ANOMALY, OTHER, effects=(WAKE, WAKE))
    ((entries, outbox, _),) = stage.journal.added
    assert entries == [(1, NOW, CURSOR), (2, NOW, ANOMALY), (3, NOW, OTHER)]
    assert [(row.sequence, row.subject) for row in outbox] == [(2, "x")]
    assert output == StepOutput(3, [WAKE, WAKE], [], [])
    assert stage.state.cursors == {"fills": "7", "ledger": "8"}
    assert (stage.state.monotonic_ns, stage.engine.steps) == (NOW + 7, 1)


def test_a_step_of_nothing_gives_nothing_out() -> None:
    """It counts as a step; one with effects alone is given out, and waits for nothing new on disk."""
    stage = Stage()
    assert stage.step() is None
    assert stage.step(effects=(WAKE,)) == StepOutput(0, [WAKE], [], [])
    assert stage.engine.steps == 2
    assert stage.engine.rebuilds == 0


@pytest.mark.parametrize(("paced", "at_ns"), [(True, NOW + 7), (False, 0)])
def test_the_budgets_time_is_set_where_there_are_budgets(*, paced: bool, at_ns: int) -> None:
    """By the clock that nobody sets."""
    stage = Stage(paced=paced)
    stage.step()
    assert stage.state.pace.now_ns == at_ns


def test_nothing_is_taken_while_memory_is_not_to_be_trusted() -> None:
    """The input is refused as a whole, with what to do; afterwards it may come again."""
    stage = Stage()
    stage.engine.suspended = True
    with pytest.raises(JournalUnavailable) as caught:
        stage.step(CURSOR)
    assert (caught.value.not_done, caught.value.fix) == (
        "Nothing was recorded and nothing was sent.",
        "Try again later; cancels still go out.",
    )
    assert (stage.engine.steps, stage.state.sequence, stage.journal.added) == (0, 0, [])
    stage.engine.suspended = False
    assert stage.step(CURSOR)


@pytest.mark.parametrize(("ends_ns", "turns"), [(NOW + 1, False), (NOW, True), (NOW - 1, True)])
def test_a_trading_day_begins_with_the_first_step_at_its_instant(
    ends_ns: int, asked: list[object], *, turns: bool
) -> None:
    """Before what the step is about, and only where a check keeps a value."""
    stage = Stage(checks=(Counting(),))
    stage.state.trading_day = (0, ends_ns)
    stage.step(CURSOR)
    day = DayTurned(*stage.engine.rules.market.trading_day.of(NOW))
    assert asked == [*([day] if turns else []), Told((CURSOR,))]
    other = Stage()
    other.state.trading_day = (0, ends_ns)
    other.step(CURSOR)
    assert len(asked) == 2 + turns


def test_each_fact_is_told_to_checks_before_the_next_record() -> None:
    """Their new value is journaled behind it, and the facts that follow from it after itself."""
    check = Counting()
    stage = Stage(order(), SENT, checks=(check,))
    stage.state.trading_day = (0, 10**18)
    stage.step(CURSOR, fill(), OTHER)
    ((entries, _, output),) = stage.journal.added
    values_kept = [
        record.value if isinstance(record, CheckValueChanged) else record.KIND for *_, record in entries
    ]
    assert values_kept == ["cursor_moved", "1", "order_filled", "2", "3", "4", "cursor_moved", "5"]
    assert [sequence for sequence, *_ in entries] == [*range(3, 11)]
    assert {now_ns for _, now_ns, _ in entries} == {NOW}
    assert check.told == ["cursor_moved", "order_filled", "position_moved", "episode_began", "cursor_moved"]
    assert output.sequence == stage.state.sequence == 10


def test_a_check_that_broke_is_news_after_the_step() -> None:
    """As a step of its own; the step in which it broke is journaled whole."""
    stage = Stage(checks=(Counting(breaks_at="cursor_moved"),))
    stage.state.trading_day = (0, 10**18)
    stage.step(CURSOR)
    (first, _, _), (second, _, _) = stage.journal.added
    assert [record for *_, record in first] == [CURSOR]
    news = [record for *_, record in second if isinstance(record, AnomalyNoted)]
    assert [(each.anomaly, each.subject) for each in news] == [(AnomalyKind.COMPONENT_FAILED, "counting")]
    assert stage.engine.steps == 2


# -- what subscribers are told -----------------------------------------------------------------


def events_of(stage: Stage, *records: Record) -> list[object]:
    """Return the events of a step that these records make."""
    stage.engine.has_subscribers = True
    output = stage.step(*records)
    return [] if output is None else list(output.events)


def test_subscribers_are_told_of_every_record_but_the_frequent_ones() -> None:
    """Each at its own sequence; without subscribers nothing is made for them."""
    stage = Stage()
    spent = BudgetSpent(RequestKind.CANCEL, "x", ())
    assert events_of(stage, spent, CURSOR, PositionsSnapshotted(()), ANOMALY) == [
        KernelChanged(2, NOW, CURSOR),
        KernelChanged(4, NOW, ANOMALY),
    ]
    stage.engine.has_subscribers = False
    output = stage.step(CURSOR)
    assert output is not None
    assert output.events == []


def test_subscribers_are_told_of_an_order_as_it_stood_then() -> None:
    """Each record with the order as that left it, not as the step did."""
    stage = Stage(order())
    sent, done = events_of(stage, SENT, REJECTED)
    assert isinstance(sent, OrderChanged)
    assert isinstance(done, OrderChanged)
    assert (sent.sequence, sent.ts_ns, sent.record, sent.order.status) == (2, NOW, SENT, "SUBMITTED")
    assert done == OrderChanged(3, NOW, view_of(stage.state.orders["x"]), REJECTED)


def test_a_fill_is_told_as_a_trade_an_order_and_a_position() -> None:
    """All three with the same sequence, as they stand after it."""
    stage = Stage(order(), SENT)
    told = events_of(stage, fill())
    view = view_of(stage.state.orders["x"])
    position = stage.state.positions[BTC, "main", ""]
    assert told == [
        FillBooked(3, NOW, fill(), view),
        OrderChanged(3, NOW, view, fill()),
        position_changed(stage.state, position, PositionChange.OPENED, NOW),
    ]


def test_a_correction_and_a_remark_are_told_of_their_position() -> None:
    """A correction as a change of the position besides, a remark with who made it."""
    stage = Stage()
    told = events_of(stage, corrected())
    position = stage.state.positions[BTC, "main", ""]
    assert told == [
        KernelChanged(1, NOW, corrected()),
        position_changed(stage.state, position, PositionChange.OPENED, NOW),
    ]
    remark = EpisodeAnnotated(BTC, "main", "", 1, "bot", "word", (), ())
    view_after = events_of(stage, remark)
    assert view_after == [
        EpisodeRemarked(2, NOW, "bot", episode_view(stage.state.episodes[BTC, "main", "", 1]))
    ]


def test_a_kernel_begins_with_what_was_read_and_the_prices_that_came_already() -> None:
    """And with the budgets' time of the last one."""
    stage = Stage(paced=True)
    point = PricePoint(BTC)
    stage.state.prices[BTC] = point
    read = Fold(order()).state
    read.budget_clock = (9_000, NOW - 100)
    stage.engine.begin(read)
    assert stage.engine.state is read
    assert read.prices == {BTC: point}
    stage.engine.process(TroubleSeen("late_fill", "x", "odd"))
    assert read.pace.now_ns == 9_100


def test_a_rebuilt_state_goes_on_with_what_is_not_journaled() -> None:
    """Rules, prices, what the venue holds, who waits for a question: all as they are by now."""
    stage = Stage(paced=True)
    old = stage.state
    old.instruments[BTC], old.withdrawn["ETH/USDT"], old.prices[BTC] = instrument(), "gone", PricePoint(BTC)
    old.holdings = Holdings({}, {}, 5, {})
    old.pace.counts.refusals = 3
    old.pace.now_ns = 77
    stage.engine.doubtful.add("x")
    read = Fold(order()).state
    stage.engine.rebuild(read)
    assert stage.engine.state is read
    assert (read.instruments, read.withdrawn, read.prices) == (old.instruments, old.withdrawn, old.prices)
    assert read.holdings is old.holdings
    assert (read.pace.counts.refusals, read.pace.now_ns) == (3, 77)
    assert read.read_monotonic_ns == NOW + 7
    assert (stage.engine.rebuilds, stage.engine.doubtful) == (1, set())


def test_a_look_lets_go_of_what_memory_need_not_hold() -> None:
    """As a step does, though no step follows; what is not durable stays."""
    stage = Stage(order(), CANCEL)
    stage.engine.eviction.orders_max = 0
    stage.engine.let_go()
    assert list(stage.state.orders) == ["x"]
    stage.journal.durable_sequence = 2
    stage.engine.let_go()
    assert not stage.state.orders


def test_a_step_is_followed_up_until_nothing_more_comes_of_it() -> None:
    """A change whose order has ended ends in the same step, and a replacement's new order is seen to."""
    stage = Stage(
        order(),
        SENT,
        ChangeRequested("c", ChangeKind.MODIFY, "x", "bot", Terms(ONE), True, ()),
        order("y"),
        Reconciled("start", Counts(), 0),
    )
    stage.step(REJECTED)
    ((entries, _, _),) = stage.journal.added
    assert [type(record) for *_, record in entries] == [OrderEventNoted, ChangeEnded]
    stage.step(OrderEventNoted("y", OrderEvent.NOT_SENT, "no"))
    assert len(stage.journal.added[-1][0]) == 1
