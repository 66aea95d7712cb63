"""The rules that every store keeps, as tests: subclass `StoreConformance` for your store.

::

    class TestMyStore(StoreConformance):
        def medium_at(self, folder: Path) -> StoreMedium:
            return MyMedium(folder / "data")

A rule is a method whose docstring begins with its number; ``docs/reference/store-rules.md`` lists them.
"""

from __future__ import annotations

from fairlead.testing.conformance.rules import rules_of
from fairlead.testing.conformance.store_contents import ContentRules
from fairlead.testing.conformance.store_recovery import RecoveryRules
from fairlead.testing.conformance.store_searches import SearchRules
from fairlead.testing.conformance.store_tripwires import TripwireRules
from fairlead.testing.conformance.store_writing import WritingRules


class StoreConformance(WritingRules, ContentRules, RecoveryRules, SearchRules, TripwireRules):
    """All rules of the store port.

    Say in the subclass what your store is: `medium_at`, and if the class attributes need it ``can_kill``
    (False when a process's death cannot be played) and ``faults`` (the faults that `StoreMedium.plan_fault`
    can play; rules about others are skipped).
    """


def store_rules() -> dict[str, str]:
    """Return every rule's number and text."""
    return rules_of(StoreConformance)
