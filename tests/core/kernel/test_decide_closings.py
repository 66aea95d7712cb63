"""What a closing does next, said whole: what it cancels, what it sells, when it waits, how it ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.closings import CloseCode, CloseResult
from fairlead.domain.command_records import ClosingEnded, ClosingMoved, ClosingRequested
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AttemptStarted, CommandRefused, OrderEventNoted, OrderInitialized
from fairlead.kernel.core.effects import (
    AnswerWaiting,
    AnswerWithOrder,
    RefuseRepeat,
    SendCancel,
    SendOrder,
    WakeAt,
)
from fairlead.kernel.core.inputs import AdvanceClosing, ClosePosition
from fairlead.kernel.core.state import CommandEntry
from fairlead.kernel.decide.closings import closings_to_see_to, exit_order_id
from tests.core.kernel.bench import BTC, ETH, instrument
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding

D = Decimal
KEY = (BTC, "main", "")
WORKING = OrderState.WORKING
CAUSE = "the position is being closed"


def wished(closing_id: str = "close-1", by: str = "bot", **wishes: Any) -> ClosePosition:  # noqa: ANN401 - fields of several types
    """Return the command that closes the book main."""
    return ClosePosition(closing_id, by, BTC, "main", **wishes)


def requested(**terms: Any) -> ClosingRequested:  # noqa: ANN401 - fields of several types
    """Return the record of a closing by the bot, of a position that was held when it began."""
    fields: dict[str, Any] = {
        "closing_id": "close-1",
        "by": "bot",
        "symbol": BTC,
        "book": "main",
        "operator": False,
        "cancel_entries": False,
        "cancel_exits": False,
        "limit_price": None,
        "held": D(2),
    }
    return ClosingRequested(**{**fields, **terms})


def closing(held: str = "2", /, **terms: Any) -> Deciding:  # noqa: ANN401 - fields of several types
    """Return a state with a closing under way, and with what is held by now."""
    deciding = Deciding()
    if held:
        deciding.hold(held)
    deciding.fold.changes(requested(**terms))
    return deciding


def advanced(deciding: Deciding) -> Any:  # noqa: ANN401 - records and effects of every kind
    """Return what the closing does next."""
    return deciding.on(AdvanceClosing(KEY))


def ended(code: CloseCode, reason: str = "", left: str = "0", **figures: Any) -> ClosingEnded:  # noqa: ANN401 - likewise
    """Return the record of its end."""
    told: dict[str, Any] = {"realized_pnl": D(0), "fees": D(0), "episode": 0, "closed_ns": 0, **figures}
    return ClosingEnded("close-1", code, reason, D(left), **told)


# -- the wish ------------------------------------------------------------------------------------------


def test_a_wish_is_recorded_with_what_is_held_and_with_all_that_was_wished() -> None:
    """By whom, of what, and how; nothing is answered before it has ended."""
    deciding = Deciding()
    deciding.hold("-2")
    wishes: dict[str, Any] = {
        "operator": True,
        "cancel_entries": True,
        "cancel_exits": True,
        "limit_price": D(9),
    }
    keyed: dict[str, Any] = {"idempotency_key": "k", "command_digest": "d"}
    records, effects = deciding.on(wished(**wishes, **keyed))
    assert records == [requested(held=D(-2), joins="", **wishes, **keyed)]
    assert effects == []
    assert Deciding().on(wished())[0] == [requested(held=D(0))]


def test_who_closes_what_is_being_closed_joins_it() -> None:
    """The second is answered with the first."""
    deciding = closing()
    records, effects = deciding.on(wished("close-2"))
    assert records == [requested(closing_id="close-2", joins="close-1")]
    assert effects == [AnswerWithOrder("close-2", "close-1")]


@pytest.mark.parametrize("keyed", [{}, {"idempotency_key": "k", "command_digest": "d"}])
def test_a_book_with_the_name_of_another_owner_is_that_owners(keyed: dict[str, Any]) -> None:
    """Refused and recorded; an operator may, and so may anyone where nobody bears the name of the book."""
    deciding = Deciding()
    reason = "The book belongs to main."
    assert deciding.on(wished())[0] == [requested(held=D(0))]
    deciding.state.owners["main"] = None
    refused = CommandRefused("close_position", "bot", f"{BTC} main", "FOREIGN_OWNER", reason, **keyed)
    zero = D(0)
    result = CloseResult("close-1", BTC, "main", CloseCode.FOREIGN_OWNER, reason, zero, zero, zero, 0, 0, 0)
    assert deciding.on(wished(**keyed)) == ([refused], [AnswerWaiting("close-1", result)])
    assert deciding.on(wished(by="main"))[0] == [requested(by="main", held=D(0))]
    assert deciding.on(wished(operator=True))[0] == [requested(operator=True, held=D(0))]


def test_a_repeated_wish_is_answered_as_its_first_time_was() -> None:
    """With the closing that it began, with its refusal, or not at all when it was about something else."""
    deciding = Deciding()
    keyed: dict[str, Any] = {"idempotency_key": "k", "command_digest": "d"}
    entry = deciding.state.commands["bot", "k"] = CommandEntry("bot", "k", "d", "close-1", 0)
    again = wished("close-2", **keyed)
    assert deciding.on(again) == ([], [AnswerWithOrder("close-2", "close-1")])
    entry.answer = "{}"
    [answer] = deciding.on(again)[1]
    assert isinstance(answer, AnswerWaiting)
    assert isinstance(answer.value, CloseResult)
    assert (answer.client_order_id, answer.value.code) == ("close-2", CloseCode.FOREIGN_OWNER)
    other = wished("close-2", idempotency_key="k", command_digest="other")
    assert deciding.on(other) == ([], [RefuseRepeat("close-2", "k")])


# -- what it does next ---------------------------------------------------------------------------------


def test_nothing_is_done_before_reconciliation_or_when_nothing_is_being_closed() -> None:
    """What is held must be known first."""
    deciding = closing()
    deciding.state.reconciled = False
    assert advanced(deciding) == ([], [])
    assert advanced(Deciding()) == ([], [])


@pytest.mark.parametrize(
    ("held", "side", "terms", "kind"),
    [
        ("2", OrderSide.SELL, {}, OrderType.MARKET),
        ("-2", OrderSide.BUY, {}, OrderType.MARKET),
        ("2", OrderSide.SELL, {"limit_price": D(90)}, OrderType.LIMIT),
    ],
)
def test_an_exit_takes_what_is_held(
    held: str, side: OrderSide, terms: dict[str, Any], kind: OrderType
) -> None:
    """One order of the closer's own, at the market or at the limit, sent in the step that reserves it."""
    deciding = closing(held, **terms)
    records, effects = advanced(deciding)
    name = exit_order_id("00000000", "close-1", 1)
    assert records[0] == ClosingMoved("close-1", name, NOW_NS + 2 * SECOND_NS)
    made = records[1]
    assert made.approved
    assert made.reduces
    assert (made.client_order_id, made.owner, made.book, made.symbol) == (name, "bot", "main", BTC)
    assert (made.side, made.order_type, made.time_in_force) == (side, kind, TimeInForce.GTC)
    assert (made.quantity, made.limit_price) == (D(2), terms.get("limit_price"))
    assert (made.idempotency_key, made.command_digest, made.metadata) == ("", "", ())
    assert isinstance(records[2], AttemptStarted)
    assert [type(each) for each in effects] == [SendOrder]


