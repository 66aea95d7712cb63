"""The relay at a stop: what is owed is told first, and for no longer than a setting says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fairlead.errors import SettingRefused
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_notifier import AGAIN, GONE, ScriptedNotifier
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.faults import fail_from, slow_down

Script = Callable[[Notice, int], Coroutine[Any, Any, DeliveryOutcome]]

SECOND = 1_000
BOUND_MS = 5_000
SOON = DeliverySettings(retry_pauses_ms=(1_000,) * 50, circuit_failures=1_000)
LATE = DeliverySettings(retry_pauses_ms=(60_000,) * 50, circuit_failures=1_000)


def owed(bench: Bench) -> list[str]:
    """Return the ids of every durable fact but the first start, before which nobody was there."""
    return [row.event_id for row in bench.disk.outbox if row.sequence > 1]


def told(notifier: ScriptedNotifier) -> list[str]:
    """Return the ids of what a notifier was told."""
    return [notice.event_id for notice in notifier.told]


async def stopped_in_ms(bench: Bench) -> int:
    """Stop the kernel; return how long that took."""
    begun_ns = bench.clock.monotonic_ns()
    await bench.kernel.stop()
    return (bench.clock.monotonic_ns() - begun_ns) // NANOSECONDS_PER_MILLISECOND


def slow(bench: Bench, milliseconds: int) -> Script:
    """Return a script whose every attempt takes so long and succeeds."""

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        await bench.pass_ms(milliseconds)
        return DELIVERED

    return script


def test_a_kernel_that_lives_shorter_than_a_delivery_tells_before_it_goes() -> None:
    """Every notice of a short life is told by its stop, those of the stop itself too; the mark says it."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        notifier.script = slow(bench, 700)
        name = await bench.working()
        assert notifier.told == []
        took_ms = await stopped_in_ms(bench)
        assert 700 <= took_ms < BOUND_MS
        assert sorted(told(notifier)) == sorted(owed(bench))
        ended = [notice for notice in notifier.told if notice.subject == name]
        order = ended[-1].data["order"]
        assert isinstance(order, dict)
        assert order["state"] == "canceled"
        marks = [dict(row)["mark"] for row in await bench.store.rows("notifiers")]
        assert marks == [bench.disk.head.sequence]
        notifier.told.clear()
        await bench.start_another(on_stop="leave")
        await bench.pass_ms(10 * SECOND)
        assert not [notice for notice in notifier.told if notice.subject == name]

    on_bench(main, notifiers=[notifier], settings={"on_stop": "cancel_entries"})


