"""Exact decimal arithmetic: what comes in as a number, and how numbers are combined.

Money and quantity are `Decimal`. A float is refused with an error that says what to pass. The
process-wide decimal context is never read or changed: all arithmetic goes through the two contexts
below, so a host that changes its own context changes nothing here. (Decimal's operators ``+ - *``
and unary minus round to the process-wide context; comparisons do not. Hence the named functions.)
"""

from __future__ import annotations

import re
from decimal import (
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
    Subnormal,
    Underflow,
)
from math import isfinite

from fairlead.errors import NumberRefused

# fixed: what PostgreSQL and exchanges agree on
SIGNIFICANT_DIGITS_MAX = 38
"""Input numbers have at most this many significant digits (PostgreSQL and exchanges agree on it)."""

# fixed: what 38 digits and exact products of them can hold
EXPONENT_MAX = 38
"""The magnitude of an input number lies between 10**-38 and 10**38."""

# fixed: longer than any number that would be taken
TEXT_LENGTH_MAX = 80
"""Longest text taken for a number; longer ones are refused before they are parsed."""

# fixed: what a signed integer of 64 bits holds
TIME_MAX_NS = 2**63
"""Times are signed 64-bit integers wherever they are kept."""

# fixed: a matter of wording, not of behaviour
EXCERPT_LENGTH = 24
"""How much of a text that is no number an error shows."""

# fixed: room for the product of two numbers of 38 digits, with sums of many
CONTEXT_DIGITS = 96

Number = Decimal | int | str
"""What is taken where a number is due: never a float."""

ZERO = Decimal(0)
ONE = Decimal(1)

FATAL: list[type] = [InvalidOperation, DivisionByZero, Overflow, Underflow, Subnormal, Clamped]
"""What every context traps; each states its rounding."""

EXACT = Context(prec=CONTEXT_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, traps=[*FATAL, Inexact])
"""For sums and products: a result that would need rounding raises `decimal.Inexact`."""

QUANTISING = Context(prec=CONTEXT_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, traps=FATAL)
"""For divisions and quantising, where rounding is stated."""

_INPUT = Context(
    prec=SIGNIFICANT_DIGITS_MAX, Emin=-EXPONENT_MAX, Emax=EXPONENT_MAX, traps=[*FATAL, Inexact, Rounded]
)
"""Refuses what is too long or too far from one in a single operation: this runs for every number."""

_AVERAGING = Context(prec=SIGNIFICANT_DIGITS_MAX, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, traps=FATAL)
_QUANTA = {decimals: Decimal((0, (1,), -decimals)) for decimals in range(SIGNIFICANT_DIGITS_MAX + 1)}

