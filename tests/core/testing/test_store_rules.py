"""Every store rule finds the fault it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.errors import FairleadError
from fairlead.testing.conformance.rules import method_of
from fairlead.testing.conformance.store import StoreConformance, store_rules
from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.memory_store import MemoryStore
from tests.core.testing.broken_stores import BROKEN
from tests.core.testing.memory_medium import MemoryMedium

RULES = store_rules()
FAILURES = (AssertionError, pytest.fail.Exception, FairleadError)


class Rules(StoreConformance):
    """The rules, to be run one by one; its name keeps pytest from collecting it."""

    def medium_at(self, folder: Path) -> StoreMedium:
        """Not used: the rules get their medium as an argument."""
        raise NotImplementedError


def check(number: str, kind: type[MemoryStore]) -> None:
    """Run one rule on one kind of store; raises what the rule raises."""
    getattr(Rules(), method_of(Rules, number))(MemoryMedium(kind))


@pytest.mark.parametrize(
    ("number", "kind"),
    [pytest.param(n, k, id=f"{n}-{k.__name__}") for n, kinds in BROKEN.items() for k in kinds],
)
def test_a_broken_store_breaks_the_rule(number: str, kind: type[MemoryStore]) -> None:
    """A store with just this fault fails the rule, while the store it was made from keeps it."""
    check(number, MemoryStore)
    with pytest.raises(FAILURES):
        check(number, kind)


def test_every_rule_is_numbered_and_has_a_store_that_breaks_it() -> None:
    """No rule is without a number, none has a number twice, none is there that cannot fail."""
    methods = [name for name in dir(Rules) if name.startswith("test_")]

    assert list(RULES) == [f"S-{number:02}" for number in range(1, len(methods) + 1)]
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("needs", ["kill", "faults"])
def test_a_rule_is_skipped_where_the_store_cannot_play_it(needs: str) -> None:
    """A store that declares no kill or no faults skips those rules, visibly, and keeps all the others."""

    class Modest(Rules):
        can_kill = needs != "kill"
        faults = frozenset() if needs == "faults" else Rules.faults

    skipped = []
    for number in RULES:
        try:
            getattr(Modest(), method_of(Modest, number))(MemoryMedium())
        except pytest.skip.Exception:
            skipped.append(number)
    assert skipped == {"kill": ["S-24", "S-25"], "faults": ["S-29", "S-30", "S-31"]}[needs]
