"""The position limits: how many positions may be open at once, pending orders included."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import attrs

from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.stateless_check import StatelessCheck


class PendingClosePolicy(StrEnum):
    """Whether a position whose whole quantity is being closed still counts.

    ``STRICT``: it counts until it is closed. ``OPTIMISTIC``: live reducing orders that cover the
    whole of it take it off the count before they are filled.
    """

    STRICT = "strict"
    OPTIMISTIC = "optimistic"


@attrs.frozen(kw_only=True)
class MaximumPositionsSettings:
    """Limits over open positions + pending opens - pending closes; at least one is given.

    *total* is over all symbols, *per_symbol* over the books of one symbol. *allow_increase* lets an
    order that adds to a counted position pass uncounted; without it such an order is denied once
    the limit of its symbol is reached.
    """

    total: int | None = attrs.field(
        default=None, metadata={"doc": "positions over all symbols; no limit when left out"}
    )
    per_symbol: int | None = attrs.field(
        default=None, metadata={"doc": "positions of one symbol, over its books; no limit when left out"}
    )
    pending_close_policy: PendingClosePolicy = attrs.field(
        default=PendingClosePolicy.STRICT,
        metadata={"doc": "whether positions that are being closed are counted (strict) or not (optimistic)"},
    )
    allow_increase: bool = attrs.field(
        default=False, metadata={"doc": "let an order that adds to a counted position pass uncounted"}
    )

    def __attrs_post_init__(self) -> None:
        if self.total is None and self.per_symbol is None:
            raise ValueError("give total, per_symbol or both")
        for name, limit in (("total", self.total), ("per_symbol", self.per_symbol)):
            if limit is not None and (type(limit) is not int or limit < 1):
                raise ValueError(f"{name} must be a whole number of at least 1")


@attrs.frozen
class MaximumPositions(StatelessCheck):
    """Denies an order that would expose one more position than allowed.

    A position is a key (symbol, book) with quantity, or with a pending order that may open it; the
    kernel reserves in the step that asks, so two orders in flight cannot both take the last place.
    """

    settings: MaximumPositionsSettings
    name: str = attrs.field(default="maximum_positions", init=False)
    version: str = attrs.field(default=__version__, init=False)

    @property
    def limits(self) -> Mapping[str, int]:
        """Return the limits that are set."""
        found = {"total": self.settings.total, "per_symbol": self.settings.per_symbol}
        return {name: limit for name, limit in found.items() if limit is not None}

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Count exposed positions and compare with both limits."""
        del value
        if request.reduces:
            return ALLOW
        settings = self.settings
        counted = self._is_counted(request, view)
        if counted and settings.allow_increase:
            return ALLOW
        if settings.per_symbol is not None:
            exposed = self._count(view, request.symbol)
            if not exposed < settings.per_symbol:
                return self._denial(
                    reason_codes.SYMBOL_POSITIONS_LIMIT_REACHED,
                    f"in {request.symbol}",
                    exposed,
                    settings.per_symbol,
                )
        if settings.total is not None and not counted:
            exposed = self._count(view, None)
            if not exposed < settings.total:
                return self._denial(reason_codes.POSITIONS_LIMIT_REACHED, "in total", exposed, settings.total)
        return ALLOW

    @property
    def _optimistic(self) -> bool:
        return self.settings.pending_close_policy is PendingClosePolicy.OPTIMISTIC

    def _count(self, view: RiskView, symbol: str | None) -> int:
        return view.exposed_positions(symbol, subtract_closing=self._optimistic)

    def _is_counted(self, request: RiskRequest, view: RiskView) -> bool:
        """Tell whether the order's own key is among those counted, so that it takes no new place."""
        position = view.position(request.symbol, request.book, request.position_id)
        if position is None or not position.is_exposed:
            return False
        closing = position.pending_openings == 0 and not position.available_exit > 0
        return not (self._optimistic and closing)

    def _denial(self, code: str, where: str, exposed: int, limit: int) -> Deny:
        policy = self.settings.pending_close_policy.value
        return Deny(
            code,
            f"{exposed} of {limit} positions {where} are open or pending (pending closes counted: {policy}).",
            (("exposed_positions", str(exposed)), ("limit", str(limit)), ("pending_close_policy", policy)),
        )
