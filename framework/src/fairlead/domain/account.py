"""The account: what a balance is made of, and what moves one besides fills.

A balance is the opening inventory of an asset, plus what fills moved, plus adjustments, and nothing else.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from fairlead.domain.numbers import subtract
from fairlead.domain.values import Value


class AdjustmentKind(StrEnum):
    """Why a balance changed without one of our fills.

    ``FUNDING``: for holding a perpetual contract; ``ROLLOVER``: for borrowed money. ``REWARD``: whatever the
    venue gave, such as staking and interest. ``DUST_CONVERSION``: a rest too small to trade was turned into
    something else. ``LIQUIDATION``: what the venue took when it ended a position by force.
    ``FILL_CORRECTION``: the difference that a corrected or voided fill makes.
    """

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    FUNDING = "funding"
    ROLLOVER = "rollover"
    REWARD = "reward"
    DUST_CONVERSION = "dust_conversion"
    LIQUIDATION = "liquidation"
    FILL_CORRECTION = "fill_correction"


class BalanceView(Value):
    """One asset as we derive it: *derived* is *opening*, *fills* and *adjustments* added up, exactly.

    *opening* is what was there before there was a kernel: inventory, which is no position. Amounts are
    signed and in the asset.
    """

    asset: str
    opening: Decimal
    adjustments: Decimal
    derived: Decimal

    @property
    def fills(self) -> Decimal:
        """Return what our fills moved."""
        return subtract(subtract(self.derived, self.opening), self.adjustments)
