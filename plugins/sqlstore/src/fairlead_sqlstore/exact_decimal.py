"""Decimals in SQL without a float in between.

On SQLite a decimal is text in plain notation (its own NUMERIC would be a float: 1e-18 comes back as 0); on
PostgreSQL it is NUMERIC without a precision. So on SQLite money is never compared, sorted or added up
in SQL: text sorts "10" before "9". The column type refuses to build such a comparison.
"""

# ruff: noqa: ANN401 (SQLAlchemy and SQLModel take and give anything here)

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, Text
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

# fixed: beyond every number that the kernel takes
EXPONENT_MAX = 999
"""Larger magnitudes are refused before they are written out: 1e20000000 would be 20 MB of text."""


def decimal_text(number: object) -> str:
    """Return the number in plain notation, or raise `ValueError` for what is not an exact finite decimal."""
    if type(number) is not Decimal:
        problem = f"{number!r} is a {type(number).__name__}, not a Decimal"
        raise ValueError(problem)
    if not number.is_finite():
        problem = f"{number} is not finite"
        raise ValueError(problem)
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > EXPONENT_MAX or len(digits) > EXPONENT_MAX:
        problem = "the exponent is absurd"
        raise ValueError(problem)
    return format(number, "f")


def decimal_texts(numbers: Iterable[Any]) -> list[str]:
    """Return `decimal_text` of each; faster than one by one, since nearly all are plain already."""
    values = list(numbers)
    if set(map(type, values)) <= {Decimal}:
        texts = list(map(str, values))
        # An exponent shows as E, an infinity as I, a NaN as N; without them str() is the plain notation.
        if {"E", "I", "N"}.isdisjoint("".join(texts)):
            return texts
    return list(map(decimal_text, values))


class ExactDecimal(TypeDecorator[Decimal]):
    """A column of exact decimals; floats, text and non-finite numbers are refused when they are bound."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, unconstrained NUMERIC elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(asdecimal=True))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Check the number and return what the driver stores."""
        if value is None:
            return None
        text = decimal_text(value)
        return text if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the stored number as it was."""
        del dialect
        if value is None or type(value) is Decimal:
            return value
        if type(value) is not str:
            problem = f"{value!r} is stored as a {type(value).__name__}; it was not written by Fairlead"
            raise ValueError(problem)
        return Decimal(value)

    class comparator_factory(TypeDecorator.Comparator[Decimal]):  # noqa: N801 (SQLAlchemy's name for it)
        """Refuses comparisons that SQLite would do on text."""

        def operate(self, op: Any, *other: Any, **options: Any) -> Any:
            """Let `IS NULL` through and refuse everything else."""
            if op in (operators.is_, operators.is_not):
                return super().operate(op, *other, **options)
            problem = (
                "SQL cannot compare exact decimals, which SQLite keeps as text: load them and use Python"
            )
            raise TypeError(problem)
