"""What was given up is durable before anything behind it is told: a kernel that dies cannot tell it later."""

from __future__ import annotations

import asyncio

import pytest

from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.testing.notice_truth import rows_of
from fairlead.testing.scripted_notifier import AGAIN, NEVER, ScriptedNotifier
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.faults import Brake, slow_down
from tests.core.kernel.notifier_words import say

SECOND = 1_000
TWICE = DeliverySettings(retry_pauses_ms=(SECOND,), circuit_failures=1_000)
WHOLE = ["order_initialized", "order_accepted", "order_filled"]


def told(notifier: ScriptedNotifier) -> list[str]:
    """Return the kinds of what was told of the order, each once, as they first came."""
    return list(dict.fromkeys(notice.kind for notice in notifier.told if notice.kind in WHOLE))


async def an_order_that_fills(bench: Bench) -> None:
    """Have three facts about one order."""
    name = await bench.working("buy", "1", "100")
    bench.exchange.trade(name, "1", "100")


@pytest.mark.parametrize(("refusal", "last"), [(NEVER, 1), (AGAIN, 2)], ids=["refused", "tried-for-long"])
def test_nothing_behind_a_dead_letter_is_told_before_that_is_durable(
    refusal: DeliveryOutcome, last: int
) -> None:
    """The acceptance is given up while the disk hangs: the fill waits, and after a death the order holds."""
    benches: list[Bench] = []
    brakes: list[Brake] = []

    async def script(notice: Notice, attempt: int) -> DeliveryOutcome:
        if notice.kind != "order_accepted" or len(benches) > 1:
            return DELIVERED
        if attempt == last:
            brakes.append(Brake(benches[0]))
        return refusal

    async def main(bench: Bench) -> None:
        benches.append(bench)
        await an_order_that_fills(bench)
        await bench.pass_ms(4 * SECOND)
        before = told(notifier)
        await bench.die()
        assert [brake.held for brake in brakes] == [1]
        brakes[0].release()
        benches.append(bench)
        await bench.start_another()
        await bench.pass_ms(4 * SECOND)
        assert before == ["order_initialized"]
        assert told(notifier) == WHOLE

    notifier = ScriptedNotifier(delivery=TWICE, script=script)
    on_bench(main, notifiers=[notifier])


def test_what_waits_behind_a_dead_letter_waits_for_its_row_alone() -> None:
    """The row is written at once, not at the interval; the fill is told when it is there."""
    rows: dict[str, list[object]] = {}

    async def main(bench: Bench) -> None:
        async def script(notice: Notice, _attempt: int) -> DeliveryOutcome:
            found = rows_of(bench.disk, "deliveries", "scripted")
            rows.setdefault(notice.kind, [row["state"] for row in found])
            return NEVER if notice.kind == "order_accepted" else DELIVERED

        notifier.script = script
        await an_order_that_fills(bench)
        await bench.pass_ms(SECOND)
        assert rows["order_filled"] == ["dead"]

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier], settings={"delivery_mark_interval_ms": 60 * SECOND})


def test_nothing_behind_a_discarded_notice_is_told_before_that_is_durable() -> None:
    """An operator discards what waits in memory between two others: the one behind it goes after the row."""
    states: dict[str, list[object]] = {}
    goes_on = asyncio.Event()

    async def main(bench: Bench) -> None:
        async def script(notice: Notice, attempt: int) -> DeliveryOutcome:
            found = rows_of(bench.disk, "deliveries", "scripted")
            states.setdefault(notice.kind, [row["state"] for row in found if row["kind"] == "order_filled"])
            if notice.kind == "order_accepted":
                await goes_on.wait()
            return AGAIN if notice.kind == "order_initialized" and attempt == 1 else DELIVERED

        notifier.script = script
        await an_order_that_fills(bench)
        await bench.pass_ms()
        (order,) = bench.exchange.orders
        await bench.kernel.annotate(order, note="a word")
        await bench.pass_ms(2 * SECOND)
        lane = bench.kernel._parts.relay.couriers["scripted"].owing.lanes.lane(order)
        assert lane is not None
        assert [item.owed.row.kind for item in lane.items][:2] == WHOLE[1:]
        (filled,) = [row.event_id for row in bench.disk.outbox if row.kind == "order_filled"]
        slow_down(bench, "append", SECOND)
        saying = bench.loop.create_task(say(bench, "discard", filled))
        while filled in [item.owed.row.event_id for item in lane.items]:
            await bench.pass_ms(100)
        goes_on.set()
        await bench.pass_ms(6 * SECOND)
        assert states["order_annotated"] == ["discarded"]
        await saying

    patient = DeliverySettings(retry_pauses_ms=(SECOND,) * 60, attempt_timeout_ms=60 * SECOND)
    notifier = ScriptedNotifier(delivery=patient)
    on_bench(main, notifiers=[notifier])
