"""What a kernel can be asked: orders, positions, balances, prices, events, and how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from fairlead.domain.account import BalanceView
from fairlead.domain.episodes import EpisodeView
from fairlead.domain.identifiers import to_client_order_id
from fairlead.domain.instruments import Instrument
from fairlead.domain.orders import OrderView, PositionView, view_of
from fairlead.domain.reconciliation import ReconcileReport
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.commands import Commands
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.balance_views import balances_of
from fairlead.kernel.engine.position_events import marked_view, net_quantity, open_episode
from fairlead.kernel.events.bus import EventBus
from fairlead.kernel.history import History
from fairlead.kernel.pacing.view import PacingView
from fairlead.kernel.parts import Parts
from fairlead.kernel.prices.service import PriceService
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import Clock


class Readings:
    """The part of `Kernel` that changes nothing; the past is read from the store, all else from memory."""

    def __init__(self, parts: Parts, commands: Commands) -> None:
        self.settings: KernelSettings = parts.settings
        self.clock: Clock = parts.clock
        self.commands = commands
        self._parts = parts

    @property
    def prices(self) -> PriceService:
        """Return the prices service: publish, latest, stream."""
        return self._parts.prices

    @property
    def events(self) -> EventBus:
        """Return the event bus: subscribe, stream."""
        return self._parts.bus

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Return the venue's rules by symbol, as last read; ask again later. Do not change the mapping."""
        return self._state.instruments

    @property
    def pacing(self) -> PacingView:
        """Return how the venue's rate limits stand, what waits for them, and what was counted."""
        engine = self._parts.engine
        return PacingView(engine.state, engine.rules.pacing, engine.pace_clock)

    @property
    def trading_state(self) -> TradingState:
        """Return whether new exposure may be taken."""
        return self._state.trading

    @property
    def trading_reason(self) -> str:
        """Return why the trading state is what it is."""
        return self._state.trading_reason

    @property
    def sequence(self) -> int:
        """Return the sequence of the last record in memory."""
        return self._state.sequence

    @property
    def durable_sequence(self) -> int:
        """Return the sequence up to which everything is durable."""
        return self._parts.journal.durable_sequence

    @property
    def last_reconciliation(self) -> ReconcileReport | None:
        """Return the report of the last reconciliation that passed."""
        return self._parts.reconciler.last

    def health(self) -> tuple[tuple[str, str, str], ...]:
        """Return (component, state, problem) in start order."""
        return tuple((part.name, part.state.value, part.problem) for part in self._parts.components)

    def order(self, client_order_id: str) -> OrderView | None:
        """Return an order that memory holds, at every instant of its life."""
        order = self._state.orders.get(client_order_id)
        return None if order is None else view_of(order)

    async def find_order(self, client_order_id: str) -> OrderView | None:
        """Return any order ever made here, from memory or from the store."""
        name = to_client_order_id(client_order_id, "client_order_id")
        return await self.commands.find_order(name)

    def orders(self, *, live_only: bool = False) -> tuple[OrderView, ...]:
        """Return every order that memory holds, or only those that are not closed."""
        orders = self._state.orders.values()
        return tuple(view_of(order) for order in orders if not live_only or order.state.is_live)

    def position(self, symbol: str, book: str, position_id: str = "") -> PositionView | None:
        """Return the open position of the key, or nothing when it is flat."""
        position = self._state.positions.get((symbol, book, position_id))
        if position is None or not position.is_open:
            return None
        return marked_view(self._state, position, self.prices)

    def net_quantity(self, symbol: str) -> Decimal:
        """Return what all positions of a symbol come to, signed: what the venue shows of it."""
        return net_quantity(self._state, symbol)

    def positions(self) -> tuple[PositionView, ...]:
        """Return every position that memory holds, flat ones included."""
        state, prices = self._state, self.prices
        return tuple(marked_view(state, position, prices) for position in state.positions.values())

    def balances(self) -> tuple[BalanceView, ...]:
        """Return every asset as we derive it: opening inventory, fills and adjustments."""
        return balances_of(self._state)

    def episode(self, symbol: str, book: str, position_id: str = "") -> EpisodeView | None:
        """Return the open episode of a position, or nothing when it is flat."""
        return open_episode(self._state, (symbol, book, position_id))

    @property
    def history(self) -> History:
        """Return the questions about orders and episodes of the past, of every owner."""
        return History(self._parts.store, self.commands.read_history)

    def is_settled(self, waiting: frozenset[asyncio.Task[None]] = frozenset()) -> bool:
        """Tell whether nothing is under way but what the *waiting* tasks wait for.

        Inbox empty, journal idle, no effect, no reconciliation and no look-up in the store.
        """
        return not self.commands.is_loading and self._parts.is_settled(waiting)

    @property
    def _state(self) -> EngineState:
        return self._parts.engine.state
