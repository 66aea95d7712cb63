"""Arithmetic that never raises, for checks: a figure beyond all sense is rounded up, against the bot."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import reduce

from fairlead.ports.numbers import ZERO, text_of

# Twice the digits of any number that the kernel takes, and some: real sums and products are exact.
_ROUNDING_UP = Context(
    prec=96, rounding=ROUND_UP, Emin=-999, Emax=999, traps=[DivisionByZero, InvalidOperation, Overflow]
)

plus = _ROUNDING_UP.add
minus = _ROUNDING_UP.subtract
times = _ROUNDING_UP.multiply
over = _ROUNDING_UP.divide


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum."""
    return reduce(plus, amounts, ZERO)


def plain(number: Decimal) -> str:
    """Return the one text of a number, however it was written: 1.50 and 1.5 are the same."""
    text = text_of(number)
    return text.rstrip("0").rstrip(".") if "." in text else text
