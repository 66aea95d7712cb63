"""The conformance class of price sources; its rules are in ``docs/reference/price-source-rules.md``.

    class TestMySource(PriceSourceConformance):
        def make_source(self, clock: Clock) -> PriceSource:
            return MySource(clock)

Runs on virtual time, under pytest or by calling the methods. A source that waits for the real world overrides
`run` and `make_clock`, and plays its venue itself.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import attrs

from fairlead.domain.identifiers import to_name, to_symbol
from fairlead.domain.prices import Quote, Trade, check_price
from fairlead.errors import FairleadError
from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.prices import PriceSource
from fairlead.testing.conformance.rules import Rule, overridden_tests
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run
from fairlead.testing.virtual_clock import VirtualClock

Q_01 = Rule("Q-01", "A source has a name shaped like a plugin's name, the same each time.")
Q_02 = Rule("Q-02", "run is a coroutine function that takes the feed.")
Q_03 = Rule("Q-03", "What it publishes is a Quote or a Trade of a well-formed symbol, exact and possible.")
Q_04 = Rule("Q-04", "A price carries the time at which it was made, which is not ahead of the clock.")
Q_05 = Rule("Q-05", "Until canceled it neither returns nor raises, and it publishes within its patience.")
Q_06 = Rule("Q-06", "Once canceled it ends, and nothing is published afterwards.")
Q_07 = Rule("Q-07", "A feed that refuses everything is not argued with: no error, no more calls than else.")
Q_08 = Rule("Q-08", "A heartbeat or a release names a symbol that the source published, or none.")
Q_09 = Rule("Q-09", "After its end it can be run again, and publishes again.")

PRICE_SOURCE_RULES = (Q_01, Q_02, Q_03, Q_04, Q_05, Q_06, Q_07, Q_08, Q_09)

# fixed: a kernel grows older in steps while a rule looks on
_STEPS = 100
_CANCELED_STEPS = 5
_CANCELS_MAX = 10  # fixed: who swallows so many is canceled no more
_HEARTBEAT, _RELEASE = "heartbeat", "release"


@attrs.define
class RecordingFeed:
    """A `PriceFeed` that remembers what it was told, and when; *takes* is what it answers."""

    clock: Clock
    takes: bool = True
    published: list[tuple[int, object]] = attrs.field(factory=list)
    named: list[tuple[str, str]] = attrs.field(factory=list)
    calls: int = 0

    def publish(self, price: Quote | Trade) -> bool:
        """Remember the price."""
        self.calls += 1
        self.published.append((self.clock.wall_ns(), price))
        return self.takes

    def heartbeat(self, symbol: str | None = None) -> bool:
        """Remember the symbol."""
        self._name(_HEARTBEAT, symbol)
        return self.takes

    def release(self, symbol: str) -> None:
        """Remember the symbol."""
        self._name(_RELEASE, symbol)

    def _name(self, what: str, symbol: str | None) -> None:
        self.calls += 1
        if symbol is not None:
            known = {getattr(price, "symbol", None) for _, price in self.published}
            self.named.append((what, symbol if symbol not in known else ""))


class PriceSourceConformance:
    """Subclass it and implement `make_source`; pytest runs every rule."""

    patience_ns: ClassVar[int] = 60 * NANOSECONDS_PER_SECOND
    """How long a source is looked at; within it a price must come."""

    def make_source(self, clock: Clock) -> PriceSource:
        """Return a new source that waits by this clock, configured alike each time."""
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
        replaced = list(overridden_tests(PriceSourceConformance, type(self)))
        assert not replaced, f"these tests may not be replaced: {', '.join(replaced)}"

    def test_q01_name(self) -> None:
        """Q-01: every price and the log name the source."""

        async def rule() -> None:
            clock = self.make_clock()
            names = [self.make_source(clock).name for _ in range(2)]
            try:
                to_name(names[0], "name")
            except FairleadError as refusal:
                Q_01.broken(str(refusal))
            Q_01.require(names[0] == names[1], f"two sources are called {names}")

        self.run(rule)

    def test_q02_run_is_a_coroutine(self) -> None:
        """Q-02: the kernel gives it a task."""

        async def rule() -> None:
            method = self.make_source(self.make_clock()).run
            Q_02.require(inspect.iscoroutinefunction(method), "run is no coroutine function")
            Q_02.require(len(inspect.signature(method).parameters) == 1, "run takes more than the feed")

        self.run(rule)

    def test_q03_prices_are_possible(self) -> None:
        """Q-03: the kernel would refuse anything else, and the symbol would stay without a price."""

        async def rule() -> None:
            for _, price in (await self._watched()).published:
                try:
                    check_price(price)
                    assert isinstance(price, Quote | Trade)
                    to_symbol(price.symbol, "symbol")
                except FairleadError as refusal:
                    Q_03.broken(str(refusal))

        self.run(rule)

    def test_q04_prices_are_not_of_the_future(self) -> None:
        """Q-04: how old a price is decides whether anybody may rest on it."""

        async def rule() -> None:
            for now_ns, price in (await self._watched()).published:
                at_ns = getattr(price, "ts_event", 0)
                Q_04.require(0 < at_ns <= now_ns, f"at {now_ns} it said that a price is of {at_ns}")

        self.run(rule)

    def test_q05_goes_on(self) -> None:
        """Q-05: whoever ends is started again after a pause in which prices grow stale."""

        async def rule() -> None:
            feed = await self._watched(Q_05)
            Q_05.require(bool(feed.published), f"it published nothing within {self.patience_ns} ns")

        self.run(rule)

    def test_q06_ends_when_canceled(self) -> None:
        """Q-06: a kernel that stops waits for it."""

        async def rule() -> None:
            clock = self.make_clock()
            feed = RecordingFeed(clock)
            task = asyncio.ensure_future(self.make_source(clock).run(feed))
            await self._grow_older(clock, task)
            task.cancel()
            for _ in range(_CANCELED_STEPS):
                await clock.sleep_ns(self.patience_ns // _STEPS)
            calls, ended = feed.calls, task.done()
            for _ in range(_CANCELS_MAX):
                task.cancel()
                await clock.sleep_ns(0)
            Q_06.require(ended, "it did not end when it was canceled")
            await clock.sleep_ns(self.patience_ns)
            Q_06.require(feed.calls == calls, "it published after its end")

        self.run(rule)

    def test_q07_refusals_are_borne(self) -> None:
        """Q-07: another source may have the symbol for as long as it likes."""

        async def rule() -> None:
            usual = (await self._watched()).calls
            refused = (await self._watched(Q_07, takes=False)).calls
            Q_07.require(
                refused <= 2 * usual + _STEPS, f"refused it made {refused} calls, and else it makes {usual}"
            )

        self.run(rule)

    def test_q08_names_its_own_symbols(self) -> None:
        """Q-08: nobody keeps alive, or gives away, what is another's."""

        async def rule() -> None:
            for what, stranger in (await self._watched()).named:
                Q_08.require(not stranger, f"a {what} names {stranger!r}, which it never published")

        self.run(rule)

    def test_q09_runs_again(self) -> None:
        """Q-09: the kernel starts a source again that failed."""

        async def rule() -> None:
            clock = self.make_clock()
            source = self.make_source(clock)
            for _ in range(2):
                feed = await self._watched(Q_09, source=source)
                Q_09.require(bool(feed.published), "it published nothing when it was run again")

        self.run(rule)

    async def _watched(
        self, rule: Rule | None = None, *, takes: bool = True, source: PriceSource | None = None
    ) -> RecordingFeed:
        """Let a source run for the patience; with a rule, it may neither return nor raise."""
        clock = self.make_clock()
        feed = RecordingFeed(clock, takes)
        task = asyncio.ensure_future((source or self.make_source(clock)).run(feed))
        await self._grow_older(clock, task)
        over, failure = task.done(), task.exception() if task.done() else None
        task.cancel()
        await asyncio.wait((task,))
        if rule is not None:
            rule.require(failure is None, f"it raised {failure!r}")
            rule.require(not over, "it returned")
        return feed

    async def _grow_older(self, clock: Clock, task: asyncio.Future[None]) -> None:
        for _ in range(_STEPS):
            await clock.sleep_ns(self.patience_ns // _STEPS)
            if task.done():
                return
