"""Numbered rules, and how a conformance class says that one is broken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

import attrs

_NUMBERED = re.compile(r"([A-Z]-\d\d) (.*)", re.DOTALL)


@attrs.frozen
class Rule:
    """One promise that an implementation must keep: its number, as in ``R-04``, and its wording."""

    number: str
    wording: str

    def require(self, holds: bool, found: str) -> None:  # noqa: FBT001 - reads like an assertion
        """Raise `RuleBroken` unless the condition holds; *found* says what was seen instead."""
        if not holds:
            self.broken(found)

    def broken(self, found: str) -> NoReturn:
        """Raise `RuleBroken`."""
        raise RuleBroken(self, found)


class RuleBroken(AssertionError):
    """An implementation breaks a rule; *rule* says which."""

    def __init__(self, rule: Rule, found: str) -> None:
        self.rule = rule
        super().__init__(f"{rule.number} is broken: {found}. The rule: {rule.wording}")


def overridden_tests(kit: type, subclass: type) -> Iterable[str]:
    """Return the names of the kit's tests that the subclass replaced or took away."""
    return [
        name
        for name, test in vars(kit).items()
        if name.startswith("test_") and getattr(subclass, name, None) is not test
    ]


def rules_of(kit: type) -> dict[str, str]:
    """Return number -> text of the rules that stand in the docstrings of the kit's tests, in order."""
    found = {}
    for name in dir(kit):
        match = _NUMBERED.fullmatch(getattr(kit, name).__doc__ or "") if name.startswith("test_") else None
        if match:
            found[match[1]] = " ".join(match[2].split())
    return dict(sorted(found.items()))


def method_of(kit: type, number: str) -> str:
    """Return the name of the method that checks a rule."""
    prefix = f"test_{number.lower().replace('-', '')}_"
    return next(name for name in dir(kit) if name.startswith(prefix))
