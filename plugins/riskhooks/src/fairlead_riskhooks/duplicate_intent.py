"""Duplicate intents: the same order a second time within a short while is a mistake, not a wish."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import attrs

from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, OrderInitialized, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.exact import plain
from fairlead_riskhooks.fields import is_count
from fairlead_riskhooks.recent_orders import (
    NANOSECONDS_PER_MILLISECOND,
    NOTHING,
    Recent,
    Words,
    fold_recent,
)
from fairlead_riskhooks.stored import load

# A type with a limit price: that is then the price of the request, and the market's is not.
_LIMITED = frozenset({"limit", "stop_limit", "take_profit_limit"})


@attrs.frozen(kw_only=True)
class DuplicateIntentSettings:
    """How long an order stands in the way of another one like it, and how many are remembered."""

    window_ms: int = attrs.field(
        validator=is_count,
        metadata={"doc": "how long the same order is denied after it was sent", "example": "5000"},
    )
    remembered_max: int = attrs.field(
        default=1000,
        validator=is_count,
        metadata={"doc": "orders in the window at which further ones are denied"},
    )


@attrs.frozen
class DuplicateIntent:
    """Denies an order like one of the window: same owner, symbol, side, type, quantity and limit price.

    It counts however the first one ended: filled, canceled or refused by the venue. An idempotency key
    guards a command that is repeated; this guards against a bot that decides the same thing twice.
    """

    settings: DuplicateIntentSettings
    name: str = attrs.field(default="duplicate_intent", init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = False

    @property
    def limits(self) -> Mapping[str, int]:
        """Return how many orders the window may have."""
        return {"remembered_max": self.settings.remembered_max}

    def initial(self) -> str:
        """Return no orders."""
        return NOTHING

    def fold(self, value: str, fact: Fact) -> str:
        """Note when orders are sent, by what makes them alike."""
        return fold_recent(value, fact, _intent_of_order, self._window_ns, 1)

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Look for the order among those of the window; one that is live already is no second one."""
        if request.reduces or request.live_order_id:
            return ALLOW
        recent = list(load(value, Recent).within(view.now_ns, self._window_ns))
        window = ("window_ms", str(self.settings.window_ms))
        if _intent_of_request(request) in recent:
            return Deny(
                reason_codes.DUPLICATE_INTENT,
                f"The same order was sent by {request.owner} in the last {self.settings.window_ms} ms.",
                (("quantity", plain(request.quantity)), window),
            )
        if not len(recent) < self.settings.remembered_max:
            return Deny(
                reason_codes.TOO_MANY_INTENTS,
                f"{len(recent)} orders are in the window already, as many as are remembered.",
                (("orders", str(len(recent))), window),
            )
        return ALLOW

    @property
    def _window_ns(self) -> int:
        return self.settings.window_ms * NANOSECONDS_PER_MILLISECOND


def _intent_of_order(order: OrderInitialized) -> Words:
    limit = order.limit_price if order.order_type.value in _LIMITED else None
    return _intent(order, limit)


def _intent_of_request(request: RiskRequest) -> Words:
    limit = request.price if request.order_type.value in _LIMITED else None
    return _intent(request, limit)


def _intent(order: OrderInitialized | RiskRequest, limit: Decimal | None) -> Words:
    price = "" if limit is None else plain(limit)
    return order.owner, order.symbol, order.side.value, order.order_type.value, plain(order.quantity), price
