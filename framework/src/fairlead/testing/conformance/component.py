"""The conformance class of components; its rules are in ``docs/reference/component-rules.md``.

    class TestMyPanel(ComponentConformance):
        def make_component(self, clock: Clock) -> KernelComponent:
            return MyPanel(clock)

Runs on virtual time, under pytest or by calling the methods. A component that waits for the real world
overrides `run` and `make_clock`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from fairlead.domain.events import Event, EventsMissed, KernelChanged
from fairlead.domain.identifiers import to_name
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.prices import Price, Quote, Trade
from fairlead.domain.records import TradingStateChanged
from fairlead.domain.trading_state import TradingState
from fairlead.errors import FairleadError
from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.components import KernelComponent
from fairlead.testing.conformance.rules import Rule, overridden_tests
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run
from fairlead.testing.virtual_clock import VirtualClock

C_01 = Rule("C-01", "A component has a name shaped like a plugin's name, the same each time.")
C_02 = Rule("C-02", "after is a sequence of names, and its own is not among them.")
C_03 = Rule("C-03", "start, run and stop are coroutine functions.")
C_04 = Rule("C-04", "start returns within its time.")
C_05 = Rule("C-05", "run raises nothing, whatever the kernel tells: events, missed ones, nothing at all.")
C_06 = Rule("C-06", "run ends when it is canceled.")
C_07 = Rule("C-07", "stop returns within its time, and leaves no task behind.")
C_08 = Rule("C-08", "It may be started again after it was stopped.")
C_09 = Rule("C-09", "It reads what a KernelView has, and nothing else of the kernel.")

COMPONENT_RULES = (C_01, C_02, C_03, C_04, C_05, C_06, C_07, C_08, C_09)

# fixed: a kernel grows older in steps while a rule looks on
_STEPS = 50
_CANCELS_MAX = 10  # fixed: who swallows so many is canceled no more
_FIGURES = Decimal(100), Decimal(1)  # fixed: price and quantity of a trade


@attrs.define
class QuietKernel:
    """A `KernelView` of a kernel without orders: it tells *told*, then nothing more.

    *reached* are names that were asked for and that no view has.
    """

    clock: Clock
    told: Sequence[Event | EventsMissed] = ()
    account: str = "main"
    trading_state: TradingState = TradingState.ACTIVE
    trading_reason: str = "started"
    reached: list[str] = attrs.field(factory=list)

    def __getattr__(self, name: str) -> object:
        if not name.startswith("__"):
            self.reached.append(name)
        raise AttributeError(f"a KernelView has no {name}")

    def health(self) -> tuple[tuple[str, str, str], ...]:
        """Return one running part."""
        return (("exchange", "running", ""),)

    def orders(self, *, live_only: bool = False) -> tuple[OrderView, ...]:
        """Return none."""
        del live_only
        return ()

    def positions(self) -> tuple[PositionView, ...]:
        """Return none."""
        return ()

    def price(self, symbol: str) -> Price | None:
        """Return nothing."""
        del symbol
        return None

    async def prices(self, symbol: str) -> AsyncIterator[Quote | Trade]:
        """Yield one trade, then nothing for ever."""
        yield Trade(symbol, *_FIGURES, self.clock.wall_ns())
        while True:
            await self.clock.sleep_ns(NANOSECONDS_PER_SECOND)

    async def events(self, *kinds: type[Event]) -> AsyncIterator[Event | EventsMissed]:
        """Yield what there is of these kinds, then nothing for ever."""
        for event in self.told:
            if not kinds or isinstance(event, (*kinds, EventsMissed)):
                yield event
        while True:
            await self.clock.sleep_ns(NANOSECONDS_PER_SECOND)


class ComponentConformance:
    """Subclass it and implement `make_component`; pytest runs every rule."""

    time_ns: ClassVar[int] = 10 * NANOSECONDS_PER_SECOND
    """How long `start` and `stop` may take each, and how long `run` is looked at."""

    def make_component(self, clock: Clock) -> KernelComponent:
        """Return a new component that waits by this clock, configured alike each time."""
        raise NotImplementedError

    def told(self) -> Sequence[Event | EventsMissed]:
        """Return what the kernel tells; add the events that your component handles."""
        halted = TradingStateChanged(TradingState.HALTED, "an operator wants it so", "operator")
        return (KernelChanged(1, 1, halted), EventsMissed(3, 1))

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
        replaced = list(overridden_tests(ComponentConformance, type(self)))
        assert not replaced, f"these tests may not be replaced: {', '.join(replaced)}"

    def test_c01_name(self) -> None:
        """C-01: health, log and other components name it."""

        async def rule() -> None:
            clock = self.make_clock()
            names = [self.make_component(clock).name for _ in range(2)]
            try:
                to_name(names[0], "name")
            except FairleadError as refusal:
                C_01.broken(str(refusal))
            C_01.require(names[0] == names[1], f"two components are called {names}")

        self.run(rule)

    def test_c02_after_names_others(self) -> None:
        """C-02: the kernel finds an order to start them in."""

        async def rule() -> None:
            part = self.make_component(self.make_clock())
            after: object = part.after
            listed = isinstance(after, Sequence) and not isinstance(after, str)
            C_02.require(listed, f"after is {after!r}")
            C_02.require(all(isinstance(name, str) for name in part.after), f"after is {after!r}")
            C_02.require(part.name not in part.after, "it waits for itself")

        self.run(rule)

    def test_c03_coroutines(self) -> None:
        """C-03: the kernel awaits them."""

        async def rule() -> None:
            part = self.make_component(self.make_clock())
            for name in ("start", "run", "stop"):
                waits = inspect.iscoroutinefunction(getattr(part, name))
                C_03.require(waits, f"{name} is no coroutine function")

        self.run(rule)

    def test_c04_starts_in_time(self) -> None:
        """C-04: trading waits for it."""

        async def rule() -> None:
            clock = self.make_clock()
            kernel = QuietKernel(clock, self.told())
            part = self.make_component(clock)
            await self._done(C_04, clock, "start", part.start(kernel))
            await part.stop()

        self.run(rule)

    def test_c05_run_raises_nothing(self) -> None:
        """C-05: one that raises halts trading until an operator clears it."""

        async def rule() -> None:
            await self._lived(self.make_clock(), C_05)

        self.run(rule)

    def test_c06_run_ends_when_canceled(self) -> None:
        """C-06: a kernel that stops waits for it."""

        async def rule() -> None:
            clock = self.make_clock()
            part = self.make_component(clock)
            await part.start(QuietKernel(clock, self.told()))
            task = asyncio.ensure_future(part.run())
            await self._grow_older(clock, task)
            task.cancel()
            await self._grow_older(clock, task)
            ended = task.done()
            for _ in range(_CANCELS_MAX):
                task.cancel()
                await clock.sleep_ns(0)
            C_06.require(ended, "it did not end when it was canceled")
            await part.stop()

        self.run(rule)

    def test_c07_stop_leaves_nothing(self) -> None:
        """C-07: what `start` took is given back."""

        async def rule() -> None:
            clock = self.make_clock()
            before = asyncio.all_tasks()
            await self._lived(clock, None)
            left = asyncio.all_tasks() - before
            C_07.require(not left, f"{len(left)} tasks are left after stop")

        self.run(rule)

    def test_c08_starts_again(self) -> None:
        """C-08: a component belongs to a kernel that may be stopped and started."""

        async def rule() -> None:
            clock = self.make_clock()
            part = self.make_component(clock)
            for _ in range(2):
                try:
                    await self._lived(clock, C_08, part)
                except FairleadError as error:
                    C_08.broken(f"started again it raised {error!r}")

        self.run(rule)

    def test_c09_only_reads(self) -> None:
        """C-09: whoever is to trade is a bot with a session."""

        async def rule() -> None:
            clock = self.make_clock()
            kernel = QuietKernel(clock, self.told())
            await self._lived(clock, None, kernel=kernel)
            C_09.require(not kernel.reached, f"it reached for {', '.join(kernel.reached)}")

        self.run(rule)

    async def _lived(
        self,
        clock: Clock,
        rule: Rule | None,
        part: KernelComponent | None = None,
        kernel: QuietKernel | None = None,
    ) -> None:
        """Have a component start, run and stop; with a rule, `run` may not raise."""
        part = part or self.make_component(clock)
        await part.start(kernel or QuietKernel(clock, self.told()))
        task = asyncio.ensure_future(part.run())
        await self._grow_older(clock, task)
        failure = task.exception() if task.done() else None
        task.cancel()
        await asyncio.wait((task,))
        if rule is not None:
            rule.require(failure is None, f"run raised {failure!r}")
        await self._done(C_07, clock, "stop", part.stop())

    async def _done(self, rule: Rule, clock: Clock, what: str, step: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(step)
        await self._grow_older(clock, task)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
            rule.broken(f"{what} took longer than {self.time_ns} ns")
        await task

    async def _grow_older(self, clock: Clock, task: asyncio.Future[None]) -> None:
        for _ in range(_STEPS):
            await clock.sleep_ns(self.time_ns // _STEPS)
            if task.done():
                return
