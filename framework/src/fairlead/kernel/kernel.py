"""`Kernel`: the façade that a bot embeds, and the one place where the parts are put together."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from fairlead.domain.account import BalanceView
from fairlead.domain.closings import CLOSING_PREFIX, CloseResult
from fairlead.domain.episodes import EpisodeView
from fairlead.domain.identifiers import DRAWN_DIGITS, new_order_id, to_client_order_id, to_line, to_name
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import Number
from fairlead.domain.orders import OrderView, PositionView, view_of
from fairlead.domain.reconciliation import ReconcileReport
from fairlead.domain.trading_state import TradingState
from fairlead.errors import NotRunning, WrongThread
from fairlead.kernel.acceptances import Acceptances
from fairlead.kernel.command_maker import CloseWishes, CommandMaker, Saying
from fairlead.kernel.commands import Commands
from fairlead.kernel.composition import Given, GivenParts, compose
from fairlead.kernel.configuration import read_configuration
from fairlead.kernel.control.parts import control_parts
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.rules import OPERATOR
from fairlead.kernel.engine.balance_views import balances_of
from fairlead.kernel.engine.position_events import marked_view, net_quantity, open_episode
from fairlead.kernel.events.bus import EventBus
from fairlead.kernel.history import History
from fairlead.kernel.logs import EventLog
from fairlead.kernel.loop_watch import loop_watch_parts
from fairlead.kernel.pacing.view import PacingView
from fairlead.kernel.parts import Parts
from fairlead.kernel.plugged.parts import plug_in
from fairlead.kernel.prices.service import PriceService
from fairlead.kernel.results import CommandResult, FlattenResult, StopReport
from fairlead.kernel.session import Session
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds
from fairlead.kernel.winding_down import wind_down
from fairlead.plugins.redaction import REDACTION
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.ids import Ids


class Kernel:
    """One kernel: one account, one exchange client, one store. Several may live in one process.

    ::

        async with Kernel(settings, plugins=[paper, sql_store, risk_hooks]) as kernel:
            bot = kernel.session(owner="my-bot")
            result = await bot.execute(Proposal.buy("BTC/USDT", quantity="0.01"))

    A plugin is an object with hooks or the name of an installed one; *exchange*, *store* and *checks*
    may also be passed as they are; *pacing* replaces the exchange client's own model of its rate limits.
    *tables* holds the plugins' configuration tables by name.

    It belongs to the loop and thread that started it. There is no global state and no signal
    handler. Raises `ConfigurationRefused` when a part is missing: there is no implicit paper mode,
    and running without any risk check needs ``allow_unchecked=True`` in the settings.
    """

    def __init__(
        self,
        settings: KernelSettings,
        plugins: Sequence[object] = (),
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        logger: logging.Logger | None = None,
        **given: Unpack[GivenParts],
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self._ids: Ids = ids or SystemIds()
        self._logger = logger or logging.getLogger("fairlead")
        self._logger.addFilter(REDACTION)
        ingredients = compose(settings, Given(plugins=plugins, **given), self.clock, self._ids, self._logger)
        self._parts = Parts(ingredients)
        plug_in(self, self._parts, ingredients.price_sources, ingredients.components)
        self._parts.components += loop_watch_parts(self._parts) + control_parts(self, self._parts)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self.commands = Commands(self._parts, self.check_usable)
        self._acceptances = Acceptances(self._parts, self.commands)
        if settings.log_events:
            self.events.subscribe(EventLog(self._logger, settings.account))

    @classmethod
    def from_config(
        cls,
        source: str | Path | Mapping[str, Any],
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        logger: logging.Logger | None = None,
    ) -> Self:
        """Return a kernel as ``fairlead.toml`` describes it, or the same structure as a mapping.

        Raises `ConfigurationRefused` that lists every complaint about the file and the kernel's settings,
        or all about a plugin's; nothing is opened or connected before `start`.
        """
        configuration = read_configuration(source)
        return cls(
            configuration.settings,
            plugins=tuple(configuration.tables),
            clock=clock,
            ids=ids,
            logger=logger,
            tables=configuration.tables,
            folder=configuration.folder,
            digest=configuration.digest,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Lock, replay, connect, reconcile, enable.

        Raises what stands against it, and then leaves nothing running.
        """
        if self._loop is not None:
            raise NotRunning("The kernel was started already.", fix="Make a new one.")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        await self._parts.start()

    async def stop(self) -> StopReport | None:
        """Do what ``on_stop`` says, then stop in reverse order; return what was done and what is left.

        Effects under way end, what is known is recorded, the store is given back. Nothing is returned by
        a kernel that was not running.
        """
        if self._loop is None:
            return None
        report = None
        if self._parts.running and self._parts.failure is None and not self.commands.is_stopping:
            flatten_id = CLOSING_PREFIX + self.new_client_order_id()
            report = await wind_down(self._parts, self.commands, flatten_id, self._logger)
        await self._parts.stop()
        return report

    def session(self, *, owner: str, hedging: bool = False) -> Session:
        """Return an owner's commands; with *hedging* a proposal that names no position has its own."""
        return Session(self, to_name(owner, "owner"), hedging=hedging)

    # -- reads ---------------------------------------------------------------------------------

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

    # -- commands ------------------------------------------------------------------------------

    def check_usable(self) -> None:
        """Raise unless the kernel runs, and in this thread and loop."""
        if self._loop is None or not self._parts.running:
            raise NotRunning(
                "The kernel is not running.", not_done="Nothing was done.", fix="Start it first."
            )
        if threading.get_ident() != self._thread or asyncio.get_running_loop() is not self._loop:
            raise WrongThread(
                "The kernel belongs to another thread or event loop.",
                not_done="Nothing was done.",
                fix="Call it from the loop that started it.",
            )

    def new_client_order_id(self) -> str:
        """Return a fresh client order id of this account."""
        now_ms = self.clock.wall_ns() // NANOSECONDS_PER_MILLISECOND
        return new_order_id(self._state.account_tag, now_ms, self._ids.unique_hex(DRAWN_DIGITS))

    async def closed(self, client_order_id: str) -> OrderView:
        """Wait for an order's end."""
        return await self.commands.closed(client_order_id)

    async def cancel(self, client_order_id: str, by: str, *, operator: bool = False) -> CommandResult:
        """Cancel an order in the name of its owner, or of the operator.

        While the journal is unusable the request goes out all the same, and is recorded when it is back.
        Raises `UnknownName` for an order that was never made here, and what ended the journal for good.
        """
        return await self.commands.cancel(client_order_id, by, operator=operator)

    async def cancel_all(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> CommandResult:
        """Cancel every live order of every owner, as the operator; see `Session.cancel_all`."""
        return await self.commands.cancel_all(self._operator.cancel_all(symbol, book, idempotency_key))

    async def close_position(self, symbol: str, book: str, **wishes: Unpack[CloseWishes]) -> CloseResult:
        """Close the position of any book, as the operator; see `Session.close_position`."""
        return await self.commands.close_position(self._operator.close_position(symbol, book, wishes))

    async def flatten(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> FlattenResult:
        """Cancel and close everything of every owner, as the operator; see `Session.flatten`."""
        return await self.commands.flatten(self._operator.flatten(symbol, book, idempotency_key))

    async def set_trading_state(
        self, state: TradingState, *, reason: str, by: str = OPERATOR
    ) -> CommandResult:
        """Set the trading state and return when that is durable."""
        return await self.commands.set_trading_state(state, reason=reason, by=by)

    async def annotate(self, client_order_id: str, **saying: Unpack[Saying]) -> CommandResult:
        """Say something about an order of any owner, as the operator; see `Session.annotate`."""
        name = to_client_order_id(client_order_id, "client_order_id")
        return await self.commands.annotate(self._operator.annotate(name, saying))

    async def resolve_not_placed(
        self, client_order_id: str, *, note: str, by: str = OPERATOR
    ) -> CommandResult:
        """Record an operator's decision that an unresolved order was never placed.

        Refused for every other order. Raises `UnknownName` for one that was never made here.
        """
        return await self.commands.resolve(client_order_id, note=note, by=by, missing=False)

    async def resolve_missing(self, client_order_id: str, *, note: str, by: str = OPERATOR) -> CommandResult:
        """Record an operator's decision that a working order which the venue does not know is over.

        It becomes CANCELED and gives its reservation back; should it fill or show itself after all, that is
        booked or canceled as for any closed order. Refused unless a complete look-up did not find it. Raises
        `UnknownName` for an order that was never made here.
        """
        return await self.commands.resolve(client_order_id, note=note, by=by, missing=True)

    async def adopt_order(
        self, venue_order_id: str, *, owner: str, book: str = "", symbol: str = "", note: str = ""
    ) -> CommandResult:
        """Take over, as the operator, an order that nobody here sent; see `Session.adopt_order`.

        *owner* is whose it becomes. One that carries an id of this account which the journal does not hold
        keeps that id.
        """
        return await self.commands.adopt(self._operator.adoption(venue_order_id, owner, book, symbol, note))

    async def accept_drift(
        self,
        symbol: str,
        *,
        at_venue: Number,
        note: str,
        book: str = OPERATOR,
        price: Number | None = None,
    ) -> CommandResult:
        """Record an operator's word that the venue's net position is right and our books are not.

        The difference is booked in *book* as a `PositionCorrected` record of the operator's, at *price*, else
        at what the venue says, else at a fresh price; a pair's balances stay. *at_venue* is the net that the
        operator saw: refused when the venue holds something else by now. Raises `UnknownName` for a symbol
        without rules, `InvalidInput` where the client tells none, `ExchangeFault` when it could not be asked.
        """
        return await self._acceptances.drift(self._operator.acceptance(symbol, at_venue, book, price, note))

    async def accept_balance(self, asset: str, *, at_venue: Number, note: str) -> CommandResult:
        """Record an operator's word that the venue's balance of an asset is right and ours is not.

        The difference is booked as an adjustment of the kind `CORRECTION`. *at_venue* is the total that the
        operator saw: refused when the venue holds something else by now. Raises as `accept_drift` does.
        """
        return await self._acceptances.balance(self._operator.balance_acceptance(asset, at_venue, note))

    async def reconcile(self, reason: str = "asked for") -> ReconcileReport:
        """Reconcile with the venue now."""
        self.check_usable()
        self.commands.check_journal()
        return await self._parts.reconciler.run(to_line(reason, "reason"))

    async def settled(self) -> None:
        """Wait until everything that was decided so far is durable and given out.

        Raises what ended the journal for good.
        """
        await self._parts.journal.settled()

    # -- inside --------------------------------------------------------------------------------

    @property
    def _operator(self) -> CommandMaker:
        return CommandMaker(self, OPERATOR, operator=True)

    @property
    def _state(self) -> EngineState:
        return self._parts.engine.state
