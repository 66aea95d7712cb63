"""What a component of a plugin sees of its kernel: readings, and no command."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fairlead.domain.events import Event, EventsMissed
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.prices import Price, Quote, Trade
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.readings import Readings


class ComponentView:
    """See `fairlead.ports.components.KernelView`."""

    def __init__(self, kernel: Readings) -> None:
        self._kernel = kernel

    @property
    def account(self) -> str:
        """Return the account's name."""
        return self._kernel.settings.account

    @property
    def trading_state(self) -> TradingState:
        """Return whether new exposure may be taken."""
        return self._kernel.trading_state

    @property
    def trading_reason(self) -> str:
        """Return why the trading state is what it is."""
        return self._kernel.trading_reason

    def health(self) -> tuple[tuple[str, str, str], ...]:
        """Return (component, state, problem) in start order."""
        return self._kernel.health()

    def orders(self, *, live_only: bool = False) -> tuple[OrderView, ...]:
        """Return every order that memory holds, or only those that are not closed."""
        return self._kernel.orders(live_only=live_only)

    def positions(self) -> tuple[PositionView, ...]:
        """Return every position ever opened here, flat ones included."""
        return self._kernel.positions()

    def price(self, symbol: str) -> Price | None:
        """Return what is known of the symbol's price; nothing when there is no price."""
        return self._kernel.prices.latest(symbol)

    def prices(self, symbol: str) -> AsyncIterator[Quote | Trade]:
        """Return an endless bounded stream of the symbol's prices."""
        return self._kernel.prices.stream(symbol)

    def events(self, *kinds: type[Event]) -> AsyncIterator[Event | EventsMissed]:
        """Return a bounded stream of durable events of these kinds, of all kinds when none is named."""
        return self._kernel.events.stream(*kinds)
