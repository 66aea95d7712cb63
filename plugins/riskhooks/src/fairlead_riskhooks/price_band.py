"""The price band: no order at a price far from the market's, for that is a slip of the finger."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.ports.numbers import ONE, text_of
from fairlead.ports.risk import ALLOW, Deny, Judgement, OrderSide, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.exact import minus, plain, plus, times
from fairlead_riskhooks.fields import is_positive, to_limit
from fairlead_riskhooks.stateless_check import StatelessCheck

_PERCENT = Decimal(100)


@attrs.frozen(kw_only=True)
class PriceBandSettings:
    """How far from the latest price an order's price may be, as a share of that price.

    With *only_worse* a buy may be as low and a sell as high as it likes: what rests far away costs nothing.
    """

    rate: Decimal = attrs.field(
        converter=to_limit,
        validator=is_positive,
        metadata={"doc": "share of the latest price: 0.05 is 5 %", "example": "0.05"},
    )
    only_worse: bool = attrs.field(
        default=False, metadata={"doc": "bound only buys above and sells below the latest price"}
    )


@attrs.frozen
class PriceBand(StatelessCheck):
    """Denies an order whose price lies outside the band, or where no usable price says where the band is.

    What is compared is the limit price, or the trigger of an order without one. Market orders pass: they
    have no price of their own.
    """

    settings: PriceBandSettings
    name: str = attrs.field(default="price_band", init=False)
    version: str = attrs.field(default=__version__, init=False)

    @property
    def limits(self) -> Mapping[str, Decimal]:
        """Return the width of the band, a share of the price."""
        return {"rate": self.settings.rate}

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare the order's price with the latest one."""
        del value
        if request.reduces or request.order_type.value == "market":
            return ALLOW
        if request.price is None:
            return _denial(f"The order of {request.symbol} has no price to compare.")
        latest = view.price(request.symbol)
        if latest is None or not latest.usable:
            return _denial(f"There is no usable price of {request.symbol} to compare with.")
        return self._outside(request, request.price, latest.price) or ALLOW

    def _outside(self, request: RiskRequest, price: Decimal, latest: Decimal) -> Deny | None:
        rate, only_worse = self.settings.rate, self.settings.only_worse
        buys = request.side is OrderSide.BUY
        lowest, highest = times(latest, minus(ONE, rate)), times(latest, plus(ONE, rate))
        too_low = price < lowest and not (buys and only_worse)
        too_high = price > highest and (buys or not only_worse)
        if not too_low and not too_high:
            return None
        return Deny(
            reason_codes.PRICE_OUTSIDE_BAND,
            f"{text_of(price)} is more than {plain(times(rate, _PERCENT))} % away from the latest price of "
            f"{request.symbol}, {text_of(latest)}.",
            (("price", text_of(price)), ("latest_price", text_of(latest)), ("rate", text_of(rate))),
        )


def _denial(reason: str) -> Deny:
    return Deny(reason_codes.PRICE_BAND_UNKNOWN, reason)
