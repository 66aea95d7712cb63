"""The relay: the kernel's component that has a courier for each notifier, and says how they fare."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import attrs

from fairlead.domain.anomalies import AnomalyKind
from fairlead.kernel.components import Component, ComponentState, Supervisor
from fairlead.kernel.core.inputs import Input, TroubleSeen
from fairlead.kernel.journal.journal import Journal
from fairlead.kernel.outbox.book import NotifierAccount
from fairlead.kernel.outbox.courier import Courier, CourierHooks, CourierLimits
from fairlead.kernel.outbox.health import problem_of
from fairlead.kernel.outbox.reading import OutboxReader
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import Clock
from fairlead.ports.ids import Ids
from fairlead.ports.notices import Notifier
from fairlead.ports.store import Store

OUTBOX = "outbox"
Work = Callable[[], Coroutine[Any, Any, None]]


@attrs.frozen(kw_only=True)
class RelayTools:
    """What the relay uses of its kernel; *take* brings an input to the door."""

    journal: Journal
    store: Store
    clock: Clock
    ids: Ids
    logger: logging.Logger
    settings: KernelSettings
    supervisor: Supervisor
    endless: set[asyncio.Task[None]]
    take: Callable[[Input], None]


class Relay(Component):
    """Tells every notifier what is durable; without one it does nothing at all."""

    def __init__(self, notifiers: Sequence[Notifier], tools: RelayTools) -> None:
        self.couriers: dict[str, Courier] = {}
        self._notifiers = notifiers
        self._tools = tools
        self._journal = tools.journal
        self._clock = tools.clock
        self._problem = ""
        self._has_begun = False
        self._has_said_refused = False
        super().__init__(OUTBOX)

    @property
    def problem(self) -> str:
        """Return what is amiss with notifiers, as of now."""
        now_ns = self._clock.wall_ns()
        told = [
            problem_of(courier, self._journal.durable_sequence, now_ns) for courier in self.couriers.values()
        ]
        return "; ".join(each for each in (self._problem, *told) if each)

    @problem.setter
    def problem(self, problem: str) -> None:
        self._problem = problem

    async def on_start(self) -> None:
        """Take up where the last kernel left off; who is new is told what comes from here on."""
        if not self._notifiers:
            return
        known = {
            row["name"]: NotifierAccount.from_row(row) for row in await self._tools.store.rows("notifiers")
        }
        for notifier in self._notifiers:
            account = known.get(notifier.name)
            if account is None:
                account = NotifierAccount(notifier.name, self._journal.durable_sequence)
                self._journal.add_rows([account.row(self._clock.wall_ns())])
            self.couriers[account.name] = self._courier(notifier, account)
        await self._journal.settled()
        self._journal.on_committed = self._wake
        for name, courier in self.couriers.items():
            reader = OutboxReader(self._tools.store, self._tools.settings.account)
            self._spawn(name, partial(courier.run, reader, self._tools.store))
        self._has_begun = True

    async def on_stop(self) -> None:
        """Tell what is owed as far as the time for it goes, then end."""
        try:
            await self._tell_last()
        finally:
            await self._end()

    async def _tell_last(self) -> None:
        """Wait, within ``notify_on_stop_ms``, until nobody is owed anything that could be told by then.

        By now whatever could bring news is down, and what it brought is in the journal or on its way there.
        """
        bound_ns = self._tools.settings.ns("notify_on_stop")
        if not (bound_ns and self._has_begun):
            return
        try:
            async with self._clock.timeout_ns(bound_ns):
                await self._all_told(self._clock.wall_ns() + bound_ns)
        except TimeoutError:
            self._tools.logger.warning("Notifiers were not told everything in time; the next kernel goes on")

    async def _all_told(self, until_ns: int) -> None:
        while not self._journal.has_ended:
            await self._journal.quiet()
            owed = [courier for courier in self.couriers.values() if courier.is_owed(until_ns)]
            if not owed:
                return
            await owed[0].told(until_ns)

    async def _end(self) -> None:
        """End every attempt, write how far each was told, and let each give back what it took."""
        self._journal.on_committed = _nothing
        for name, courier in self.couriers.items():
            courier.stopping = True
            await self._tools.supervisor.cancel_named(_task_of(name))
        if not self._journal.has_ended:
            for courier in self.couriers.values():
                courier.owing.write()
        for notifier in self._notifiers:
            await self._close(notifier)

    async def _close(self, notifier: Notifier) -> None:
        """Let a notifier close within the time of a stop, whatever it does."""
        task = self._tools.supervisor.spawn("closing notifiers", self._closed(notifier))
        try:
            async with self._clock.timeout_ns(self._tools.settings.ns("stop_timeout")):
                await asyncio.wait([task])
        except TimeoutError:
            self._tools.logger.warning("Notifier %s did not close in time", notifier.name)
            await self._tools.supervisor.cancel([task])

    async def _closed(self, notifier: Notifier) -> None:
        try:
            await notifier.close()
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # isolation point: it is over anyway
            self._tools.logger.warning("Notifier %s failed to close: %s", notifier.name, type(error).__name__)

    def _courier(self, notifier: Notifier, account: NotifierAccount) -> Courier:
        settings = self._tools.settings
        limits = CourierLimits(
            held_max=settings.notices_held_max,
            mark_interval_ns=settings.ns("delivery_mark_interval"),
            gather_ns=settings.ns("notice_gather"),
            spacing_ns=settings.ns("notice_spacing"),
            pause_ns=settings.ns("recovery_interval"),
        )
        hooks = CourierHooks(
            write=self._journal.add_rows,
            durable=lambda: self._journal.durable_sequence,
            spawn=self._spawn,
            disabled=self._disabled,
            fares=self._look,
            refused=self._refused,
        )
        return Courier(notifier, account, self._clock, self._tools.ids, self._tools.logger, limits, hooks)

    def _spawn(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run a task for the notifier of that name, one that a settled kernel does not wait for."""
        task = self._tools.supervisor.spawn(_task_of(name), self._guarded(name, work))
        self._tools.endless.add(task)
        task.add_done_callback(self._tools.endless.discard)
        return task

    async def _guarded(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # supervision point: a bug here costs one notifier, and never trading
            self._tools.logger.error("Notifier %s: the relay broke", name, exc_info=error)
            self.couriers[name].give_up(f"the relay broke: {type(error).__name__}")

    def _wake(self) -> None:
        for courier in self.couriers.values():
            courier.news()

    def _look(self) -> None:
        """Be DEGRADED while a notifier is, and RUNNING again when none is any more."""
        poor = any(courier.is_poor for courier in self.couriers.values())
        if poor and self.state is ComponentState.RUNNING:
            self.move(ComponentState.DEGRADED)
        elif not poor and self.state is ComponentState.DEGRADED:
            self.move(ComponentState.RUNNING)

    def _disabled(self, name: str, why: str) -> None:
        self._look()
        self._tools.take(TroubleSeen(AnomalyKind.NOTIFIER_DISABLED.value, name, why))

    def _refused(self, name: str, why: str) -> None:
        """Log every row that is refused, and note it once: a store that refuses one refuses it again."""
        self._tools.logger.error("Notifier %s: %s; it is told from memory", name, why)
        if not self._has_said_refused:
            self._has_said_refused = True
            self._tools.take(TroubleSeen(AnomalyKind.NOTICE_ROW_REFUSED.value, name, why))


def _task_of(name: str) -> str:
    return f"notifier {name}"


def _nothing() -> None:
    """Nobody is told any more."""
