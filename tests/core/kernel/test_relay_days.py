"""A receiver that is away for days, as the defaults have it: nothing is lost, and an operator decides."""

from __future__ import annotations

from fairlead.ports.notices import DELIVERED, DeliveryOutcome, Notice
from fairlead.testing.scripted_notifier import AGAIN, ScriptedNotifier
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.notifier_words import say

SECOND_MS = 1_000
HOUR_MS = 3_600 * SECOND_MS
DAY_MS = 24 * HOUR_MS


def test_who_is_down_for_five_days_is_disabled_and_told_all_of_it_afterwards() -> None:
    """Letters die after their schedule, the notifier after five days; replayed, all of it arrives."""
    answer = [AGAIN]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return answer[0]

    async def states(bench: Bench) -> set[str]:
        return {str(row["state"]) for row in await bench.store.rows("deliveries")}

    def is_disabled(bench: Bench) -> bool:
        return "disabled" in {part: problem for part, _, problem in bench.kernel.health()}["outbox"]

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(4 * DAY_MS)
        assert "dead" in await states(bench)
        await bench.restart()
        await bench.working("buy", "1", "99")
        await bench.pass_ms(23 * HOUR_MS)
        assert not is_disabled(bench)
        await bench.pass_ms(DAY_MS)  # it is decided when an attempt fails, and those are rare by now
        assert is_disabled(bench)
        assert bench.anomalies() == ["notifier_disabled"]
        await bench.restart()
        assert is_disabled(bench)
        assert notifier.told == []
        answer[0] = DELIVERED
        await say(bench, "enable")
        await say(bench, "replay")
        await bench.pass_ms(HOUR_MS)
        facts = [row.event_id for row in bench.disk.outbox if row.kind.startswith("order_")]
        told = [notice.event_id for notice in notifier.told if notice.kind.startswith("order_")]
        assert sorted(told) == sorted(facts)
        assert await states(bench) == {"delivered"}

    notifier = ScriptedNotifier(script=script)
    on_bench(main, notifiers=[notifier])
