"""Proposals: what a bot says it wants."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypedDict, Unpack

import attrs

from fairlead.domain.identifiers import excerpt_of, to_metadata, to_name, to_symbol
from fairlead.domain.numbers import Number, to_positive
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.errors import InvalidInput, UnknownName


class Wishes(TypedDict, total=False):
    """The optional fields of a `Proposal`, as keywords."""

    quantity: Number | None
    notional: Number | None
    limit_price: Number | None
    time_in_force: TimeInForce | str | None
    book: str | None
    metadata: Mapping[str, str] | tuple[tuple[str, str], ...] | None


_KNOWN = frozenset(Wishes.__annotations__)


@attrs.frozen(kw_only=True, init=False)
class Proposal:
    """A wish for one order, validated when it is made, before any budget, store or network.

    *quantity* is in base currency; *notional* is in quote currency and is turned into a quantity,
    rounded down to the lot step, at the limit price or the last fresh price. Exactly one of the two
    is given. *limit_price* makes it a limit order. *book* names the position it works on; the
    owner's own book unless given. Numbers are `Decimal`, `int` or text, never floats.

    Raises `NumberRefused`, `TextRefused`, `UnknownName` or `InvalidInput` with the field and the fix.
    """

    symbol: str
    side: OrderSide
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    book: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    def __init__(self, *, symbol: str, side: OrderSide | str, **wishes: Unpack[Wishes]) -> None:
        """Check and convert every field: this is the only way to make a proposal."""
        if not wishes.keys() <= _KNOWN:
            raise _unknown(wishes)
        book = wishes.get("book")
        self.__attrs_init__(
            symbol=to_symbol(symbol, "symbol"),
            side=side if type(side) is OrderSide else _side(side),
            quantity=_optional(wishes.get("quantity"), "quantity"),
            notional=_optional(wishes.get("notional"), "notional"),
            limit_price=_optional(wishes.get("limit_price"), "limit_price"),
            time_in_force=_time_in_force(wishes.get("time_in_force")),
            book=None if book is None else to_name(book, "book"),
            metadata=to_metadata(wishes.get("metadata"), "metadata"),
        )
        self._check_together()

    @classmethod
    def buy(cls, symbol: str, **wishes: Unpack[Wishes]) -> Proposal:
        """Return a proposal to buy; see `Proposal` for the keyword arguments."""
        return cls(symbol=symbol, side=OrderSide.BUY, **wishes)

    @classmethod
    def sell(cls, symbol: str, **wishes: Unpack[Wishes]) -> Proposal:
        """Return a proposal to sell; see `Proposal` for the keyword arguments."""
        return cls(symbol=symbol, side=OrderSide.SELL, **wishes)

    def _check_together(self) -> None:
        if (self.quantity is None) == (self.notional is None):
            given = "neither" if self.quantity is None else "both"
            raise InvalidInput(
                "quantity",
                f"exactly one of quantity and notional is due, {given} was given",
                fix="Pass quantity in base currency, or notional in quote currency.",
            )
        if self.limit_price is None and self.time_in_force is not TimeInForce.GTC:
            raise InvalidInput("time_in_force", "a market order takes none", fix="Leave it out.")

    @property
    def order_type(self) -> OrderType:
        """Return `LIMIT` when a limit price was given, else `MARKET`."""
        return OrderType.MARKET if self.limit_price is None else OrderType.LIMIT


def _unknown(wishes: Mapping[str, object]) -> UnknownName:
    name = min(wishes.keys() - _KNOWN)
    return UnknownName("proposal", name, tuple(sorted(_KNOWN)))


def _optional(value: Number | None, field: str) -> Decimal | None:
    return None if value is None else to_positive(value, field)


def _side(value: str) -> OrderSide:
    try:
        return OrderSide(value)
    except ValueError:
        fix = "Use Proposal.buy or Proposal.sell."
        raise InvalidInput("side", f"{excerpt_of(value)} is not a side", fix=fix) from None


def _time_in_force(value: str | None) -> TimeInForce:
    if value is None:
        return TimeInForce.GTC
    try:
        return TimeInForce(value)
    except ValueError:
        known = ", ".join(item.value for item in TimeInForce)
        problem = f"{excerpt_of(value)} is not known"
        raise InvalidInput("time_in_force", problem, fix=f"Known are {known}.") from None
