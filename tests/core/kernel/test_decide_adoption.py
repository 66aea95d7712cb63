"""What is taken over of an order that we did not send, said whole, and what stands against it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.reconcile_records import ForeignCancelRequested, OrderAdopted
from fairlead.domain.records import CommandRefused
from fairlead.kernel.core.effects import AnswerCommand, LookUpOrder, WakeAt
from fairlead.kernel.core.inputs import AdoptOrder, CancelForeign
from fairlead.ports.exchange import OrderReport, OrderTerms, VenueStatus
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, Deciding

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
TERMS = OrderTerms(BUY, OrderType.LIMIT, TimeInForce.GTC, D(3), D(100))
FULL = OrderTerms(
    SELL,
    OrderType.STOP_LIMIT,
    TimeInForce.GTD,
    D(3),
    D(100),
    D(101),
    D(2),
    D("0.01"),
    NOW_NS + 5,
    post_only=True,
    reduce_only=True,
    leverage=D(4),
)


def shown(terms: OrderTerms | None = TERMS, filled: str = "0", symbol: str = BTC) -> OrderReport:
    """Return what the venue says of the order."""
    return OrderReport("x", "V1", symbol, VenueStatus.LIVE, D(filled), 66, terms=terms)


def wished(report: OrderReport | None, **said: Any) -> AdoptOrder:  # noqa: ANN401 - fields of several types
    """Return ann's wish that it be the bot's, in the book main."""
    given = AdoptOrder("x", "V1", "theirs", "bot", "main", "ann", "why", True, report, (), "", 5, 6, 7)
    return replace(given, **said)


def adopted(terms: OrderTerms, *, reduces: bool = False) -> OrderAdopted:
    """Return the record of it under these terms."""
    return OrderAdopted(
        "x",
        "V1",
        "theirs",
        "bot",
        "main",
        BTC,
        terms.side,
        terms.order_type,
        terms.time_in_force,
        terms.quantity,
        terms.limit_price,
        reduces,
        "USDT",
        "ann",
        "why",
        terms.trigger_price,
        terms.trailing_distance,
        terms.trailing_rate,
        terms.leverage,
        terms.expire_ns,
        terms.post_only,
        terms.reduce_only,
    )


def test_an_order_is_taken_over_with_all_that_the_venue_says_of_it() -> None:
    """Answered with our name of it, and looked up for what happened since; its date is come back to."""
    told = [AnswerCommand(7, True, "", "", ("x",)), LookUpOrder("x", BTC)]
    assert Deciding().on(wished(shown())) == ([adopted(TERMS)], told)
    assert Deciding().on(wished(shown(FULL))) == ([adopted(FULL)], [*told, WakeAt("x", NOW_NS + 5)])


@pytest.mark.parametrize(
    ("held", "taken", "side", "reduces"),
    [
        ("3", "0", SELL, True),
        ("2.999", "0", SELL, False),
        ("4", "1", SELL, True),
        ("4", "1.001", SELL, False),
        ("-3", "0", SELL, False),
        ("-3", "0", BUY, True),
        ("3", "0", BUY, False),
        ("0", "0", SELL, False),
    ],
)
def test_it_counts_as_a_reduction_only_when_all_of_it_is_one(
    held: str, taken: str, side: OrderSide, *, reduces: bool
) -> None:
    """Beside what live orders may take already, to the last lot."""
    deciding = Deciding()
    deciding.hold(held)
    if taken != "0":
        resting = {"side": side, "reduces": True, "quantity": D(taken)}
        deciding.order("other", terms=resting, state=OrderState.WORKING)
    terms = replace(TERMS, side=side)
    assert deciding.on(wished(shown(terms)))[0] == [adopted(terms, reduces=reduces)]


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        (wished(None, problem="It broke"), "NO_EVIDENCE", "It broke."),
        (wished(None), "NOT_FOUND", "The venue does not know such an order of the account."),
        (wished(shown(None)), "NO_TERMS", "The exchange client does not say what the order is."),
        (
            wished(shown(filled="1")),
            "FILLS_INCOMPLETE",
            "The venue counts 1 filled, its history has 0.",
        ),
        (
            wished(shown(symbol="XRP/USDT")),
            "UNKNOWN_SYMBOL",
            "The venue gives no rules for the order's symbol.",
        ),
    ],
)
def test_without_evidence_nothing_is_taken_over(given: AdoptOrder, code: str, reason: str) -> None:
    """Refused with what is missing, on record under the venue's id of the order."""
    refused = CommandRefused("adopt", "ann", "V1", code, reason)
    assert Deciding().on(given) == ([refused], [AnswerCommand(7, False, code, reason)])


@pytest.mark.parametrize(
    "name", ["quantity", "limit_price", "trigger_price", "trailing_distance", "trailing_rate", "leverage"]
)
def test_a_figure_that_no_order_has_is_not_taken_over(name: str) -> None:
    """Zero or below of anything: what would be reserved by it is not known."""
    for figure in ("0", "-1"):
        [refused] = Deciding().on(wished(shown(replace(FULL, **{name: D(figure)}))))[0]
        assert isinstance(refused, CommandRefused)
        assert refused.code == "IMPOSSIBLE_TERMS"
        assert refused.reason == f"{name}: must be greater than zero, not {figure}."


def test_what_is_ours_already_is_not_taken_over_again() -> None:
    """Said again by the same it is a success that does nothing; of another's, or of ours, it is refused."""
    deciding = Deciding()
    made = deciding.order("x", state=OrderState.WORKING)
    reason = "The order was made here and belongs to bot; it is working."
    refused = CommandRefused("adopt", "ann", "V1", "ALREADY_OURS", reason)
    told = AnswerCommand(7, False, "ALREADY_OURS", reason)
    assert deciding.on(wished(shown())) == ([refused], [told])
    made.adopted = True
    again = AnswerCommand(7, True, "ALREADY_ADOPTED", "It was taken over before.", ("x",))
    assert deciding.on(wished(shown())) == ([], [again])
    reason = "It was taken over by bot before."
    told = AnswerCommand(7, False, "ALREADY_ADOPTED", reason)
    for other in ({"owner": "eve"}, {"book": "second"}):
        refused = CommandRefused("adopt", "ann", "V1", "ALREADY_ADOPTED", reason)
        assert deciding.on(wished(shown(), **other)) == ([refused], [told])


def test_an_id_that_only_a_kernel_of_the_account_draws_is_an_operators_question() -> None:
    """The journal that sent it was lost: the policy must not take it for a stranger's."""
    deciding = Deciding()
    drawn = deciding.state.account_tag + "0" * 24
    assert deciding.on(wished(shown(), venue_client_order_id=drawn, operator=False))[1][0] == AnswerCommand(
        7,
        False,
        "OPERATOR_ONLY",
        "It carries an id of this account that the journal does not hold: an operator decides.",
    )
    assert isinstance(deciding.on(wished(shown(), venue_client_order_id=drawn))[0][0], OrderAdopted)
    assert isinstance(deciding.on(wished(shown(), operator=False))[0][0], OrderAdopted)


def test_a_cancel_of_a_foreign_order_is_put_on_record_unless_it_is_ours_by_now() -> None:
    """Under the venue's ids of it; one that was taken over meanwhile is left alone."""
    deciding = Deciding()
    given = CancelForeign("x", shown())
    assert deciding.on(given) == ([ForeignCancelRequested("V1", "x", BTC)], [])
    deciding.order("x", state=OrderState.WORKING)
    assert deciding.on(given) == ([], [])
