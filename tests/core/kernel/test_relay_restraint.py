"""Telling keeps back while there is trading: reads gather, and attempts begin one after the other."""

from __future__ import annotations

import itertools

from fairlead.kernel.outbox.restraint import QUIET_SPACINGS, Restraint
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, Notice
from fairlead.testing.scripted_notifier import ScriptedNotifier
from tests.core.kernel.bench import Bench, on_bench

SPACING_MS = 10
NS_PER_MS = 1_000_000


class CountedReads:
    """Counts how often a bench's outbox is read."""

    def __init__(self, bench: Bench) -> None:
        self.count = 0
        bench.before = self.before

    async def before(self, method: str) -> None:
        """Count, and hold nothing up."""
        self.count += method == "outbox"


def beginnings(bench: Bench, begun: list[int]) -> ScriptedNotifier:
    """Return a notifier that notes when each attempt begins, in milliseconds."""

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        begun.append(bench.clock.monotonic_ns() // NS_PER_MS)
        return DELIVERED

    return ScriptedNotifier(script=script)


def test_news_gather_before_they_are_read() -> None:
    """Twenty orders in a moment cost the store one reading, not one after each commit."""

    async def main(bench: Bench) -> None:
        await bench.pass_ms(1_000)
        reads = CountedReads(bench)
        for price in range(80, 100):
            await bench.working("buy", "1", str(price))
        assert reads.count == 0
        await bench.pass_ms(49)
        assert reads.count == 0
        await bench.pass_ms(2)
        assert reads.count == 1
        await bench.pass_ms(5_000)
        assert len(notifier.told) == len({notice.event_id for notice in notifier.told})
        assert {row.event_id for row in bench.disk.outbox} >= {notice.event_id for notice in notifier.told}
        assert len([notice for notice in notifier.told if notice.kind == "order_accepted"]) == 20

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier])


def test_attempts_are_spaced_while_there_is_trading_and_not_afterwards() -> None:
    """One begins in each spacing while something becomes durable all the time; then as many as may."""

    async def main(bench: Bench) -> None:
        notifier.script = beginnings(bench, begun).script
        for price in range(60, 100):
            await bench.working("buy", "1", str(price))
            await bench.pass_ms(5)
        trading_ends = bench.clock.monotonic_ns() // NS_PER_MS
        during = [each for each in begun if each < trading_ends]
        assert len(during) >= 10
        assert min(second - first for first, second in itertools.pairwise(during)) >= SPACING_MS
        await bench.pass_ms(1_000)
        after = [each for each in begun if each >= trading_ends]
        assert len(after) > 2 * len(set(after))  # several in one moment
        assert max(after) <= trading_ends + QUIET_SPACINGS * SPACING_MS
        told = [notice for notice in notifier.told if notice.kind == "order_accepted"]
        assert len(told) == 40

    begun: list[int] = []
    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier])


def test_both_can_be_switched_off() -> None:
    """With 0 everything is read and begun at once."""

    async def main(bench: Bench) -> None:
        for price in range(80, 100):
            await bench.working("buy", "1", str(price))
        await bench.pass_ms(1)
        assert len([notice for notice in notifier.told if notice.kind == "order_accepted"]) == 20

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier], settings={"notice_gather_ms": 0, "notice_spacing_ms": 0})


def test_a_restraint_of_nothing_never_holds_back() -> None:
    """Without a spacing an attempt may begin however much is traded; with one it may not until it is over."""
    free, spaced = Restraint(0), Restraint(100)
    for restraint in (free, spaced):
        restraint.traded(1_000)
        restraint.began(1_000)
    assert (free.wait_ns(1_000), spaced.wait_ns(1_000), spaced.wait_ns(1_099)) == (0, 100, 1)
    assert spaced.wait_ns(1_100) == 0
    spaced.began(1_499)
    assert spaced.wait_ns(1_499) == 1  # from 1,500 on there is no trading to be kept out of
