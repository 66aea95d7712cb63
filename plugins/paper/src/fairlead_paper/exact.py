"""Exact arithmetic of the venue: nothing here reads or changes the process-wide decimal context."""

from __future__ import annotations

import re
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
    Underflow,
)

from fairlead.errors import NumberRefused

__all__ = [
    "ONE",
    "ZERO",
    "add",
    "ceil_to",
    "decimal_of",
    "divide_down",
    "divide_exactly",
    "finer_of",
    "floor_to",
    "is_usable",
    "multiply",
    "on_grid",
    "round_down",
    "subtract",
    "text_of",
]

_FATAL: list[type] = [InvalidOperation, DivisionByZero, Overflow, Underflow, Subnormal, Clamped]
_EXACT = Context(prec=96, Emin=-999, Emax=999, traps=[*_FATAL, Inexact])
_ROUNDING = Context(prec=96, Emin=-999, Emax=999, traps=_FATAL)

ZERO = Decimal(0)
ONE = Decimal(1)

add = _EXACT.add
subtract = _EXACT.subtract
multiply = _EXACT.multiply

_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)


# fixed: the digits that the framework takes, for which 96 are enough everywhere here
_DIGITS_MAX = 38


def is_usable(number: object) -> bool:
    """Tell whether it is a price or quantity to compute with: a finite decimal above zero, of 38 digits."""
    return (
        type(number) is Decimal
        and number.is_finite()
        and number > ZERO
        and -_DIGITS_MAX <= number.adjusted() <= _DIGITS_MAX
        and len(number.as_tuple().digits) <= _DIGITS_MAX
    )


def decimal_of(text: str, field: str) -> Decimal:
    """Return the number written in plain ASCII digits; raise `NumberRefused` for any other text."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise NumberRefused(
            field, f"{ascii(text)[:60]} is not a plain decimal number", fix='Write it like "0.015".'
        )
    return Decimal(text)


def text_of(number: Decimal) -> str:
    """Return the number in plain notation, without an exponent."""
    return format(number, "f")


def divide_exactly(number: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient; raises `decimal.Inexact` when it does not end."""
    return _EXACT.divide(number, divisor)


def finer_of(unit: Decimal, step: Decimal) -> Decimal:
    """Return the unit, or the power of ten in which the step is written when that is finer."""
    exponent = step.as_tuple().exponent
    written = Decimal((0, (1,), exponent)) if isinstance(exponent, int) else unit
    return min(unit, written)


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of the step that is not above the (positive) number."""
    return _EXACT.multiply(_ROUNDING.divide_int(number, step), step)


def on_grid(number: Decimal, step: Decimal) -> bool:
    """Tell whether the number is a multiple of the step."""
    return _EXACT.remainder(number, step) == ZERO


def round_down(number: Decimal, unit: Decimal) -> Decimal:
    """Round towards zero to the decimals of the unit (a power of ten)."""
    return number.quantize(unit, rounding=ROUND_DOWN, context=_ROUNDING)


def ceil_to(number: Decimal, unit: Decimal) -> Decimal:
    """Round up to the decimals of the unit (a power of ten)."""
    return number.quantize(unit, rounding=ROUND_CEILING, context=_ROUNDING)


def divide_down(number: Decimal, divisor: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of the step that, times the divisor, is not above the number."""
    return _EXACT.multiply(_ROUNDING.divide_int(number, _EXACT.multiply(divisor, step)), step)
