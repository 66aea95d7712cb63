"""What a risk check gives back is looked at before it is believed and journaled."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fairlead.domain.identifiers import to_line
from fairlead.domain.numbers import to_decimal
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.verdicts import Allow, Deny, Lock
from fairlead.errors import TextRefused
from fairlead.kernel.core.readable import TIME_MAX_NS

_PAIR = 2
_LAYOUT = "\n\t"


def limits_of(check: object) -> Mapping[str, Decimal | int]:
    """Return what a check tells of its limits; nothing where it tells none.

    Raises `FairleadError` for what is no mapping of names to numbers.
    """
    told: object = getattr(check, "limits", {})
    if not isinstance(told, Mapping):
        raise TextRefused("limits", f"a {type(told).__name__} is no mapping of names to numbers")
    for name, limit in told.items():
        to_line(name, "limits")
        to_decimal(limit, f"limits.{name}")
    return told


def judgement_problem(answer: object) -> str:
    """Say why an answer is no judgement that can be journaled, or nothing."""
    if type(answer) is Allow:
        return ""
    if type(answer) is Deny:
        return _figures_problem(answer.figures) or _texts_problem(answer.code, answer.reason)
    if type(answer) is Lock:
        return _lock_problem(answer) or _texts_problem(answer.code, answer.reason)
    kind = "nothing" if answer is None else f"a {type(answer).__name__}"
    return f"{kind}; Allow, Deny or Lock is due"


def value_problem(value: object) -> str:
    """Say why a check's value cannot be stored, or nothing."""
    if type(value) is not str:
        return f"returned a {type(value).__name__}, not text"
    if value.isprintable() or all(each.isprintable() or each in _LAYOUT for each in value):
        return ""
    return "returned text that cannot be stored"


def _figures_problem(figures: object) -> str:
    if type(figures) is tuple and all(type(pair) is tuple and len(pair) == _PAIR for pair in figures):
        return "" if all(_is_text(text) for pair in figures for text in pair) else "figures that are not text"
    return "figures that are not pairs"


def _lock_problem(lock: Lock) -> str:
    if type(lock.until_ns) is not int or not 0 <= lock.until_ns < TIME_MAX_NS:
        return "a lock until no time"
    if lock.side is not None and type(lock.side) is not OrderSide:
        return "a lock of no side"
    return "" if _is_text(lock.scope) else "a lock of no scope"


def _texts_problem(code: object, reason: object) -> str:
    if not _is_text(code) or not code:
        return "without a code"
    return "" if _is_text(reason) else "a reason that is not printable text"


def _is_text(value: object) -> bool:
    return type(value) is str and value.isprintable()
