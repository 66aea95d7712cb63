"""Instruments: the venue's rules for one symbol, as the kernel checks them."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from functools import partial

import attrs

from fairlead.domain.identifiers import excerpt_of, to_symbol
from fairlead.domain.numbers import (
    ONE,
    ZERO,
    Number,
    is_multiple_of,
    nearest_multiples,
    text_of,
    to_decimal,
    to_positive,
)
from fairlead.errors import InvalidInput, NumberRefused, TextRefused

# fixed: more than any currency has, and 38 digits hold it
SETTLEMENT_DECIMALS_MAX = 18

_ASSET = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,15}", re.ASCII)


class ContractKind(StrEnum):
    """How a fill is settled; spot is linear.

    Linear: quantity x multiplier x price, in quote. Inverse: quantity x multiplier / price, in base;
    the multiplier is then what one contract is worth in quote.
    """

    LINEAR = "linear"
    INVERSE = "inverse"


def _positive(value: Number, field: str = "") -> Decimal:
    return to_positive(value, field)


def _optional_positive(value: Number | None, field: str = "") -> Decimal | None:
    return None if value is None else to_positive(value, field)


def _optional_leverage(value: Number | None, field: str = "") -> Decimal | None:
    number = _optional_positive(value, field)
    if number is not None and number < ONE:
        problem = f"{text_of(number)} is below 1"
        raise NumberRefused(field, problem, fix="Pass nothing where there is no leverage.")
    return number


def _not_negative(value: Number, field: str = "") -> Decimal:
    number = to_decimal(value, field)
    if number < ZERO:
        raise NumberRefused(field, f"{text_of(number)} is below zero", fix="Pass zero where there is none.")
    return number


def _rate(value: Number, field: str = "") -> Decimal:
    number = to_decimal(value, field)
    if not -ONE < number < ONE:
        problem = f"{text_of(number)} is not a fraction between -1 and 1"
        raise NumberRefused(field, problem, fix='Pass 0.26 % as "0.0026".')
    return number


def _settled_in(instrument: Instrument) -> str:
    return instrument.base if instrument.contract is ContractKind.INVERSE else instrument.quote


def _name_fields(_cls: type[object], fields: list[attrs.Attribute[object]]) -> list[attrs.Attribute[object]]:
    """Tell each converter the name of its field, so that the error can say it."""
    return [
        field.evolve(converter=partial(field.converter, field=f"instrument.{field.name}"))
        if callable(field.converter)
        else field
        for field in fields
    ]


@attrs.frozen(kw_only=True, field_transformer=_name_fields)
class Instrument:
    """The venue's rules for one symbol.

    Prices are in quote currency for one unit of base; quantities are in base, or in contracts of
    *contract_multiplier* where there are any; *minimum_cost* is in quote. *settlement_currency* is what
    value and PnL are counted in: quote, or base for an inverse contract, unless said;
    *settlement_decimals* is the precision at which the venue settles it. Fee rates are fractions
    (0.0026 is 0.26 %, a negative one is a rebate). *maximum_leverage* is nothing where there is none.

    Raises `NumberRefused`, `TextRefused` or `InvalidInput` with the field and the fix.
    """

    symbol: str
    base: str
    quote: str
    price_increment: Decimal = attrs.field(converter=_positive)
    quantity_increment: Decimal = attrs.field(converter=_positive)
    minimum_quantity: Decimal = attrs.field(converter=_not_negative, default=ZERO)
    maximum_quantity: Decimal | None = attrs.field(converter=_optional_positive, default=None)
    minimum_cost: Decimal = attrs.field(converter=_not_negative, default=ZERO)
    # fixed: the default of a field that whoever makes an instrument sets
    settlement_decimals: int = 8
    maker_fee_rate: Decimal = attrs.field(converter=_rate, default=ZERO)
    taker_fee_rate: Decimal = attrs.field(converter=_rate, default=ZERO)
    reductions_exempt_from_minimum: bool = False
    contract: ContractKind = ContractKind.LINEAR
    contract_multiplier: Decimal = attrs.field(converter=_positive, default=ONE)
    settlement_currency: str = attrs.field(default=attrs.Factory(_settled_in, takes_self=True))
    maximum_leverage: Decimal | None = attrs.field(converter=_optional_leverage, default=None)

    def __attrs_post_init__(self) -> None:
        to_symbol(self.symbol, "instrument.symbol")
        _check_assets(self)
        _check_kinds(self)
        if self.maximum_quantity is not None and self.maximum_quantity < self.minimum_quantity:
            raise NumberRefused(
                "instrument.maximum_quantity",
                f"{text_of(self.maximum_quantity)} is below the minimum, {text_of(self.minimum_quantity)}",
                fix="Pass nothing where the venue has no maximum.",
            )

    def check_price(self, price: Decimal, field: str) -> None:
        """Raise `NumberRefused` with the nearest valid prices unless it is positive and on the tick."""
        _check_grid(price, self.price_increment, field, f"tick of {self.symbol}")

    def check_quantity(self, quantity: Decimal, field: str) -> None:
        """Raise `NumberRefused` with the nearest valid quantities unless positive and on the lot step."""
        _check_grid(quantity, self.quantity_increment, field, f"lot step of {self.symbol}")


def to_asset(value: object, field: str) -> str:
    """Return the code of an asset or currency, such as ``BTC``; raise `TextRefused` for another shape."""
    if isinstance(value, str) and _ASSET.fullmatch(value):
        return str.__str__(value)
    problem = f"{excerpt_of(value)} is not the code of an asset"
    raise TextRefused(field, problem, fix='Write it like "BTC": upper case, ASCII.')


def _check_assets(instrument: Instrument) -> None:
    for field in ("base", "quote", "settlement_currency"):
        to_asset(getattr(instrument, field), f"instrument.{field}")
    pair = f"{instrument.base}/{instrument.quote}"
    named, _, settlement = instrument.symbol.partition(":")
    if named != pair:
        problem = f"{excerpt_of(instrument.symbol)} does not name the pair {pair}"
        raise TextRefused("instrument.symbol", problem, fix="Balances are booked by base and quote.")
    if settlement and settlement != instrument.settlement_currency:
        problem = f"{excerpt_of(instrument.symbol)} does not name {instrument.settlement_currency}"
        fix = "What follows the colon is what the contract is settled in."
        raise TextRefused("instrument.symbol", problem, fix=fix)


def _check_kinds(instrument: Instrument) -> None:
    decimals = instrument.settlement_decimals
    if type(decimals) is not int or not 0 <= decimals <= SETTLEMENT_DECIMALS_MAX:
        problem = f"not a whole number from 0 to {SETTLEMENT_DECIMALS_MAX}"
        fix = "Pass the number of decimals with which the venue settles the quote currency."
        raise NumberRefused("instrument.settlement_decimals", problem, fix=fix)
    if type(instrument.reductions_exempt_from_minimum) is not bool:
        field = "instrument.reductions_exempt_from_minimum"
        raise InvalidInput(field, "not a truth value", fix="Pass True or False.")
    if type(instrument.contract) is not ContractKind:
        fix = f"Known are {', '.join(ContractKind)}."
        raise InvalidInput("instrument.contract", f"{excerpt_of(instrument.contract)} is not known", fix=fix)


def _check_grid(number: Decimal, step: Decimal, field: str, grid: str) -> None:
    if not number > ZERO:
        fix = f"The smallest valid one is {text_of(step)}."
        raise NumberRefused(field, f"must be greater than zero, not {text_of(number)}", fix=fix)
    if is_multiple_of(number, step):
        return
    below, above = nearest_multiples(number, step)
    fix = f"The nearest valid ones are {text_of(below)} and {text_of(above)}."
    if below == ZERO:
        fix = f"The nearest valid one is {text_of(above)}."
    raise NumberRefused(field, f"{text_of(number)} is not on the {grid}, {text_of(step)}", fix=fix)
