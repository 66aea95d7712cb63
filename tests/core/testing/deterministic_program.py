"""A program that uses every kind of step, for the tests of determinism; as a script it prints its digests.

Nothing in it may depend on the Python version: no `wait_for`, no runner.
"""

from __future__ import annotations

import asyncio

from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.seeded_ids import SeededIds
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run_on
from fairlead.testing.virtual_clock import VirtualClock

MILLISECOND_NS = 1_000_000
DIGESTS_OF: tuple[tuple[int, InterleavingName], ...] = (
    (1, "uniform"),
    (2, "uniform"),
    (1, "priority"),
    (1, "fifo"),
)


async def trade(loop: SeededLoop) -> None:
    """Let four bots and one venue meet over queues, locks, timeouts, threads and timers."""
    clock = VirtualClock(loop)
    ids = SeededIds(loop.streams.of("ids"))
    latency = loop.streams.of("latency")
    requests: asyncio.Queue[tuple[str, asyncio.Future[str]]] = asyncio.Queue(2)
    budget = asyncio.Lock()

    async def venue() -> None:
        while True:
            order, answer = await requests.get()
            await clock.sleep_ns(latency.randrange(40) * MILLISECOND_NS)
            if not answer.done():
                answer.set_result(f"accepted {order}")

    async def bot(name: str) -> None:
        for _ in range(10):
            order = ids.unique_hex(8)
            answer: asyncio.Future[str] = loop.create_future()
            async with budget:
                await requests.put((order, answer))
                await loop.run_in_executor(None, loop.note, f"{name} sent {order}")
            try:
                async with clock.timeout_ns(50 * MILLISECOND_NS):
                    loop.note(await answer)
            except TimeoutError:
                loop.note(f"{order} timed out")

    # Strings in a set come out in an order that depends on the hash seed; sorted they do not.
    names = {"anna", "bert", "cleo", "dora"}
    market = loop.create_task(venue())
    async with asyncio.TaskGroup() as group:
        for name in sorted(names):
            group.create_task(bot(name))
        clock.call_at_ns(clock.monotonic_ns() + MILLISECOND_NS, lambda: loop.note("timer"))
    market.cancel()


def digest_of(seed: int, interleaving: InterleavingName) -> str:
    """Run the program and return steps, time and digest."""
    loop = SeededLoop(seed, interleaving=interleaving)
    run_on(loop, lambda: trade(loop))
    return f"{loop.trace.steps} {loop.now_us} {loop.trace.digest()}"


if __name__ == "__main__":
    for seed, interleaving in DIGESTS_OF:
        print(digest_of(seed, interleaving))  # noqa: T201 - its output is its purpose
