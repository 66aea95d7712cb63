"""What changed between two readings of the venue's rules, as text for the journal and for people."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import attrs

from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import text_of
from fairlead.domain.values import Value

LISTED = "listed"
"""The name under which a change says whether the venue still gives rules for a symbol."""

YES = "yes"
WITHDRAWN = "no"
OTHER_CONTRACT = "as another contract"

_WHAT_IT_IS = ("contract", "contract_multiplier", "settlement_currency")
"""What a position was counted in: a symbol for which this changes is another contract from then on."""

_RULES = tuple(field.name for field in attrs.fields(Instrument) if field.name != "symbol")


class RuleChange(Value):
    """One rule of a symbol and what it was and is, as text; *name* is its field, or `LISTED`."""

    symbol: str
    name: str
    before: str
    after: str


class InstrumentsChanged(Value):
    """The venue's rules were read again and differ. The rules themselves are not journaled.

    *reason* says why they were read.
    """

    KIND: ClassVar[str] = "instruments_changed"
    VERSION: ClassVar[int] = 1
    reason: str
    changes: tuple[RuleChange, ...]


def withdrawals(known: Mapping[str, Instrument], read: Mapping[str, Instrument]) -> dict[str, str]:
    """Return the known symbols that are not listed as they were, and how they are listed now."""
    listed = {symbol: _listed_as(known[symbol], read.get(symbol)) for symbol in known}
    return {symbol: how for symbol, how in listed.items() if how != YES}


def rule_changes(
    known: Mapping[str, Instrument],
    withdrawn: Mapping[str, str],
    read: Mapping[str, Instrument],
) -> tuple[RuleChange, ...]:
    """Return what differs, by symbol; *withdrawn* are the known ones that the reading before did not list."""
    changes: list[RuleChange] = []
    for symbol in sorted(known.keys() | read.keys()):
        old, new = known.get(symbol), read.get(symbol)
        before = WITHDRAWN if old is None else withdrawn.get(symbol, YES)
        after = YES if old is None else _listed_as(old, new)
        if before != after:
            changes.append(RuleChange(symbol, LISTED, before, after))
        if old is not None and new is not None and after == YES:
            changes.extend(_differences(symbol, old, new))
    return tuple(changes)


def _listed_as(known: Instrument, read: Instrument | None) -> str:
    if read is None:
        return WITHDRAWN
    same = all(getattr(known, name) == getattr(read, name) for name in _WHAT_IT_IS)
    return YES if same else OTHER_CONTRACT


def _differences(symbol: str, old: Instrument, new: Instrument) -> list[RuleChange]:
    pairs = [(name, getattr(old, name), getattr(new, name)) for name in _RULES]
    return [
        RuleChange(symbol, name, _text(before), _text(after))
        for name, before, after in pairs
        if before != after
    ]


def _text(value: object) -> str:
    if value is None:
        return "none"
    return text_of(value) if isinstance(value, Decimal) else str(value)
