"""The conformance class of risk checks passes a sound check and catches every broken one by its rule."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.domain.instruments import Instrument
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.ports.risk import RiskCheck, RiskRequest, RiskView
from fairlead.testing.conformance.risk import RISK_RULES, RiskConformance
from fairlead.testing.conformance.rules import RuleBroken
from fairlead.testing.risk_view import FakeRiskView
from tests.core.testing.broken_checks import BROKEN, SoundCheck

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "risk-rules.md"
RULE_TESTS = [name for name in vars(RiskConformance) if name.startswith("test_r")]


def large_order() -> RiskRequest:
    """Return an order for 2 of something."""
    instrument = Instrument(
        symbol="BTC/USDT", base="BTC", quote="USDT", price_increment=Decimal(1), quantity_increment=Decimal(1)
    )
    return RiskRequest(
        owner="bot",
        symbol="BTC/USDT",
        book="bot",
        side=OrderSide.BUY,
        order_type=OrderType.MARKET,
        quantity=Decimal(2),
        price=None,
        reduces=False,
        instrument=instrument,
    )


def kit_for(check_class: type[SoundCheck]) -> RiskConformance:
    """Return the conformance class over a check class; it looks long, and shows what it finds as it is."""

    class Kit(RiskConformance):
        examples = 200
        shrinks = False

        def make_check(self) -> RiskCheck:
            return check_class()

        def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
            return large_order(), FakeRiskView(), check_class().initial()

    return Kit()


class TestSoundCheck(RiskConformance):
    """A check that keeps a value and every rule passes them all."""

    def make_check(self) -> RiskCheck:
        """Return the check."""
        return SoundCheck()

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return an order that is too large."""
        return large_order(), FakeRiskView(), "0"


@pytest.mark.parametrize(
    ("number", "check_class"), BROKEN, ids=lambda value: getattr(value, "__name__", value)
)
def test_broken_check_is_caught_by_the_rule_that_claims_it(
    number: str, check_class: type[SoundCheck]
) -> None:
    """Each fault raises `RuleBroken` of its own rule, in that rule's test."""
    tests = [name for name in RULE_TESTS if name.startswith(f"test_r{number[2:]}_")]
    assert len(tests) == 1

    with pytest.raises(RuleBroken) as caught:
        getattr(kit_for(check_class), tests[0])()

    assert caught.value.rule.number == number


def test_every_rule_has_a_broken_check() -> None:
    """No rule is without a fault that it catches, so none can pass by looking at nothing."""
    assert {number for number, _ in BROKEN} == {rule.number for rule in RISK_RULES}
    assert len(RULE_TESTS) == len(RISK_RULES)


def test_replacing_a_rule_is_noticed() -> None:
    """A subclass that overrides a rule's test fails a test of its own."""

    class Cheat(TestSoundCheck):
        def test_r05_answers_judgements(self) -> None:
            """Prove nothing."""

    with pytest.raises(AssertionError, match="test_r05_answers_judgements"):
        Cheat().test_no_rule_was_replaced()


def test_page_lists_the_rules_as_they_are() -> None:
    """docs/reference/risk-rules.md has exactly the rules of the code, in their wording."""
    rows = re.findall(r"^\| (R-\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert rows == [(rule.number, rule.wording) for rule in RISK_RULES]


def test_importing_the_testing_package_needs_neither_pytest_nor_hypothesis() -> None:
    """`import fairlead.testing` and the fake view work in an environment without the extra."""
    program = (
        "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None; "
        "import fairlead.testing, fairlead.testing.risk_view; print('imported')"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "imported\n"
