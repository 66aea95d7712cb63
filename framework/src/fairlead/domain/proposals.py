"""Proposals: what a bot says it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypedDict, TypeVar, Unpack

import attrs

from fairlead.domain.identifiers import (
    excerpt_of,
    to_client_order_id,
    to_line,
    to_metadata,
    to_name,
    to_symbol,
    to_tags,
)
from fairlead.domain.numbers import ONE, Number, text_of, to_decimal, to_fraction, to_positive, to_time_ns
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_terms import check_terms
from fairlead.errors import InvalidInput, NumberRefused, UnknownName

Kind = TypeVar("Kind", bound=StrEnum)


class Wishes(TypedDict, total=False):
    """The optional fields of a `Proposal`, as keywords."""

    quantity: Number | None
    notional: Number | None
    risk: Number | None
    target: Number | None
    order_type: OrderType | str | None
    time_in_force: TimeInForce | str | None
    limit_price: Number | None
    trigger_price: Number | None
    trailing_distance: Number | None
    trailing_rate: Number | None
    max_slippage: Number | None
    expire_ns: int | None
    post_only: bool
    reduce_only: bool
    stop_loss: Number | None
    stop_loss_rate: Number | None
    leverage: Number | None
    book: str | None
    position_id: str | None
    note: str | None
    tags: Sequence[str] | None
    metadata: Mapping[str, str] | tuple[tuple[str, str], ...] | None


_KNOWN = frozenset(Wishes.__annotations__)


@attrs.frozen(kw_only=True, init=False)
class Proposal:
    """A wish for one order, validated when it is made, before any budget, store or network.

    Exactly one size is given. *quantity* is in base currency (contracts, for a derivative).
    *notional* is in quote currency. *risk* is what may be lost, in settlement currency, when the price
    goes from the entry to *stop_loss*: fees and slippage come on top of it. *target* is the position
    that the book shall have, negative for short; side and quantity are computed from what it has.
    Computed quantities are rounded down to the lot step, and the order says so (`OrderView.sizing`).

    *order_type* is limit when a limit price was given, else market, unless it is said. *max_slippage*
    is a fraction: the market order goes out as an immediate-or-cancel limit that far from the last
    fresh price. *trigger_price*, *trailing_distance* (in price) or *trailing_rate* (a fraction) belong
    to the conditional types. Fractions may be written ``"2%"``, also as the trailing distance.
    *stop_loss* is a price, or a fraction of the entry price such as ``"-2%"``; it only sizes the order.
    *expire_ns* goes with good-until-date: absolute, wall nanoseconds UTC. *post_only* orders never
    take; *reduce_only* ones are denied when they would add exposure. *leverage* is taken where the
    instrument has some.

    *book* names the position it works on; the owner's own book unless given. *position_id* names the
    hedging position it works on. *note*, *tags* and *metadata* are kept with the order. Numbers are
    `Decimal`, `int` or text, never floats.

    Raises `NumberRefused`, `TextRefused`, `UnknownName` or `InvalidInput` with the field and the fix.
    """

    symbol: str
    side: OrderSide | None = None
    quantity: Decimal | None = None
    notional: Decimal | None = None
    risk: Decimal | None = None
    target: Decimal | None = None
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    max_slippage: Decimal | None = None
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    stop_loss: Decimal | None = None
    stop_loss_rate: Decimal | None = None
    leverage: Decimal | None = None
    book: str | None = None
    position_id: str | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def __init__(self, *, symbol: str, side: OrderSide | str | None = None, **wishes: Unpack[Wishes]) -> None:
        """Check and convert every field: this is the only way to make a proposal."""
        if not wishes.keys() <= _KNOWN:
            raise _unknown(wishes)
        taken: dict[str, Any] = {
            name: _CONVERTERS[name](value, name)
            for name, value in _split_rates(wishes).items()
            if value is not None and (name not in _NOTHING or value != _NOTHING[name])
        }
        taken["symbol"] = to_symbol(symbol, "symbol")
        if side is not None:
            taken["side"] = side if type(side) is OrderSide else _side(side)
        if "order_type" not in taken and "limit_price" in taken:
            taken["order_type"] = OrderType.LIMIT
        self.__attrs_init__(**taken)
        check_terms(self.order_type, self.time_in_force, frozenset(taken))
        _check_stop(self)

    @classmethod
    def buy(cls, symbol: str, **wishes: Unpack[Wishes]) -> Proposal:
        """Return a proposal to buy; see `Proposal` for the keyword arguments."""
        return cls(symbol=symbol, side=OrderSide.BUY, **wishes)

    @classmethod
    def sell(cls, symbol: str, **wishes: Unpack[Wishes]) -> Proposal:
        """Return a proposal to sell; see `Proposal` for the keyword arguments."""
        return cls(symbol=symbol, side=OrderSide.SELL, **wishes)

    @classmethod
    def to_target(cls, symbol: str, position: Number, **wishes: Unpack[Wishes]) -> Proposal:
        """Return a proposal to bring the book's position there, negative for short; zero closes it."""
        wishes["target"] = position
        return cls(symbol=symbol, **wishes)