def test_each_exit_waits_twice_as_long_as_the_one_before_and_bears_another_name() -> None:
    """The next one is not made before it is due, and then at once."""
    deciding = closing()
    under_way = deciding.state.closings["close-1"]
    under_way.exits, under_way.due_ns = 2, NOW_NS + 1
    assert advanced(deciding) == ([], [WakeAt("close-1", NOW_NS + 1)])
    under_way.due_ns = NOW_NS
    moved = advanced(deciding)[0][0]
    assert moved == ClosingMoved("close-1", exit_order_id("00000000", "close-1", 3), NOW_NS + 8 * SECOND_NS)
    names = {exit_order_id("00000000", name, number) for name in ("close-1", "close-2") for number in (1, 2)}
    assert len(names) == 2 * 2


def test_an_exit_takes_what_other_exits_leave_rounded_down_to_the_lot() -> None:
    """Nothing is sold twice; with nothing left it says who takes it."""
    deciding = closing("2.00005")
    deciding.order(
        "other", terms={"side": OrderSide.SELL, "reduces": True, "quantity": D("0.5")}, state=WORKING
    )
    assert advanced(deciding)[0][1].quantity == D("1.5")
    deciding.order("rest", terms={"side": OrderSide.SELL, "reduces": True, "quantity": D(2)}, state=WORKING)
    reason = "Other live orders may take all of it already."
    assert advanced(deciding) == ([ended(CloseCode.EXIT_WORKING, reason, "2.00005")], [])


