"""Instruments: the venue's rules for one symbol, as the kernel checks them."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import attrs

from fairlead.domain.identifiers import to_symbol
from fairlead.domain.numbers import ZERO, is_multiple_of, nearest_multiples, text_of, to_decimal, to_positive
from fairlead.errors import NumberRefused


class ContractKind(str, Enum):
    """How a fill is settled; spot is linear."""

    LINEAR = "linear"


def _positive(value: object) -> Decimal:
    return to_positive(value, "instrument")


def _optional_positive(value: object) -> Decimal | None:
    return None if value is None else to_positive(value, "instrument")


def _number(value: object) -> Decimal:
    return to_decimal(value, "instrument")


@attrs.frozen(kw_only=True)
class Instrument:
    """The venue's rules for one symbol.

    Prices are in quote currency for one unit of base; quantities are in base; *minimum_cost* is in
    quote; *settlement_decimals* is the precision at which the venue settles quote amounts; fee
    rates are fractions (0.0026 is 0.26 %).
    """

    symbol: str = attrs.field()
    base: str
    quote: str
    price_increment: Decimal = attrs.field(converter=_positive)
    quantity_increment: Decimal = attrs.field(converter=_positive)
    minimum_quantity: Decimal = attrs.field(converter=_number, default=ZERO)
    maximum_quantity: Decimal | None = attrs.field(converter=_optional_positive, default=None)
    minimum_cost: Decimal = attrs.field(converter=_number, default=ZERO)
    settlement_decimals: int = 8
    maker_fee_rate: Decimal = attrs.field(converter=_number, default=ZERO)
    taker_fee_rate: Decimal = attrs.field(converter=_number, default=ZERO)
    reductions_exempt_from_minimum: bool = False
    contract: ContractKind = ContractKind.LINEAR

    @symbol.validator
    def _check_symbol(self, _attribute: object, value: object) -> None:
        to_symbol(value, "instrument.symbol")

    def check_price(self, price: Decimal, field: str) -> None:
        """Raise `NumberRefused` with the two nearest valid prices unless it lies on the tick grid."""
        _on_grid(price, self.price_increment, field, f"tick of {self.symbol}")

    def check_quantity(self, quantity: Decimal, field: str) -> None:
        """Raise `NumberRefused` with the two nearest valid quantities unless on the lot grid."""
        _on_grid(quantity, self.quantity_increment, field, f"lot step of {self.symbol}")


def _on_grid(number: Decimal, step: Decimal, field: str, grid: str) -> None:
    if is_multiple_of(number, step):
        return
    below, above = nearest_multiples(number, step)
    raise NumberRefused(
        field,
        f"{text_of(number)} is not on the {grid}, {text_of(step)}",
        fix=f"The nearest valid ones are {text_of(below)} and {text_of(above)}.",
    )