def _split_rates(wishes: Wishes) -> dict[str, object]:
    """Let ``"2%"`` stand for a rate where a price would be taken too."""
    plain: dict[str, object] = dict(wishes)
    for name, rate in (("trailing_distance", "trailing_rate"), ("stop_loss", "stop_loss_rate")):
        value = plain.get(name)
        if isinstance(value, str) and value.endswith("%") and plain.get(rate) is None:
            plain[rate] = plain.pop(name)
    return plain


def _check_stop(proposal: Proposal) -> None:
    """A stop lies where the order loses: below the entry of a buy, above that of a sell."""
    rate, stop = proposal.stop_loss_rate, proposal.stop_loss
    entry = proposal.limit_price or proposal.trigger_price
    buying = proposal.side is OrderSide.BUY
    if rate is not None and (rate > 0) is buying:
        fix = 'Pass "-2%" with a buy, "+2%" with a sell.'
        raise NumberRefused("stop_loss_rate", f"{text_of(rate)} lies where the order wins", fix=fix)
    if stop is not None and entry is not None and (stop >= entry if buying else stop <= entry):
        where = "below" if buying else "above"
        problem = f"{text_of(stop)} is not {where} the entry price, {text_of(entry)}"
        raise NumberRefused("stop_loss", problem, fix=f"Pass a price {where} it.")


def _unknown(wishes: Mapping[str, object]) -> UnknownName:
    name = min(wishes.keys() - _KNOWN)
    return UnknownName("proposal", name, tuple(sorted(_KNOWN)))


def _side(value: object) -> OrderSide:
    try:
        return OrderSide(value)  # type: ignore[arg-type]  # anything else is refused below
    except ValueError:
        fix = "Use Proposal.buy or Proposal.sell."
        raise InvalidInput("side", f"{excerpt_of(value)} is not a side", fix=fix) from None


def _member(kind: type[Kind], value: object, field: str) -> Kind:
    try:
        return kind(value)  # type: ignore[arg-type]  # anything else is refused below
    except ValueError:
        known = ", ".join(item.value for item in kind)
        raise InvalidInput(field, f"{excerpt_of(value)} is not known", fix=f"Known are {known}.") from None


def _truth(value: object, field: str) -> bool:
    if value is True:
        return True
    raise InvalidInput(field, f"{excerpt_of(value)} is not a truth value", fix="Pass True or False.")


def _leverage(value: object, field: str) -> Decimal:
    number = to_decimal(value, field)
    if number < ONE:
        raise NumberRefused(field, f"{text_of(number)} is below 1", fix="Leave it out for none.")
    return number


def _loss_rate(value: object, field: str) -> Decimal:
    """Take the stop's distance signed as the price moves; the sign is checked against the side."""
    return to_fraction(value, field, signed=True)


_NOTHING: dict[str, object] = {
    "expire_ns": 0,
    "post_only": False,
    "reduce_only": False,
    "note": "",
    "tags": (),
    "metadata": (),
}
"""What a field holds when it was not given; passed back in, it is not given either."""

_CONVERTERS: dict[str, Callable[[object, str], object]] = {
    **dict.fromkeys(("quantity", "notional", "risk"), to_positive),
    **dict.fromkeys(("limit_price", "trigger_price", "trailing_distance", "stop_loss"), to_positive),
    "target": to_decimal,
    "order_type": lambda value, field: _member(OrderType, value, field),
    "time_in_force": lambda value, field: _member(TimeInForce, value, field),
    "trailing_rate": to_fraction,
    "max_slippage": to_fraction,
    "stop_loss_rate": _loss_rate,
    "expire_ns": to_time_ns,
    "post_only": _truth,
    "reduce_only": _truth,
    "leverage": _leverage,
    "book": to_name,
    "position_id": to_client_order_id,
    "note": to_line,
    "tags": to_tags,
    "metadata": to_metadata,
}
