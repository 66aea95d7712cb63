"""The conformance class of pacing models passes the shipped shapes and catches each fault by its rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.ports.pacing import (
    EACH,
    Budget,
    DecayingCounter,
    Limit,
    PacingModel,
    Price,
    RateLimits,
    RequestKind,
    TokenBucket,
)
from fairlead.testing.conformance.pacing import PACING_RULES, PacingConformance
from fairlead.testing.conformance.rules import RuleBroken

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "pacing-rules.md"
RULE_TESTS = [name for name in vars(PacingConformance) if name.startswith("test_m")]
CANCEL = Price(1, by_age=((5_000, 8), (300_000, "0.5")))


class TestShippedShapes(PacingConformance):
    """A bucket for the account and a counter for each symbol."""

    def make_model(self) -> PacingModel:
        """Return limits of both shapes."""
        return RateLimits(
            [
                Limit(
                    "reads", TokenBucket(15, "0.33"), {RequestKind.FILLS: Price(2), RequestKind.LOOK_UP: EACH}
                ),
                Limit(
                    "engine",
                    DecayingCounter("125", "2.34"),
                    {RequestKind.SUBMIT: EACH, RequestKind.CANCEL: CANCEL},
                    per_symbol=True,
                ),
            ]
        )


class Odd(TokenBucket):
    """A bucket with one fault, named when it is made."""

    def __init__(self, fault: str) -> None:
        super().__init__(10, 2)
        self.fault = fault

    def available(self, level: BudgetLevel, now_ns: int) -> Decimal:
        """See `Budget.available`."""
        fair = super().available(level, now_ns)
        if self.fault == "melts":
            return max(fair - now_ns % 7, Decimal(0))
        if self.fault == "jumps" and now_ns < level.at_ns:
            return self.size
        return fair

    def spend(self, level: BudgetLevel, cost: Decimal, now_ns: int) -> BudgetLevel:
        """See `Budget.spend`."""
        if self.fault == "careless":
            return BudgetLevel(self.used(level, now_ns) + cost, now_ns)
        return super().spend(level, cost, now_ns)

    def refused(self, level: BudgetLevel, now_ns: int, pause_ns: int) -> BudgetLevel:
        """See `Budget.refused`."""
        return (
            super().refused(level, now_ns, 0)
            if self.fault == "impatient"
            else super().refused(level, now_ns, pause_ns)
        )

    def wait_ns(self, level: BudgetLevel, amount: Decimal, now_ns: int) -> int:
        """See `Budget.wait_ns`."""
        return super().wait_ns(level, amount, now_ns) + (self.fault == "late")


class OddModel:
    """A model with one fault, named when it is made."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.asked = 0
        self.bucket = Odd(fault)

    def costs(self, request: RequestKind, symbol: str, order_age_ns: int) -> Sequence[tuple[str, Decimal]]:  # noqa: ARG002 - the port's
        """See `PacingModel.costs`."""
        self.asked += 1
        if self.fault == "float":
            return [("a", cast("Any", 1.0))]
        if self.fault == "dear":
            return [("a", Decimal(11))]
        return [("a", Decimal(self.asked % 2 if self.fault == "moody" else 1))]

    def budget(self, name: str) -> Budget:
        """See `PacingModel.budget`."""
        if name != "a" and self.fault != "generous":
            raise KeyError(name)
        return self.bucket


def kit_for(fault: str) -> PacingConformance:
    """Return the conformance class over a model with that fault."""

    class Kit(PacingConformance):
        def make_model(self) -> PacingModel:
            return OddModel(fault)

    return Kit()


BROKEN = {
    "M-01": "float",
    "M-02": "dear",
    "M-03": "generous",
    "M-04": "moody",
    "M-05": "melts",
    "M-06": "careless",
    "M-07": "jumps",
    "M-08": "late",
    "M-09": "impatient",
}


@pytest.mark.parametrize(("number", "fault"), BROKEN.items())
def test_a_fault_is_caught_by_the_rule_that_claims_it(number: str, fault: str) -> None:
    """Each fault raises `RuleBroken` of its own rule, in that rule's test."""
    (test,) = [name for name in RULE_TESTS if name.startswith(f"test_m{number[2:]}_")]
    with pytest.raises(RuleBroken) as caught:
        getattr(kit_for(fault), test)()
    assert caught.value.rule.number == number


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    """No rule passes by looking at nothing."""
    assert list(BROKEN) == [rule.number for rule in PACING_RULES]
    assert len(RULE_TESTS) == len(PACING_RULES)


def test_replacing_a_rule_is_noticed() -> None:
    """A subclass that overrides a rule's test fails a test of its own."""

    class Cheat(TestShippedShapes):
        def test_m04_pure(self) -> None:
            """Prove nothing."""

    with pytest.raises(AssertionError, match="test_m04_pure"):
        Cheat().test_no_rule_was_replaced()


def test_the_page_lists_the_rules_as_they_are() -> None:
    """docs/reference/pacing-rules.md has exactly the rules of the code, in their wording."""
    rows = re.findall(r"^\| (M-\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [(rule.number, rule.wording) for rule in PACING_RULES]
