"""What the venue said last that the account holds, beside what we derived then."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from fairlead.domain.numbers import ZERO
from fairlead.ports.account import VenueBalance


@attrs.frozen
class Holdings:
    """Balances as they were told to a question of *asked_ns*; *derived* is what we derived meanwhile.

    *ours* is what of the locked amounts our own orders account for.
    """

    told: Mapping[str, VenueBalance]
    derived: Mapping[str, Decimal]
    asked_ns: int
    ours: Mapping[str, Decimal]

    def total_of(self, asset: str) -> Decimal:
        """Return what the account holds of the asset; what is not named is not held."""
        balance = self.told.get(asset)
        return ZERO if balance is None else balance.total

    def locked_of(self, asset: str) -> Decimal:
        """Return what the venue holds of the asset for open orders, whoever placed them."""
        balance = self.told.get(asset)
        return ZERO if balance is None else balance.locked
