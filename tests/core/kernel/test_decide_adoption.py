"""What becomes of the wish to take an order over, said whole; and of one to cancel somebody else's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.reconcile_records import ForeignCancelRequested, OrderAdopted
from fairlead.domain.records import CommandRefused
from fairlead.kernel.core.effects import AnswerCommand, LookUpOrder, SendCancel, WakeAt
from fairlead.kernel.core.inputs import AdoptOrder, CancelForeign
from fairlead.ports.exchange import FillReport, OrderReport, OrderTerms, VenueStatus
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, Deciding

D = Decimal
OURS = "00000000" + "a" * 24
"""A client order id of this account's."""

TERMS = OrderTerms(
    OrderSide.SELL,
    OrderType.STOP_LIMIT,
    TimeInForce.GTD,
    D(2),
    D(90),
    D(95),
    D(3),
    D("0.01"),
    NOW_NS + 9,
    True,
    True,
    D(5),
)
REPORT = OrderReport("theirs", "V1", BTC, VenueStatus.LIVE, D(0), 66, terms=TERMS)


def wanted(report: OrderReport | None = REPORT, **told: Any) -> AdoptOrder:  # noqa: ANN401 - fields of several types
    """Return the wish of the bot to have the venue's order V1 as its own."""
    fields: dict[str, Any] = {
        "client_order_id": "x",
        "venue_order_id": "V1",
        "venue_client_order_id": "theirs",
        "owner": "bot",
        "book": "main",
        "by": "bot",
        "note": "mine",
        "operator": False,
        "report": report,
        "fills": (),
        "problem": "",
        "asked_ns": NOW_NS,
        "command_id": 7,
    }
    return AdoptOrder(**{**fields, **told})


def fill(quantity: str) -> FillReport:
    """Return a trade of the order."""
    return FillReport(
        "x", "V1", quantity, BTC, OrderSide.SELL, D(quantity), D(90), None, D(0), "USDT", Liquidity.MAKER, 66
    )


@pytest.mark.parametrize(
    ("held", "others", "reduces"),
    [
        ("0", "0", False),
        ("2", "0", True),
        ("1.9", "0", False),
        ("-2", "0", False),
        ("3", "1", True),
        ("3", "1.1", False),
    ],
)
def test_an_order_is_taken_over_with_every_term_and_looked_up(
    held: str, others: str, *, reduces: bool
) -> None:
    """What the venue says it is; whether it reduces is found here; what happened since is asked for."""
    deciding = Deciding()
    deciding.hold(held)
    if others != "0":
        terms: dict[str, object] = {"side": OrderSide.SELL, "reduces": True, "quantity": D(others)}
        deciding.order("other", terms=terms, state=OrderState.WORKING)
    records, effects = deciding.on(wanted())
    assert records == [
        OrderAdopted(
            "x",
            "V1",
            "theirs",
            "bot",
            "main",
            BTC,
            OrderSide.SELL,
            OrderType.STOP_LIMIT,
            TimeInForce.GTD,
            D(2),
            D(90),
            reduces,
            "USDT",
            "bot",
            "mine",
            D(95),
            D(3),
            D("0.01"),
            D(5),
            NOW_NS + 9,
            True,
            True,
        )
    ]
    assert effects[:2] == [AnswerCommand(7, True, "", "", ("x",)), LookUpOrder("x", BTC)]
    assert effects[2:] == [WakeAt("x", NOW_NS + 9)]


def test_an_order_without_a_date_is_not_come_back_to() -> None:
    """There is nothing to come back for."""
    undated = replace(REPORT, terms=replace(TERMS, expire_ns=0))
    assert [type(each) for each in Deciding().on(wanted(undated))[1]] == [AnswerCommand, LookUpOrder]


