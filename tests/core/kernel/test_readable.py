"""What comes from an exchange client is believed only where every field is what it must be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.identifiers import VENUE_TEXT_LENGTH_MAX
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.kernel.core.readable import (
    Failure,
    balances_problem,
    entry_problem,
    look_up_problem,
    outside_text,
    page_problem,
    report_problem,
    sound_answer,
)
from fairlead.ports.account import VenueBalance
from fairlead.ports.exchange import (
    Answer,
    FillReport,
    LedgerEntry,
    LedgerPage,
    LookUp,
    OrderReport,
    OrderTerms,
    Outcome,
    VenueStatus,
)

D = Decimal
NAN = D("NaN")
ODD: Any = 7
NOTHING: Any = None
LONGEST = "x" * VENUE_TEXT_LENGTH_MAX
TERMS = OrderTerms(OrderSide.BUY, OrderType.LIMIT, TimeInForce.GTC, D(1))
ORDER = OrderReport("x", "V1", "BTC/USDT", VenueStatus.LIVE, D(0), 5, terms=TERMS)
FILL = FillReport(
    "x", "V1", "T1", "BTC/USDT", OrderSide.BUY, D(1), D(100), D(100), D(0), "USDT", Liquidity.MAKER, 5
)
ENTRY = LedgerEntry("L1", AdjustmentKind.FUNDING, "USDT", D(1), 5)
PAGE = LedgerPage((ENTRY,), "cursor", more=False)
ANSWER = Answer(Outcome.ACCEPTED, "V1", "fine", 5)

# Of a name: what may stand there, and what may not; empty where a name may be missing is tried apart.
NAMES: list[Any] = [LONGEST, "a b"]
NO_NAMES: list[Any] = [LONGEST + "x", "a\nb", None, 7, b"x"]
TIMES: list[Any] = [0, 2**63 - 1]
NO_TIMES: list[Any] = [-1, 2**63, 1.0, True, None, "5"]
NO_FIGURES: list[Any] = [1, 1.0, "1", None, True]


@pytest.mark.parametrize(
    ("sound", "field", "good", "bad", "says"),
    [
        *(
            row
            for sound in (ORDER, FILL)
            for row in (
                (sound, "client_order_id", ["", *NAMES], NO_NAMES, "client_order_id is not readable"),
                (sound, "venue_order_id", ["", *NAMES], NO_NAMES, "venue_order_id is not readable"),
                (sound, "ts_event", TIMES, NO_TIMES, "ts_event is not a time"),
                (sound, "symbol", NAMES, ["", *NO_NAMES], "symbol is not readable"),
            )
        ),
        (ORDER, "status", [*VenueStatus], ["live", None], "status is not known"),
        (ORDER, "names_rules", [True, False], [1, None, ""], "names_rules is neither True nor False"),
        (ORDER, "filled_quantity", [D(0), D(1)], [D(-1), D("-0.001")], "filled_quantity is below zero"),
        (ORDER, "filled_quantity", [], NO_FIGURES, "filled_quantity is a {}, not a Decimal"),
        (ORDER, "terms", [None, TERMS], [ODD, ORDER], "terms cannot be read"),
        (FILL, "trade_id", NAMES, ["", *NO_NAMES], "trade_id is not readable"),
        (FILL, "side", [*OrderSide], ["buy", None], "side or liquidity is not known"),
        (FILL, "liquidity", [*Liquidity], ["maker", None], "side or liquidity is not known"),
        (FILL, "fee_currency", ["", *NAMES], NO_NAMES, "fee_currency is not readable"),
        (FILL, "quantity", [D(1)], NO_FIGURES, "quantity is a {}, not a Decimal"),
        (FILL, "price", [D(1)], NO_FIGURES, "price is a {}, not a Decimal"),
        (FILL, "fee", [D(-1)], NO_FIGURES, "fee is a {}, not a Decimal"),
        (
            FILL,
            "value",
            [D(1), None],
            [each for each in NO_FIGURES if each is not None],
            "value is a {}, not a Decimal",
        ),
    ],
)
def test_a_report_is_read_when_each_field_is_what_it_must_be(
    sound: OrderReport | FillReport, field: str, good: list[Any], bad: list[Any], says: str
) -> None:
    """At the edge of what may be it is taken; beyond, the first field that cannot be read is named."""
    for value in good:
        assert report_problem(replace(sound, **{field: value})) == ""
    for value in bad:
        assert report_problem(replace(sound, **{field: value})) == says.format(type(value).__name__)


@pytest.mark.parametrize(
    ("field", "good", "bad", "says"),
    [
        ("side", [*OrderSide], ["buy", None], "terms cannot be read"),
        ("order_type", [*OrderType], ["limit", None], "terms.order_type or terms.time_in_force is not known"),
        (
            "time_in_force",
            [*TimeInForce],
            ["gtc", None],
            "terms.order_type or terms.time_in_force is not known",
        ),
        ("quantity", [D(1)], NO_FIGURES, "a figure of the terms is not a Decimal"),
        *(
            (name, [D(1), None], [1, 1.0, "1"], "a figure of the terms is not a Decimal")
            for name in ("limit_price", "trigger_price", "trailing_distance", "trailing_rate", "leverage")
        ),
        ("expire_ns", TIMES, NO_TIMES, "terms.expire_ns or a flag of the terms is not readable"),
        ("post_only", [True, False], [1, None], "terms.expire_ns or a flag of the terms is not readable"),
        ("reduce_only", [True, False], [1, None], "terms.expire_ns or a flag of the terms is not readable"),
    ],
)
def test_terms_are_read_when_each_is_what_it_must_be(
    field: str, good: list[Any], bad: list[Any], says: str
) -> None:
    """A figure that not every order has may be missing; whether they can be true is decided elsewhere."""
    for value in good:
        assert report_problem(replace(ORDER, terms=replace(TERMS, **{field: value}))) == ""
    for value in bad:
        assert report_problem(replace(ORDER, terms=replace(TERMS, **{field: value}))) == says


@pytest.mark.parametrize(
    ("field", "good", "bad", "says"),
    [
        ("entry_id", NAMES, ["", *NO_NAMES], "entry_id is not readable"),
        ("asset", NAMES, ["", *NO_NAMES], "asset is not readable"),
        ("ts_event", TIMES, NO_TIMES, "ts_event is not a time"),
        ("amount", [D(1), D(-1), D(0)], NO_FIGURES, "amount is a {}, not a Decimal"),
        (
            "kind",
            [kind for kind in AdjustmentKind if kind is not AdjustmentKind.CORRECTION],
            [AdjustmentKind.CORRECTION, "funding", None],  # a correction is an operator's, never the venue's
            "kind is not known",
        ),
    ],
)
def test_an_entry_of_a_ledger_is_read_when_each_field_is_what_it_must_be(
    field: str, good: list[Any], bad: list[Any], says: str
) -> None:
    """It is booked for ever, so nothing of it is guessed."""
    for value in good:
        assert entry_problem(replace(ENTRY, **{field: value})) == ""
    for value in bad:
        assert entry_problem(replace(ENTRY, **{field: value})) == says.format(type(value).__name__)
    assert entry_problem(ODD) == "a int is no entry of a ledger"


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (PAGE, ""),
        (replace(PAGE, entries=[ODD], cursor="", more=True), ""),  # entries are looked at one by one
        (ODD, "the client answered a int that is no page"),
        (replace(PAGE, entries=NOTHING), "the client answered a LedgerPage that is no page"),
        (replace(PAGE, cursor=NOTHING), "its cursor is no text, or it does not say whether there is more"),
        (replace(PAGE, more=NOTHING), "its cursor is no text, or it does not say whether there is more"),
    ],
)
def test_a_page_of_a_ledger_has_entries_a_cursor_and_says_whether_there_is_more(page: Any, says: str) -> None:  # noqa: ANN401 - that is the point
    """Else nobody could tell how far the ledger was read."""
    assert page_problem(page) == says


def held(total: Any, locked: Any) -> dict[str, VenueBalance]:  # noqa: ANN401 - that is the point
    """Return what is held of three assets, the middle one as said."""
    sound = VenueBalance(D(1), D(0))
    return {"AAA": sound, "BBB": VenueBalance(total, locked), "CCC": sound}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({}, ""),
        (held(D(1), D(1)), ""),
        (held(ODD, D(1)), "the total of BBB is a int, not a Decimal"),
        (held(D(1), ODD), "what is locked of BBB is a int, not a Decimal"),
        (held(ODD, ODD), "the total of BBB is a int, not a Decimal"),
        ([], "the client answered a list"),
        ({"A\nB": VenueBalance(D(1), D(0))}, "an asset is not readable, or what is held of it"),
        ({"": VenueBalance(D(1), D(0))}, "an asset is not readable, or what is held of it"),
        ({"AAA": D(1)}, "an asset is not readable, or what is held of it"),
    ],
)
def test_balances_are_read_when_every_one_is(told: object, says: str) -> None:
    """One asset that cannot be read makes the answer none: what is not named would count as not held."""
    assert balances_problem(told) == says


@pytest.mark.parametrize("figure", [NAN, D("Infinity"), D("1E+999")])
def test_a_figure_that_no_number_here_can_be_is_refused(figure: Decimal) -> None:
    """A Decimal may still be no number, or too large for any: the reason says which field."""
    for problem in (
        report_problem(replace(ORDER, filled_quantity=figure)),
        entry_problem(replace(ENTRY, amount=figure)),
        balances_problem(held(figure, D(0))),
    ):
        assert problem
    assert "filled_quantity" in report_problem(replace(ORDER, filled_quantity=figure))


OTHER = replace(FILL, client_order_id="y")


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (LookUp(ORDER, (FILL, FILL), complete=True), ""),
        (LookUp(None, (), complete=False), ""),
        (Failure("timed out"), "timed out"),
        (NOTHING, "the client answered a NoneType"),
        (LookUp(None, NOTHING, complete=True), "the client answered no look-up"),
        (LookUp(None, (), complete=NOTHING), "the client answered no look-up"),
        (LookUp(None, (FILL, OTHER, FILL), complete=True), "the client answered about another order"),
        (
            LookUp(replace(ORDER, client_order_id="y"), (), complete=True),
            "the client answered about another order",
        ),
        (LookUp(None, (FILL, ODD), complete=True), "a int is no report"),
        (LookUp(ODD, (FILL,), complete=True), "a int is no report"),
        (LookUp(None, (replace(FILL, trade_id=""), OTHER), complete=True), "trade_id is not readable"),
    ],
)
def test_a_look_up_proves_something_only_when_all_of_it_can_be_read(result: object, says: str) -> None:
    """And is about the order that was asked for: by it an order may be declared never placed."""
    assert look_up_problem(result, "x") == says


UNKNOWN = Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        (Failure("timed out", 7), Answer(UNKNOWN, reason="timed out")),
        (NOTHING, Answer(UNKNOWN, reason="the client answered a NoneType")),
        (ODD, Answer(UNKNOWN, reason="the client answered a int")),
        (replace(ANSWER, outcome=ODD), Answer(UNKNOWN, reason="the client answered no outcome")),
        *(
            (
                replace(ANSWER, venue_order_id=name),
                Answer(UNKNOWN, reason="the client answered with an unreadable venue order id"),
            )
            for name in NO_NAMES
        ),
        *(
            (
                replace(ANSWER, ts_event=time),
                Answer(UNKNOWN, reason="the client answered with an unreadable time"),
            )
            for time in NO_TIMES
        ),
        (
            replace(ANSWER, retry_after_ns=NOTHING),
            Answer(UNKNOWN, reason="the client answered with an unreadable time"),
        ),
        (
            replace(ANSWER, names_rules=ODD),
            Answer(UNKNOWN, reason="the client answered with a names_rules that is neither True nor False"),
        ),
        *((sound, sound) for sound in (ANSWER, *(Answer(outcome) for outcome in Outcome))),
        (
            replace(ANSWER, retry_after_ns=9, names_rules=True),
            replace(ANSWER, retry_after_ns=9, names_rules=True),
        ),
        (replace(ANSWER, reason="a\nb"), replace(ANSWER, reason="'a\\nb'")),
        (replace(ANSWER, reason=NOTHING), replace(ANSWER, reason="a NoneType")),
    ],
)
def test_an_answer_that_cannot_be_read_is_unknown(told: Any, understood: Answer) -> None:  # noqa: ANN401 - that is the point
    """Never accepted, never refused: what became of the request is looked up; a sound one is taken whole."""
    assert sound_answer(told) == understood


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("fine", "fine"),
        ("", ""),
        (ODD, "a int"),
        ("a\x1bb", "'a\\x1bb'"),
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 500),
    ],
)
def test_text_from_outside_is_one_short_line(value: object, text: str) -> None:
    """Printable as it is, escaped else, and cut after 500 characters."""
    assert outside_text(value) == text
