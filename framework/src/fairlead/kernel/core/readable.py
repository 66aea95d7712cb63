"""What comes from an exchange client is looked at before it is believed: type, text and figures.

An answer that is none counts as unknown; a report that cannot be read becomes an anomaly; text from
outside is escaped once, here, so that it can neither hurt a terminal nor the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import attrs
from msgspec.structs import replace

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.identifiers import VENUE_TEXT_LENGTH_MAX
from fairlead.domain.numbers import ZERO, to_decimal
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.errors import NumberRefused
from fairlead.plugins.redaction import redacted
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

# fixed: what one text of a stranger may cost the journal
TEXT_LENGTH_MAX = 500
"""Free text from outside is cut after so many characters."""

# fixed: what a signed integer of 64 bits holds
TIME_MAX_NS = 2**63
OPTIONAL_FIGURES = ("limit_price", "trigger_price", "trailing_distance", "trailing_rate", "leverage")
"""Figures of an order's terms that not every order has."""


@attrs.frozen
class Failure:
    """A request to which no answer came back.

    *limited_ns* is set when the venue refused it for its rate limit: how long it said to wait, or 0.
    """

    reason: str
    limited_ns: int | None = None


def outside_text(value: object) -> str:
    """Return free text from outside on one line, escaped where it is not printable, and not too long."""
    if not isinstance(value, str):
        return f"a {type(value).__name__}"
    shown = redacted(value)[:TEXT_LENGTH_MAX]
    return shown if shown.isprintable() else ascii(shown)


def sound_answer(answer: object) -> Answer:
    """Return the answer, or one that says unknown when it is none."""
    if type(answer) is Failure:
        return Answer(Outcome.UNKNOWN, reason=answer.reason)
    problem = _answer_problem(answer)
    if problem:
        return Answer(Outcome.UNKNOWN, reason=f"the client answered {problem}")
    assert isinstance(answer, Answer)  # see above; narrows the type
    reason = outside_text(answer.reason)
    return answer if reason == answer.reason else replace(answer, reason=reason)


def _answer_problem(answer: object) -> str:
    if type(answer) is not Answer:
        return outside_text(answer) if answer is None else f"a {type(answer).__name__}"
    if type(answer.outcome) is not Outcome:
        return "no outcome"
    if not _is_name(answer.venue_order_id, may_be_empty=True):
        return "with an unreadable venue order id"
    if not _is_time(answer.ts_event) or type(answer.retry_after_ns) is not int:
        return "with an unreadable time"
    return "" if type(answer.names_rules) is bool else "with a names_rules that is neither True nor False"


def look_up_problem(result: object, client_order_id: str) -> str:
    """Say why a look-up proves nothing, or nothing."""
    if type(result) is Failure:
        return result.reason
    if type(result) is not LookUp:
        return f"the client answered a {type(result).__name__}"
    if not isinstance(result.fills, Sequence) or type(result.complete) is not bool:
        return "the client answered no look-up"
    reports: list[OrderReport | FillReport] = [
        *result.fills,
        *([] if result.report is None else [result.report]),
    ]
    for report in reports:
        problem = report_problem(report)
        if problem:
            return problem
        if report.client_order_id != client_order_id:
            return "the client answered about another order"
    return ""


def report_problem(report: object) -> str:
    """Say why a report cannot be read, or nothing."""
    if type(report) is OrderReport:
        return _names_problem(report) or _order_problem(report)
    if type(report) is FillReport:
        return _names_problem(report) or _fill_problem(report)
    return f"a {type(report).__name__} is no report"


def _names_problem(report: OrderReport | FillReport) -> str:
    if not _is_name(report.client_order_id, may_be_empty=True):
        return "client_order_id is not readable"
    if not _is_name(report.venue_order_id, may_be_empty=True):
        return "venue_order_id is not readable"
    if not _is_time(report.ts_event):
        return "ts_event is not a time"
    return "" if _is_name(report.symbol) else "symbol is not readable"