def test_its_own_exit_is_waited_for_while_it_lives() -> None:
    """One exit at a time; once it is over the next one is made."""
    deciding = closing("5")
    deciding.state.closings["close-1"].exit_order_id = "x"
    made = deciding.order("x", terms={"side": OrderSide.SELL, "reduces": True}, state=WORKING)
    assert advanced(deciding) == ([], [])
    made.state = OrderState.CANCELED
    assert isinstance(advanced(deciding)[0][0], ClosingMoved)


def test_other_exits_are_canceled_while_its_own_lives() -> None:
    """Its own stays at the market, wherever it stands among the others; nothing is sold beside it."""
    deciding = closing("5", cancel_exits=True)
    deciding.state.closings["close-1"].exit_order_id = "own"
    for name in ("first", "own", "last"):
        deciding.order(name, terms={"side": OrderSide.SELL, "reduces": True, "quantity": D(1)}, state=WORKING)
    names = ["first", "last"]
    expected = [canceled(name) for name in names], [SendCancel(name, "", BTC) for name in names]
    assert advanced(deciding) == expected


def canceled(name: str) -> OrderEventNoted:
    """Return the record of a cancel that the closing asks for."""
    return OrderEventNoted(name, OrderEvent.CANCEL_REQUESTED, CAUSE, "bot", NOW_NS + SECOND_NS)


def with_orders(**terms: Any) -> Deciding:  # noqa: ANN401 - fields of several types
    """Return a closing of five beside its own exit, entries and exits of two owners, and orders elsewhere."""
    deciding = closing("5", **terms)
    sells = {"side": OrderSide.SELL, "reduces": True, "quantity": D(1)}
    deciding.state.closings["close-1"].exit_order_id = "own exit"
    deciding.order("own exit", terms=sells, state=OrderState.CANCELED)
    deciding.order("entry", state=WORKING)
    deciding.order("eve's entry", terms={"owner": "eve"}, state=WORKING)
    deciding.order("asked already", state=WORKING, pending=PendingRequest.CANCEL)
    deciding.order("exit", terms=sells, state=WORKING)
    deciding.order("eve's exit", terms={**sells, "owner": "eve"}, state=WORKING)
    deciding.order("second entry", state=WORKING)
    deciding.order("over", state=OrderState.FILLED)
    deciding.order("elsewhere", terms={"book": "other"}, state=WORKING)
    return deciding


@pytest.mark.parametrize(
    ("terms", "names", "goes_on"),
    [
        ({}, [], True),
        ({"cancel_entries": True}, ["entry", "second entry"], True),
        ({"cancel_exits": True}, ["exit"], False),
        (
            {"cancel_entries": True, "cancel_exits": True, "operator": True},
            ["entry", "eve's entry", "second entry", "exit", "eve's exit"],
            False,
        ),
    ],
)
def test_what_is_canceled_first_is_what_was_wished(
    terms: dict[str, Any], names: list[str], *, goes_on: bool
) -> None:
    """Its owner's orders, an operator everybody's; once each; and exits that lock the rest are waited for."""
    records, effects = advanced(with_orders(**terms))
    assert records[: len(names)] == [canceled(name) for name in names]
    assert effects[: len(names)] == [SendCancel(name, "", BTC) for name in names]
    assert [type(each) for each in records[len(names) :]] == (
        [ClosingMoved, OrderInitialized, AttemptStarted] if goes_on else []
    )


