"""The engine: the one synchronous door through which everything that changes state goes.

`process` decides, applies and gathers; it never waits. Results, effects and events leave only
after the journal has made them durable. Reads see memory, which may run ahead of the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import attrs

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.changes import Change, ChangeResult, change_result
from fairlead.domain.closings import CloseResult, Closing, result_of
from fairlead.domain.command_records import ClosingEnded, EpisodeAnnotated
from fairlead.domain.episodes import episode_view
from fairlead.domain.events import EpisodeRemarked, Event, FillBooked, KernelChanged, OrderChanged
from fairlead.domain.ledger import PositionChange
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order, OrderView, view_of
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import BudgetSpent, OrderFilled, PositionsSnapshotted, Record
from fairlead.errors import InvalidInput, InvariantBroken, JournalUnavailable
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.effects import (
    AnswerCommand,
    AnswerWaiting,
    AnswerWithOrder,
    Effect,
    RefuseRepeat,
    SendOrder,
)
from fairlead.kernel.core.inputs import Input, TroubleSeen
from fairlead.kernel.core.pace_queue import PaceClock
from fairlead.kernel.core.position_inputs import DayTurned
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.decide import decide, expand, follow_ups
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.engine.eviction import Eviction
from fairlead.kernel.engine.facts import before, facts_after
from fairlead.kernel.engine.position_events import position_changed
from fairlead.kernel.journal.journal import Entry, Journal
from fairlead.kernel.journal.outputs import Delivery, StepOutput, add_outbox_rows
from fairlead.ports.clock import Clock
from fairlead.ports.store import OutboxRow

_UNTOLD = frozenset({BudgetSpent, PositionsSnapshotted})
"""Records that subscribers are not told of: there are too many, and there is another way to see them."""

_WAITING = frozenset({OrderState.INITIALIZED, OrderState.APPROVED, OrderState.SUBMITTED})


@attrs.define(slots=True, eq=False)
class Waiter:
    """Someone who waits for an order; *until_closed* waits for its end."""

    future: asyncio.Future[object]
    until_closed: bool

    def is_served_by(self, order: Order | Closing | Change) -> bool:
        """Tell whether the order, the closing or the change has got as far as was waited for."""
        if isinstance(order, Change):
            return order.is_over or (order.unresolved and not self.until_closed)
        if isinstance(order, Closing):
            return order.is_over
        return order.state.is_final if self.until_closed else order.state not in _WAITING


class Engine:
    """Holds the state and its one door."""

    def __init__(self, state: EngineState, rules: Rules, clock: Clock, journal: Journal) -> None:
        self.state = state
        self.rules = rules
        self.journal = journal
        self.suspended = False
        self.has_subscribers = False
        self.on_broken_step: Callable[[Exception], None] = _raise
        self.rebuilds = 0
        self.pace_clock = PaceClock(clock)
        self.doubtful: set[str] = set()
        settings = rules.settings
        self.eviction = Eviction(settings.closed_orders_max, settings.ns("closed_order_max_age"))
        self._clock = clock
        self._waiters: dict[str, list[Waiter]] = {}
        self._commands: dict[int, asyncio.Future[object]] = {}
        self._next_command = 0
        self.steps = 0

    def process(self, given: Input) -> None:
        """Take one input through the door: decide, apply, gather. Never waits, never raises for the input.

        Raises `JournalUnavailable` while memory is not to be trusted; the input was then not taken.
        """
        if self.suspended:
            raise JournalUnavailable(
                "The journal is being recovered.",
                not_done="Nothing was recorded and nothing was sent.",
                fix="Try again later; cancels still go out.",
            )
        now_ns = self._clock.wall_ns()
        state, rules = self.state, self.rules
        state.monotonic_ns = self._clock.monotonic_ns()
        if rules.pacing is not None:
            state.pace.now_ns = self.pace_clock.now_ns()
        entries: list[Entry] = []
        outbox: list[OutboxRow] = []
        effects: list[Effect] = []
        events: list[Event] = []
        touched: dict[str, None] = {}
        self.steps += 1
        try:
            for fact in self._facts(given, now_ns, entries, touched):
                records, more = decide(state, fact, rules, now_ns)
                effects.extend(more)
                for record in records:
                    self._take(record, now_ns, entries, outbox, events, touched)
        except Exception as error:  # supervision point: a bug in a step discards memory, never half a step
            self.doubtful.update(touched)
            self.on_broken_step(error)
            self._fail_command(given, error)
            return
        deliveries = self._deliveries(touched, effects)
        self.eviction.run(state, self.journal.durable_sequence, now_ns)
        if entries or effects or deliveries:
            self.journal.add(entries, outbox, StepOutput(state.sequence, effects, deliveries, events))
        for name, problem in rules.gate.take_broken() if rules.gate.has_broken else ():
            self.process(TroubleSeen(AnomalyKind.COMPONENT_FAILED.value, name, problem))

    def let_go(self) -> None:
        """Let what memory need not hold leave it, as after a step: for a look that no step follows."""
        self.eviction.run(self.state, self.journal.durable_sequence, self._clock.wall_ns())

    def _facts(
        self, given: Input, now_ns: int, entries: list[Entry], touched: dict[str, None]
    ) -> Iterator[Input]:
        """Yield what the input stands for, then what has to be seen to as long as that leads to more."""
        if now_ns >= self.state.trading_day[1] and self.rules.gate.keeps_values:
            yield DayTurned(*self.rules.market.trading_day.of(now_ns))
        yield from expand(given)
        progress = -1
        while (self.state.closing or self.state.changing) and progress != len(entries):
            progress = len(entries)
            yield from follow_ups(self.state, given, touched)

    def _take(
        self,
        record: Record,
        now_ns: int,
        entries: list[Entry],
        outbox: list[OutboxRow],
        events: list[Event],
        touched: dict[str, None],
    ) -> None:
        state = self.state
        client_order_id = getattr(record, "client_order_id", None)
        if client_order_id is not None:
            touched[client_order_id] = None
            change_id = getattr(record, "change_id", "")
            if change_id:
                touched[change_id] = None
        elif type(record) is ClosingEnded:
            touched[record.closing_id] = None
        gate = self.rules.gate
        known = before(state, record) if gate.keeps_values else None
        change = apply(state, record, now_ns)
        entries.append((state.sequence, now_ns, record))
        add_outbox_rows(outbox, state, record, client_order_id, change)
        if self.has_subscribers:
            events.extend(self._events(record, change, now_ns, client_order_id))
        if gate.keeps_values:
            following = () if known is None else facts_after(state, known, change)
            for fact in (record, *following):
                for folded in gate.fold(fact, state):
                    apply(state, folded, now_ns)
                    entries.append((state.sequence, now_ns, folded))

    def _events(
        self, record: Record, change: PositionChange | None, now_ns: int, client_order_id: str | None
    ) -> list[Event]:
        state = self.state
        sequence = state.sequence
        if client_order_id is None:
            if type(record) in _UNTOLD:
                return []
            if type(record) is EpisodeAnnotated:
                return [
                    EpisodeRemarked(sequence, now_ns, record.by, episode_view(state.episodes[record.key]))
                ]
            told: list[Event] = [KernelChanged(sequence, now_ns, record)]
            if type(record) is PositionCorrected and change is not None:
                position = state.positions[record.symbol, record.book, ""]
                told.append(position_changed(state, position, change, now_ns))
            return told
        order = state.orders[client_order_id]
        view = view_of(order)
        if not isinstance(record, OrderFilled) or change is None:
            return [OrderChanged(sequence, now_ns, view, record)]
        return [
            FillBooked(sequence, now_ns, record, view),
            OrderChanged(sequence, now_ns, view, record),
            position_changed(state, state.positions[order.key], change, now_ns),
        ]

    def wait_for(self, client_order_id: str, *, until_closed: bool) -> asyncio.Future[object]:
        """Return a future of the order's view once it is settled, or closed, and that is durable."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiter = Waiter(future, until_closed)
        others = self._waiters.get(client_order_id)
        if others is None:
            self._waiters[client_order_id] = [waiter]
        else:
            others[:] = [other for other in others if not other.future.done()]  # some gave up waiting
            others.append(waiter)
        return future

    def recheck(self, client_order_id: str) -> None:
        """Serve waiters of an order that got there before they came."""
        deliveries = self._serve(client_order_id)
        if deliveries:
            self.journal.add([], [], StepOutput(self.state.sequence, [], deliveries, []))

    def new_command(self) -> tuple[int, asyncio.Future[object]]:
        """Return a number for a command and the future of its answer."""
        self._next_command += 1
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._commands[self._next_command] = future
        return self._next_command, future

    @property
    def awaited(self) -> list[str]:
        """Return the client order ids that someone waits for."""
        return list(self._waiters)

    def begin(self, state: EngineState) -> None:
        """Begin with a state that was read back from the store, and with the prices that came already."""
        state.prices = self.state.prices
        self.state = state
        self.pace_clock.begin(state.budget_clock)

    def rebuild(self, state: EngineState) -> None:
        """Go on with a state that was rebuilt from the store, and with what is not journaled."""
        # Taken over now, not when the rebuild began: a start may have read the rules meanwhile.
        state.instruments, state.withdrawn = self.state.instruments, self.state.withdrawn
        state.prices, state.holdings = self.state.prices, self.state.holdings
        state.pace.take_over(self.state.pace)
        state.read_monotonic_ns = self._clock.monotonic_ns()
        self.state = state
        self.rebuilds += 1
        self.doubtful.clear()

    def take_back(self, outputs: list[StepOutput], why: str) -> None:
        """After a rebuild: whoever's command is gone is told so; whoever waits for an order waits on."""
        error = JournalUnavailable(
            why, not_done="The command was not recorded and nothing was sent.", fix="Try again later."
        )
        for output in outputs:
            for delivery in output.deliveries:
                if delivery.client_order_id:
                    waiter = Waiter(delivery.future, delivery.until_closed)
                    self._waiters.setdefault(delivery.client_order_id, []).append(waiter)
                else:
                    _fail(delivery.future, error)
        for client_order_id in self.awaited:
            if not self._find(client_order_id):
                for waiter in self._waiters.pop(client_order_id):
                    _fail(waiter.future, error)

    def _fail_command(self, given: Input, error: Exception) -> None:
        future = self._commands.pop(getattr(given, "command_id", 0), None)
        if future is not None:
            broken = InvariantBroken(
                f"A bug in a step: {type(error).__name__}.", not_done="The command was not carried out."
            )
            _fail(future, broken)

    def fail_outputs(self, outputs: list[StepOutput], error: Exception) -> None:
        """End every wait that these outputs would have ended; they will never be given out."""
        for output in outputs:
            for delivery in output.deliveries:
                _fail(delivery.future, error)

    def fail_everyone(self, error: Exception) -> None:
        """End every wait with the error: the kernel stops."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                _fail(waiter.future, error)
        self._waiters.clear()
        for future in self._commands.values():
            _fail(future, error)
        self._commands.clear()

    def _deliveries(self, touched: dict[str, None], effects: list[Effect]) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for effect in effects:
            if type(effect) is SendOrder:
                continue
            if isinstance(effect, AnswerCommand):
                future = self._commands.pop(effect.command_id, None)
                if future is not None:
                    deliveries.append(Delivery(future, effect))
            elif isinstance(effect, AnswerWaiting):
                waiting = self._waiters.pop(effect.client_order_id, [])
                deliveries.extend(Delivery(waiter.future, effect.value) for waiter in waiting)
            elif isinstance(effect, AnswerWithOrder):
                self._redirect(effect, deliveries)
            elif isinstance(effect, RefuseRepeat):
                self._refuse_repeat(effect, deliveries)
        waiters = self._waiters
        for client_order_id in touched:
            if client_order_id in waiters:
                deliveries.extend(self._serve(client_order_id))
        return deliveries

    def _serve(self, client_order_id: str) -> list[Delivery]:
        waiters = self._waiters.get(client_order_id)
        order = self._find(client_order_id)
        if waiters is None or order is None:
            return []
        served = [waiter for waiter in waiters if waiter.is_served_by(order)]
        if not served:
            return []
        if len(served) == len(waiters):
            del self._waiters[client_order_id]
        else:
            self._waiters[client_order_id] = [waiter for waiter in waiters if waiter not in served]
        view = _view(order)
        return [Delivery(waiter.future, view, client_order_id, waiter.until_closed) for waiter in served]

    def _find(self, name: str) -> Order | Closing | Change | None:
        state = self.state
        return state.orders.get(name) or state.closings.get(name) or state.changes.get(name)

    def _redirect(self, effect: AnswerWithOrder, deliveries: list[Delivery]) -> None:
        waiters = self._waiters.pop(effect.client_order_id, [])
        self._waiters.setdefault(effect.first_client_order_id, []).extend(waiters)
        deliveries.extend(self._serve(effect.first_client_order_id))

    def _refuse_repeat(self, effect: RefuseRepeat, deliveries: list[Delivery]) -> None:
        error = InvalidInput(
            "idempotency_key",
            f"{effect.idempotency_key!r} was used for another proposal",
            fix="Use a new key for a new intent.",
        )
        deliveries.extend(
            Delivery(waiter.future, error) for waiter in self._waiters.pop(effect.client_order_id, [])
        )


def _view(subject: Order | Closing | Change) -> OrderView | CloseResult | ChangeResult:
    if isinstance(subject, Change):
        return change_result(subject)
    return result_of(subject) if isinstance(subject, Closing) else view_of(subject)


def _raise(error: Exception) -> None:
    raise error


def deliver(delivery: Delivery) -> None:
    """Complete a future, unless its waiter has gone."""
    if delivery.future.done():
        return
    if isinstance(delivery.value, Exception):
        delivery.future.set_exception(delivery.value)
    else:
        delivery.future.set_result(delivery.value)


def _fail(future: asyncio.Future[object], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody may be waiting any more: that is no news
