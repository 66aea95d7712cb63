"""The conformance class of notifiers; its rules are in ``docs/reference/notifier-rules.md``.

    class TestMyNotifier(NotifierConformance):
        def make_world(self, clock: Clock) -> NotifierWorld:
            return MyReceiverAndItsNotifier(clock)

Runs on virtual time, under pytest or by calling the methods. A notifier that waits for the real world
overrides `run` and `make_clock`.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import pytest

from fairlead.domain.identifiers import to_name
from fairlead.errors import FairleadError
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.notices import DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice, Notifier
from fairlead.testing.conformance.rules import Rule, RuleBroken, overridden_tests
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run
from fairlead.testing.virtual_clock import VirtualClock

N_01 = Rule("N-01", "A notifier has a name shaped like a plugin's name, the same each time.")
N_02 = Rule("N-02", "delivery is DeliverySettings of possible figures, the same each time.")
N_03 = Rule("N-03", "wants answers True or False for a notice of any kind, the same each time.")
N_04 = Rule("N-04", "deliver and close are coroutine functions.")
N_05 = Rule("N-05", "It is DELIVERED when the receiver took it, under the notice's id.")
N_06 = Rule("N-06", "The same notice reaches the receiver with the same contents, whatever the attempt.")
N_07 = Rule("N-07", "What the receiver refuses is AGAIN, NEVER or GONE.")
N_08 = Rule("N-08", "While the receiver hangs, nothing is DELIVERED, and a canceled deliver ends.")
N_09 = Rule("N-09", "It leaves the notice as it was.")
N_10 = Rule("N-10", "The detail is one line without secrets; a pause is a whole number, or none.")
N_11 = Rule("N-11", "After failures close ends in time, and leaves no task behind.")

NOTIFIER_RULES = (N_01, N_02, N_03, N_04, N_05, N_06, N_07, N_08, N_09, N_10, N_11)

_STEPS = 50  # fixed: a kernel grows older in steps while a rule looks on
_CANCELS_MAX = 10  # fixed: who swallows so many is canceled no more


class Receiver(StrEnum):
    """How the receiver behaves."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    HANGS = "hangs"


class NotifierWorld(Protocol):
    """A notifier, and the receiver that it tells."""

    @property
    def notifier(self) -> Notifier:
        """Return the notifier."""

    def behave(self, how: Receiver) -> None:
        """Have the receiver behave so from here on."""

    def received(self) -> Sequence[tuple[str, object]]:
        """Return id and contents of everything that the receiver took, in order."""


def notices() -> Sequence[Notice]:
    """Return notices of several kinds, one that no kernel knows among them."""
    order = {"client_order_id": "a", "quantity": "0.10", "tags": ["ünder"]}
    return (
        Notice("n-1", "order_filled", 1, "main", "a", 1, 1, {"order": order, "quantity": "0.10"}),
        Notice("n-2", "position_opened", 1, "main", "BTC/USDT", 2, 2, {"position": {"quantity": "0.10"}}),
        Notice("n-3", "trading_state_changed", 1, "main", "kernel", 3, 3, {"state": "halted"}),
        Notice("n-4", "kind_of_a_later_version", 2, "main", "kernel", 4, 4, {}),
    )