# -- its end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_first", "exits", "code"),
    [
        ("2", 0, CloseCode.CLOSED),
        ("-2", 0, CloseCode.CLOSED),
        ("0", 1, CloseCode.CLOSED),
        ("0", 0, CloseCode.ALREADY_FLAT),
    ],
)
def test_it_ends_flat_with_the_positions_figures(held_first: str, exits: int, code: CloseCode) -> None:
    """Closed when something was held at first or sold since, whoever sold it; else there was nothing."""
    deciding = closing("0", held=D(held_first))
    deciding.state.closings["close-1"].exits = exits
    position = deciding.state.positions[KEY]
    position.realized_pnl, position.fees, position.episode, position.closed_ns = D(7), D(3), 4, 5
    figures: dict[str, Any] = {"realized_pnl": D(7), "fees": D(3), "episode": 4, "closed_ns": 5}
    assert advanced(deciding) == ([ended(code, **figures)], [])


def test_of_what_was_never_held_it_ends_with_nothing() -> None:
    """There is no position to take figures from."""
    assert advanced(closing("", held=D(0))) == ([ended(CloseCode.ALREADY_FLAT)], [])


@pytest.mark.parametrize("held", ["0", "0.00005"])
def test_flat_or_dust_it_waits_for_the_entries_that_it_cancels(held: str) -> None:
    """They may still fill: it ends when they have."""
    deciding = closing(held, cancel_entries=True)
    made = deciding.order("entry", state=WORKING)
    assert advanced(deciding)[0] == [canceled("entry")]
    made.pending = PendingRequest.CANCEL
    assert advanced(deciding) == ([], [])
    made.state = OrderState.CANCELED
    [end] = advanced(deciding)[0]
    assert end.code is (CloseCode.CLOSED if held == "0" else CloseCode.DUST_LEFT)


def test_dust_is_left_and_said() -> None:
    """Less than a lot, or than the venue's minimum."""
    reason = "0.00005 is less than the venue takes as an order."
    assert advanced(closing("0.00005")) == ([ended(CloseCode.DUST_LEFT, reason, "0.00005")], [])
    deciding = closing("1")
    deciding.state.instruments[BTC] = instrument(BTC, minimum_quantity="1.5")
    reason = "1 is less than the venue takes as an order."
    assert advanced(deciding) == ([ended(CloseCode.DUST_LEFT, reason, "1")], [])


@pytest.mark.parametrize(("detail", "why"), [("", ""), ("too small", ": too small")])
def test_after_so_many_exits_it_says_what_is_left_and_why(detail: str, why: str) -> None:
    """The setting says how many; one fewer is still followed by another."""
    deciding = closing("3")
    under_way = deciding.state.closings["close-1"]
    most = deciding.rules.settings.close_attempts_max
    under_way.exits, under_way.exit_order_id = most, "x"
    deciding.order(
        "x", terms={"side": OrderSide.SELL, "reduces": True}, state=OrderState.REJECTED, detail=detail
    )
    deciding.state.leaves.clear()  # it was laid out live
    assert advanced(deciding) == ([ended(CloseCode.NOT_CLOSED, f"{most} exits left 3{why}", "3")], [])
    under_way.exits = most - 1
    assert isinstance(advanced(deciding)[0][0], ClosingMoved)


def test_a_symbol_without_rules_is_not_closed() -> None:
    """The venue gives none any more."""
    deciding = closing()
    deciding.state.instruments.clear()
    reason = "The venue gives no rules for the symbol any more."
    assert advanced(deciding) == ([ended(CloseCode.NOT_CLOSED, reason, "2")], [])


def test_a_step_sees_to_the_closings_that_it_touched_once_each() -> None:
    """Those of the orders that it changed, in that order; every one when it asks for all."""
    deciding = closing()
    deciding.fold.changes(requested(closing_id="close-2", symbol=ETH))
    deciding.order("a")
    deciding.order("b", terms={"symbol": ETH})
    deciding.order("c", terms={"book": "other"})
    touched = ["gone", "c", "b", "a", "b"]
    eth = (ETH, "main", "")
    state = deciding.state
    assert closings_to_see_to(state, touched=touched, every=False) == [
        AdvanceClosing(eth),
        AdvanceClosing(KEY),
    ]
    assert closings_to_see_to(state, touched=["c"], every=False) == []
    assert closings_to_see_to(state, touched=["c"], every=True) == [AdvanceClosing(KEY), AdvanceClosing(eth)]
