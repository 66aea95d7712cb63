"""The port of components: long-lived parts that a plugin adds to a kernel, such as an exporter or a panel.

A component reads; it changes nothing. Whoever is to trade is a bot with a session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from fairlead.domain.events import Event, EventsMissed
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.prices import Price, Quote, Trade
from fairlead.domain.trading_state import TradingState

__all__ = [
    "Event",
    "EventsMissed",
    "KernelComponent",
    "KernelView",
    "OrderView",
    "PositionView",
    "Price",
    "TradingState",
]


class KernelView(Protocol):
    """What a component sees of the kernel that it belongs to, in the kernel's loop and thread only."""

    @property
    def account(self) -> str:
        """Return the account's name."""

    @property
    def trading_state(self) -> TradingState:
        """Return whether new exposure may be taken."""

    @property
    def trading_reason(self) -> str:
        """Return why the trading state is what it is."""

    def health(self) -> tuple[tuple[str, str, str], ...]:
        """Return (component, state, problem) in start order."""

    def orders(self, *, live_only: bool = False) -> tuple[OrderView, ...]:
        """Return every order that memory holds, or only those that are not closed."""

    def positions(self) -> tuple[PositionView, ...]:
        """Return every position ever opened here, flat ones included."""

    def price(self, symbol: str) -> Price | None:
        """Return what is known of the symbol's price, with its age; nothing when there is no price."""

    def prices(self, symbol: str) -> AsyncIterator[Quote | Trade]:
        """Return an endless bounded stream of the symbol's prices; to a slow reader lows and highs remain."""

    def events(self, *kinds: type[Event]) -> AsyncIterator[Event | EventsMissed]:
        """Return a bounded stream of durable events of these kinds, of all kinds when none is named."""


class KernelComponent(Protocol):
    """A part of the kernel that a plugin brings.

    Components start when the venue's rules are known and before trading is enabled, each after those that
    it names in *after*, and stop in reverse. `start` and `stop` may take ``component_timeout_ms`` each: a
    component that does not start in time, or raises, stops the kernel's start. `run` has a supervised task
    from start to stop, which is canceled before `stop` is called; it may return when it has nothing to do.
    One that raises is FAULTED, is noted as an anomaly and halts trading; an operator clears that.
    """

    @property
    def name(self) -> str:
        """Return the name, as health and log show it."""

    @property
    def after(self) -> Sequence[str]:
        """Return the names of the components by plugins, price sources among them, that start before it."""

    async def start(self, kernel: KernelView) -> None:
        """Take up what `run` needs, and return."""

    async def run(self) -> None:
        """Work until canceled, or until there is nothing more to do."""

    async def stop(self) -> None:
        """Give back what `start` took; called once after each start that returned."""
