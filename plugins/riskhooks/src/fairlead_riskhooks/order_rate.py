"""The order rate: how many orders may be sent in a window of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import attrs

from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, OrderInitialized, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.fields import check_one_given, is_count
from fairlead_riskhooks.recent_orders import (
    NANOSECONDS_PER_MILLISECOND,
    NOTHING,
    Recent,
    Words,
    fold_recent,
)
from fairlead_riskhooks.stored import load


@attrs.frozen(kw_only=True)
class OrderRateSettings:
    """At most so many orders in any window of *window_ms*; at least one limit is given.

    *total* is over all orders, *per_owner* for the orders of one bot, *per_symbol* for those of one symbol.
    """

    window_ms: int = attrs.field(
        validator=is_count, metadata={"doc": "how long a sent order counts", "example": "60000"}
    )
    total: int | None = attrs.field(
        default=None, validator=is_count, metadata={"doc": "orders in the window; no limit when left out"}
    )
    per_owner: int | None = attrs.field(
        default=None, validator=is_count, metadata={"doc": "of one owner; no limit when left out"}
    )
    per_symbol: int | None = attrs.field(
        default=None, validator=is_count, metadata={"doc": "of one symbol; no limit when left out"}
    )

    def __attrs_post_init__(self) -> None:
        check_one_given(self, "total", "per_owner", "per_symbol")


@attrs.frozen
class OrderRate:
    """Denies an order that would be one more than allowed in the window: a bot that runs wild is stopped.

    Orders that add exposure count, from their approval on. Denied orders, reductions and changes do not.
    """

    settings: OrderRateSettings
    name: str = attrs.field(default="order_rate", init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = False

    @property
    def limits(self) -> Mapping[str, int]:
        """Return the limits that are set, in orders."""
        settings = self.settings
        found = {"total": settings.total, "per_owner": settings.per_owner, "per_symbol": settings.per_symbol}
        return {name: limit for name, limit in found.items() if limit is not None}

    def initial(self) -> str:
        """Return no orders."""
        return NOTHING

    def fold(self, value: str, fact: Fact) -> str:
        """Note when orders are sent, by owner and symbol."""
        return fold_recent(value, fact, _owner_and_symbol, self._window_ns, max(self.limits.values()))

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Count the window's orders; one that is live already was counted when it was approved."""
        if request.reduces or request.live_order_id:
            return ALLOW
        orders = list(load(value, Recent).within(view.now_ns, self._window_ns))
        return next(self._denials(request, orders), ALLOW)

    def _denials(self, request: RiskRequest, orders: list[Words]) -> Iterator[Deny]:
        settings, owner, symbol = self.settings, request.owner, request.symbol
        of_owner = sum(each[0] == owner for each in orders)
        of_symbol = sum(each[1] == symbol for each in orders)
        yield from self._denial("in all", len(orders), settings.total)
        yield from self._denial(f"of {owner}", of_owner, settings.per_owner)
        yield from self._denial(f"of {symbol}", of_symbol, settings.per_symbol)

    def _denial(self, whose: str, orders: int, limit: int | None) -> Iterator[Deny]:
        if limit is not None and not orders < limit:
            window_ms = self.settings.window_ms
            yield Deny(
                reason_codes.ORDER_RATE,
                f"{orders} orders {whose} were sent in the last {window_ms} ms, of {limit} allowed.",
                (("orders", str(orders)), ("limit", str(limit)), ("window_ms", str(window_ms))),
            )

    @property
    def _window_ns(self) -> int:
        return self.settings.window_ms * NANOSECONDS_PER_MILLISECOND


def _owner_and_symbol(order: OrderInitialized) -> Words:
    return order.owner, order.symbol
