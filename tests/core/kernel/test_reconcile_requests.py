"""Requests for a reconciliation: one at a time, until it passes, later and later, or when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fairlead.errors import ExchangeFault
from fairlead.kernel.venue.reconcile_requests import ReconcileRequests
from fairlead.testing import SeededLoop, VirtualClock, run
from tests.core.kernel.bench import quiet_logger

SECOND_NS = 1_000_000_000


class World:
    """Requests to a reconciler that passes or fails as a test says; *made* is when it made which."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.began_ns = self.clock.monotonic_ns()
        self.made: list[tuple[float, str]] = []
        self.failures: int = 0
        self.takes_s = 0.0
        self.lines: list[str] = []
        logger = quiet_logger()
        logger.addFilter(self.note)
        self.requests = ReconcileRequests(cast("Any", self), self.clock, (SECOND_NS, 5 * SECOND_NS), logger)

    def note(self, line: logging.LogRecord) -> bool:
        """Keep a line of the log."""
        self.lines.append(line.getMessage())
        return True

    @property
    def now_s(self) -> float:
        """Return how many seconds have passed."""
        return (self.clock.monotonic_ns() - self.began_ns) / SECOND_NS

    async def run(self, why: str) -> None:
        """See `Reconciler.run`."""
        self.made.append((self.now_s, why))
        await self.pass_s(self.takes_s)
        if self.failures:
            self.failures -= 1
            raise ExchangeFault("no answer")

    def ask(self, why: str) -> asyncio.Future[None] | None:
        """Ask, and answer when nobody does."""
        return asyncio.ensure_future(self.requests.answer()) if self.requests.ask(why) else None

    async def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.sleep_ns(int(seconds * SECOND_NS))


def in_world(main: Callable[[World], Awaitable[None]]) -> None:
    """Run a test in a world of its own."""

    async def whole() -> None:
        await main(World())

    run(whole)


def test_a_wish_is_made_once_and_then_nobody_answers() -> None:
    """Idle before and after; the next one is answered anew."""

    async def main(world: World) -> None:
        assert world.requests.is_idle
        for number in (1, 2):
            answering = world.ask(f"wish {number}")
            assert answering is not None
            assert not world.requests.is_idle
            await answering
            assert world.requests.is_idle
            assert world.requests.pausing == frozenset()
        assert world.made == [(0.0, "wish 1"), (0.0, "wish 2")]
        assert world.lines == []

    in_world(main)


def test_who_asks_meanwhile_gets_one_that_begins_after_that() -> None:
    """One more, however many asked, for the last reason; nobody else must answer."""

    async def main(world: World) -> None:
        world.takes_s = 2
        answering = world.ask("first")
        assert answering is not None
        await world.pass_s(1)
        assert world.ask("second") is None
        assert world.ask("third") is None
        await answering
        assert world.made == [(0.0, "first"), (2.0, "third")]
        assert world.now_s == 4

    in_world(main)


def test_one_that_fails_is_made_again_later_and_later() -> None:
    """The pause doubles to its limit; the same reason, until it passes; each failure is in the log."""

    async def main(world: World) -> None:
        world.failures = 4
        answering = world.ask("why")
        assert answering is not None
        await world.pass_s(1)
        assert world.requests.pausing == {answering}
        assert not world.requests.is_idle
        await answering
        assert world.made == [(each, "why") for each in (0.0, 2.0, 6.0, 11.0, 16.0)]
        assert world.requests.pausing == frozenset()
        assert world.lines == ["Reconciliation failed and will be tried again: ExchangeFault"] * 4
        world.failures = 1
        again = world.ask("anew")
        assert again is not None
        await again
        assert world.made[5:] == [(16.0, "anew"), (18.0, "anew")]

    in_world(main)


def test_who_asks_during_the_pause_ends_it() -> None:
    """There is new reason to hope; the wish of before is part of the new one."""

    async def main(world: World) -> None:
        world.failures = 1
        answering = world.ask("first")
        await world.pass_s(1.5)
        assert world.ask("second") is None
        assert answering is not None
        await answering
        assert world.made == [(0.0, "first"), (1.5, "second")]

    in_world(main)


def test_who_asked_while_one_failed_has_it_made_at_once() -> None:
    """The wish that came in between is the one that is tried again, without a pause."""

    async def main(world: World) -> None:
        world.failures, world.takes_s = 1, 2
        answering = world.ask("first")
        await world.pass_s(1)
        assert world.ask("second") is None
        assert answering is not None
        await answering
        assert world.made == [(0.0, "first"), (2.0, "second")]

    in_world(main)


def test_after_the_end_none_is_made() -> None:
    """The pause ends, what was wished is left, and nobody is answered any more."""

    async def main(world: World) -> None:
        world.failures = 9
        answering = world.ask("first")
        await world.pass_s(1)
        world.requests.end()
        assert answering is not None
        await answering
        assert world.now_s == 1
        assert world.requests.is_idle
        late = world.ask("late")
        assert late is not None
        await late
        assert world.made == [(0.0, "first")]

    in_world(main)


def test_one_that_is_canceled_leaves_nobody_answering() -> None:
    """The task ended with the kernel: a later wish would be answered by another."""

    async def main(world: World) -> None:
        world.failures = 9
        answering = world.ask("first")
        assert answering is not None
        await world.pass_s(1)
        answering.cancel()
        await asyncio.wait([answering])
        assert world.requests.is_idle
        assert world.requests.pausing == frozenset()

    in_world(main)


def test_without_a_wish_none_is_made() -> None:
    """Answering begins with somebody who asks."""

    async def main(world: World) -> None:
        await world.requests.answer()
        assert (world.made, world.requests.is_idle) == ([], True)

    in_world(main)
