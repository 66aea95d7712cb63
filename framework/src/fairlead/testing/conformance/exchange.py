"""The conformance class of exchange clients: rules E-01 to E-44 of ``docs/reference/exchange-rules.md``.

Derive from `ExchangeConformance`, implement `make_world`, and let pytest collect the class::

    class TestMyClient(ExchangeConformance):
        async def make_world(self) -> ExchangeWorld:
            return MyWorld()
"""

from __future__ import annotations

from fairlead.testing.conformance.exchange_account import AccountRules
from fairlead.testing.conformance.exchange_adoption import AdoptionRules
from fairlead.testing.conformance.exchange_changes import ChangeRules
from fairlead.testing.conformance.exchange_evidence import EvidenceRules
from fairlead.testing.conformance.exchange_failures import FailureRules
from fairlead.testing.conformance.exchange_orders import OrderRules
from fairlead.testing.conformance.exchange_terms import TermRules
from fairlead.testing.conformance.exchange_world import Ability, ExchangeWorld, RecordingSink
from fairlead.testing.conformance.rules import rules_of

__all__ = ["Ability", "ExchangeConformance", "ExchangeWorld", "RecordingSink", "exchange_rules"]


class ExchangeConformance(
    OrderRules, EvidenceRules, FailureRules, TermRules, ChangeRules, AdoptionRules, AccountRules
):
    """Every rule, one test each; a rule whose ability the world lacks is skipped and says so."""


def exchange_rules() -> dict[str, str]:
    """Return every rule's number and text."""
    return rules_of(ExchangeConformance)
