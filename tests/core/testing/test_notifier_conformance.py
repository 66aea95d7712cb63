"""The conformance class of notifiers passes a sound one and catches every broken one by its rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead.ports.clock import Clock
from fairlead.testing.conformance.notifier import NOTIFIER_RULES, NotifierConformance, NotifierWorld
from fairlead.testing.conformance.rules import RuleBroken
from tests.core.testing.broken_notifiers import BROKEN, SECRET, SoundWorld

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "notifier-rules.md"
RULE_TESTS = [name for name in vars(NotifierConformance) if re.match(r"test_n\d", name)]


def kit_for(made: type[SoundWorld]) -> NotifierConformance:
    """Return the conformance class over that class."""

    class Kit(NotifierConformance):
        secrets = (SECRET,)

        def make_world(self, clock: Clock) -> NotifierWorld:
            return made(clock)

    return Kit()


class TestSound(NotifierConformance):
    """A sound one passes every rule."""

    def make_world(self, clock: Clock) -> NotifierWorld:
        """Return it."""
        return SoundWorld(clock)


@pytest.mark.parametrize(("number", "made"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_one_is_caught_by_the_rule_that_claims_it(number: str, made: type[SoundWorld]) -> None:
    """Each fault raises `RuleBroken` of its own rule, in that rule's test."""
    (test,) = [name for name in RULE_TESTS if name.startswith(f"test_n{number[2:]}_")]
    with pytest.raises(RuleBroken) as caught:
        getattr(kit_for(made), test)()
    assert caught.value.rule.number == number


@pytest.mark.parametrize(("number", "made"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_one_is_caught_by_no_other_rule(number: str, made: type[SoundWorld]) -> None:
    """Each fault is one fault: the tests of all other rules pass."""
    for test in RULE_TESTS:
        if not test.startswith(f"test_n{number[2:]}_"):
            getattr(kit_for(made), test)()


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    """No rule passes by looking at nothing."""
    assert {number for number, _ in BROKEN} == {rule.number for rule in NOTIFIER_RULES}
    assert len(RULE_TESTS) == len(NOTIFIER_RULES)


def test_replacing_a_rule_is_noticed() -> None:
    """A subclass that overrides a rule's test fails a test of its own."""

    class Cheat(TestSound):
        def test_n01_name(self) -> None:
            """Prove nothing."""

    with pytest.raises(AssertionError, match="test_n01_name"):
        Cheat().test_no_rule_was_replaced()


def test_the_page_lists_the_rules_as_they_are() -> None:
    """The page has exactly the rules of the code, in their wording."""
    rows = re.findall(r"^\| (N-\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [(rule.number, rule.wording) for rule in NOTIFIER_RULES]
