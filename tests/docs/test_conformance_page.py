"""The page of conformance classes is true: each kind of plugin has rules, and faults that prove them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs
import pytest

from fairlead.testing.conformance.component import COMPONENT_RULES
from fairlead.testing.conformance.exchange import exchange_rules
from fairlead.testing.conformance.notifier import NOTIFIER_RULES
from fairlead.testing.conformance.pacing import PACING_RULES
from fairlead.testing.conformance.price_source import PRICE_SOURCE_RULES
from fairlead.testing.conformance.risk import RISK_RULES
from fairlead.testing.conformance.rules import Rule
from fairlead.testing.conformance.store import store_rules
from tests.core.testing import (
    broken_checks,
    broken_components,
    broken_notifiers,
    broken_price_sources,
    broken_stores,
)
from tests.core.testing import test_pacing_conformance as pacing
from tests.paper import test_broken_clients as exchanges

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"
FAULTS_MIN = 6


@attrs.frozen
class Kind:
    """One kind of plugin: its class, its rules, and (rule, plugin with one fault)."""

    conformance: str
    rules: frozenset[str]
    faults: frozenset[tuple[str, str]]


def numbers(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the numbers of the rules."""
    return frozenset(rule.number for rule in rules)


def named(pairs: Iterable[tuple[str, Callable[..., object]]]) -> frozenset[tuple[str, str]]:
    """Return rule and name of each class."""
    return frozenset((rule, getattr(broken, "__name__", "")) for rule, broken in pairs)


KINDS: Mapping[str, Kind] = {
    "exchange": Kind("exchange.ExchangeConformance", frozenset(exchange_rules()), named(exchanges.FAULTS)),
    "store": Kind(
        "store.StoreConformance",
        frozenset(store_rules()),
        named((rule, broken) for rule, kinds in broken_stores.BROKEN.items() for broken in kinds),
    ),
    "risk check": Kind("risk.RiskConformance", numbers(RISK_RULES), named(broken_checks.BROKEN)),
    "pacing model": Kind("pacing.PacingConformance", numbers(PACING_RULES), frozenset(pacing.BROKEN.items())),
    "price source": Kind(
        "price_source.PriceSourceConformance",
        numbers(PRICE_SOURCE_RULES),
        named(broken_price_sources.BROKEN),
    ),
    "component": Kind(
        "component.ComponentConformance", numbers(COMPONENT_RULES), named(broken_components.BROKEN)
    ),
    "notifier": Kind("notifier.NotifierConformance", numbers(NOTIFIER_RULES), named(broken_notifiers.BROKEN)),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_six_plugins_of_one_fault_and_no_rule_is_without_one(name: str) -> None:
    """The modules named here run each of them: the rule that claims the fault must fail for it."""
    kind = KINDS[name]
    assert len({plugin for _, plugin in kind.faults}) >= FAULTS_MIN
    assert {rule for rule, _ in kind.faults} == kind.rules


def test_the_page_counts_them_as_they_are() -> None:
    """The page has a row for every kind, with the numbers of rules and of faulty plugins."""
    text = PAGE.read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        plugins = {plugin for _, plugin in kind.faults}
        row = f"| {name} | `{kind.conformance}` | {len(kind.rules)} | {len(plugins)} |"
        assert row in text, f"write: {row}"


def test_the_page_names_every_fault_with_its_rule() -> None:
    """Which plugin breaks which rule is on the page, for every rule of every kind."""
    text = PAGE.read_text(encoding="utf-8")
    for kind in KINDS.values():
        for rule in sorted(kind.rules):
            plugins = ", ".join(f"`{plugin}`" for number, plugin in sorted(kind.faults) if number == rule)
            row = f"| {rule} | {plugins} |"
            assert row in text, f"write: {row}"
