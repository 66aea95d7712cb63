"""A minimum size by symbol, of another author: it takes the place of the shipped check."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import attrs

from fairlead.ports.numbers import text_of
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, RiskRequest, RiskView
from house_checks import __version__


@attrs.frozen
class HouseMinimum:
    """Denies an order below the symbol's smallest quantity, and every order of a symbol that has none."""

    smallest: Mapping[str, Decimal]
    name: str = attrs.field(default="house_minimum", init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = True

    def initial(self) -> str:
        """Return the empty value: this check remembers nothing."""
        return ""

    def fold(self, value: str, fact: Fact) -> str:
        """Return the value as it is."""
        del fact
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare the quantity, in base currency."""
        del view, value
        if request.reduces:
            return ALLOW
        smallest = self.smallest.get(request.symbol)
        if smallest is None:
            return Deny("NO_HOUSE_MINIMUM", f"Nobody said how small an order of {request.symbol} may be.")
        if request.quantity >= smallest:
            return ALLOW
        quantity, limit = text_of(request.quantity), text_of(smallest)
        return Deny(
            "BELOW_HOUSE_MINIMUM",
            f"{quantity} {request.symbol} is below {limit}.",
            (("quantity", quantity), ("smallest", limit)),
        )
