"""Hypothesis strategies for the values that plugins meet; importing this module needs hypothesis.

They draw what the kernel can really pass on, extremes included: numbers of up to 38 digits and
magnitudes from 10**-38 to 10**38, with everyday figures in between.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import fields

from fairlead.domain.facts import FACT_CLASSES, Fact
from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import Position
from fairlead.domain.numbers import EXPONENT_MAX, SIGNIFICANT_DIGITS_MAX, ZERO, multiply
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.domain.records import Record
from fairlead.domain.values import Value
from fairlead.domain.verdicts import RiskRequest
from fairlead.testing.risk_view import FakeRiskView

SYMBOLS = ("BTC/USDT", "ETH/USDT", "ETH/BTC", "XRP/USD")
BOOKS = ("grid-bot", "trend.bot", "manual")
NANOSECONDS_MAX = 2**62
_DIGITS_MAX = 10**SIGNIFICANT_DIGITS_MAX - 1

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@functools.cache
def positive_decimals() -> st.SearchStrategy[Decimal]:
    """Draw positive numbers that the kernel takes: everyday figures and extremes."""
    everyday = _scaled(1, 10**6, -8, 2)
    long = _scaled(1, _DIGITS_MAX, -EXPONENT_MAX, 0)
    finest = _scaled(
        _DIGITS_MAX // 10 + 1, _DIGITS_MAX, 1 - SIGNIFICANT_DIGITS_MAX - EXPONENT_MAX, -EXPONENT_MAX
    )
    return st.one_of(everyday, everyday, long, finest)


@functools.cache
def decimals() -> st.SearchStrategy[Decimal]:
    """Draw numbers of either sign, and zero."""
    return st.one_of(st.just(ZERO), positive_decimals(), positive_decimals().map(Decimal.copy_negate))


def _scaled(
    digits_min: int, digits_max: int, exponent_min: int, exponent_max: int
) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda digits, exponent: Decimal(f"{digits}e{exponent}"),
        st.integers(digits_min, digits_max),
        st.integers(exponent_min, exponent_max),
    )


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Draw instruments with rules of every kind, also ones that nearly nothing satisfies."""
    symbol = draw(st.sampled_from(SYMBOLS))
    base, quote = symbol.split("/")
    smallest, largest = sorted((draw(positive_decimals()), draw(positive_decimals())))
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_increment=draw(positive_decimals()),
        quantity_increment=draw(positive_decimals()),
        minimum_quantity=draw(st.sampled_from((ZERO, smallest))),
        maximum_quantity=draw(st.sampled_from((None, largest))),
        minimum_cost=draw(st.just(ZERO) | positive_decimals()),
        reductions_exempt_from_minimum=draw(st.booleans()),
    )


@st.composite
def requests(draw: st.DrawFn) -> RiskRequest:
    """Draw requests as the gate makes them; half of the quantities lie on the instrument's grid."""
    instrument = draw(instruments())
    quantity = draw(positive_decimals())
    if draw(st.booleans()):
        quantity = _on_grid(instrument, draw(st.integers(1, 10**4)))
    order_type = draw(st.sampled_from(OrderType))
    price = positive_decimals() if order_type is OrderType.LIMIT else st.none() | positive_decimals()
    return RiskRequest(
        owner=draw(st.sampled_from(BOOKS)),
        symbol=instrument.symbol,
        book=draw(st.sampled_from(BOOKS)),
        side=draw(st.sampled_from(OrderSide)),
        order_type=order_type,
        quantity=quantity,
        price=draw(price),
        reduces=draw(st.booleans()),
        instrument=instrument,
    )


def _on_grid(instrument: Instrument, steps: int) -> Decimal:
    quantity = multiply(instrument.quantity_increment, Decimal(steps))
    too_long = len(quantity.as_tuple().digits) > SIGNIFICANT_DIGITS_MAX or quantity.adjusted() > EXPONENT_MAX
    return instrument.quantity_increment if too_long else quantity


@st.composite
def positions(draw: st.DrawFn, symbol: str, book: str) -> Position:
    """Draw a position of one key: flat, open, opening or closing."""
    quantity = draw(decimals())
    reserved = draw(st.sampled_from((ZERO, quantity.copy_abs())))
    return Position(
        symbol=symbol,
        book=book,
        currency=symbol.split("/")[1],
        quantity=quantity,
        cost=draw(decimals()),
        realized_pnl=draw(decimals()),
        fees=draw(decimals()),
        episode=draw(st.integers(0, 3)),
        opened_ns=draw(st.integers(0, NANOSECONDS_MAX)),
        pending_openings=draw(st.integers(0, 3)),
        reserved_exit=reserved,
    )


@st.composite
def risk_views(draw: st.DrawFn) -> FakeRiskView:
    """Draw views over a few keys, the keys of `requests` among them."""
    keys = draw(st.sets(st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(BOOKS)), max_size=6))
    held = [draw(positions(symbol, book)) for symbol, book in sorted(keys)]
    live_orders = draw(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(0, 50), max_size=3))
    return FakeRiskView(held, live_orders, draw(st.integers(0, NANOSECONDS_MAX)))


@functools.cache
def facts() -> st.SearchStrategy[Fact]:
    """Draw journal records of every kind, with figures at random."""
    return st.one_of([_built(kind) for kind in FACT_CLASSES])


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Draw a history with one record of every kind, in any order."""
    return [draw(_built(kind)) for kind in draw(st.permutations(FACT_CLASSES))]


@cache  # making a strategy costs more than drawing from it
def _built(kind: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: _drawn(hints[field.name]) for field in fields(kind)})


def _drawn(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - an annotation has no type of its own
    """Return a strategy for a field's type; an unknown one raises, so that no field is forgotten."""
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: _TEXTS,
        int: st.integers(0, NANOSECONDS_MAX),
        bool: st.booleans(),
        Decimal: decimals(),
        types.NoneType: st.none(),
    }
    if hint in plain:
        return plain[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Value):
        return _built(hint)
    arguments: Sequence[Any] = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(_drawn(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(_drawn, arguments))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of(*map(_drawn, arguments))
    raise TypeError(hint)