def test_who_is_told_everything_is_not_waited_for() -> None:
    """With nothing owed, or no notifier at all, a stop takes no time."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.pass_ms(5 * SECOND)
        assert await stopped_in_ms(bench) == 0
        bench.fittings["notifiers"] = []
        await bench.start_another()
        assert await stopped_in_ms(bench) == 0
        await bench.start_another()

    on_bench(main, notifiers=[ScriptedNotifier()])


@pytest.mark.parametrize("how", ["hangs", "swallows"])
def test_a_stop_waits_no_longer_than_its_bound_whatever_a_notifier_does(how: str) -> None:
    """Who never answers costs the bound and what its cancellation takes; the other is told meanwhile."""

    async def main(bench: Bench) -> None:
        cut_ms: list[int] = []

        async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cut_ms.append(now_ms())
                    if how == "hangs" or len(cut_ms) > 1:
                        raise

        def now_ms() -> int:
            return bench.clock.monotonic_ns() // NANOSECONDS_PER_MILLISECOND

        bad.script = script
        await bench.working()
        begun_ms = now_ms()
        took_ms = await stopped_in_ms(bench)
        assert sorted(told(well)) == sorted(owed(bench))
        assert cut_ms[0] - begun_ms == BOUND_MS
        assert how == "swallows" or took_ms == BOUND_MS
        bench.fittings["notifiers"] = []
        await bench.start_another()

    bad, well = ScriptedNotifier("bad"), ScriptedNotifier("well")
    on_bench(main, notifiers=[bad, well], settings={"notify_on_stop_ms": BOUND_MS})


@pytest.mark.parametrize("why", ["later", "circuit", "disabled"])
def test_who_cannot_be_told_within_the_bound_is_not_waited_for(why: str) -> None:
    """An attempt due only later, an open circuit, a disabled notifier: the stop goes on at once."""
    settings = {
        "later": LATE,
        "circuit": DeliverySettings(retry_pauses_ms=(1_000,) * 50, circuit_failures=1),
        "disabled": SOON,
    }

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return GONE if why == "disabled" else AGAIN

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(100)
        assert notifier.attempts
        assert notifier.told == []
        assert await stopped_in_ms(bench) == 0
        bench.fittings["notifiers"] = []
        await bench.start_another()

    notifier = ScriptedNotifier(delivery=settings[why], script=script)
    on_bench(main, notifiers=[notifier])


def test_who_gives_up_during_the_wait_ends_it() -> None:
    """A circuit that opens while the stop waits ends the wait; what is owed stays owed."""

    async def main(bench: Bench) -> None:
        async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
            await bench.pass_ms(300)
            return AGAIN

        notifier.script = script
        await bench.working()
        assert 300 <= await stopped_in_ms(bench) < SECOND
        bench.fittings["notifiers"] = []
        await bench.start_another()

    notifier = ScriptedNotifier(delivery=DeliverySettings(circuit_failures=1))
    on_bench(main, notifiers=[notifier])


def test_an_attempt_that_is_due_within_the_bound_is_waited_for() -> None:
    """One failure with a pause of a second: the second attempt is made and the notice told before the end."""

    async def script(_notice: Notice, attempt: int) -> DeliveryOutcome:
        return AGAIN if attempt == 1 else DELIVERED

    async def main(bench: Bench) -> None:
        await bench.working()
        assert 500 <= await stopped_in_ms(bench) < BOUND_MS
        assert sorted(told(notifier)) == sorted(owed(bench))
        rows = await bench.store.rows("deliveries")
        assert {row["state"] for row in rows} == {"delivered"}
        bench.fittings["notifiers"] = []
        await bench.start_another()

    notifier = ScriptedNotifier(delivery=SOON, script=script)
    on_bench(main, notifiers=[notifier])


def test_what_another_kernel_left_is_told_by_a_kernel_that_stops_at_once() -> None:
    """Rows of an earlier life count as owed before the relay has even read them."""

    async def main(bench: Bench) -> None:
        failing = [True]

        async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
            return AGAIN if failing[0] else DELIVERED

        notifier.script = script
        await bench.hold()
        await bench.restart()
        failing[0] = False
        await bench.pass_ms(SECOND)
        await bench.kernel.stop()
        assert set(told(notifier)) == set(owed(bench))
        bench.fittings["notifiers"] = []
        await bench.start_another()

    notifier = ScriptedNotifier(delivery=SOON)
    on_bench(main, notifiers=[notifier])


def test_zero_switches_it_off() -> None:
    """With 0 a stop cuts every attempt, and the next kernel tells."""

    async def main(bench: Bench) -> None:
        notifier.script = slow(bench, 100)
        await bench.working()
        assert await stopped_in_ms(bench) == 0
        assert notifier.told == []
        await bench.start_another(notify_on_stop_ms=BOUND_MS)
        await bench.pass_ms(2 * SECOND)
        assert set(told(notifier)) == set(owed(bench))

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier], settings={"notify_on_stop_ms": 0})


def test_a_bound_below_zero_is_refused() -> None:
    """A negative wait means nothing."""
    with pytest.raises(SettingRefused, match="notify_on_stop_ms"):
        KernelSettings(account="main", notify_on_stop_ms=-1)


def test_a_journal_that_ends_during_the_wait_does_not_hold_the_stop_up() -> None:
    """A store that takes nothing any more: the notifiers are closed all the same, and the kernel is down."""

    async def main(bench: Bench) -> None:
        notifier.script = slow(bench, 100)
        await bench.working()

        async def before(method: str) -> None:
            if method == "reopen":
                raise OSError("gone")

        bench.before = before
        fail_from(bench, 1, AppendFault.FAILS)
        await bench.kernel.stop()
        assert notifier.closed == 1
        bench.before, bench.faults = nothing, lambda _batch: None
        bench.fittings["notifiers"] = []
        await bench.start_another()

    async def nothing(_method: str) -> None:
        pass

    notifier = ScriptedNotifier()
    settings = {"delivery_mark_interval_ms": 1, "recovery_interval_ms": 10}
    on_bench(main, notifiers=[notifier], settings=settings)


def test_a_start_that_fails_does_not_wait_for_what_never_began() -> None:
    """The relay itself could not start: nothing is told, and the reason comes at once."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()

        async def before(method: str) -> None:
            if method == "rows" and "notifiers" in reading:
                raise OSError("gone")

        reading = ["notifiers"]
        bench.fittings["notifiers"] = [ScriptedNotifier()]
        bench.store = bench.new_store()
        bench.kernel = bench.new_kernel()
        bench.before = before
        begun_ns = bench.clock.monotonic_ns()
        with pytest.raises(OSError, match="gone"):
            await bench.kernel.start()
        assert bench.clock.monotonic_ns() == begun_ns
        reading.clear()
        bench.fittings["notifiers"] = []
        await bench.start_another()

    on_bench(main)


def test_a_stop_that_is_canceled_still_closes_the_notifiers() -> None:
    """Whoever cuts the wait short gets the rest of the stop all the same."""

    async def main(bench: Bench) -> None:
        notifier.script = slow(bench, 2 * SECOND)
        await bench.hold("1", "100", BTC)
        stop = bench.loop.create_task(bench.kernel.stop())
        await bench.pass_ms(10)
        stop.cancel()
        await asyncio.wait([stop])
        assert stop.cancelled()
        assert notifier.closed == 1
        bench.fittings["notifiers"] = []
        await bench.start_another()

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier])


def test_what_is_on_its_way_from_the_store_is_waited_for() -> None:
    """A notice of a kept lane is neither in memory nor in the store's answer yet: the stop tells it, too."""

    async def script(notice: Notice, attempt: int) -> DeliveryOutcome:
        return AGAIN if notice.kind == "order_initialized" and attempt == 1 else DELIVERED

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(100)
        slow_down(bench, "outbox", 200)
        courier = bench.kernel._parts.relay.couriers["scripted"]
        stop = bench.loop.create_task(bench.kernel.stop())
        while not stop.done():  # whatever wakes it, and whenever
            await bench.pass_ms(20)
            courier.wake()
        assert sorted(notice.event_id for notice in notifier.told) == sorted(owed(bench))
        bench.fittings["notifiers"] = []
        await bench.start_another()

    notifier = ScriptedNotifier(delivery=SOON, script=script)
    on_bench(main, notifiers=[notifier], settings={"notify_on_stop_ms": 60_000})
