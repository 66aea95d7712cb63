"""The account: what a balance is made of, and what moves one besides fills.

A balance is the opening inventory of an asset, plus what fills moved, plus adjustments, and nothing else.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from fairlead.domain.numbers import EXACT, subtract, text_of
from fairlead.domain.values import Value

FIGURES = ("opening", "fills", "adjustments", "derived", "at_venue", "locked", "free", "drift")
"""The figures of a balance, in the order in which they are shown."""

CORRECTION_PREFIX = "correction-"
"""Begins the id of an adjustment that an operator made."""


class AdjustmentKind(StrEnum):
    """Why a balance changed without one of our fills.

    ``FUNDING``: for holding a perpetual contract; ``ROLLOVER``: for borrowed money. ``REWARD``: whatever the
    venue gave, such as staking and interest. ``DUST_CONVERSION``: a rest too small to trade was turned into
    something else. ``LIQUIDATION``: what the venue took when it ended a position by force.
    ``FILL_CORRECTION``: the difference that a corrected or voided fill makes. ``CORRECTION``: an operator
    accepted what the venue holds; no ledger has it.
    """

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    FUNDING = "funding"
    ROLLOVER = "rollover"
    REWARD = "reward"
    DUST_CONVERSION = "dust_conversion"
    LIQUIDATION = "liquidation"
    FILL_CORRECTION = "fill_correction"
    CORRECTION = "correction"


class BalanceView(Value):
    """One asset as we derive it: *derived* is *opening*, *fills* and *adjustments* added up, exactly.

    *opening* is what was there before there was a kernel: inventory, which is no position. Amounts are
    signed and in the asset.

    *at_venue*, of which *locked* is held for open orders, is what the venue said last, and *drift* by how
    much that was more than was derived then; nothing where the venue's balances are not known.
    """

    asset: str
    opening: Decimal
    adjustments: Decimal
    derived: Decimal
    at_venue: Decimal | None = None
    locked: Decimal | None = None
    drift: Decimal | None = None

    @property
    def free(self) -> Decimal | None:
        """Return what the venue said last that no open order holds."""
        if self.at_venue is None or self.locked is None:
            return None
        return subtract(self.at_venue, self.locked)

    @property
    def fills(self) -> Decimal:
        """Return what our fills moved."""
        return subtract(subtract(self.derived, self.opening), self.adjustments)


def balance_dict(view: BalanceView) -> dict[str, str | None]:
    """Return every figure of a balance by name, as text; nothing where the venue's is not known."""
    figures = {name: getattr(view, name) for name in FIGURES}
    return {
        "asset": view.asset,
        **{
            name: None if figure is None else text_of(EXACT.normalize(figure))
            for name, figure in figures.items()
        },
    }
