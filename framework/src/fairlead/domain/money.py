"""Money rules: what an amount of one currency is worth in another, never in our favour.

Conversions are declared: by a pair whose price is known, or by a peg. Each may carry a haircut. An
amount goes the shortest declared way, the first declared among equals, through prices that are fresh;
when one of them is not, the conversion is refused and names the pair. There is no second-best way: the
same amount must not be worth something else because a feed is slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DecimalException

import attrs

from fairlead.domain.identifiers import excerpt_of, to_symbol
from fairlead.domain.instruments import to_asset
from fairlead.domain.numbers import (
    CONTEXT_DIGITS,
    FATAL,
    ONE,
    ZERO,
    Number,
    add,
    multiply,
    subtract,
    text_of,
    to_decimal,
    to_positive,
)
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.prices import Price
from fairlead.domain.values import Value
from fairlead.errors import NumberRefused, SettingRefused

NANOSECONDS_PER_MILLISECOND = 1_000_000
# fixed: as fine as the finest settlement there is
CONVERTED_DECIMALS = 18
"""Converted amounts are rounded to so many decimals, against us."""

_QUANTUM = Decimal((0, (1,), -CONVERTED_DECIMALS))
_DOWN = Context(prec=CONTEXT_DIGITS, rounding=ROUND_FLOOR, Emin=-999, Emax=999, traps=FATAL)
_UP = Context(prec=CONTEXT_DIGITS, rounding=ROUND_CEILING, Emin=-999, Emax=999, traps=FATAL)

PriceOf = Callable[[str], Price | None]
"""What is known of a symbol's price now."""


def _currency(value: object) -> str:
    return to_asset(value, "currency")


def _into(value: object) -> str:
    return to_asset(value, "into")


def _pair(value: object) -> str | None:
    return None if value is None else to_symbol(value, "pair")


def _peg(value: Number | None) -> Decimal | None:
    return None if value is None else to_positive(value, "peg")


def _haircut(value: Number) -> Decimal:
    haircut = to_decimal(value, "haircut")
    if ZERO <= haircut < ONE:
        return haircut
    problem = f"{text_of(haircut)} is not a fraction from 0 to below 1"
    raise NumberRefused("haircut", problem, fix='Write "0.01" for 1 %.')


@attrs.frozen(kw_only=True)
class Conversion:
    """One declared way between two currencies, usable in both directions.

    Either *pair*, a symbol of the two whose fresh price is the rate; or *peg*, how much of *into* one
    unit of *currency* is held to be worth. *haircut* is the fraction by which the true rate may be
    worse. Raises `InvalidInput` or `SettingRefused` that names the key.
    """

    currency: str = attrs.field(converter=_currency, metadata={"doc": "a currency", "example": "USDT"})
    into: str = attrs.field(converter=_into, metadata={"doc": "the other", "example": "USD"})
    pair: str | None = attrs.field(
        default=None, converter=_pair, metadata={"doc": "the symbol whose price is the rate"}
    )
    peg: Decimal | None = attrs.field(
        default=None, converter=_peg, metadata={"doc": "what one unit of currency is worth in into"}
    )
    haircut: Decimal = attrs.field(
        default=ZERO, converter=_haircut, metadata={"doc": "fraction by which the rate may be worse"}
    )

    def __attrs_post_init__(self) -> None:
        if self.currency == self.into:
            raise SettingRefused("into", f"{self.into} is the same currency", fix="Name two currencies.")
        if (self.pair is None) == (self.peg is None):
            problem = "neither it nor a peg is given" if self.pair is None else "a peg is given as well"
            raise SettingRefused("pair", problem, fix="Give a pair or a peg.")
        if self.pair is not None and self._sides() != {self.currency, self.into}:
            problem = f"{excerpt_of(self.pair)} is not a pair of {self.currency} and {self.into}"
            raise SettingRefused("pair", problem, fix="Name the symbol of these two.")

    def _sides(self) -> set[str]:
        return set((self.pair or "").partition(":")[0].split("/"))


class Converted(Value):
    """An amount in the currency asked for; *path* names the pairs and pegs it went through."""

    amount: Decimal
    currency: str
    path: tuple[str, ...] = ()


class NoRate(Value):
    """A conversion that is refused: *pair* is what is missing and *reason* says why. Deny on it."""

    pair: str
    reason: str


class _Hop(Value):
    """One step of a path; *divides* when the amount is divided by the figure of the pair or peg."""

    conversion: Conversion
    divides: bool


