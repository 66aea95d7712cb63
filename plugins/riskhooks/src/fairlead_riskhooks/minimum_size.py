"""The minimum-size check: an order that the venue would refuse for its size never leaves the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, Inexact

import attrs

from fairlead.ports.names import to_symbol
from fairlead.ports.numbers import (
    ZERO,
    is_multiple_of,
    nearest_multiples,
    text_of,
)
from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.exact import times
from fairlead_riskhooks.fields import is_positive, to_number
from fairlead_riskhooks.stateless_check import StatelessCheck

VENUE = "venue"
CONFIGURATION = "configuration"


@attrs.frozen(kw_only=True)
class SizeLimits:
    """Limits of one symbol that are stricter than the venue's; nothing where the venue's suffice.

    Quantities are in base currency, *minimum_cost* is in quote. A limit that is looser than the
    venue's changes nothing.
    """

    minimum_quantity: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={"doc": "smallest order, base currency; the venue's when left out"},
    )
    maximum_quantity: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={"doc": "largest order, base currency; the venue's when left out"},
    )
    quantity_step: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={"doc": "lot step, base currency; the venue's when left out"},
    )
    minimum_cost: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={"doc": "smallest quantity times price, quote currency; the venue's when left out"},
    )


NO_LIMITS = SizeLimits()


@attrs.frozen(kw_only=True)
class MinimumSizeSettings:
    """Settings of the check: *symbols* maps a symbol to the limits that are stricter than the venue's."""

    symbols: Mapping[str, SizeLimits] = attrs.field(
        factory=dict, metadata={"doc": "by symbol, limits that are stricter than the venue's"}
    )

    def __attrs_post_init__(self) -> None:
        for symbol in self.symbols:
            to_symbol(symbol, "symbols")


@attrs.frozen
class MinimumSize(StatelessCheck):
    """Denies orders below a minimum, above a maximum, off the lot step, or of too little cost.

    The venue's rules always hold; configured ones are added. A reducing order is exempt from the
    minimums (not from step and maximum) where the venue allows it. The cost of contracts counts their
    multiplier; that of an inverse one is the multiplier, at any price. A minimum cost that cannot be
    computed, because a market order has no fresh price, denies.
    """

    settings: MinimumSizeSettings = attrs.field(factory=MinimumSizeSettings)
    name: str = attrs.field(default="minimum_size", init=False)
    version: str = attrs.field(default=__version__, init=False)

    @property
    def limits(self) -> Mapping[str, Decimal]:
        """Return the configured maximums; of a minimum, lower is not stricter."""
        return {
            f"{symbol}.maximum_quantity": limits.maximum_quantity
            for symbol, limits in self.settings.symbols.items()
            if limits.maximum_quantity is not None
        }

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare the order's size with every limit; the first breach is the answer."""
        del view, value
        limits = self.settings.symbols.get(request.symbol, NO_LIMITS)
        return next(_breaches(request, limits), ALLOW)


def _breaches(request: RiskRequest, limits: SizeLimits) -> Iterator[Deny]:
    """Yield every breach, the one with the plainest remedy first; exactness needs no tolerance."""
    instrument = request.instrument
    exempt = request.reduces and instrument.reductions_exempt_from_minimum
    quantity = request.quantity
    for minimum, source in _both(instrument.minimum_quantity, limits.minimum_quantity):
        if not exempt and not quantity >= minimum:
            yield _below_minimum(request, minimum, source)
    for maximum, source in _both(instrument.maximum_quantity, limits.maximum_quantity):
        if not quantity <= maximum:
            yield _above_maximum(request, maximum, source)
    for step, source in _both(instrument.quantity_increment, limits.quantity_step):
        if not is_multiple_of(quantity, step):
            yield _off_step(request, step, source)
    for cost, source in _both(instrument.minimum_cost, limits.minimum_cost):
        if not exempt and cost > ZERO:
            yield from _cost_breach(request, cost, source)


def _both(of_venue: Decimal | None, configured: Decimal | None) -> Iterator[tuple[Decimal, str]]:
    """Yield the limits that there are, with who set them."""
    for limit, source in ((of_venue, VENUE), (configured, CONFIGURATION)):
        if limit is not None:
            yield limit, source


def _below_minimum(request: RiskRequest, minimum: Decimal, source: str) -> Deny:
    return Deny(
        reason_codes.QUANTITY_BELOW_MINIMUM,
        f"{_quantity(request)} is below the minimum of {text_of(minimum)} ({source}).",
        (("quantity", text_of(request.quantity)), ("minimum_quantity", text_of(minimum)), ("source", source)),
    )


def _above_maximum(request: RiskRequest, maximum: Decimal, source: str) -> Deny:
    return Deny(
        reason_codes.QUANTITY_ABOVE_MAXIMUM,
        f"{_quantity(request)} is above the maximum of {text_of(maximum)} ({source}).",
        (("quantity", text_of(request.quantity)), ("maximum_quantity", text_of(maximum)), ("source", source)),
    )


def _off_step(request: RiskRequest, step: Decimal, source: str) -> Deny:
    text = f"{_quantity(request)} is no multiple of the lot step {text_of(step)} ({source})"
    figures = (("quantity", text_of(request.quantity)), ("quantity_step", text_of(step)), ("source", source))
    try:
        below, above = nearest_multiples(request.quantity, step)
    except Inexact:  # absurdly far apart: the neighbours have more digits than exact arithmetic holds
        return Deny(reason_codes.QUANTITY_OFF_STEP, f"{text}.", figures)
    nearest = {"nearest_below": text_of(below), "nearest_above": text_of(above)}
    if below == ZERO:
        del nearest["nearest_below"]
    return Deny(
        reason_codes.QUANTITY_OFF_STEP,
        f"{text}; nearest: {' and '.join(nearest.values())}.",
        (*figures, *nearest.items()),
    )


def _cost_breach(request: RiskRequest, minimum: Decimal, source: str) -> Iterator[Deny]:
    quote = request.instrument.quote
    figures = (("minimum_cost", text_of(minimum)), ("source", source))
    cost = _cost(request)
    if cost is None:
        yield Deny(
            reason_codes.NO_FRESH_PRICE,
            f"A minimum cost of {text_of(minimum)} {quote} ({source}) applies to {request.symbol}, "
            "and there is no fresh price to compute the cost from.",
            figures,
        )
        return
    if not cost >= minimum:
        at = () if request.price is None else (("price", text_of(request.price)),)
        yield Deny(
            reason_codes.COST_BELOW_MINIMUM,
            f"{_quantity(request)}{f' at {at[0][1]}' if at else ''} costs {text_of(cost)} {quote}, "
            f"below the minimum of {text_of(minimum)} {quote} ({source}).",
            (("cost", text_of(cost)), *at, *figures),
        )


def _cost(request: RiskRequest) -> Decimal | None:
    """Return what the order costs in quote; an inverse contract stands for its multiplier, at any price."""
    instrument = request.instrument
    size = times(request.quantity, instrument.contract_multiplier)
    if instrument.contract == "inverse":
        return size
    return None if request.price is None else times(size, request.price)


def _quantity(request: RiskRequest) -> str:
    return f"{text_of(request.quantity)} {request.instrument.base}"
