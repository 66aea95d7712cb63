"""A receiver that is dead while a flood comes: memory stays bounded, orders do not notice, all is told."""

from __future__ import annotations

import pytest

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.testing.notice_truth import NoticeTruth
from fairlead.testing.scripted_notifier import AGAIN, ScriptedNotifier
from tests.campaign import campaign_size
from tests.core.kernel.bench import Bench, on_bench

HELD_MAX = 200
ORDERS = 40
MINUTE_MS = 60_000
DELIVERY = DeliverySettings(retry_pauses_ms=(5_000,) * 500, subjects_at_once=8, circuit_pause_ms=30_000)


def flood(count: int) -> None:
    """Queue so many notices for a dead receiver beside a healthy one, then heal it."""
    dead, well = ScriptedNotifier("dead", delivery=DELIVERY), ScriptedNotifier("well")
    most = [0]

    async def main(bench: Bench) -> None:
        healed = [False]

        async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
            look()
            return DELIVERED if healed[0] else AGAIN

        def look() -> None:
            most[0] = max(most[0], bench.kernel._parts.relay.couriers["dead"].owing.held)

        dead.script = script
        bench.fittings["notifiers"] = [dead, well]
        await bench.restart()
        truths = [NoticeTruth(bench.disk, notifier) for notifier in (dead, well)]
        for truth in truths:
            truth.begin()
        names = [await bench.working("buy", "1", str(50 + number)) for number in range(ORDERS)]
        begun_ns = bench.clock.monotonic_ns()
        for number in range(count):
            await bench.kernel.annotate(names[number % ORDERS], note=f"number {number}")
            look()
        await bench.working("buy", "1", "99")
        assert bench.clock.monotonic_ns() - begun_ns < 1_000 * NANOSECONDS_PER_MILLISECOND
        await bench.pass_ms(2 * MINUTE_MS)
        behind = bench.kernel.durable_sequence - bench.kernel._parts.relay.couriers["well"].owing.read
        assert (behind, truths[1].look()) == (0, [])
        assert dead.told == []
        assert bench.anomalies() == []
        healed[0] = True
        await bench.pass_ms(30 * MINUTE_MS + 7_500)
        assert truths[0].at_rest() == truths[1].at_rest() == []
        assert most[0] <= 2 * HELD_MAX

    on_bench(main, settings={"notices_held_max": HELD_MAX})


def test_a_flood_for_a_dead_receiver_costs_orders_nothing() -> None:
    """Memory holds a bound of it, orders take no time for it, the other is told, and all of it in the end."""
    flood(3_000)


@pytest.mark.campaign
def test_a_hundred_thousand_notices_for_a_dead_receiver_cost_orders_nothing() -> None:
    """The same with as many as an outage of days leaves; its size is the number of notices."""
    flood(campaign_size("NOTICES", default=100_000))
