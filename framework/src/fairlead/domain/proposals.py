"""Proposals: what a bot says it wants."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.domain.identifiers import to_metadata, to_name, to_symbol
from fairlead.domain.numbers import to_positive
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.errors import InvalidInput


@attrs.frozen(kw_only=True)
class Proposal:
    """A wish for one order, validated when it is made, before any budget, store or network.

    *quantity* is in base currency; *notional* is in quote currency and is turned into a quantity,
    rounded down to the lot step, at the limit price or the last fresh price. Exactly one of the two
    is given. *limit_price* makes it a limit order. *book* names the position it works on; the
    owner's own book unless given.

    Raises `NumberRefused`, `TextRefused` or `InvalidInput` with the field and the fix.
    """

    symbol: str
    side: OrderSide
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    book: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    @classmethod
    def buy(cls, symbol: str, **wishes: object) -> Proposal:
        """Return a proposal to buy; see `Proposal` for the keyword arguments."""
        return cls._of(OrderSide.BUY, symbol, wishes)

    @classmethod
    def sell(cls, symbol: str, **wishes: object) -> Proposal:
        """Return a proposal to sell; see `Proposal` for the keyword arguments."""
        return cls._of(OrderSide.SELL, symbol, wishes)

    @classmethod
    def _of(cls, side: OrderSide, symbol: str, wishes: Mapping[str, object]) -> Proposal:
        known = {"quantity", "notional", "limit_price", "time_in_force", "book", "metadata"}
        for name in wishes:
            if name not in known:
                raise InvalidInput(name, "no such field of a proposal", fix=f"Known are {', '.join(sorted(known))}.")
        return cls(
            symbol=to_symbol(symbol, "symbol"),
            side=side,
            quantity=_optional(wishes.get("quantity"), "quantity"),
            notional=_optional(wishes.get("notional"), "notional"),
            limit_price=_optional(wishes.get("limit_price"), "limit_price"),
            time_in_force=_time_in_force(wishes.get("time_in_force", TimeInForce.GTC)),
            book=None if wishes.get("book") is None else to_name(wishes["book"], "book"),
            metadata=to_metadata(wishes.get("metadata"), "metadata"),  # type: ignore[arg-type]  # checked inside
        )

    def __attrs_post_init__(self) -> None:
        to_symbol(self.symbol, "symbol")
        if not isinstance(self.side, OrderSide):
            raise InvalidInput("side", f"{self.side!r} is not a side", fix="Use Proposal.buy or Proposal.sell.")
        if (self.quantity is None) == (self.notional is None):
            raise InvalidInput("quantity", "give exactly one of quantity and notional")
        for field in ("quantity", "notional", "limit_price"):
            value = getattr(self, field)
            if value is not None:
                to_positive(value, field)
        if self.order_type is OrderType.MARKET and self.time_in_force is not TimeInForce.GTC:
            raise InvalidInput("time_in_force", "a market order takes none", fix="Leave it out.")

    @property
    def order_type(self) -> OrderType:
        """Return `LIMIT` when a limit price was given, else `MARKET`."""
        return OrderType.MARKET if self.limit_price is None else OrderType.LIMIT


def _optional(value: object, field: str) -> Decimal | None:
    return None if value is None else to_positive(value, field)


def _time_in_force(value: object) -> TimeInForce:
    try:
        return TimeInForce(value)
    except ValueError:
        known = ", ".join(item.value for item in TimeInForce)
        raise InvalidInput("time_in_force", f"{value!r} is not known", fix=f"Known are {known}.") from None
