"""What follows from the wish that an order changes, and from each piece of evidence about it, said whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.change_records import (
    ChangeDenied,
    ChangeRequested,
    ModifyStarted,
)
from fairlead.domain.changes import ChangeKind, Terms, refused_result
from fairlead.domain.order_kinds import OrderSide, TimeInForce
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AttemptStarted, CommandRefused, OrderEventNoted
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.effects import (
    AnswerWaiting,
    AnswerWithOrder,
    LookUpOrder,
    RefuseRepeat,
    SendCancel,
    SendModify,
    SendOrder,
)
from fairlead.kernel.core.state import CommandEntry
from fairlead.ports.exchange import Fence
from fairlead.ports.risk import Deny
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Asked, Deciding, rules_of
from tests.core.kernel.proposing import proposed

D = Decimal
WORKING = OrderState.WORKING
MARGIN_NS = rules_of().deadline_margin_ns
OLD, NEW = Terms(D(3), D(100)), Terms(D(2), D(99))
LOOK_UP = LookUpOrder("x", BTC)
LATER_NS = NOW_NS + SECOND_NS


def wished(kind: ChangeKind = ChangeKind.MODIFY, by: str = "bot", **terms: Any) -> ChangeOrder:  # noqa: ANN401 - fields of several types
    """Return the command to change the order to the new terms, or to others."""
    told = terms or {"quantity": D(2), "limit_price": D(99)}
    return ChangeOrder("change-1", kind, "x", by, **told)


def working(
    deciding: Deciding | None = None,
    /,
    terms: dict[str, object] | None = None,
    **facts: Any,  # noqa: ANN401 - facts of several types
) -> Deciding:
    """Return a state with an order of the old terms that works at the venue as V1."""
    deciding = deciding or Deciding()
    deciding.order("x", terms=terms, **{"state": WORKING, "venue_order_id": "V1", **facts})
    return deciding


# -- the wish ------------------------------------------------------------------------------------------


def test_a_modify_is_recorded_with_its_verdicts_and_leaves_with_a_deadline() -> None:
    """The wish, the attempt, and one request: the whole of the terms, whatever was wished for."""
    deciding = working()
    [asked, started], [sent] = deciding.on(wished(limit_price=D(99)))
    terms = Terms(D(3), D(99))
    assert isinstance(asked, ChangeRequested)
    assert asked == ChangeRequested("change-1", ChangeKind.MODIFY, "x", "bot", terms, True, asked.verdicts)
    assert all(each.allowed for each in asked.verdicts)
    deadline_ns = NOW_NS + deciding.rules.order_deadline_ns
    assert started == ModifyStarted("x", "change-1", NOW_NS, deadline_ns, 1)
    assert isinstance(sent, SendModify)
    assert (sent.client_order_id, sent.change_id, sent.not_before_ns) == ("x", "change-1", NOW_NS)
    request = sent.change.request
    assert (request.client_order_id, request.venue_order_id, request.terms) == ("x", "V1", terms)
    assert request.deadline_ns == deadline_ns


@pytest.mark.parametrize("fence", list(Fence))
def test_a_request_has_a_deadline_only_where_the_venue_knows_deadlines(fence: Fence) -> None:
    """Elsewhere none is promised: not on record, and not to the exchange client."""
    deciding = working(Deciding(rules_of(fence=fence)))
    due_ns = NOW_NS + deciding.rules.order_deadline_ns if fence is Fence.DEADLINE else 0
    [_, started], [sent] = deciding.on(wished())
    assert isinstance(started, ModifyStarted)
    assert isinstance(sent, SendModify)
    assert (started.deadline_ns, sent.change.request.deadline_ns) == (due_ns, due_ns)
    [_, attempt], [order] = deciding.on(proposed(client_order_id="y"))
    assert attempt == AttemptStarted("y", 1, NOW_NS, due_ns)
    assert isinstance(order, SendOrder)
    assert order.order.request.deadline_ns == due_ns


def test_an_adopted_order_is_changed_by_the_venues_id_alone() -> None:
    """The venue never heard of ours."""
    [sent] = working(adopted=True).on(wished())[1]
    assert isinstance(sent, SendModify)
    assert (sent.change.request.client_order_id, sent.change.request.venue_order_id) == ("", "V1")


def test_a_replacement_begins_with_the_cancel_of_the_old_order() -> None:
    """Nothing new is sent before the venue has proven what the old one filled."""
    [asked, canceled], effects = working().on(wished(ChangeKind.REPLACE))
    assert isinstance(asked, ChangeRequested)
    assert canceled == OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "it is replaced", "bot", LATER_NS)
    assert effects == [SendCancel("x", "V1", BTC)]


GTC: dict[str, object] = {}
REFUSALS: list[tuple[dict[str, Any], dict[str, object], dict[str, Any], str, str]] = [
    # what was wished, the order's terms, its facts, code and reason
    ({"by": "eve"}, GTC, {}, "FOREIGN_OWNER", "The order belongs to bot."),
    ({}, GTC, {"state": OrderState.FILLED}, "ALREADY_CLOSED", "The order is filled."),
    ({}, GTC, {"state": OrderState.SUBMITTED}, "NOT_WORKING", "The order is submitted."),
    ({}, GTC, {"pending": PendingRequest.CANCEL}, "CANCEL_PENDING", "A cancel of the order is under way."),
    (
        {},
        {"time_in_force": TimeInForce.IOC},
        {},
        "DOES_NOT_REST",
        "A ioc order does not rest to be changed.",
    ),
    (
        {},
        {"time_in_force": TimeInForce.FOK},
        {},
        "DOES_NOT_REST",
        "A fok order does not rest to be changed.",
    ),
    (
        {"quantity": D(3), "limit_price": D("100.0")},
        GTC,
        {},
        "NOTHING_CHANGES",
        "The order has these terms already.",
    ),
    (
        {"quantity": D(2)},
        GTC,
        {"filled_quantity": D(2)},
        "ALREADY_FILLED",
        "2 is filled already; cancel the order to keep it at that.",
    ),
]


@pytest.mark.parametrize(("wish", "terms", "facts", "code", "reason"), REFUSALS)
def test_a_change_that_cannot_be_is_refused_before_anything_is_judged(
    wish: dict[str, Any], terms: dict[str, object], facts: dict[str, Any], code: str, reason: str
) -> None:
    """Recorded with who asked, answered with code and reason; the order is left as it is."""
    deciding = working(None, terms, **facts)
    records, effects = deciding.on(wished(**wish))
    assert records == [CommandRefused("modify", wish.get("by", "bot"), "x", code, reason, "", "")]
    assert effects == [AnswerWaiting("change-1", refused_result("x", code, reason))]


def test_one_change_an_order_at_a_time_and_in_place_only_where_the_venue_can() -> None:
    """A second is refused while the first is under way; without modify it is to be replaced."""
    deciding = working()
    deciding.fold.changes(ChangeRequested("change-0", ChangeKind.MODIFY, "x", "bot", NEW, True, ()))
    [refused] = deciding.on(wished())[0]
    assert isinstance(refused, CommandRefused)
    assert refused.code == "CHANGE_PENDING"
    never = working(Deciding(rules_of(modify=False)))
    [refused] = never.on(wished())[0]
    assert isinstance(refused, CommandRefused)
    assert refused.code == "MODIFY_NOT_OFFERED"
    assert isinstance(never.on(wished(ChangeKind.REPLACE))[0][0], ChangeRequested)


@pytest.mark.parametrize(
    ("kind", "terms", "reduces", "code"),
    [
        (ChangeKind.MODIFY, {"quantity": D(2)}, False, ""),
        (ChangeKind.MODIFY, {"quantity": D(4)}, False, "SYMBOL_WITHDRAWN"),
        (ChangeKind.REPLACE, {"quantity": D(2)}, False, "SYMBOL_WITHDRAWN"),
        (ChangeKind.REPLACE, {"quantity": D(2)}, True, ""),
    ],
)
def test_of_a_symbol_that_was_withdrawn_only_what_shrinks_or_reduces_goes_on(
    kind: ChangeKind, terms: dict[str, Any], *, reduces: bool, code: str
) -> None:
    """A replacement is a new order, so it adds; a modify that raises nothing does not."""
    deciding = working(reduces=reduces)
    deciding.state.withdrawn[BTC] = "no"
    first = deciding.on(wished(kind, **terms))[0][0]
    assert (first.code if isinstance(first, CommandRefused) else "") == code


@pytest.mark.parametrize(
    ("trading", "terms", "allowed"),
    [
        (TradingState.ACTIVE, {"quantity": D(4)}, True),
        (TradingState.REDUCING, {"quantity": D(4)}, False),
        (TradingState.REDUCING, {"quantity": D(2)}, True),
        (TradingState.HALTED, {"quantity": D(2)}, False),
    ],
)
def test_the_trading_state_decides_by_what_the_change_does(
    trading: TradingState, terms: dict[str, Any], *, allowed: bool
) -> None:
    """A denial is recorded with the terms and the verdict, and answered with its reason."""
    deciding = working()
    deciding.state.trading, deciding.state.trading_reason = trading, "somebody said so"
    records, effects = deciding.on(wished(**terms))
    assert isinstance(records[0], ChangeRequested) is allowed
    if not allowed:
        [denied] = records
        assert isinstance(denied, ChangeDenied)
        [verdict] = denied.verdicts
        wanted = Terms(terms["quantity"], D(100))
        assert denied == ChangeDenied(
            "change-1", ChangeKind.MODIFY, "x", "bot", wanted, "NOT_TRADING", (verdict,)
        )
        reason = f"Trading is {trading.value}: somebody said so."
        assert verdict.reason == reason
        assert effects == [AnswerWaiting("change-1", refused_result("x", "NOT_TRADING", reason))]


@pytest.mark.parametrize(
    ("held", "others", "wanted", "allowed"),
    [
        ("5", "1", "4", True),
        ("5", "1", "4.1", False),
        ("5", "0", "5", True),
        ("-5", "0", "4", False),
        ("0", "0", "4", False),
        ("1", "0", "2.9", True),  # it shrinks, though more than is held
    ],
)
def test_an_exit_grows_only_within_what_is_held_and_not_sold_by_others(
    held: str, others: str, wanted: str, *, allowed: bool
) -> None:
    """Up to the last lot of it; a smaller one always passes."""
    deciding = Deciding()
    deciding.hold(held)
    sells = {"side": OrderSide.SELL, "reduces": True}
    working(deciding, sells)
    if others != "0":
        deciding.order("other", terms={**sells, "quantity": D(others)}, state=WORKING)
    first = deciding.on(wished(quantity=D(wanted)))[0][0]
    assert isinstance(first, ChangeRequested) is allowed
    assert allowed or (isinstance(first, ChangeDenied) and first.code == "EXIT_TAKEN")


@pytest.mark.parametrize(
    ("minimum", "reduces", "code"),
    [
        ({"minimum_quantity": "2"}, False, ""),
        ({"minimum_quantity": "2.001"}, False, "BELOW_MINIMUM"),
        ({"minimum_cost": "198"}, False, ""),
        ({"minimum_cost": "198.01"}, False, "BELOW_MINIMUM"),
        ({"minimum_quantity": "9", "reductions_exempt_from_minimum": True}, True, ""),
        ({"minimum_quantity": "9", "reductions_exempt_from_minimum": True}, False, "BELOW_MINIMUM"),
        ({"minimum_quantity": "9"}, True, "BELOW_MINIMUM"),
    ],
)
def test_a_change_below_the_venues_minimum_is_denied(
    minimum: dict[str, Any], *, reduces: bool, code: str
) -> None:
    """By size and by worth, at the new price; exactly the minimum passes, and so does what is exempt."""
    deciding = working(reduces=reduces)
    deciding.state.instruments[BTC] = instrument(BTC, **minimum)
    first = deciding.on(wished())[0][0]
    assert (first.code if isinstance(first, ChangeDenied) else "") == code
    if isinstance(first, ChangeDenied):
        [verdict] = first.verdicts
        by_size = (("quantity", "2"), ("minimum", minimum.get("minimum_quantity", "")))
        by_worth = (("price", "99"), ("minimum_cost", minimum.get("minimum_cost", "")))
        assert verdict.figures == (by_size if "minimum_quantity" in minimum else by_worth)


@pytest.mark.parametrize(
    ("terms", "reduces", "is_asked"),
    [
        ({"quantity": D(4)}, False, True),
        ({"quantity": D(2)}, False, False),
        ({"quantity": D(2)}, True, False),
    ],
)
def test_checks_are_asked_only_about_what_adds(
    terms: dict[str, Any], *, reduces: bool, is_asked: bool
) -> None:
    """About the order as it would be, less what is filled; never about an exit or what only shrinks."""
    check = Asked("one")
    deciding = working(Deciding(rules_of(checks=[check])), reduces=reduces, filled_quantity=D(1))
    assert isinstance(deciding.on(wished(**terms))[0][0], ChangeRequested)
    asked = [(each.quantity, each.price, each.live_order_id) for each in check.requests]
    assert asked == ([(D(3), D(100), "x")] if is_asked else [])


def test_a_denial_is_answered_with_the_reason_of_the_check_that_denied() -> None:
    """Not with that of one that allowed; all verdicts are recorded."""
    checks = [Asked("yes"), Asked("no", Deny("NO", "Too much."))]
    records, effects = working(Deciding(rules_of(checks=checks))).on(wished(quantity=D(4)))
    [denied] = records
    assert isinstance(denied, ChangeDenied)
    assert [(each.check, each.allowed) for each in denied.verdicts] == [("yes", True), ("no", False)]
    assert effects == [AnswerWaiting("change-1", refused_result("x", "NO", "Too much."))]


def test_a_repeated_change_is_answered_as_its_first_time_was() -> None:
    """With what comes of the first, with its refusal, or not at all when it was about something else."""
    deciding = working()
    entry = deciding.state.commands["bot", "k"] = CommandEntry("bot", "k", "d", "change-0", 0)
    again = replace(wished(), idempotency_key="k", command_digest="d")
    assert deciding.on(again) == ([], [AnswerWithOrder("change-1", "change-0")])
    entry.answer = '[false,"NOTHING_CHANGES","as it is",[]]'
    told = AnswerWaiting("change-1", refused_result("x", "NOTHING_CHANGES", "as it is"))
    assert deciding.on(again) == ([], [told])
    other = replace(again, command_digest="other")
    assert deciding.on(other) == ([], [RefuseRepeat("change-1", "k")])


def test_what_is_recorded_of_a_change_bears_its_key() -> None:
    """Asked, denied or refused: by it the command is known again after a restart."""
    keyed = {"idempotency_key": "k", "command_digest": "d"}
    [asked, *_] = working().on(replace(wished(), **keyed))[0]
    deciding = working()
    deciding.state.trading = TradingState.HALTED
    [denied] = deciding.on(replace(wished(), **keyed))[0]
    [refused] = working().on(replace(wished(by="eve"), **keyed))[0]
    for record in (asked, denied, refused):
        assert isinstance(record, ChangeRequested | ChangeDenied | CommandRefused)
        assert (record.idempotency_key, record.command_digest) == ("k", "d")