@pytest.mark.parametrize(
    ("wish", "code", "reason"),
    [
        (wanted(problem="the venue did not answer"), "NO_EVIDENCE", "the venue did not answer."),
        (wanted(None), "NOT_FOUND", "The venue does not know such an order of the account."),
        (
            wanted(replace(REPORT, terms=None)),
            "NO_TERMS",
            "The exchange client does not say what the order is.",
        ),
        (
            wanted(replace(REPORT, filled_quantity=D(2)), fills=(fill("0.5"), fill("1.4"))),
            "FILLS_INCOMPLETE",
            "The venue counts 2 filled, its history has 1.9.",
        ),
        (
            wanted(replace(REPORT, symbol="XRP/USDT")),
            "UNKNOWN_SYMBOL",
            "The venue gives no rules for the order's symbol.",
        ),
        (
            wanted(venue_client_order_id=OURS),
            "OPERATOR_ONLY",
            "It carries an id of this account that the journal does not hold: an operator decides.",
        ),
    ],
)
def test_an_order_that_cannot_be_taken_over_is_refused_and_recorded(
    wish: AdoptOrder, code: str, reason: str
) -> None:
    """What is missing is said; nothing is taken over by halves."""
    refused = CommandRefused("adopt", "bot", "V1", code, reason)
    assert Deciding().on(wish) == ([refused], [AnswerCommand(7, False, code, reason)])


@pytest.mark.parametrize(
    "wish",
    [
        wanted(replace(REPORT, filled_quantity=D(2)), fills=(fill("0.5"), fill("1.5"))),
        wanted(venue_client_order_id=OURS, operator=True),
        wanted(
            replace(REPORT, terms=replace(TERMS, limit_price=None, trailing_distance=None, leverage=None))
        ),
    ],
)
def test_whole_evidence_is_enough(wish: AdoptOrder) -> None:
    """All the trades that are counted; an operator's word; terms that an order of the type does not have."""
    assert isinstance(Deciding().on(wish)[0][0], OrderAdopted)


@pytest.mark.parametrize(
    "name", ["quantity", "limit_price", "trigger_price", "trailing_distance", "trailing_rate", "leverage"]
)
def test_terms_with_an_impossible_figure_are_refused(name: str) -> None:
    """Whichever it is."""
    [refused] = Deciding().on(wanted(replace(REPORT, terms=replace(TERMS, **{name: D(0)}))))[0]
    assert isinstance(refused, CommandRefused)
    assert refused.code == "IMPOSSIBLE_TERMS"
    assert name in refused.reason


@pytest.mark.parametrize(
    ("owner", "book", "adopted", "code", "reason"),
    [
        ("bot", "main", True, "", ""),
        ("eve", "main", True, "ALREADY_ADOPTED", "It was taken over by eve before."),
        ("bot", "other", True, "ALREADY_ADOPTED", "It was taken over by bot before."),
        ("bot", "main", False, "ALREADY_OURS", "The order was made here and belongs to bot; it is working."),
    ],
)
def test_what_is_in_the_journal_is_not_taken_over_again(
    owner: str, book: str, code: str, reason: str, *, adopted: bool
) -> None:
    """The same wish again is answered with the order; another's, or one that was made here, is refused."""
    deciding = Deciding()
    deciding.order("x", terms={"owner": owner, "book": book}, state=OrderState.WORKING, adopted=adopted)
    records, effects = deciding.on(wanted())
    if not code:
        again = AnswerCommand(7, True, "ALREADY_ADOPTED", "It was taken over before.", ("x",))
        assert (records, effects) == ([], [again])
        return
    assert records == [CommandRefused("adopt", "bot", "V1", code, reason)]
    assert effects == [AnswerCommand(7, False, code, reason)]


def test_a_cancel_of_somebody_elses_order_is_recorded_before_it_is_sent() -> None:
    """Unless the order is ours by now."""
    deciding = Deciding()
    given = CancelForeign("x", REPORT)
    records, effects = deciding.on(given)
    assert records == [ForeignCancelRequested("V1", "theirs", BTC)]
    assert not any(isinstance(each, SendCancel) for each in effects)
    deciding.order("x", state=OrderState.WORKING)
    assert deciding.on(given) == ([], [])
