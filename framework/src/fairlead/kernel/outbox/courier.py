"""A courier: brings one notifier what it is owed, in order by subject, several subjects side by side.

It reads behind the commits and waits for nobody; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import attrs

from fairlead.kernel.outbox.attempt import again, attempted
from fairlead.kernel.outbox.book import Delivery, DeliveryState, NotifierAccount
from fairlead.kernel.outbox.intake import Intake, Rows
from fairlead.kernel.outbox.lanes import Item, Lane
from fairlead.kernel.outbox.owing import Owing
from fairlead.kernel.outbox.reading import OutboxReader
from fairlead.kernel.outbox.restraint import Restraint
from fairlead.kernel.outbox.schedule import (
    DRAW_DIGITS,
    HEXADECIMAL,
    Fare,
    has_expired,
    settle_account,
    settle_delivery,
)
from fairlead.kernel.outbox.unwritten import Write, Written
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.ids import Ids
from fairlead.ports.notices import DeliveryOutcome, DeliveryVerdict, Notice, Notifier

_LONG_NS = 3_600_000_000_000  # fixed: with nothing to wait for it looks about once an hour all the same


@attrs.frozen(kw_only=True)
class CourierLimits:
    """The kernel's settings that a courier keeps to."""

    held_max: int
    mark_interval_ns: int
    gather_ns: int
    spacing_ns: int
    pause_ns: int


@attrs.frozen(kw_only=True)
class CourierHooks:
    """What a courier asks of the rest of the kernel.

    *write* has rows written, and calls back when they are durable; *durable* is the last durable sequence;
    *spawn* runs a supervised task; *disabled* is told when the notifier gave itself up, *refused* when the
    store would not have rows of it. *fares* is called whenever an operator may have to look, or need not
    any more.
    """

    write: Write
    durable: Callable[[], int]
    spawn: Callable[[str, Callable[[], Coroutine[Any, Any, None]]], asyncio.Task[None]]
    disabled: Callable[[str, str], None]
    fares: Callable[[], None]
    refused: Callable[[str, str], None]


@attrs.define(slots=True, eq=False)
class Attempt:
    """One attempt under way; *over* once it is booked, although its task may not have ended."""

    lane: Lane
    item: Item
    notice: Notice
    over: bool = False
    task: asyncio.Task[None] | None = None


