"""The leverage limit: how many times its margin an order may be."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.ports.names import to_symbol
from fairlead.ports.numbers import text_of, to_decimal, to_positive
from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.fields import is_positive, to_limit
from fairlead_riskhooks.stateless_check import StatelessCheck


@attrs.frozen(kw_only=True)
class MaximumLeverageSettings:
    """The limit for all symbols, and others by symbol, which take its place.

    With *named* an order has to name its leverage where the venue offers any: left out, the venue takes
    what the account is set to, which nobody here knows.
    """

    maximum: Decimal = attrs.field(
        converter=to_limit,
        validator=is_positive,
        metadata={"doc": "highest leverage that an order may ask for", "example": "3"},
    )
    symbols: Mapping[str, Decimal] = attrs.field(
        factory=dict, metadata={"doc": "by symbol, a limit that takes the place of maximum"}
    )
    named: bool = attrs.field(
        default=False, metadata={"doc": "deny orders that name no leverage where the venue offers any"}
    )

    def __attrs_post_init__(self) -> None:
        for symbol, limit in self.symbols.items():
            to_symbol(symbol, "symbols")
            to_positive(to_decimal(limit, "symbols"), "symbols")


@attrs.frozen
class MaximumLeverage(StatelessCheck):
    """Denies an order that asks for more leverage than allowed; an order that asks for none passes."""

    settings: MaximumLeverageSettings
    name: str = attrs.field(default="maximum_leverage", init=False)
    version: str = attrs.field(default=__version__, init=False)

    @property
    def limits(self) -> Mapping[str, Decimal]:
        """Return the limits, for all symbols and by symbol."""
        by_symbol = {f"symbols.{symbol}": limit for symbol, limit in self.settings.symbols.items()}
        return {"maximum": self.settings.maximum, **by_symbol}

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare the order's leverage with the limit of its symbol."""
        del view, value
        if request.reduces:
            return ALLOW
        limit = self.settings.symbols.get(request.symbol, self.settings.maximum)
        leverage = request.leverage
        if leverage is None:
            return self._unnamed(request) or ALLOW
        if leverage <= limit:
            return ALLOW
        return Deny(
            reason_codes.LEVERAGE_ABOVE_MAXIMUM,
            f"A leverage of {text_of(leverage)} is above the maximum of {text_of(limit)}.",
            (("leverage", text_of(leverage)), ("maximum", text_of(limit))),
        )

    def _unnamed(self, request: RiskRequest) -> Deny | None:
        if not self.settings.named or request.instrument.maximum_leverage is None:
            return None
        return Deny(
            reason_codes.LEVERAGE_NOT_NAMED,
            f"{request.symbol} can be traded with leverage, and the order names none.",
        )
