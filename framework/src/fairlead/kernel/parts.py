"""The kernel's parts, put together, started in dependency order and stopped in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fairlead import __version__
from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.identifiers import account_tag
from fairlead.domain.pending_requests import PendingRequest
from fairlead.errors import NotRunning, StoreFault
from fairlead.kernel.components import Component, Part, Supervisor
from fairlead.kernel.composition import Ingredients, gate_of
from fairlead.kernel.core.inputs import InFlightLost, Input, KernelStarting, PaceDue, TimerDue, TroubleSeen
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.account import BALANCES
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.engine.engine import Engine, deliver
from fairlead.kernel.events.bus import EventBus
from fairlead.kernel.events.observers import Observers
from fairlead.kernel.holder import holder_text
from fairlead.kernel.journal.journal import Journal, SealedBatch
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.kernel.journal.restore import restore_state
from fairlead.kernel.outbox.relay import Relay, RelayTools
from fairlead.kernel.prices.service import PriceService
from fairlead.kernel.recovery import Recovery, RecoveryHooks
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.dispatcher import Dispatcher
from fairlead.kernel.venue.foreign_orders import ForeignOrders
from fairlead.kernel.venue.inbox import Inbox
from fairlead.kernel.venue.monitoring import Monitoring, StreamWatch
from fairlead.kernel.venue.network import network_of, refuse_other_network
from fairlead.kernel.venue.patience import patiently
from fairlead.kernel.venue.reconcile_requests import ReconcileRequests
from fairlead.kernel.venue.reconciler import Reconciler
from fairlead.kernel.venue.rules_reader import RULES, RulesReader
from fairlead.kernel.venue.time_limits import in_time
from fairlead.kernel.venue.timers import PACE, Timers


class Parts:
    """Everything long-lived in one kernel."""

    def __init__(self, ingredients: Ingredients) -> None:
        settings, clock = ingredients.settings, ingredients.clock
        self.settings = settings
        self.client = ingredients.exchange
        self.store = ingredients.store
        self.clock = clock
        self.watchdog = ingredients.watchdog
        self.logger = ingredients.logger
        self.plugins = ingredients.plugins
        self.digest = ingredients.digest
        self.gate = gate_of(ingredients)
        self.running = False
        self.stopping = False
        self.failure: Exception | None = None
        self._start_over = asyncio.Event()
        self._start_over.set()
        self._one_at_a_time = asyncio.Lock()
        self.supervisor = Supervisor(self._task_failed, clock, settings.ns("stop_timeout"))
        self.endless: set[asyncio.Task[None]] = set()
        queue_max, failures_max = settings.stream_queue_max, settings.callback_failures_max
        self.bus = EventBus(self.logger, queue_max, self._interest, failures_max=failures_max)
        self.journal = Journal(
            self.store,
            clock,
            commit_timeout_ns=settings.ns("commit_timeout"),
            batch_steps_max=settings.batch_steps_max,
            release=self._release,
            on_fault=self._journal_failed,
        )
        state = EngineState(settings.account, account_tag(settings.account))
        rules = Rules.of(settings, self.gate, self.client.capabilities, ingredients.pacing)
        self.engine = Engine(state, rules, clock, self.journal)
        self.engine.on_broken_step = self._step_broke
        queue_max = settings.price_queue_max
        self.prices = PriceService(state.prices, clock, rules.market.limits, self.logger, queue_max=queue_max)
        self.observers = Observers(ingredients.observers, self.bus, clock, self.logger, self._spawn_endless)
        self.relay = self._new_relay(ingredients)
        self._connect_parts()
        self.components = self._components()

    def _components(self) -> tuple[Component, ...]:
        """Return the components in the order in which they depend on each other."""
        return (
            self.observers,  # first, so that they hear the start, and the end as well
            Part("store", self._open_store, self.store.close),
            Part("journal", self._start_journal, self._stop_journal),
            self.relay,
            Part("inbox", nothing, self._stop_inbox),
            Part("exchange", self._connect, self._disconnect),
            Part(RECONCILER, self._first_reconciliation, self._stop_reconciler),
        )

    def add_before_reconciler(self, added: tuple[Component, ...]) -> None:
        """Have these started when the venue is known, and before the part that enables trading."""
        place = [component.name for component in self.components].index(RECONCILER)
        self.components = (*self.components[:place], *added, *self.components[place:])

    def _new_relay(self, ingredients: Ingredients) -> Relay:
        tools = RelayTools(
            journal=self.journal,
            store=self.store,
            clock=self.clock,
            ids=ingredients.ids,
            logger=self.logger,
            settings=self.settings,
            supervisor=self.supervisor,
            endless=self.endless,
            take=self.take,
        )
        return Relay(ingredients.notifiers, tools)

    def _connect_parts(self) -> None:
        settings, clock = self.settings, self.clock
        timeout_ns = settings.ns("commit_timeout")
        on_price, reports_max = self.prices.take_from_client, settings.reports_waiting_max
        self.inbox = Inbox(
            self.engine, self.store, clock, on_price, timeout_ns=timeout_ns, reports_max=reports_max
        )
        self.timers = Timers(clock, self._timer_due)
        self.dispatcher = Dispatcher(
            self.client, clock, self.engine, self.inbox, self.timers, self.supervisor, settings
        )
        self.admission = Admission(
            self.engine,
            clock,
            request_timeout_ns=settings.ns("request_timeout"),
            recovery_interval_ns=settings.ns("recovery_interval"),
        )
        self.rules_reader = self._new_rules_reader()
        watch = StreamWatch(clock, streams=self.client.capabilities.streams_reports)
        self.foreign = ForeignOrders(self.client, clock, self.engine, self.inbox, self.admission)
        self.reconciler = Reconciler(
            self.client, clock, self.engine, self.inbox, self.admission, watch, self.foreign
        )
        pauses_ns = settings.ns("look_up_interval"), settings.ns("look_up_interval_max")
        self.requests = ReconcileRequests(self.reconciler, clock, pauses_ns, self.logger)
        hooks = RecoveryHooks(self._release, self._recovered, self.give_up, self._on_their_way)
        self.recovery = Recovery(self.store, clock, self.engine, self.dispatcher, settings, hooks)
        self.inbox.on_store_failed = self._read_failed
        self.monitoring = Monitoring(watch, self.timers, settings, self.logger)
        self.monitoring.request = self._request_reconciliation
        self.monitoring.is_free = lambda: self.requests.is_idle and not self.engine.suspended
        self.monitoring.take = self.take
        self.reconciler.account.watch(self.timers, self.supervisor.spawn, self.logger)
        self.inbox.on_disconnected = self.monitoring.broke
        self.inbox.on_reconnected = self.monitoring.came_back

    def _new_rules_reader(self) -> RulesReader:
        reader = RulesReader(
            self.client, self.clock, self.engine, self.admission, self.timers, self.settings, self.logger
        )
        reader.spawn, reader.take = self.supervisor.spawn, self.take
        self.dispatcher.on_rules_refused = reader.refused
        return reader

    # -- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start every component in order; when one cannot, stop those before it and raise."""
        self._start_over.clear()
        try:
            await self._start_components()
        finally:
            self._start_over.set()

    async def _start_components(self) -> None:
        try:
            for component in self.components:
                await component.start()
                self._check_journal()
        except GeneratorExit:  # the coroutine is being closed: nothing can be waited for any more
            raise
        except BaseException:  # supervision point: nothing may be left running behind a failed start
            await self._tear_down()
            raise
        self.running = True

    def _check_journal(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self.stopping:
            raise NotRunning("The kernel was stopped while it started.", fix="Start a new one.")

    async def stop(self) -> None:
        """Stop every component in reverse order."""
        self.running = False
        if not self._start_over.is_set():  # a start under way is ended first, and cleans up after itself
            self.stopping = True
            self.journal.end(NotRunning("The kernel was stopped while it started.", fix="Start a new one."))
            await self._start_over.wait()
        async with self._one_at_a_time:
            await self._tear_down()

    async def _tear_down(self) -> None:
        """Stop everything, whatever fails on the way; the first failure is raised at the end."""
        self.stopping = True
        problem: BaseException | None = None
        for component in reversed(self.components):
            try:
                await component.stop()
            except (Exception, asyncio.CancelledError) as error:  # supervision point: the others stop as well
                problem = problem or error
        self.bus.close()
        self.prices.close()
        self.watchdog.close()
        self.engine.fail_everyone(
            NotRunning("The kernel was stopped.", fix="Start a new one; nothing is lost.")
        )
        await self.supervisor.cancel_all()
        if problem is not None:
            raise problem

    async def _open_store(self) -> None:
        opened = await self.store.open(self.settings.account, holder_text())
        state = await restore_state(self.store, self.settings.account, opened)
        refuse_other_network(state, self.client)
        self.engine.begin(state)
        self.journal.follow(state, opened.head)

    async def _start_journal(self) -> None:
        self.endless.add(self.supervisor.spawn("journal", self.journal.run()))
        rebuilds = -1
        while rebuilds != self.engine.rebuilds:  # a start whose commit failed is not there: say it again
            rebuilds = self.engine.rebuilds
            self.engine.process(self._starting())
            await self.journal.settled()
            self._check_journal()

    def _starting(self) -> KernelStarting:
        epoch, plugins = self.engine.state.epoch, self.plugins + self.gate.names
        limits, network = self.gate.limits, network_of(self.client)
        return KernelStarting(epoch, holder_text(), __version__, plugins, self.digest, limits, network)

    async def _stop_journal(self) -> None:
        if not self.journal.has_ended:
            await self.journal.settled()
        await self.supervisor.cancel_named("journal")

    async def _stop_inbox(self) -> None:
        self.inbox.close()
        await self.supervisor.cancel_named("inbox")

    async def _connect(self) -> None:
        await self._in_time("connect", self.client.connect(self.inbox))
        await self._patiently("Reading the venue's rules", self.rules_reader.read_first)
        await self.journal.settled()
        self.engine.process(InFlightLost(frozenset(), "the kernel restarted while it was on its way"))
        self._arm_timers()
        # Only now: a report that came with the connection waits until the venue's rules are known and what
        # was in flight is marked, or a fill of the time without a kernel would look unreadable.
        self.endless.add(self.supervisor.spawn("inbox", self.inbox.run()))

    async def _disconnect(self) -> None:
        self.timers.close()
        await self.dispatcher.finish(self.settings.ns("stop_timeout"))
        await self._in_time("disconnect", self.client.disconnect())

    async def _in_time(self, what: str, question: Coroutine[Any, Any, None]) -> None:
        await in_time(self.clock, self.settings.ns("request_timeout"), what, question)

    async def _first_reconciliation(self) -> None:
        enable = not self.settings.start_disabled
        await self._patiently(
            "Reconciliation with the venue", lambda: self.reconciler.run("start", enable=enable)
        )
        self.monitoring.start()
        self.rules_reader.start()

    async def _patiently(self, what: str, read: Callable[[], Awaitable[object]]) -> None:
        pause_ns, attempts_max = self.settings.ns("look_up_interval"), self.settings.start_attempts_max
        await patiently(what, read, self.clock, pause_ns, self._check_journal, attempts_max=attempts_max)

    async def _stop_reconciler(self) -> None:
        self.monitoring.stop()
        self.rules_reader.stop()
        self.reconciler.account.stop()
        await self.supervisor.cancel_named(BALANCES)
        await self.supervisor.cancel_named(RULES)
        await self.supervisor.cancel_named(RECONCILE)

    def _arm_timers(self) -> None:
        """Arm from state what must be come back to: what is to be looked up, and cancels still wanted."""
        now_ns = self.clock.wall_ns()
        for order in self.engine.state.orders.values():
            if order.state.is_live and (order.look_up_ns or order.pending is PendingRequest.CANCEL):
                self.timers.wake_at(order.client_order_id, order.look_up_ns or now_ns)

    # -- wiring --------------------------------------------------------------------------------

    def take(self, given: Input) -> None:
        """Bring an input to the door; while memory is not to be trusted it waits for that to be over."""
        if self.engine.suspended:
            self.inbox.add(given)
        else:
            self.engine.process(given)

    def is_settled(self, waiting: frozenset[asyncio.Task[None]]) -> bool:
        """Tell whether nothing is under way except tasks that are waiting for time."""
        idle = self.endless | self.dispatcher.free_couriers | self.reconciler.queued | self.requests.pausing
        idle |= self.admission.waiting | self.reconciler.pausing
        under_way = self.supervisor.tasks - idle
        return self.inbox.is_idle and self.journal.is_idle and self.observers.is_idle and under_way <= waiting

    def give_up(self, error: Exception) -> None:
        """The journal cannot be brought back: stop taking commands, fail every wait, say so."""
        self.failure = error
        self.engine.suspended = True
        _, lost = self.journal.gathered
        self.journal.end(error)
        self.requests.end()
        for component in self.components:
            if component.name == JOURNAL:
                component.fail(error)
        self.logger.critical("The kernel gave up its journal: %s", type(error).__name__)
        self.engine.fail_outputs(lost, error)
        self.engine.fail_everyone(error)

    def _release(self, output: StepOutput) -> None:
        for delivery in output.deliveries:
            deliver(delivery)
        for event in output.events:
            self.bus.publish(event)
        for effect in output.effects:
            self.dispatcher.dispatch(effect)

    async def _journal_failed(self, sealed: SealedBatch, error: Exception) -> None:
        await self.recovery.after_failed_commit(sealed, error)

    def _step_broke(self, error: Exception) -> None:
        self.logger.error("A step broke and is discarded: %s", type(error).__name__, exc_info=error)
        self.engine.suspended = True
        self.journal.break_off(error)

    def _recovered(self, why: str) -> None:
        self._arm_timers()
        if self.engine.state.pace.waiting:  # its timer may have gone off for a step that was taken back
            self.timers.wake_in(PACE, 0)
        self.inbox.resume()
        self._request_reconciliation(why)

    def _request_reconciliation(self, why: str) -> None:
        # Before the venue's rules are known no fill can be read; the start itself reconciles after that.
        usable = not self.stopping and self.failure is None and self.engine.state.instruments
        if usable and self.requests.ask(why):
            self.supervisor.spawn(RECONCILE, self.requests.answer())

    def _on_their_way(self) -> frozenset[str]:
        return self.dispatcher.in_flight | self.inbox.answered

    def _read_failed(self, error: Exception) -> None:
        self.logger.error("The store could not be read: %s", type(error).__name__)
        self.engine.suspended = True
        self.journal.break_off(StoreFault(f"An order could not be read: {type(error).__name__}: {error}"))

    def _timer_due(self, name: str) -> None:
        due = PaceDue() if name == PACE else TimerDue(name)
        if name == PACE and not self.engine.suspended:  # the inbox is closed while the rules are read
            self.engine.process(due)
        else:
            self.inbox.add(due)

    def _spawn_endless(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.supervisor.spawn(name, work)
        self.endless.add(task)
        return task

    def _interest(self) -> None:
        self.engine.has_subscribers = True

    def _task_failed(self, name: str, error: BaseException) -> None:
        self.logger.error("The kernel's task %s failed: %s", name, type(error).__name__, exc_info=error)
        if name == JOURNAL:
            self.give_up(error if isinstance(error, Exception) else StoreFault("The journal was canceled."))
            return
        for component in self.components:
            if component.name == name:
                component.fail(error)
        self.take(TroubleSeen(AnomalyKind.COMPONENT_FAILED.value, name, type(error).__name__))


RECONCILE = "reconcile"
RECONCILER = "reconciler"
JOURNAL = "journal"


async def nothing() -> None:
    """Nothing to do."""
