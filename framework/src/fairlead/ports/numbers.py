"""The public way to exact decimal arithmetic, for plugins: see `fairlead.domain.numbers`."""

from fairlead.domain.numbers import (
    ONE,
    ZERO,
    add,
    divide,
    floor_to_step,
    is_multiple_of,
    multiply,
    nearest_multiples,
    quantise,
    subtract,
    text_of,
    to_decimal,
    to_positive,
)

__all__ = [
    "ONE",
    "ZERO",
    "add",
    "divide",
    "floor_to_step",
    "is_multiple_of",
    "multiply",
    "nearest_multiples",
    "quantise",
    "subtract",
    "text_of",
    "to_decimal",
    "to_positive",
]