@attrs.define(slots=True, eq=False)
class MoneyRules:
    """The declared conversions and the currency in which limits are counted, none when empty.

    Raises `SettingRefused` when two conversions are declared between the same currencies.
    """

    reporting_currency: str = ""
    conversions: Sequence[Conversion] = ()
    _paths: dict[tuple[str, str], tuple[_Hop, ...] | None] = attrs.field(init=False, factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        check_conversions(self.conversions)

    def convert(
        self, amount: Decimal, currency: str, price_of: PriceOf, *, into: str = "", exposure: bool = False
    ) -> Converted | NoRate:
        """Return what an amount is worth in the reporting currency, or in *into*.

        What we own (a positive amount) is valued low and what we owe (a negative one) high. With
        *exposure* the amount is a size at risk, and a positive one is valued high. Rounded to 18
        decimals, in the same direction.
        """
        checked = _amount(amount)
        target = into or self.reporting_currency
        if not target:
            return NoRate(currency, "no reporting_currency is set")
        if currency == target:
            return Converted(checked, target)
        path = self._path(currency, target)
        if path is None:
            return NoRate(f"{currency}/{target}", "no way between them is declared")
        try:
            return _convert_along(path, checked, target, price_of, exposure=exposure)
        except DecimalException:
            return NoRate(f"{currency}/{target}", "the figures are too large to count with")

    def _path(self, currency: str, target: str) -> tuple[_Hop, ...] | None:
        key = (currency, target)
        if key not in self._paths:
            self._paths[key] = _shortest(self.conversions, currency, target)
        return self._paths[key]


def check_conversions(conversions: Sequence[Conversion]) -> None:
    """Raise `SettingRefused` when two conversions are declared between the same currencies."""
    seen: set[frozenset[str]] = set()
    for number, conversion in enumerate(conversions):
        ends = frozenset((conversion.currency, conversion.into))
        if ends in seen:
            problem = f"a way between {conversion.currency} and {conversion.into} is declared already"
            raise SettingRefused(f"conversions[{number}]", problem, fix="Leave one of them out.")
        seen.add(ends)


def _amount(amount: object) -> Decimal:
    """Return an amount, which may have more digits than an input: it can be a product of two."""
    if type(amount) is not Decimal:
        return to_decimal(amount, "amount")
    if not amount.is_finite():
        raise NumberRefused("amount", "is not a finite number", fix="Pass a finite decimal.")
    return amount


def _shortest(conversions: Sequence[Conversion], currency: str, target: str) -> tuple[_Hop, ...] | None:
    paths: dict[str, tuple[_Hop, ...]] = {currency: ()}
    waiting = deque([currency])
    while waiting and target not in paths:
        here = waiting.popleft()
        for conversion in conversions:
            there = _other_end(conversion, here)
            if there is not None and there not in paths:
                paths[there] = (*paths[here], _Hop(conversion, here != _unit_of(conversion)))
                waiting.append(there)
    return paths.get(target)


def _other_end(conversion: Conversion, here: str) -> str | None:
    if here == conversion.currency:
        return conversion.into
    return conversion.currency if here == conversion.into else None


def _unit_of(conversion: Conversion) -> str:
    """Return the currency of which one unit is what the figure prices."""
    return conversion.currency if conversion.pair is None else conversion.pair.partition("/")[0]


def _convert_along(
    path: tuple[_Hop, ...], amount: Decimal, target: str, price_of: PriceOf, *, exposure: bool
) -> Converted | NoRate:
    context = _UP if exposure else _DOWN
    high = (amount > ZERO) is exposure
    worth = amount
    for hop in path:
        rate = _rate(hop.conversion, price_of, high=high is not hop.divides)
        if isinstance(rate, NoRate):
            return rate
        worth = context.divide(worth, rate) if hop.divides else context.multiply(worth, rate)
    return Converted(
        worth.quantize(_QUANTUM, context=context), target, tuple(_name(hop.conversion) for hop in path)
    )


def _rate(conversion: Conversion, price_of: PriceOf, *, high: bool) -> Decimal | NoRate:
    if conversion.pair is None:
        figure = conversion.peg or ONE
    else:
        price = price_of(conversion.pair)
        problem = _price_problem(price)
        if price is None or problem:
            return NoRate(conversion.pair, problem)
        figure = price.taking(OrderSide.BUY if high else OrderSide.SELL)
    haircut = conversion.haircut
    return multiply(figure, add(ONE, haircut) if high else subtract(ONE, haircut))


def _price_problem(price: Price | None) -> str:
    if price is None:
        return "there is no price"
    if price.suspect is not None:
        return "the price jumped and is not confirmed"
    return "" if price.fresh else f"the price is stale, {price.age_ns // NANOSECONDS_PER_MILLISECOND} ms old"


def _name(conversion: Conversion) -> str:
    return conversion.pair or f"{conversion.currency}={conversion.into}"
