"""The commands: how each is brought to the door, and how its answer comes back.

Shared by sessions, which speak for an owner, and by the operator. What a command refers to and memory
no longer holds is loaded before it is decided. While the journal is unusable a cancel goes out all the
same and is recorded when it is back; an operator's word waits; everything else is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar, cast

from msgspec.structs import replace

from fairlead.domain.changes import ChangeResult
from fairlead.domain.closings import CloseResult
from fairlead.domain.identifiers import to_client_order_id, to_line, to_name
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order, OrderView, view_of
from fairlead.domain.trading_state import TradingState, to_trading_state
from fairlead.errors import (
    ExchangeFault,
    FairleadError,
    InvalidInput,
    JournalUnavailable,
    NotRunning,
    UnknownName,
)
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.command_answers import CODE_KEY_REUSED
from fairlead.kernel.core.effects import AnswerCommand, SendCancel
from fairlead.kernel.core.inputs import (
    CancelAll,
    CancelOrder,
    ClosePosition,
    Flatten,
    ResolveByOperator,
    SetTradingState,
    SubmitProposal,
    Wish,
)
from fairlead.kernel.core.position_inputs import Annotate
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.commands import is_meant
from fairlead.kernel.journal.restore import (
    load_change,
    load_closing,
    load_command,
    load_episode,
    load_order,
    load_position,
)
from fairlead.kernel.outbox.commands import NotifierCommands
from fairlead.kernel.parts import Parts
from fairlead.kernel.results import CommandResult, FlattenResult

_T = TypeVar("_T")


class Commands:
    """The commands of one kernel. *check_usable* raises unless it runs, in this thread and loop."""

    def __init__(self, parts: Parts, check_usable: Callable[[], None]) -> None:
        self._parts = parts
        self.check_usable = check_usable
        self.notifiers = NotifierCommands(parts.engine, parts.journal, parts.store, parts.relay, check_usable)
        self._loading = 0
        self.is_stopping = False

    @property
    def is_loading(self) -> bool:
        """Tell whether something is being read from the store for a command."""
        return self._loading > 0

    async def submit(self, given: SubmitProposal) -> OrderView:
        """Take a validated proposal through the door and wait until it is settled."""
        if self.is_stopping:
            raise NotRunning("The kernel is stopping.", not_done="Nothing was done.", fix="Start a new one.")
        engine = self._parts.engine
        if self._parts.journal.is_full:
            await self._parts.journal.room()
        self.check_journal()
        if given.idempotency_key:
            await self._load(lambda: self._load_command(given.owner, given.idempotency_key))
            self.check_journal()
        self.check_usable()  # it may have been stopped meanwhile
        name = given.client_order_id
        if name in engine.state.orders:  # two orders under one id would be one at the venue, and one here
            raise InvalidInput("ids", f"{name} was drawn a second time", fix="Pass ids that never repeat.")
        future = engine.wait_for(name, until_closed=False)
        engine.process(given)
        return cast("OrderView", await future)

    async def closed(self, client_order_id: str) -> OrderView:
        """Wait for an order's end."""
        await self.known_order(client_order_id)
        engine = self._parts.engine
        self.check_alive()
        future = engine.wait_for(client_order_id, until_closed=True)
        engine.recheck(client_order_id)
        return cast("OrderView", await future)

    async def cancel(self, client_order_id: str, by: str, *, operator: bool = False) -> CommandResult:
        """Cancel an order in the name of its owner, or of the operator.

        While the journal is unusable the request goes out all the same, and is recorded when it is back.
        Raises `UnknownName` for an order that was never made here, and what ended the journal for good.
        """
        self.check_usable()
        while True:
            order = await self.known_order(client_order_id)
            self.check_usable()  # it may have been stopped meanwhile, and then nobody would answer
            command_id, future = self._parts.engine.new_command()
            command = CancelOrder(client_order_id, by, command_id, operator)
            if self._parts.engine.suspended:
                if (operator or order.owner == by) and order.state is OrderState.WORKING:
                    cancel = SendCancel(client_order_id, order.venue_order_id, order.symbol)
                    self._parts.dispatcher.dispatch(cancel)
                self.check_alive()
                self._parts.inbox.add(command)
            else:
                self._parts.engine.process(command)
            try:
                return await answer_of(future)
            except JournalUnavailable:  # it was discarded with the batch it was in: say it again
                self.check_alive()

    async def known_order(self, client_order_id: str) -> Order:
        """Return an order from memory or from the store; raises `UnknownName` for one never made here."""
        self.check_usable()
        await self.load_order(client_order_id)
        order = self._state.orders.get(client_order_id)
        if order is None:
            raise UnknownName("client_order_id", client_order_id, fix="No such order was made here.")
        return order

    async def change(self, command: ChangeOrder) -> ChangeResult:
        """Have an order changed; return when it is known what came of it, or that no answer did."""
        await self._prepare(command.by, command.idempotency_key)
        await self.load_order(command.client_order_id)
        self.check_journal()
        self.check_usable()  # it may have been stopped meanwhile
        future = self._parts.engine.wait_for(command.change_id, until_closed=False)
        self._parts.engine.process(command)
        return cast("ChangeResult", await future)

    async def change_settled(self, change_id: str) -> ChangeResult:
        """Wait until it is known what came of a change; raises `UnknownName` for one never asked for here."""
        self.check_usable()
        engine = self._parts.engine
        await self._load(lambda: load_change(self._parts.store, self._state, change_id))
        if change_id not in self._state.changes:
            raise UnknownName("change_id", change_id, fix="Pass that of a result; a refusal has none.")
        self.check_alive()
        future = engine.wait_for(change_id, until_closed=True)
        engine.recheck(change_id)
        return cast("ChangeResult", await future)

    async def cancel_all(self, command: CancelAll) -> CommandResult:
        """Cancel every live order that the command is about.

        While the journal is unusable the requests go out all the same, and are recorded when it is back.
        Raises `InvalidInput` for a key that was used for another command, and what ended the journal.
        """
        self.check_usable()
        engine = self._parts.engine
        while True:
            await self._load_key(command.by, command.idempotency_key)
            command_id, future = engine.new_command()
            command = replace(command, command_id=command_id)
            if engine.suspended:
                self._send_cancels(command)
                self.check_alive()
                self._parts.inbox.add(command)
            else:
                engine.process(command)
            try:
                return await answer_of(future)
            except JournalUnavailable:  # it was discarded with the batch it was in: say it again
                self.check_alive()

    def _send_cancels(self, command: CancelAll) -> None:
        for order in self._state.orders.values():
            if order.state is OrderState.WORKING and is_meant(order, command):
                cancel = SendCancel(order.client_order_id, order.venue_order_id, order.symbol)
                self._parts.dispatcher.dispatch(cancel)

    async def close_position(self, command: ClosePosition) -> CloseResult:
        """Have a position closed and wait until it is, or until what is left is said."""
        await self._prepare(command.by, command.idempotency_key)
        if command.position_id and command.key not in self._state.positions:
            await self._load(lambda: load_position(self._parts.store, self._state, command.key))
            if command.key not in self._state.positions:
                raise UnknownName("position_id", command.position_id, fix="No such position was opened.")
            self.check_journal()
        future = self._parts.engine.wait_for(command.closing_id, until_closed=True)
        self._parts.engine.process(command)
        return cast("CloseResult", await future)

    async def flatten(self, command: Flatten) -> FlattenResult:
        """Have every position that the command is about closed, its orders canceled first, and wait."""
        await self._prepare(command.by, command.idempotency_key)
        command_id, future = self._parts.engine.new_command()
        self._parts.engine.process(replace(command, command_id=command_id))
        taken = await answer_of(future)
        ends = [await self._closing_over(name) for name in taken.names]
        return FlattenResult(taken.accepted, taken.code, taken.reason, tuple(ends))

    async def _closing_over(self, closing_id: str) -> CloseResult:
        engine = self._parts.engine
        await self._load(lambda: load_closing(self._parts.store, self._state, closing_id))
        self.check_alive()
        future = engine.wait_for(closing_id, until_closed=True)
        engine.recheck(closing_id)
        return cast("CloseResult", await future)

    async def _prepare(self, by: str, idempotency_key: str) -> None:
        """Have at hand what a repeated command is answered with; raise unless it can be recorded."""
        self.check_usable()
        self.check_journal()
        await self._load_key(by, idempotency_key)
        self.check_journal()
        self.check_usable()  # it may have been stopped meanwhile

    async def _load_key(self, by: str, idempotency_key: str) -> None:
        if idempotency_key:
            await self._load(lambda: self._load_command(by, idempotency_key))

    async def annotate(self, command: Annotate) -> CommandResult:
        """Have something said about an order or an episode, in memory or not, and return when it is durable.

        Raises `UnknownName` for one that there never was.
        """
        await self._prepare(command.by, command.idempotency_key)
        await self._load_subject(command)
        self.check_journal()
        self.check_usable()  # it may have been stopped meanwhile
        command_id, future = self._parts.engine.new_command()
        self._parts.engine.process(replace(command, command_id=command_id))
        return await answer_of(future)

    async def _load_subject(self, command: Annotate) -> None:
        name, episode = command.client_order_id, command.episode
        if episode is None:
            await self.known_order(name)
            return
        if episode not in self._state.episodes:
            await self._load(lambda: load_episode(self._parts.store, self._state, episode))
        if episode not in self._state.episodes:
            raise UnknownName("episode", " ".join(map(str, episode)), fix="List them with episodes().")

    async def set_trading_state(self, state: TradingState, *, reason: str, by: str) -> CommandResult:
        """Set the trading state and return when that is durable."""
        self.check_usable()
        wanted = to_trading_state(state)
        text, name = to_line(reason, "reason"), to_name(by, "by")
        command_id, future = self._parts.engine.new_command()
        command = SetTradingState(wanted, text, name, command_id)
        if self._parts.engine.suspended:  # an operator's word waits for the journal, it is not refused
            self.check_alive()
            self._parts.inbox.add(command)
        else:
            self._parts.engine.process(command)
        return await answer_of(future)

    async def resolve(self, client_order_id: str, *, note: str, by: str, missing: bool) -> CommandResult:
        """Record an operator's decision that an unresolved order was never placed, or a missing one is over.

        Refused for every other order. Raises `UnknownName` for one that was never made here.
        """
        self.check_usable()
        text, name = to_line(note, "note"), to_name(by, "by")
        await self.known_order(to_client_order_id(client_order_id, "client_order_id"))
        command_id, future = self._parts.engine.new_command()
        self._parts.engine.process(ResolveByOperator(client_order_id, name, text, command_id, missing))
        return await answer_of(future)

    async def adopt(self, wish: Wish) -> CommandResult:
        """Take an order of the account over that we did not send, with what the venue tells of it.

        Raises `ExchangeFault` when the venue could not be asked.
        """
        self.check_usable()
        self.check_journal()
        engine = self._parts.engine
        self._loading += 1  # the kernel is not settled meanwhile
        try:
            with engine.eviction:
                given, rebuilds = None, -1
                while given is None or rebuilds != engine.rebuilds:  # a rebuild forgot what was loaded
                    rebuilds = engine.rebuilds
                    given = await self.asked("adopted", partial(self._parts.foreign.read, wish))
                self.check_journal()
                self.check_usable()  # it may have been stopped meanwhile
                command_id, future = engine.new_command()
                engine.process(replace(given, command_id=command_id))
        finally:
            self._loading -= 1
        return await answer_of(future)

    async def asked(self, done: str, question: Callable[[], Awaitable[_T]]) -> _T:
        """Return the venue's answer; raises `ExchangeFault` that says what was not *done* without it."""
        try:
            return await question()
        except FairleadError:
            raise
        except Exception as error:  # supervision point: whatever a client raises is told as one kind of error
            raise ExchangeFault(
                f"The venue could not be asked: {type(error).__name__}.",
                not_done=f"Nothing was {done}.",
                fix="Try again.",
            ) from error

    # -- inside --------------------------------------------------------------------------------

    @property
    def _state(self) -> EngineState:
        return self._parts.engine.state

    async def load_order(self, client_order_id: str) -> None:
        """Bring an order that memory does not hold back from the store, if it is there."""
        if client_order_id not in self._state.orders:
            await self._load(lambda: load_order(self._parts.store, self._state, client_order_id))

    async def find_order(self, client_order_id: str) -> OrderView | None:
        """Return an order from memory or store; what was only looked at does not stay in memory."""
        await self.load_order(client_order_id)
        order = self._state.orders.get(client_order_id)
        found = None if order is None else view_of(order)
        self._parts.engine.let_go()
        return found

    async def _load_command(self, owner: str, idempotency_key: str) -> None:
        await load_command(self._parts.store, self._state, owner, idempotency_key)

    async def _load(self, reading: Callable[[], Awaitable[object]]) -> None:
        """Read into memory; again when memory was rebuilt meanwhile, for that forgot what was read."""
        engine = self._parts.engine
        timeout_ns = self._parts.settings.ns("commit_timeout")
        rebuilds = -1
        self._loading += 1  # the kernel is not settled meanwhile
        try:
            with engine.eviction:
                async with self._parts.clock.timeout_ns(timeout_ns):
                    while rebuilds != engine.rebuilds:
                        rebuilds = engine.rebuilds
                        await reading()
        finally:
            self._loading -= 1

    async def read_history(self, reading: Callable[[], Awaitable[object]]) -> None:
        """Read from the store for somebody, under its time limit; nothing of it goes into memory."""
        self.check_usable()
        self._loading += 1
        try:
            async with self._parts.clock.timeout_ns(self._parts.settings.ns("commit_timeout")):
                await reading()
        finally:
            self._loading -= 1

    def check_alive(self) -> None:
        """Raise `JournalUnavailable` when the journal was given up."""
        failure = self._parts.failure
        if failure is not None:
            raise JournalUnavailable(
                f"The kernel gave up its journal: {type(failure).__name__}.",
                not_done="The command was not recorded; a cancel was sent all the same.",
                fix="See to the store, then start a new kernel; nothing is lost.",
            )

    def check_journal(self) -> None:
        """Raise `JournalUnavailable` while nothing can be recorded."""
        self.check_alive()
        if self._parts.engine.suspended:
            raise JournalUnavailable(
                "The journal is being recovered.",
                not_done="The command was not recorded and nothing was sent.",
                fix="Try again later; cancels still go out.",
            )


async def answer_of(future: asyncio.Future[object]) -> CommandResult:
    """Return what a command is answered with; raises `InvalidInput` for a key of another command."""
    answer = cast("AnswerCommand", await future)
    if answer.code == CODE_KEY_REUSED:
        raise InvalidInput("idempotency_key", answer.reason, fix="Use a new key for a new intent.")
    return CommandResult(answer.accepted, answer.code, answer.reason, answer.names)
