"""Random runs with rate limits: whatever comes in whatever order, the limit is kept and everything ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairlead.errors import JournalUnavailable, NotRunning, UnknownName
from fairlead.ports.exchange import Outcome
from fairlead.testing.scripted_exchange import answers, loses_answer
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_seeded_bench
from tests.core.kernel.faults import FAULTS
from tests.core.kernel.pacing_limits import SECOND_MS, SECOND_NS, Clocked, order_limits, waits

CAPACITY = 4
PER_SECOND = 2


@pytest.mark.parametrize("faulty", [False, True], ids=["calm", "faulty"])
@pytest.mark.parametrize("seed", range(12))
def test_the_limit_is_kept_and_everything_ends(seed: int, faulty: bool) -> None:  # noqa: FBT001 - two cases
    """Entries, exits, cancels, lost answers, refusals, failed commits, and clock jumps or restarts.

    At the venue no stretch of time ever has more requests than its limit allows, by a count of its own;
    no order is left waiting, and each that was not sent says why.
    """
    exchange = Clocked([instrument(BTC), instrument(ETH)])

    async def main(bench: Bench) -> None:
        exchange.clock = bench.clock
        dice = bench.loop.streams.of("paces")
        tasks: list[asyncio.Task[Any]] = []
        if faulty:
            bench.faults = lambda _batch: dice.choice(FAULTS) if dice.random() < 0.03 else None
        for _ in range(60):
            await _something(bench, ("jumps", "restarts")[seed % 2], dice.random(), dice.choice, tasks)
            await bench.pass_ms(dice.choice([0, 0, 10, 400, 2_000]))
        bench.faults = lambda _batch: None
        exchange._submit_scripts.clear()
        await bench.pass_ms(300 * SECOND_MS)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, BaseException):
                assert isinstance(result, JournalUnavailable | NotRunning | UnknownName)
        _everything_ended(bench)
        if not faulty:  # cancels go out unpaced while the journal is unusable
            _limit_was_kept(exchange.times_ns)

    settings = {"pacing_reserve": "0.25", "limited_attempts_max": 100}
    limits = order_limits(str(CAPACITY), str(PER_SECOND))
    on_seeded_bench(seed, main, exchange=exchange, pacing=limits, settings=settings)


async def _something(
    bench: Bench,
    kind: str,
    chance: float,
    choose: Any,  # noqa: ANN401 - of several types
    tasks: list[asyncio.Task[Any]],
) -> None:
    """Do one thing of a bot's, a venue's or a machine's life."""
    if chance < 0.55:
        if chance < 0.08:
            script = answers(Outcome.LIMITED, "slow down", choose([0, SECOND_NS, 5 * SECOND_NS]))
            bench.exchange.will_submit(choose([script, loses_answer]))
        wishes = {"symbol": choose([BTC, ETH]), "pacing": choose([None, None, "wait", "refuse"])}
        side = choose(["buy", "buy", "sell"])
        tasks.append(bench.spawn_execute(side, choose(["1", "2"]), "100", **wishes))
    elif chance < 0.85:
        live = [order for order in bench.kernel.orders() if not order.is_closed]
        if live:
            tasks.append(bench.loop.create_task(bench.bot.cancel(choose(live).client_order_id)))
    elif chance < 0.93:
        live_there = [name for name, order in bench.exchange.orders.items() if order.status == "live"]
        if live_there:
            bench.exchange.trade(choose(live_there), "1", "100")
    elif kind == "jumps":
        bench.clock.jump_wall_ns(choose([-20, 3, 20]) * SECOND_NS)
    else:
        await bench.restart()


def _everything_ended(bench: Bench) -> None:
    """Nothing waits; what waited went out or ended with a reason."""
    assert not bench.kernel.pacing.waiting
    for wait in waits(bench):
        order = bench.kernel.order(wait.client_order_id)
        if order is not None:  # else it ended before the last restart
            assert order.status != "APPROVED"
            assert order.status != "NOT_SENT" or order.detail
    assert not [order for order in bench.kernel.orders() if order.status == "PENDING_CANCEL"]


def _limit_was_kept(times_ns: list[int]) -> None:
    for begin, first in enumerate(times_ns):
        for count, last in enumerate(times_ns[begin:], 1):
            assert count <= CAPACITY + PER_SECOND * (last - first) / SECOND_NS + 0.001
