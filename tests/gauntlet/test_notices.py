"""Notices: stories of webhooks and messages that were lost, or that took trading with them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from fairlead import Kernel, KernelSettings, Proposal, TradingState
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.scripted_notifier import ScriptedNotifier
from fairlead_webhook.notifier import WebhookNotifier
from fairlead_webhook.settings import ScheduleSettings
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench, quiet_logger
from tests.core.kernel.notifier_words import say
from tests.webhook.deliveries import local_endpoint
from tests.webhook.receiver import receiver, reset

SECOND_MS = 1_000
QUICK = DeliverySettings(retry_pauses_ms=(1_000,), attempt_timeout_ms=500, circuit_failures=1_000)
SLOW = DeliverySettings(attempt_timeout_ms=30_000)


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#2200",
    story="A message of a type that the notifier did not know stopped the bot at its start.",
)
def test_freqtrade_2200_a_message_nobody_understands_stops_nothing() -> None:
    """It waits at the start of a kernel and raises there: the kernel trades, and everything else is told."""

    async def knows_fills_alone(notice: Notice, _attempt: int) -> DeliveryOutcome:
        return {"order_filled": DELIVERED}[notice.kind]

    async def main(bench: Bench) -> None:
        await bench.pass_ms(3 * SECOND_MS)
        await bench.die()
        await bench.start_another()
        await bench.hold("1", "100")
        await bench.hold("1", "100")
        await bench.pass_ms(10 * SECOND_MS)
        assert [notice.kind for notice in notifier.told] == ["order_filled"] * 2
        assert len({notice.kind for notice, _ in notifier.attempts}) > 3
        assert await bench.position() == 2

    notifier = ScriptedNotifier(delivery=QUICK, script=knows_fills_alone)
    on_bench(main, notifiers=[notifier])


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#9581",
    story="A mistake in the template of one message kept every notice of a filled exit from being sent.",
)
def test_freqtrade_9581_a_notice_whose_format_breaks_is_kept_and_told_later() -> None:
    """It is a dead letter with its reason, the others are told, and repaired and replayed it arrives."""
    template = ["{fill_price}"]

    async def formats(notice: Notice, _attempt: int) -> DeliveryOutcome:
        if notice.kind == "order_filled":
            template[0].format(**notice.data)
        return DELIVERED

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        await bench.pass_ms(10 * SECOND_MS)
        assert "order_filled" not in {notice.kind for notice in notifier.told}
        assert len(notifier.told) > 3
        letters = [row for row in await bench.store.rows("deliveries") if row["state"] == "dead"]
        assert len(letters) == 1
        dead = letters[0]
        assert "KeyError" in str(dead["detail"])
        template[0] = "{order}"
        answer = await say(bench, "replay", str(dead["event_id"]))
        assert isinstance(answer, Mapping)
        assert answer["count"] == 1
        await bench.pass_ms(3 * SECOND_MS)
        (told,) = [notice for notice in notifier.told if notice.kind == "order_filled"]
        assert told.event_id == dead["event_id"]

    notifier = ScriptedNotifier(delivery=QUICK, script=formats)
    on_bench(main, notifiers=[notifier])


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#10502",
    story="There was one target for messages, told on the thread that trades; users asked for several.",
)
def test_freqtrade_10502_one_target_that_hangs_holds_up_nobody() -> None:
    """Of two targets one never answers: the other is told within a second, and orders take no time at all."""

    async def hangs(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody answers this")

    async def main(bench: Bench) -> None:
        before_ns = bench.clock.monotonic_ns()
        name = await bench.working("buy", "1", "100")
        assert bench.clock.monotonic_ns() == before_ns
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(SECOND_MS)
        assert "order_filled" in {notice.kind for notice in good.told}
        assert hanging.told == []
        assert await bench.position() == 1

    good, hanging = ScriptedNotifier("good"), ScriptedNotifier("hanging", delivery=SLOW, script=hangs)
    on_bench(main, notifiers=[hanging, good])


@pytest.mark.gauntlet(
    "tradingstrategy-ai/trade-executor#471",
    story="The chat service failed, and the failure of a message crashed the trade executor.",
)
def test_trade_executor_471_a_receiver_that_breaks_off_costs_no_trade() -> None:
    """A real webhook whose receiver resets every connection: the trade is done, and the notices are owed."""

    async def whole() -> None:
        clock, disk = SystemClock(), MemoryStore()
        exchange = ScriptedExchange([instrument()])
        async with receiver(reset) as seen:
            schedule = ScheduleSettings(attempt_timeout_ms=300, retry_pauses_ms=(60_000,))
            notifier = WebhookNotifier("chat", local_endpoint(seen.port, schedule=schedule), clock)
            kernel = Kernel(
                KernelSettings(account="main", on_stop="leave", allow_unchecked=True, notify_on_stop_ms=0),
                exchange=exchange,
                store=disk,
                notifiers=[notifier],
                logger=quiet_logger(),
            )
            async with kernel:
                bot = kernel.session(owner="bot")
                result = await bot.execute(Proposal.buy(BTC, quantity="1", limit_price="100"))
                exchange.trade(result.client_order_id, "1", "100")
                assert (await result.closed()).status == "FILLED"
                for _ in range(200):
                    if not await disk.rows("deliveries"):
                        await clock.sleep_ns(10_000_000)
                assert seen.connections
                position = bot.position(BTC)
                assert position is not None
                assert position.quantity == 1
                assert kernel.trading_state is TradingState.ACTIVE
        waiting = await disk.rows("deliveries")
        assert waiting
        assert {(row["notifier"], row["state"]) for row in waiting} == {("webhook.chat", "pending")}

    asyncio.run(whole())
