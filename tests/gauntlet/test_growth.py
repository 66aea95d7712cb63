"""Growth: stories of memory and time that grew with everything that ever happened."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator, Sized
from decimal import Decimal

import attrs
import pytest

from fairlead import Proposal
from fairlead.domain.orders import Order
from fairlead.domain.records import OrderFilled
from fairlead.kernel.apply import changes, commands
from fairlead.kernel.core.state import CommandEntry
from fairlead.kernel.engine import eviction
from fairlead.ports.store import Batch
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.test_closings import fills

KEPT = 10
OURS = ("fairlead.kernel.", "fairlead.domain.")


@pytest.fixture(autouse=True)
def only_what_the_story_makes() -> Iterator[None]:
    """Count nothing that was there before: other tests' orders may live as long as the process."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def held() -> Counter[str]:
    """Return how many orders, remembered commands and records of fills the story has made and kept."""
    gc.collect()
    kinds = (Order, CommandEntry, OrderFilled)
    return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in kinds)


async def trade(bench: Bench, times: int) -> None:
    """Buy and sell so often, each under a key of its own."""
    for _ in range(times):
        for side in ("buy", "sell"):
            key = f"round-{bench.kernel.sequence}"
            name = (await bench.execute(side, "1", "100", key=key)).client_order_id
            bench.exchange.trade(name, "1", "100")
            await bench.pass_ms(5)
    await bench.kernel.settled()


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4663",
    "nautechsystems/nautilus_trader#1063",
    story="Orders and their events accumulated in memory, gigabytes an hour; no retention could be set.",
)
def test_nautilus_trader_4663_memory_holds_as_many_finished_orders_as_set() -> None:
    """After 60 orders or 180 the process holds the same few; the first one is found in the store."""

    async def main(bench: Bench) -> None:
        first = await bench.working("buy", "1", "100")
        bench.exchange.trade(first, "1", "100")
        await trade(bench, 30)
        after_sixty = held()
        await trade(bench, 60)
        assert not held() - after_sixty
        assert after_sixty["Order"] <= KEPT + 2
        found = await bench.kernel.find_order(first)
        assert found is not None
        assert found.filled_quantity == 1

    on_bench(main, settings={"closed_orders_max": KEPT})


def parts_of_the_kernel() -> Counter[str]:
    """Return how many objects of each class of kernel and domain the story has made and kept."""
    gc.collect()
    kinds = (type(each) for each in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(OURS))


def sizes(bench: Bench) -> dict[str, int]:
    """Return how much each collection of the engine's state holds."""
    state = bench.kernel._state
    return {
        field.name: len(getattr(state, field.name))
        for field in attrs.fields(type(state))
        if isinstance(getattr(state, field.name), Sized)
    }


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4533",
    story="Dictionaries that track orders and positions kept an entry for each that had ever been.",
)
def test_nautilus_trader_4533_a_closed_position_leaves_no_entry_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After 40 positions of their own or 120, all of them closed, every collection is as large as before."""
    monkeypatch.setattr(commands, "CLOSINGS_KEPT_MAX", KEPT)
    monkeypatch.setattr(eviction, "DEPARTED_MAX", KEPT)

    async def main(bench: Bench) -> None:
        hedger = bench.kernel.session(owner="bot", hedging=True)

        async def open_and_close(times: int) -> None:
            for _ in range(times):
                bench.price("110")
                entry = await hedger.execute(Proposal.buy(BTC, quantity="1", limit_price="100"))
                bench.exchange.trade(entry.client_order_id, "1", "100")
                await bench.pass_ms(5)
                bench.exchange.will_submit(fills)
                await hedger.close_position(BTC, position_id=entry.order.position_id)
                await bench.pass_ms(5)
            await bench.kernel.settled()

        await open_and_close(40)
        after_forty = sizes(bench)
        await open_and_close(80)
        assert sizes(bench) == after_forty

    on_bench(main, settings={"closed_orders_max": KEPT})


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#7462",
    "hummingbot/hummingbot#6479",
    story="A market maker that only quoted took more memory every day, until the system killed it.",
)
def test_hummingbot_7462_a_quoting_bot_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 40 replaced quotes or 120, with prices all along, the process holds the same objects."""
    monkeypatch.setattr(changes, "CHANGES_KEPT_MAX", KEPT)

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")

        async def quote(times: int) -> None:
            nonlocal name
            for number in range(times):
                bench.quote(f"{100 + number % 7}", "120")
                result = await bench.bot.replace_order(name, limit_price=f"{99 - number % 7}")
                name = result.new_order_id
                await bench.pass_ms(20)

        await quote(40)
        after_forty = parts_of_the_kernel()
        await quote(80)
        assert not parts_of_the_kernel() - after_forty

    on_bench(main, settings={"closed_orders_max": KEPT})


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#5556",
    story="Stopping the bot gave no memory back, and each start took more.",
)
def test_hummingbot_5556_a_stopped_kernel_gives_everything_back() -> None:
    """Of ten kernels that traded and were stopped in one process nothing is left."""

    async def main(bench: Bench) -> None:
        before = parts_of_the_kernel()
        stopped = []
        for _ in range(10):
            await bench.hold("1", "100")
            stopped.append(weakref.ref(bench.kernel))
            await bench.restart()
        more = parts_of_the_kernel() - before
        assert [each() for each in stopped] == [None] * 10
        assert not {"Engine", "EngineState", "Inbox", "Journal"} & set(more)

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#8266",
    "hummingbot/hummingbot#8270",
    story="Memory grew with the rate of orders: a cache of fills and reports had no bound.",
)
def test_hummingbot_8266_a_burst_of_fills_waits_within_a_bound() -> None:
    """Of a burst of 3,000 reports 50 wait; what had no room is read from the history, and none is lost."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "3", "100")
        inbox = bench.kernel._parts.inbox
        waiting = 0
        for _ in range(1_500):
            bench.exchange.trade(name, "0.002", "100")
            bench.exchange.say(bench.exchange.report(name))
            waiting = max(waiting, len(inbox._queue))
        assert waiting == 50
        await bench.pass_ms(1_000)
        await bench.kernel.settled()
        assert (bench.order(name).status.value, await bench.position()) == ("FILLED", Decimal(3))

    on_bench(main, settings={"reports_waiting_max": 50})


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4546",
    "nautechsystems/nautilus_trader#4434",
    story="Each fill wrote down the whole past of its position, so the cost grew with the square of fills.",
)
def test_nautilus_trader_4546_the_thousandth_fill_writes_what_the_first_did() -> None:
    """On one position, the bytes that a fill writes do not grow with the fills before it."""
    sizes: list[int] = []

    async def main(bench: Bench) -> None:
        def measure(batch: Batch) -> None:
            rows = sum(len(str(row.values)) for row in batch.rows)
            sizes.append(rows + sum(len(envelope.payload) for envelope in batch.envelopes))

        name = await bench.working("buy", "1000", "100")
        bench.faults = measure
        for _ in range(400):
            bench.exchange.trade(name, "0.5", "100")
            await bench.pass_ms()
        assert len(sizes) == 400
        assert max(sizes[300:]) < max(sizes[:100]) + 100

    on_bench(main)
