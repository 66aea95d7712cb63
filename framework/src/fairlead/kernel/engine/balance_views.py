"""What is told of balances."""

from __future__ import annotations

from fairlead.domain.account import BalanceView
from fairlead.domain.numbers import ZERO, subtract
from fairlead.kernel.core.state import EngineState


def balances_of(state: EngineState) -> tuple[BalanceView, ...]:
    """Return every asset of which there is or was something, here or at the venue, by name."""
    told = () if state.holdings is None else state.holdings.told
    return tuple(_view(state, asset) for asset in sorted({*state.balances, *told}))


def _view(state: EngineState, asset: str) -> BalanceView:
    opening, adjustments = state.openings.get(asset, ZERO), state.adjusted.get(asset, ZERO)
    derived, holdings = state.balances.get(asset, ZERO), state.holdings
    if holdings is None:
        return BalanceView(asset, opening, adjustments, derived)
    balance = holdings.told.get(asset)
    total, locked = (ZERO, ZERO) if balance is None else (balance.total, balance.locked)
    drift = subtract(total, holdings.derived.get(asset, ZERO))
    return BalanceView(asset, opening, adjustments, derived, total, locked, drift)
