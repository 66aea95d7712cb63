"""What commands and fills mean for many orders at once: which of them, in which order, and which not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.change_records import ChangeRequested
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.command_records import ClosingRequested, CommandTaken
from fairlead.domain.order_kinds import Liquidity, OrderSide, TimeInForce
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.reconciliation import Counts
from fairlead.domain.records import CommandRefused, OrderEventNoted, Reconciled, TradingStateChanged
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.change_inputs import AdvanceChange
from fairlead.kernel.core.effects import AnswerCommand, SendCancel, WakeAt
from fairlead.kernel.core.inputs import AdvanceClosing, CancelAll, Flatten, ReconciliationEnded, TimerDue
from fairlead.kernel.core.state import UNHEARD, CommandEntry
from fairlead.kernel.core.venue_inputs import FillReported, SubmitAnswered
from fairlead.kernel.decide.control import RECOVERED
from fairlead.kernel.decide.decide import follow_ups
from fairlead.ports.exchange import Answer, ExchangeCapabilities, Fence, FillReport, Outcome
from tests.core.kernel.bench import BTC, ETH
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, reduced, rules_of

D = Decimal
WORKING = OrderState.WORKING
LATER_NS = NOW_NS + SECOND_NS
LONG_NS = 8 * SECOND_NS
SELLS: dict[str, object] = {"side": OrderSide.SELL, "reduces": True, "quantity": D(1)}


def canceled(name: str, cause: str, by: str = "bot") -> OrderEventNoted:
    """Return the record of a cancel of a working order."""
    return OrderEventNoted(name, OrderEvent.CANCEL_REQUESTED, cause, by, LATER_NS)


# -- cancel all ----------------------------------------------------------------------------------------


def with_orders() -> Deciding:
    """Return orders of two owners, books and symbols, an exit, one asked already, one over."""
    deciding = Deciding()
    deciding.order("entry", state=WORKING)
    deciding.order("exit", terms=SELLS, state=WORKING)
    deciding.order("eve's", terms={"owner": "eve"}, state=WORKING)
    deciding.order("asked", state=WORKING, pending=PendingRequest.CANCEL)
    deciding.order("other book", terms={"book": "other"}, state=WORKING)
    deciding.order("other symbol", terms={"symbol": ETH}, state=WORKING)
    deciding.order("over", state=OrderState.FILLED)
    return deciding


@pytest.mark.parametrize(
    ("wish", "subject", "names"),
    [
        ({}, "everything", ["entry", "exit", "asked", "other book", "other symbol"]),
        ({"symbol": BTC}, BTC, ["entry", "exit", "asked", "other book"]),
        ({"book": "main"}, "main", ["entry", "exit", "asked", "other symbol"]),
        ({"symbol": ETH, "book": "main"}, f"{ETH} main", ["other symbol"]),
        ({"entries_only": True, "symbol": BTC}, BTC, ["entry", "asked", "other book"]),
        ({"by": "eve"}, "everything", ["eve's"]),
        (
            {"by": "ann", "operator": True, "symbol": BTC},
            BTC,
            ["entry", "exit", "eve's", "asked", "other book"],
        ),
        ({"by": "ann"}, "everything", []),
    ],
)
def test_all_that_the_command_is_about_is_named_and_canceled_once(
    wish: dict[str, Any], subject: str, names: list[str]
) -> None:
    """Its owner's alone, an operator everybody's; what was asked before is named and not asked again."""
    told = {"by": "bot", "symbol": "", "book": "", "command_id": 7, **wish}
    records, effects = with_orders().on(CancelAll(**told))
    asked = [name for name in names if name != "asked"]
    assert records == [
        CommandTaken("cancel_all", told["by"], subject, tuple(names)),
        *(canceled(name, "all were to be canceled", told["by"]) for name in asked),
    ]
    symbols = {"other symbol": ETH}
    assert effects == [
        AnswerCommand(7, True, "", "", tuple(names)),
        *(SendCancel(name, "", symbols.get(name, BTC)) for name in asked),
    ]


@pytest.mark.parametrize("name", ["cancel_all", "flatten"])
def test_a_book_of_another_owner_and_a_repeated_command_do_nothing_again(name: str) -> None:
    """Refused and recorded; answered with the names of the first time."""
    deciding = with_orders()
    deciding.state.owners["main"] = None

    def wish(by: str = "bot", key: str = "", digest: str = "") -> CancelAll | Flatten:
        if name == "flatten":
            return Flatten("close-1", by, "", "main", 7, idempotency_key=key, command_digest=digest)
        return CancelAll(by, "", "main", 7, idempotency_key=key, command_digest=digest)

    reason = "The book belongs to main."
    refused = CommandRefused(name, "bot", "main", "FOREIGN_OWNER", reason, "", "")
    assert deciding.on(wish()) == ([refused], [AnswerCommand(7, False, "FOREIGN_OWNER", reason)])
    deciding.state.commands["main", "k"] = CommandEntry("main", "k", "d", "", 0, '[true,"","",["a","b"]]')
    records, [again] = deciding.on(wish("main", "k", "d"))
    assert records == []
    assert isinstance(again, AnswerCommand)
    assert (again.command_id, again.accepted, again.names) == (7, True, ("a", "b"))


# -- flatten -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "keys"),
    [
        ({}, [(BTC, "main"), (ETH, "main"), (BTC, "other")]),
        ({"symbol": BTC}, [(BTC, "main"), (BTC, "other")]),
        ({"book": "main"}, [(BTC, "main"), (ETH, "main")]),
    ],
)
def test_flatten_closes_each_key_with_a_position_or_a_live_order(
    wish: dict[str, Any], keys: list[tuple[str, str]]
) -> None:
    """Each under a name of its own, entries and exits canceled; what is under way is joined."""
    deciding = Deciding()
    deciding.hold("2")
    for key in ((ETH, "main", ""), (ETH, "empty", "")):
        deciding.state.position_of(key, "USDT")
    deciding.order("on eth", terms={"symbol": ETH}, state=WORKING)
    deciding.order("other book", terms={"book": "other"}, state=WORKING)
    first = ClosingRequested("close-0", "bot", BTC, "main", False, False, False, None, D(2))
    deciding.fold.changes(first)
    records, effects = deciding.on(
        Flatten("close-1", "ann", **{"symbol": "", "book": "", **wish}, command_id=7, operator=True)
    )
    names = ["close-0", *(f"close-1-{number}" for number in range(1, len(keys)))]
    asked = [
        ClosingRequested(
            f"close-1-{number}",
            "ann",
            symbol,
            book,
            True,
            True,
            True,
            None,
            D(2) if (symbol, book) == (BTC, "main") else D(0),
            "close-0" if number == 0 else "",
        )
        for number, (symbol, book) in enumerate(keys)
    ]
    subject = " ".join(wish.values()) or "everything"
    assert records == [*asked, CommandTaken("flatten", "ann", subject, tuple(names))]
    assert effects == [AnswerCommand(7, True, "", "", tuple(names))]


# -- reduce-only orders after a fill -------------------------------------------------------------------


def sold(name: str, quantity: str, side: OrderSide = OrderSide.SELL, **told: Any) -> FillReported:  # noqa: ANN401 - fields of several types
    """Return a trade of the order."""
    fields: dict[str, Any] = {"fee": D(0), "fee_currency": "USDT", **told}
    report = FillReport(
        name,
        "V1",
        f"t-{name}",
        BTC,
        side,
        D(quantity),
        D(100),
        None,
        fields["fee"],
        fields["fee_currency"],
        Liquidity.MAKER,
        66,
    )
    return FillReported(report, "stream")


def resting(held: str, *orders: tuple[str, str], **facts: Any) -> Deciding:  # noqa: ANN401 - likewise
    """Return a state with a position and these reduce-only sells, the first the oldest."""
    deciding = Deciding()
    deciding.hold(held)
    for age, (name, quantity) in enumerate(orders):
        terms: dict[str, object] = {**SELLS, "quantity": D(quantity), "reduce_only": True}
        deciding.order(name, terms=terms, state=WORKING)
        deciding.state.orders[name].created_ns = NOW_NS + age
    for name, pending in facts.items():
        deciding.state.orders[name].pending = pending
    return deciding


def cut(deciding: Deciding, given: FillReported) -> list[str]:
    """Return which orders are canceled because of a trade, and demand the words for it."""
    records, effects = deciding.on(given)
    asked = [each for each in records if isinstance(each, OrderEventNoted)]
    names = [each.client_order_id for each in asked]
    assert all(each.cause.startswith("it shall only reduce, and ") and each.by == "kernel" for each in asked)
    assert [each.client_order_id for each in effects if isinstance(each, SendCancel)] == names
    return names


def test_a_sale_elsewhere_cancels_the_newest_exits_that_do_not_fit_any_more() -> None:
    """What is left of the position is what exits may take together; the oldest stay."""
    for quantity, names in (
        ("1", []),
        ("1.1", ["new"]),
        ("2", ["new"]),
        ("2.5", ["new", "middle"]),
        ("4", ["new", "middle", "old"]),
    ):
        deciding = resting("4", ("old", "1"), ("middle", "1"), ("new", "1"))
        deciding.order("manual", terms={**SELLS, "quantity": D(4)}, state=OrderState.CANCELED)
        deciding.state.leaves[(BTC, "main", ""), OrderSide.SELL] = D(3)
        assert cut(deciding, sold("manual", quantity)) == names


def test_its_own_fill_leaves_an_exit_where_it_is() -> None:
    """What it sold it takes no more: the rest of it, and the others, still fit."""
    deciding = resting("3", ("old", "1"), ("new", "2"))
    assert cut(deciding, sold("new", "1.5")) == []
    assert cut(resting("3", ("old", "1"), ("new", "2")), sold("new", "2.5")) == ["old"]


def test_an_exit_that_was_asked_to_go_makes_room_and_is_not_asked_again() -> None:
    """The others are counted without it."""
    deciding = resting("3", ("old", "1"), ("middle", "1"), ("new", "1"), middle=PendingRequest.CANCEL)
    deciding.order("manual", terms=SELLS, state=OrderState.CANCELED)
    deciding.state.leaves[(BTC, "main", ""), OrderSide.SELL] = D(3)
    assert cut(deciding, sold("manual", "1")) == []
    assert cut(deciding, sold("manual", "1.5")) == ["new"]


def test_a_position_that_turned_round_leaves_nothing_to_reduce() -> None:
    """Exits of the old side are canceled, all of them."""
    deciding = resting("2", ("old", "1"), ("new", "1"))
    deciding.order("flip", terms={"side": OrderSide.SELL, "quantity": D(5)}, state=WORKING)
    assert cut(deciding, sold("flip", "3")) == ["new", "old"]


def test_a_fee_in_base_is_less_to_sell() -> None:
    """What was bought, less the fee, is what exits may take."""
    deciding = resting("1", ("old", "1"), ("new", "1"))
    deciding.order("entry", state=WORKING)
    assert cut(deciding, sold("entry", "1", OrderSide.BUY)) == []
    fee = {"fee": D("0.1"), "fee_currency": "BTC"}
    assert cut(deciding, sold("entry", "1", OrderSide.BUY, **fee)) == ["new"]


# -- dates ---------------------------------------------------------------------------------------------


def dated(*, at_venue: bool, expire_ns: int = NOW_NS, **facts: Any) -> Deciding:  # noqa: ANN401 - facts of several types
    """Return a state with an order that is good until a date."""
    rules = rules_of()
    times = frozenset({TimeInForce.GTC, TimeInForce.GTD} if at_venue else {TimeInForce.GTC})
    rules.capabilities = ExchangeCapabilities(fence=Fence.DEADLINE, times_in_force=times)
    deciding = Deciding(rules)
    deciding.order("x", **{"state": WORKING, "expire_ns": expire_ns, **facts})
    return deciding


CAUSE = "its time is over; the kernel holds the date"


def test_a_date_that_the_kernel_holds_is_a_cancel_at_that_instant() -> None:
    """Not a nanosecond before; before that it is looked up and come back to."""
    due = [canceled("x", CAUSE, "kernel")], [SendCancel("x", "", BTC)]
    assert dated(at_venue=False).on(TimerDue("x")) == due
    early = dated(at_venue=False, expire_ns=NOW_NS + 1)
    records, effects = early.on(TimerDue("x"))
    assert records == []
    assert effects[0] == WakeAt("x", NOW_NS + 1)


def test_a_date_that_the_venue_holds_is_looked_up_a_margin_later() -> None:
    """And again until the end is known; the kernel never decides that it is over."""
    margin_ns = rules_of().deadline_margin_ns
    early = dated(at_venue=True, expire_ns=NOW_NS - margin_ns + 1)
    assert early.on(TimerDue("x"))[1][0] == WakeAt("x", NOW_NS + 1)
    due = dated(at_venue=True, expire_ns=NOW_NS - margin_ns)
    records, effects = due.on(TimerDue("x"))
    assert records == []
    assert effects[0] == WakeAt("x", NOW_NS + LONG_NS)


def test_what_is_not_known_yet_is_canceled_at_its_date_and_still_looked_up() -> None:
    """An order has one timer: its look-up stays due. One that is being canceled is not asked again."""
    deciding = dated(at_venue=False, state=OrderState.UNRESOLVED, look_up_ns=NOW_NS + 5)
    records, effects = deciding.on(TimerDue("x"))
    assert records == [OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, CAUSE, "kernel", NOW_NS + 5)]
    assert effects == [WakeAt("x", NOW_NS + 5)]
    asked = dated(at_venue=False, pending=PendingRequest.CANCEL)
    assert not any(isinstance(each, OrderEventNoted) for each in asked.on(TimerDue("x"))[0])


# -- reconciled ----------------------------------------------------------------------------------------


def ended(*, enable: bool = True, whole: bool = True, recorded: bool = True) -> ReconciliationEnded:
    """Return the end of a reconciliation."""
    return ReconciliationEnded("start", Counts(), 2, enable, whole, recorded)


@pytest.mark.parametrize(
    ("trading", "reason", "given", "begins"),
    [
        (TradingState.DISABLED, "", ended(), True),
        (TradingState.DISABLED, "", ended(enable=False), False),
        (TradingState.DISABLED, RECOVERED, ended(enable=False), True),
        (TradingState.REDUCING, UNHEARD, ended(), True),
        (TradingState.REDUCING, UNHEARD, ended(whole=False), False),
        (TradingState.REDUCING, "an operator said so", ended(), False),
        (TradingState.HALTED, UNHEARD, ended(), False),
        (TradingState.ACTIVE, "", ended(), False),
    ],
)
def test_trading_begins_or_goes_on_when_nothing_else_stands_against_it(
    trading: TradingState, reason: str, given: ReconciliationEnded, *, begins: bool
) -> None:
    """Once it is reconciled; what an operator or a fault set is not taken back."""
    deciding = Deciding()
    deciding.state.trading, deciding.state.trading_reason = trading, reason
    active = [TradingStateChanged(TradingState.ACTIVE, "reconciled: start", "kernel")] if begins else []
    assert deciding.on(given) == ([Reconciled("start", Counts(), 2), *active], [])


def test_every_date_is_armed_when_it_is_recorded_and_a_reading_without_news_is_not() -> None:
    """Timers are state: each live order that ends by a date is come back to, others are not."""
    deciding = dated(at_venue=False, expire_ns=NOW_NS + 9)
    deciding.order("second", state=OrderState.SUBMITTED, expire_ns=NOW_NS + 5)
    deciding.order("over", state=OrderState.FILLED, expire_ns=NOW_NS + 5)
    deciding.order("undated", state=WORKING)
    effects = [WakeAt("x", NOW_NS + 9), WakeAt("second", NOW_NS + 5)]
    assert deciding.on(ended()) == ([Reconciled("start", Counts(), 2)], effects)
    assert deciding.on(ended(recorded=False)) == ([], [])
    deciding.state.reconciled = False
    assert deciding.on(ended(recorded=False)) == ([Reconciled("start", Counts(), 2)], effects)


# -- what a step has to see to -------------------------------------------------------------------------


def test_a_reconciliation_sees_to_every_change_and_closing_and_another_step_to_what_it_touched() -> None:
    """After a restart all that is under way goes on; a timer of a closing is about every closing."""
    deciding = Deciding()
    deciding.order("x", state=WORKING)
    wish = ChangeRequested("change-1", ChangeKind.MODIFY, "x", "bot", Terms(D(2), D(99)), True, ())
    deciding.fold.changes(wish)
    change, closing = AdvanceChange("change-1"), AdvanceClosing((ETH, "main", ""))
    state = deciding.state
    assert follow_ups(state, ended(), []) == [change]
    assert follow_ups(state, TimerDue("y"), []) == []
    assert follow_ups(state, TimerDue("y"), ["x"]) == [change]
    asked = ClosingRequested("close-1", "bot", ETH, "main", False, False, False, None, D(0))
    deciding.fold.changes(asked)
    assert follow_ups(state, ended(), []) == [change, closing]
    assert follow_ups(state, TimerDue("close-1"), []) == [closing]
    assert follow_ups(state, TimerDue("y"), ["x"]) == [change]


@pytest.mark.parametrize(
    ("reason", "trading", "is_reduced"),
    [
        ("", TradingState.ACTIVE, True),
        ("", TradingState.DISABLED, True),
        ("an operator said so", TradingState.REDUCING, False),
        (UNHEARD, TradingState.REDUCING, True),
        (UNHEARD, TradingState.HALTED, False),
    ],
)
def test_an_anomaly_reduces_trading_unless_that_is_reduced_for_longer_already(
    reason: str, trading: TradingState, *, is_reduced: bool
) -> None:
    """A silence ends by itself: what is noted during it is a reason of its own, once for the same words."""
    deciding = Deciding()
    deciding.order("x", state=WORKING)
    deciding.state.trading, deciding.state.trading_reason = trading, reason
    detail = "the submit was answered refused (no) while it is working"
    records, _ = deciding.on(SubmitAnswered("x", 1, Answer(Outcome.REFUSED, reason="no")))
    both = reduced(AnomalyKind.CONTRADICTION, detail)
    assert records == (both if is_reduced else both[:1])
    deciding.state.noted[AnomalyKind.CONTRADICTION, "x", detail] = None
    assert deciding.on(SubmitAnswered("x", 1, Answer(Outcome.REFUSED, reason="no")))[0] == []
