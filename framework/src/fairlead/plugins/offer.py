"""A plugin made of ready objects, for a host that has a client, a store or checks of its own."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fairlead.hookspecs import hookimpl
from fairlead.ports.exchange import ExchangeClient
from fairlead.ports.risk import RiskCheck
from fairlead.ports.store import Store


def _tuple_of(values: Sequence[object]) -> tuple[object, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True, eq=False)
class Offer:
    """Offers the objects it was given: ``Offer(name="my-checks", risk_checks=[MyCheck()])``."""

    name: str
    exchanges: Sequence[ExchangeClient] = attrs.field(default=(), converter=_tuple_of)
    stores: Sequence[Store] = attrs.field(default=(), converter=_tuple_of)
    risk_checks: Sequence[RiskCheck] = attrs.field(default=(), converter=_tuple_of)

    @hookimpl
    def fairlead_exchanges(self) -> Sequence[ExchangeClient]:
        """Return the exchange clients it was given."""
        return self.exchanges

    @hookimpl
    def fairlead_stores(self) -> Sequence[Store]:
        """Return the stores it was given."""
        return self.stores

    @hookimpl
    def fairlead_risk_checks(self) -> Sequence[RiskCheck]:
        """Return the risk checks it was given."""
        return self.risk_checks
