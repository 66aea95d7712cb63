"""What is told of balances."""

from __future__ import annotations

from fairlead.domain.account import BalanceView
from fairlead.domain.numbers import ZERO
from fairlead.kernel.core.state import EngineState


def balances_of(state: EngineState) -> tuple[BalanceView, ...]:
    """Return every asset of which there is or was something, by name."""
    return tuple(
        BalanceView(asset, state.openings.get(asset, ZERO), state.adjusted.get(asset, ZERO), derived)
        for asset, derived in sorted(state.balances.items())
    )
