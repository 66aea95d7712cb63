"""How `explain` tells of an order that waited for the venue's rate limit."""

from __future__ import annotations

from decimal import Decimal

from fairlead.cli.story import tell
from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.records import BudgetSpent, OrderJudgedAgain, OrderPaced, Record
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.verdicts import Verdict

NAME = "a" * 32


def test_waits_payments_and_second_judgements_are_told() -> None:
    """Who reads why an order was late finds the wait, what it took of the limit, and what the gate said."""
    level = BudgetLevel(Decimal("3.50"), 1)
    records: list[Record] = [
        OrderPaced(NAME, RequestKind.SUBMIT, Lane.ENTRY, "BTC/USDT", (), 1, 1_500_000_000),
        OrderJudgedAgain(NAME, True, (Verdict("small", "1", True),)),
        BudgetSpent(RequestKind.SUBMIT, NAME, (("engine", level),)),
        BudgetSpent(RequestKind.SUBMIT, NAME, (("engine", level),), True),
        BudgetSpent(RequestKind.LOOK_UP, NAME, ()),
        OrderJudgedAgain(NAME, False, ()),
    ]
    lines = tell(NAME, [(number, 1, record) for number, record in enumerate(records)])
    assert [line.text for line in lines] == [
        "Its submit waits for the venue's rate limit, about 1.5 s, in the entry lane.",
        "It had waited so long that the gate was asked again, and allowed it.",
        "small 1 allowed it.",
        "Its submit takes of the venue's rate limit: 3.5 of engine is used then.",
        "The venue refused the submit for its rate limit; 3.5 of engine counts as used.",
        "Its look_up was not needed any more.",
        "It had waited so long that the gate was asked again, and denied it.",
    ]