class Courier:
    """Tells one notifier. `wake` it whenever something has become durable."""

    def __init__(
        self,
        notifier: Notifier,
        account: NotifierAccount,
        clock: Clock,
        ids: Ids,
        logger: logging.Logger,
        limits: CourierLimits,
        hooks: CourierHooks,
    ) -> None:
        self.name = account.name
        self.account = account
        self.settings = notifier.delivery
        self.stopping = False
        lane_max = max(limits.held_max // 4, 1)  # fixed: a quarter of the memory for one subject
        self.owing = Owing(
            account, clock, logger, write=hooks.write, written=self._rows_written,
            interval_ns=limits.mark_interval_ns, lane_max=lane_max,
        )  # fmt: skip
        self._notifier = notifier
        self._clock = clock
        self._ids = ids
        self._logger = logger
        self._limits = limits
        self._hooks = hooks
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._under_way: dict[Attempt, None] = {}
        self._gather_ns = limits.gather_ns
        self._gathers = False
        self._reads_from_ns = 0
        self._restraint = Restraint(limits.spacing_ns)
        self._wants_fails = False

    @property
    def is_poor(self) -> bool:
        """Tell whether an operator should look: it is disabled, its circuit is open, or letters are dead."""
        return self.account.disabled or bool(self.account.circuit_until_ns) or self.owing.dead > 0

    def wake(self) -> None:
        """Look what there is to do."""
        self._wake.set()
        self._news.set()
        self._hooks.fares()

    def _rows_written(self, written: Written) -> None:
        self.wake()
        if written.mark is None:
            events = ", ".join(each.event_id for each in written.refused) or "its own row"
            self._hooks.refused(self.name, f"the store refused its rows: {events}")

    def news(self) -> None:
        """Something has become durable. It is read a moment later: orders and readers share the store."""
        self._restraint.traded(self._clock.monotonic_ns())
        if not self._gathers:
            self._gathers = True
            self._reads_from_ns = self._clock.monotonic_ns() + self._gather_ns
            self.wake()

    def is_owed(self, until_ns: int) -> bool:
        """Tell whether it may be told something by then; who is disabled or rests may not."""
        account, owing = self.account, self.owing
        if account.disabled or account.circuit_until_ns > self._clock.wall_ns():
            return False
        unread = owing.read < self._hooks.durable() and owing.held < self._limits.held_max
        return unread or not owing.is_open or owing.has_work(until_ns)

    async def told(self, until_ns: int) -> None:
        """Wait until it is owed nothing that could be told by then; nothing gathers any more."""
        self._gather_ns = self._reads_from_ns = 0
        self._restraint = Restraint(0)
        self.wake()
        while self.is_owed(until_ns):
            self._news.clear()
            await self._news.wait()

    async def run(self, reader: OutboxReader, rows: Rows) -> None:
        """Tell until canceled; a store that cannot be read is asked again after a pause."""
        intake = Intake(self.owing, reader, rows, self._wants, self._limits.held_max)
        while True:
            self._wake.clear()
            try:
                await intake.open()
                await intake.refill()
                while self._may_read and await intake.read_on(self._hooks.durable()):
                    self._begin_attempts()
                    self.owing.write_if_due()
            except Exception as error:  # supervision point: the store recovers, and so does what reads it
                kind = type(error).__name__
                self._logger.warning("Notifier %s: what it is owed cannot be read: %s", self.name, kind)
                await self._clock.sleep_ns(self._limits.pause_ns)
                continue
            self._begin_attempts()
            self.owing.write_if_due()
            self._news.set()
            await self._pause()

    @property
    def _may_read(self) -> bool:
        """Tell whether what is durable is read now; from then on the next news may gather."""
        if self._reads_from_ns > self._clock.monotonic_ns():
            return False
        self._gathers = False
        return True

    async def _pause(self) -> None:
        try:
            async with self._clock.timeout_ns(self._next_ns()):
                await self._wake.wait()
        except TimeoutError:
            pass  # something is due

    def _next_ns(self) -> int:
        """Return after how long something is due by itself."""
        now_ns = self._clock.wall_ns()
        waits = []
        if not self.account.disabled and self._may_begin:
            due = [lane.items[0].due_ns for lane in self.owing.lanes if self.owing.may_try(lane)]
            waits = [max(min(due), self.account.circuit_until_ns) - now_ns] if due else []
            waits = [max(each, self._restraint.wait_ns(self._clock.monotonic_ns())) for each in waits]
        if self.owing.has_news:
            waits.append(self.owing.due_in_ns())
        if self._gathers:
            waits.append(self._reads_from_ns - self._clock.monotonic_ns())
        return max(min(waits, default=_LONG_NS), 1)

    def _wants(self, notice: Notice) -> bool:
        """Ask whether it is wanted; who cannot say is told all: too much is noticed, too little is not."""
        if self._wants_fails:
            return True
        try:
            return bool(self._notifier.wants(notice))
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # isolation point: asked no more
            self._wants_fails = True
            kind = type(error).__name__
            self._logger.error("Notifier %s cannot say what it wants, and is told all: %s", self.name, kind)
            return True

    # -- attempts ------------------------------------------------------------------------------

    def _begin_attempts(self) -> None:
        now_ns = self._clock.wall_ns()
        if self.account.disabled or self.account.circuit_until_ns > now_ns:
            return
        for lane in list(self.owing.lanes):
            if not self._may_begin or self._restraint.wait_ns(self._clock.monotonic_ns()) > 0:
                return
            if not self.owing.may_try(lane) or lane.items[0].due_ns > now_ns:
                continue
            item = lane.items[0]
            assert item.owed.notice is not None  # without one it is buried when it is read; narrows the type
            if has_expired(self.settings, item.owed.notice.ts_ns, now_ns):
                self.owing.bury(item, "it grew too old to be told")
                self.owing.advance(lane)
                self.wake()  # for the next of its lane
                continue
            lane.busy = True
            self._restraint.began(self._clock.monotonic_ns())
            self.owing.lanes.rotate(lane)
            self._begin(Attempt(lane, item, item.owed.notice))

    def _begin(self, attempt: Attempt) -> None:
        self._under_way[attempt] = None
        attempt.task = self._hooks.spawn(self.name, partial(self._attempt, attempt))
        attempt.task.add_done_callback(lambda _task: self._ended(attempt))

    @property
    def _may_begin(self) -> bool:
        """Tell whether another attempt may begin; while the circuit is open, one at a time."""
        probing = self.account.circuit_until_ns and any(not each.over for each in self._under_way)
        return len(self._under_way) < self.settings.subjects_at_once and not probing

    def _ended(self, attempt: Attempt) -> None:
        self._under_way.pop(attempt, None)
        self.wake()

    async def _attempt(self, attempt: Attempt) -> None:
        """Try once, in a task of its own; one that does not end in time keeps its place until it does."""
        delivery = attempt.item.delivery
        number = 1 if delivery is None else delivery.attempts + 1
        due_ns = self._clock.monotonic_ns() + self.settings.attempt_timeout_ms * NANOSECONDS_PER_MILLISECOND
        timer = self._clock.call_at_ns(due_ns, lambda: self._overdue(attempt))
        try:
            outcome = await attempted(self._notifier, attempt.notice, number, lambda: self.stopping)
        finally:
            timer.cancel()
        self._settle(attempt, outcome)

    def _overdue(self, attempt: Attempt) -> None:
        self._settle(attempt, again(f"no answer within {self.settings.attempt_timeout_ms} ms"))
        assert attempt.task is not None  # the task itself set the timer; narrows the type
        attempt.task.cancel()

    def _settle(self, attempt: Attempt, outcome: DeliveryOutcome) -> None:
        """Book an attempt, once: on the notifier, on the notice, and on what waits behind it."""
        if attempt.over:
            return
        attempt.over = True
        lane, item = attempt.lane, attempt.item
        lane.busy = False
        now_ns = self._clock.wall_ns()
        fare = settle_account(self.account, outcome, self.settings, now_ns)
        if outcome.verdict is not DeliveryVerdict.DELIVERED or item.delivery is not None:
            self.owing.moved = True
        delivery = item.delivery or self.owing.delivery_of(item)
        failed = outcome.verdict is DeliveryVerdict.AGAIN
        draw = int(self._ids.unique_hex(DRAW_DIGITS), base=HEXADECIMAL) if failed else 0
        settle_delivery(delivery, outcome, self.settings, now_ns, draw)
        if delivery.state is DeliveryState.PENDING:
            self.owing.try_again(lane, item, delivery)
        elif delivery.state is DeliveryState.DELIVERED:
            self.owing.delivered(lane, item, delivery)
        else:
            self.owing.given_up(lane, item, delivery)
        self._follow(fare, outcome.detail)
        self.wake()

    def _follow(self, fare: Fare, detail: str) -> None:
        """Say what became of the notifier, and do what follows from it."""
        if fare.opened:
            self._logger.warning(
                "Notifier %s: %d failures in a row, the last: %s; nothing is tried for %d ms",
                self.name, self.account.failures, detail, self.settings.circuit_pause_ms,
            )  # fmt: skip
        if fare.disabled:
            self.give_up(fare.disabled)

    # -- its end, and its return ---------------------------------------------------------------

    def give_up(self, reason: str) -> None:
        """Disable the notifier and say so."""
        self._logger.error("Notifier %s is disabled: %s", self.name, reason)
        self.disable(reason)
        self._hooks.disabled(self.name, reason)

    def disable(self, reason: str) -> None:
        """Tell it nothing more; what it is owed stays owed."""
        self.account.disabled, self.account.reason = True, reason
        self.owing.write()
        self.wake()

    def replay(self, delivery: Delivery) -> bool:
        """Have a delivery tried again from the beginning; tell whether anything was done."""
        self.wake()
        return self.owing.revive(delivery)

    def discard(self, delivery: Delivery) -> bool:
        """Give a delivery up; tell whether anything was done."""
        self.wake()
        return self.owing.discard(delivery)

    def enable(self) -> None:
        """Tell it again, from where it was."""
        account = self.account
        account.disabled, account.reason = False, ""
        account.failures = account.failing_since_ns = account.circuit_until_ns = 0
        self.owing.write()
        self.wake()