add = EXACT.add
subtract = EXACT.subtract
multiply = EXACT.multiply
divide = QUANTISING.divide
average = _AVERAGING.divide
"""For people: a quotient of at most 38 digits, so that what is shown may also be passed back in."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)

__all__ = [
    "EXACT",
    "FATAL",
    "ONE",
    "QUANTISING",
    "ZERO",
    "Number",
    "add",
    "average",
    "divide",
    "floor_to_step",
    "is_multiple_of",
    "multiply",
    "nearest_multiples",
    "quantise",
    "share_of",
    "subtract",
    "text_of",
    "to_decimal",
    "to_fraction",
    "to_positive",
    "to_time_ns",
]


def to_decimal(value: object, field: str) -> Decimal:
    """Return the number as a finite `Decimal`, or raise `NumberRefused` that names the field.

    Takes `Decimal`, `int` and plain ASCII text; refuses floats, booleans, NaN, infinities, more
    than 38 significant digits and magnitudes outside 10**±38. Negative zero becomes zero.
    """
    if type(value) is Decimal:
        number = value
    elif isinstance(value, str):
        number = _parse(value, field)
    elif type(value) is int:
        # fixed: a digit of ten takes less than four bits
        if value.bit_length() > 4 * SIGNIFICANT_DIGITS_MAX:  # a digit takes less than four bits
            raise NumberRefused(field, "the integer is longer than 38 digits", fix="Pass a smaller number.")
        number = Decimal(value)
    else:
        raise _wrong_type(value, field)
    return _bounded(number, field)


def to_positive(value: object, field: str) -> Decimal:
    """Return the number like `to_decimal`, and refuse zero and below."""
    number = to_decimal(value, field)
    if not number > ZERO:
        problem = f"must be greater than zero, not {text_of(number)}"
        raise NumberRefused(field, problem, fix="Pass a positive number.")
    return number


def to_fraction(value: object, field: str, *, signed: bool = False) -> Decimal:
    """Return a fraction above 0 and below 1, which text may give in percent: ``"2%"`` is 0.02.

    When *signed*, it may also lie below 0 and above -1. Raises `NumberRefused` otherwise.
    """
    if isinstance(value, str) and value.endswith("%"):
        number = to_decimal(value[:-1], field)
        number = EXACT.scaleb(number, -2) if number else number
    else:
        number = to_decimal(value, field)
    if ZERO < number < ONE or (signed and -1 < number < ZERO):
        return number
    limits = "between -1 and 1, and not 0" if signed else "above 0 and below 1"
    raise NumberRefused(field, f"{text_of(number)} is not {limits}", fix='Write 2 % as "0.02" or "2%".')


def to_time_ns(value: object, field: str) -> int:
    """Return a moment in wall nanoseconds UTC since the Unix epoch, or raise `NumberRefused`."""
    if type(value) is int and 0 < value < TIME_MAX_NS:
        return value
    fix = "Pass an int of nanoseconds UTC, such as time.time_ns() + 60 * 10**9."
    raise NumberRefused(field, "not a whole number of nanoseconds since 1970", fix=fix)


def _parse(text: str, field: str) -> Decimal:
    if len(text) > TEXT_LENGTH_MAX or not _NUMBER.fullmatch(text):
        raise NumberRefused(
            field,
            f"{_excerpt(text)} is not a plain decimal number",
            fix='Write ASCII digits with an optional point, such as "0.015".',
        )
    return Decimal(text)


def _bounded(number: Decimal, field: str) -> Decimal:
    if not number:
        return ZERO
    if not number.is_finite():
        name = "NaN" if number.is_nan() else "an infinity"
        raise NumberRefused(field, f"{name} is not a finite number", fix="Pass a finite decimal.")
    try:
        _INPUT.plus(number)
    except DecimalException:
        raise _out_of_bounds(number, field) from None
    return number


def _out_of_bounds(number: Decimal, field: str) -> NumberRefused:
    """Say what is wrong without ever writing the number out: it may have a million digits."""
    if not -EXPONENT_MAX <= number.adjusted() <= EXPONENT_MAX:
        return NumberRefused(
            field, "the exponent is absurd", fix="Use a magnitude between 10**-38 and 10**38."
        )
    return NumberRefused(field, "more than 38 significant digits", fix="Round it to the instrument's step.")


def _wrong_type(value: object, field: str) -> NumberRefused:
    if isinstance(value, float):
        shown = float.__repr__(value)
        problem = f"a float ({shown}) cannot hold money or quantity exactly"
        fix = f'Pass text or Decimal: "{shown}" or Decimal("{shown}").'
        if not isfinite(value):
            fix = "Pass a finite number, as text or Decimal."
    else:
        problem = f"a {type(value).__name__} is not a number here"
        fix = "Pass Decimal, int or text."
    return NumberRefused(field, problem, fix=fix)


def _excerpt(text: str) -> str:
    shown = ascii(text[:EXCERPT_LENGTH])
    return shown if len(text) <= EXCERPT_LENGTH else f"{shown} (shortened)"


def text_of(number: Decimal) -> str:
    """Return the number in plain notation, without an exponent, as it is stored and printed."""
    return format(number, "f")


def quantise(number: Decimal, decimals: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Round to that many decimals, 0 to 38; half to even unless told otherwise."""
    return number.quantize(_QUANTA[decimals], rounding=rounding, context=QUANTISING)


def floor_to_step(number: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of the step that is not above the (positive) number."""
    steps = QUANTISING.divide_int(number, step)
    return EXACT.multiply(steps, step)


def is_multiple_of(number: Decimal, step: Decimal) -> bool:
    """Tell whether the number lies on the grid of the step."""
    return EXACT.remainder(number, step) == ZERO


def nearest_multiples(number: Decimal, step: Decimal) -> tuple[Decimal, Decimal]:
    """Return the grid points just below and just above a (positive) number that is off the grid."""
    below = floor_to_step(number, step)
    return below, EXACT.add(below, step)


def share_of(total: Decimal, part: Decimal, whole: Decimal, decimals: int) -> Decimal:
    """Return the part's share of a total, rounded to that many decimals; the rest is total - share."""
    return quantise(divide(QUANTISING.multiply(total, part), whole), decimals)
