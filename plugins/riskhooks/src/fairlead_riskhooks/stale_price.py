"""The age of prices: no order about a symbol of which nothing was heard for a while."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.fields import is_count
from fairlead_riskhooks.recent_orders import NANOSECONDS_PER_MILLISECOND
from fairlead_riskhooks.stateless_check import StatelessCheck


@attrs.frozen(kw_only=True)
class StalePriceSettings:
    """How old a symbol's price may be; the kernel's own ``price_max_age_ms`` holds as well."""

    maximum_age_ms: int = attrs.field(
        validator=is_count,
        metadata={"doc": "time since the last quote, trade or heartbeat of the symbol", "example": "2000"},
    )


@attrs.frozen
class StalePrice(StatelessCheck):
    """Denies an order of any type where the price is older, unconfirmed after a jump, or missing."""

    settings: StalePriceSettings
    name: str = attrs.field(default="stale_price", init=False)
    version: str = attrs.field(default=__version__, init=False)

    @property
    def limits(self) -> Mapping[str, int]:
        """Return the age, milliseconds."""
        return {"maximum_age_ms": self.settings.maximum_age_ms}

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Look at the age of the symbol's price."""
        del value
        if request.reduces:
            return ALLOW
        price = view.price(request.symbol)
        if price is None:
            return Deny(reason_codes.PRICE_MISSING, f"There is no price of {request.symbol}.")
        if price.suspect is not None:
            return Deny(
                reason_codes.PRICE_SUSPECT, f"The price of {request.symbol} jumped and is not confirmed yet."
            )
        limit_ms = self.settings.maximum_age_ms
        if price.fresh and price.age_ns <= limit_ms * NANOSECONDS_PER_MILLISECOND:
            return ALLOW
        return Deny(
            reason_codes.PRICE_STALE,
            f"The price of {request.symbol} is {price.age_ns} ns old; {limit_ms} ms are allowed, and the "
            "kernel's price_max_age_ms.",
            (("age_ns", str(price.age_ns)), ("maximum_age_ms", str(limit_ms))),
        )