def _order_problem(report: OrderReport) -> str:
    if type(report.status) is not VenueStatus:
        return "status is not known"
    if type(report.names_rules) is not bool:
        return "names_rules is neither True nor False"
    problem = _number_problem(report.filled_quantity, "filled_quantity") or _terms_problem(report.terms)
    return problem or ("filled_quantity is below zero" if report.filled_quantity < ZERO else "")


def _terms_problem(terms: object) -> str:
    """Say why terms cannot be read, or nothing; whether they can be true is decided where they are used."""
    if terms is None:
        return ""
    if type(terms) is not OrderTerms or type(terms.side) is not OrderSide:
        return "terms cannot be read"
    if type(terms.order_type) is not OrderType or type(terms.time_in_force) is not TimeInForce:
        return "terms.order_type or terms.time_in_force is not known"
    optional = [getattr(terms, name) for name in OPTIONAL_FIGURES]
    figures = [terms.quantity, *(figure for figure in optional if figure is not None)]
    if any(type(figure) is not Decimal for figure in figures):
        return "a figure of the terms is not a Decimal"
    flags = type(terms.post_only) is bool and type(terms.reduce_only) is bool
    return (
        ""
        if flags and _is_time(terms.expire_ns)
        else "terms.expire_ns or a flag of the terms is not readable"
    )


def _fill_problem(fill: FillReport) -> str:
    if not _is_name(fill.trade_id):
        return "trade_id is not readable"
    if type(fill.side) is not OrderSide or type(fill.liquidity) is not Liquidity:
        return "side or liquidity is not known"
    if not _is_name(fill.fee_currency, may_be_empty=True):
        return "fee_currency is not readable"
    for name in ("quantity", "price", "fee", "value"):
        figure = getattr(fill, name)
        if type(figure) is not Decimal and not (name == "value" and figure is None):
            return f"{name} is a {type(figure).__name__}, not a Decimal"
    return ""


def entry_problem(entry: object) -> str:
    """Say why an entry of a venue's ledger cannot be read, or nothing."""
    if type(entry) is not LedgerEntry:
        return f"a {type(entry).__name__} is no entry of a ledger"
    if not _is_name(entry.entry_id):
        return "entry_id is not readable"
    if type(entry.kind) is not AdjustmentKind:
        return "kind is not known"
    if not _is_time(entry.ts_event):
        return "ts_event is not a time"
    return "asset is not readable" if not _is_name(entry.asset) else _number_problem(entry.amount, "amount")


def page_problem(page: object) -> str:
    """Say why an answer cannot be a page of a ledger, or nothing; its entries are looked at one by one."""
    if type(page) is not LedgerPage or not isinstance(page.entries, Sequence):
        return f"the client answered a {type(page).__name__} that is no page"
    readable = type(page.cursor) is str and type(page.more) is bool
    return "" if readable else "its cursor is no text, or it does not say whether there is more"


def balances_problem(told: object) -> str:
    """Say why an answer cannot be balances, or nothing."""
    if not isinstance(told, Mapping):
        return f"the client answered a {type(told).__name__}"
    for asset, total in told.items():
        if not _is_name(asset):
            return "the name of an asset is not readable"
        problem = _number_problem(total, f"the total of {asset}")
        if problem:
            return problem
    return ""


def _number_problem(value: object, field: str) -> str:
    """Say why a figure cannot be used, or nothing; the client converts, nobody does it for it."""
    if type(value) is not Decimal:
        return f"{field} is a {type(value).__name__}, not a Decimal"
    try:
        to_decimal(value, field)
    except NumberRefused as refusal:
        return refusal.what
    return ""


def _is_name(value: object, *, may_be_empty: bool = False) -> bool:
    if type(value) is not str or len(value) > VENUE_TEXT_LENGTH_MAX:
        return False
    return value.isprintable() if value else may_be_empty


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < TIME_MAX_NS