class NotifierConformance:
    """Subclass it and implement `make_world`; pytest runs every rule."""

    receiver_behaviours: ClassVar[frozenset[Receiver]] = frozenset(Receiver)
    """What the receiver can do: a file never hangs."""
    secrets: ClassVar[Sequence[str]] = ()
    """What the notifier is given and may not tell."""
    close_time_ns: ClassVar[int] = 10 * NANOSECONDS_PER_SECOND
    """How long `close` may take."""

    def make_world(self, clock: Clock) -> NotifierWorld:
        """Return a new notifier with its receiver; both wait by this clock, configured alike each time."""
        raise NotImplementedError

    def make_clock(self) -> Clock:
        """Return the clock of one rule: that of the seeded loop."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        return VirtualClock(loop)

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run one rule to its end."""
        run(main)

    def test_no_rule_was_replaced(self) -> None:
        """A subclass adds tests; it replaces none."""
        replaced = list(overridden_tests(NotifierConformance, type(self)))
        assert not replaced, f"these tests may not be replaced: {', '.join(replaced)}"

    def test_n01_name(self) -> None:
        """N-01: what is owed is kept under it."""

        async def rule() -> None:
            clock = self.make_clock()
            names = [self.make_world(clock).notifier.name for _ in range(2)]
            try:
                to_name(names[0], "name")
            except FairleadError as refusal:
                N_01.broken(str(refusal))
            N_01.require(names[0] == names[1], f"two notifiers are called {names}")

        self.run(rule)

    def test_n02_settings(self) -> None:
        """N-02: by them the kernel tries again."""

        async def rule() -> None:
            notifier = self.make_world(self.make_clock()).notifier
            given = notifier.delivery
            N_02.require(isinstance(given, DeliverySettings), f"delivery is {given!r}")
            N_02.require(given == notifier.delivery, "delivery differs from one reading to the next")
            figures = (
                given.attempt_timeout_ms,
                given.subjects_at_once,
                given.circuit_failures,
                *given.retry_pauses_ms,
            )
            N_02.require(min(figures) > 0, f"a figure of {given!r} is not above zero")

        self.run(rule)

    def test_n03_wants(self) -> None:
        """N-03: one that raises is asked no more."""

        async def rule() -> None:
            notifier = self.make_world(self.make_clock()).notifier
            for notice in notices():
                answers = [self._wanted(notifier, notice) for _ in range(2)]
                N_03.require(all(isinstance(each, bool) for each in answers), f"it answered {answers}")
                N_03.require(answers[0] == answers[1], f"it answered {answers} to the same {notice.kind}")

        self.run(rule)

    def test_n04_coroutines(self) -> None:
        """N-04: the kernel awaits them."""

        async def rule() -> None:
            notifier = self.make_world(self.make_clock()).notifier
            for name in ("deliver", "close"):
                waits = inspect.iscoroutinefunction(getattr(notifier, name))
                N_04.require(waits, f"{name} is no coroutine function")

        self.run(rule)

    def test_n05_delivered(self) -> None:
        """N-05: what is called delivered is never told again."""

        async def rule() -> None:
            world = self._world(Receiver.ACCEPTS)
            for notice in notices():
                outcome = await world.notifier.deliver(notice, 1)
                N_05.require(outcome.verdict is DeliveryVerdict.DELIVERED, f"it answered {outcome}")
            took, sent = [each for each, _ in world.received()], [each.event_id for each in notices()]
            N_05.require(took == sent, f"the receiver has {took} instead of {sent}")

        self.run(rule)

    def test_n06_same_contents(self) -> None:
        """N-06: a receiver knows a repetition by its id."""

        async def rule() -> None:
            world = self._world(Receiver.ACCEPTS)
            for notice in notices():
                before = len(world.received())
                for attempt in (1, 2, 3):
                    await world.notifier.deliver(copy.deepcopy(notice), attempt)
                told = world.received()[before:]
                # nothing at all is for N-05 to find
                same = len(told) in {0, 3} and all(each == told[0] for each in told)  # fixed: three attempts
                N_06.require(same, f"three attempts told {told}")

        self.run(rule)

    def test_n07_refused(self) -> None:
        """N-07: a refused notice that counts as delivered is lost."""

        async def rule() -> None:
            for outcome in await self._refused():
                failed = outcome.verdict in set(DeliveryVerdict) - {DeliveryVerdict.DELIVERED}
                N_07.require(failed, f"it answered {outcome.verdict!r}")

        self.run(rule)

    def test_n08_hanging(self) -> None:
        """N-08: an attempt that exceeds its time is canceled, and the kernel waits for its end."""

        async def rule() -> None:
            clock = self.make_clock()
            world = self._world(Receiver.HANGS, clock)
            limit_ns = world.notifier.delivery.attempt_timeout_ms * NANOSECONDS_PER_MILLISECOND
            task = asyncio.ensure_future(world.notifier.deliver(notices()[0], 1))
            await self._grow_older(clock, task, limit_ns)
            task.cancel()
            await clock.sleep_ns(1)
            ended = task.done()
            for _ in range(_CANCELS_MAX):
                task.cancel()
                await clock.sleep_ns(0)
            N_08.require(ended, "it did not end when it was canceled")
            told = not task.cancelled() and task.exception() is None and task.result()
            N_08.require(not told or told.verdict is not DeliveryVerdict.DELIVERED, f"it answered {told}")

        if Receiver.HANGS not in self.receiver_behaviours:
            pytest.skip("the receiver cannot hang")
        self.run(rule)

    def test_n09_notice_untouched(self) -> None:
        """N-09: other notifiers are told by the same notice."""

        async def rule() -> None:
            world = self._world(Receiver.ACCEPTS)
            for notice in notices():
                before = copy.deepcopy(notice)
                with contextlib.suppress(RuleBroken):
                    self._wanted(world.notifier, notice)
                await world.notifier.deliver(notice, 1)
                N_09.require(notice == before, f"{before} became {notice}")

        self.run(rule)

    def test_n10_detail(self) -> None:
        """N-10: logs and tables show it."""

        async def rule() -> None:
            for outcome in await self._refused():
                detail: object = outcome.detail
                one_line = isinstance(detail, str) and len(detail.splitlines()) <= 1
                N_10.require(one_line, f"the detail is {detail!r}")
                N_10.require(not any(each in str(detail) for each in self.secrets), "it tells a secret")
                after: object = outcome.retry_after_ns
                N_10.require(after is None or type(after) is int, f"the pause is {after!r}")

        self.run(rule)

    def test_n11_close(self) -> None:
        """N-11: a kernel that stops waits for it."""

        async def rule() -> None:
            clock = self.make_clock()
            before = asyncio.all_tasks()
            world = self._world(Receiver.REFUSES, clock)
            for notice in notices():
                await world.notifier.deliver(notice, 1)
            task = asyncio.ensure_future(world.notifier.close())
            await self._grow_older(clock, task, self.close_time_ns)
            ended = task.done()
            task.cancel()
            await asyncio.wait((task,))
            N_11.require(ended, f"close took longer than {self.close_time_ns} ns")
            N_11.require(not task.exception(), f"close raised {task.exception()!r}")
            left = asyncio.all_tasks() - before
            N_11.require(not left, f"{len(left)} tasks are left after close")

        self.run(rule)

    def _world(self, how: Receiver, clock: Clock | None = None) -> NotifierWorld:
        world = self.make_world(clock or self.make_clock())
        world.behave(how)
        return world

    def _wanted(self, notifier: Notifier, notice: Notice) -> object:
        try:
            return notifier.wants(notice)
        except Exception as error:  # isolation point: whatever it raises breaks the rule
            N_03.broken(f"it raised {error!r} over a {notice.kind}")

    async def _refused(self) -> Sequence[DeliveryOutcome]:
        world = self._world(Receiver.REFUSES)
        return [await world.notifier.deliver(notice, 1) for notice in notices()]

    async def _grow_older(self, clock: Clock, task: asyncio.Future[Any], time_ns: int) -> None:
        for _ in range(_STEPS):
            await clock.sleep_ns(time_ns // _STEPS)
            if task.done():
                return
