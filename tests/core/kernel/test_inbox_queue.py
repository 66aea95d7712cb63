"""The queue before the door: order, floods, what is loaded first, and what happens when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from typing import Any, cast

import pytest

from fairlead import OrderSide
from fairlead.errors import StoreFault
from fairlead.kernel.core.change_inputs import ModifyAnswered
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.strangers import our_name
from fairlead.kernel.core.venue_inputs import FillReported, OrderReported, SubmitAnswered
from fairlead.kernel.venue.inbox import Inbox, refers_to
from fairlead.ports.exchange import (
    Answer,
    FillReport,
    Liquidity,
    OrderReport,
    Outcome,
    PriceHeartbeat,
    Quote,
    Report,
    Trade,
    VenueStatus,
)
from fairlead.ports.store import Scalar
from fairlead.testing import SeededLoop, VirtualClock, run
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from tests.core.kernel.bench import BTC

TAG = "0a0a0a0a"
ODD: Any = "odd"
TIMEOUT_NS = 5_000_000


def order(name: str) -> OrderReport:
    """Return a report about an order."""
    return OrderReport(name, "v1", BTC, VenueStatus.LIVE, Decimal(0), 1)


def fill(name: str) -> FillReport:
    """Return a report about a trade."""
    return FillReport(
        name, "v1", "t1", BTC, OrderSide.BUY, Decimal(1), Decimal(100), None, Decimal(0), "USDT",
        Liquidity.TAKER, 1,
    )  # fmt: skip


class SlowStore(MemoryStore):
    """A store that may fail, wait, or have something happen while it reads."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.asked: list[str] = []
        self.meanwhile: list[Callable[[], Awaitable[None]]] = []

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        self.asked.append(f"{table} {value!s}")
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return await super().rows_where(table, column, value)


class World:
    """An inbox before a door that notes what comes through it."""

    def __init__(self, reports_max: int = 3) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.state = EngineState("test", TAG)
        self.suspended = False
        self.rebuilds = 1
        self.eviction = nullcontext()
        self.taken: list[object] = []
        self.on_taken: Callable[[object], None] = lambda _given: None
        self.prices: list[object] = []
        self.told: list[str] = []
        self.disk = MemoryDisk()
        self.store = SlowStore(self.disk)
        self.inbox = Inbox(
            cast("Any", self), self.store, self.clock, self.prices.append,
            timeout_ns=TIMEOUT_NS, reports_max=reports_max,
        )  # fmt: skip
        self.inbox.on_disconnected = lambda reason: self.told.append(f"down: {reason}")
        self.inbox.on_reconnected = lambda: self.told.append("up")
        self.inbox.on_store_failed = lambda error: self.told.append(f"store: {error}")

    def process(self, given: object) -> None:
        """See `Engine.process`."""
        self.taken.append(given)
        self.on_taken(given)

    def stores(self, name: str) -> None:
        """Let the store have an order that is over."""
        there = self.disk.tables.by_name["orders"]
        row = sample_row("orders", client_order_id=name, symbol=BTC, state="filled")
        there.upsert(*there.checked(row.values))

    async def pass_ms(self, milliseconds: int = 1) -> None:
        """Let time pass."""
        await self.clock.sleep_ns(milliseconds * 1_000_000)


def in_world(main: Callable[[World], Awaitable[None]], reports_max: int = 3) -> None:
    """Run a test with an inbox that is being drained when the test lets time pass."""

    async def whole() -> None:
        world = World(reports_max)
        running = asyncio.ensure_future(world.inbox.run())
        await main(world)
        running.cancel()
        await asyncio.wait([running])

    run(whole)


FLOODED = "down: more than 3 reports wait; what is more is dropped"


def test_reports_come_to_the_door_in_their_order_and_prices_do_not_wait() -> None:
    """What names the stream as its source is queued, whatever it is; a price is handed on at once."""

    async def main(world: World) -> None:
        prices: list[Report] = [
            Quote(BTC, Decimal(1), Decimal(2), 1),
            Trade(BTC, Decimal(1), Decimal(1), 1),
            PriceHeartbeat(),
        ]
        assert world.inbox.is_idle
        stream: list[Report] = [order("a"), prices[0], fill("b"), prices[1], ODD, prices[2]]
        for report in stream:
            world.inbox.put(report)
        assert world.prices == prices
        assert world.taken == []
        assert not world.inbox.is_idle
        await world.pass_ms()
        assert world.taken == [
            OrderReported(order("a"), "stream"),
            FillReported(fill("b"), "stream"),
            OrderReported(ODD, "stream"),
        ]
        assert world.inbox.is_idle
        assert world.told == []

    in_world(main)


def test_a_flood_is_one_gap_and_is_made_up_for_when_it_is_worked_off() -> None:
    """Said once however much is dropped, and over once nothing waits; the next one is another."""

    async def main(world: World) -> None:
        for flood in (1, 2):
            for number in range(6):
                world.inbox.put(order(str(number)))
                world.inbox.put(PriceHeartbeat())
            assert world.inbox.dropped == 3
            assert world.told == [FLOODED, "up"] * (flood - 1) + [FLOODED]
            await world.pass_ms()
            assert world.inbox.dropped == 0
            assert world.told == [FLOODED, "up"] * flood
            assert len(world.taken) == 3 * flood
            assert len(world.prices) == 6 * flood

    in_world(main)


@pytest.mark.parametrize("is_back", [False, True])
def test_a_flood_while_the_stream_is_down_ends_with_both(is_back: bool) -> None:  # noqa: FBT001 - a case
    """Down is down for two reasons: it is whole when the client says so and nothing waits any more."""

    async def main(world: World) -> None:
        world.inbox.disconnected("cut")
        for number in range(4):
            world.inbox.put(order(str(number)))
        if is_back:
            world.inbox.reconnected()
        assert world.told == ["down: cut", FLOODED]
        await world.pass_ms()
        assert world.told[2:] == (["up"] if is_back else [])
        world.inbox.reconnected()
        assert world.told[2:] == ["up"] * (2 if is_back else 1)

    in_world(main)


def test_while_the_engine_is_suspended_everything_waits() -> None:
    """A flood is not over before it goes on; then all comes in order."""

    async def main(world: World) -> None:
        world.suspended = True
        for number in range(4):
            world.inbox.put(order(str(number)))
        await world.pass_ms()
        assert (world.taken, world.told, world.inbox.is_idle) == ([], [FLOODED], False)
        world.suspended = False
        await world.pass_ms()
        assert world.taken == []
        world.inbox.resume()
        await world.pass_ms()
        assert len(world.taken) == 3
        assert world.told == [FLOODED, "up"]

    in_world(main)


def test_what_is_suspended_in_between_goes_on_where_it_stood() -> None:
    """The door closes after the second of three: the third waits, and is not the first of anything."""

    async def main(world: World) -> None:
        def closes(given: object) -> None:
            world.suspended = given == OrderReported(order("1"), "stream")

        world.on_taken = closes
        for number in range(3):
            world.inbox.put(order(str(number)))
        await world.pass_ms()
        assert len(world.taken) == 2
        world.suspended = False
        world.inbox.resume()
        await world.pass_ms()
        assert world.taken[2:] == [OrderReported(order("2"), "stream")]

    in_world(main)


def test_a_closed_inbox_takes_nothing_more() -> None:
    """What waited is gone with it: a kernel that stops decides nothing any more."""

    async def main(world: World) -> None:
        world.inbox.put(order("a"))
        world.inbox.close()
        world.inbox.put(order("b"))
        world.inbox.add(TroubleSeen("x", "y", "z"))
        assert world.inbox.is_idle
        await world.pass_ms()
        assert world.taken == []

    in_world(main)


def test_answers_that_wait_are_known_by_their_order_or_change() -> None:
    """Whoever would ask the venue again sees that the answer is here already."""

    async def main(world: World) -> None:
        answer = Answer(Outcome.ACCEPTED, "v1")
        for given in (
            SubmitAnswered("a", 1, answer),
            ModifyAnswered("d", "m", answer),
            OrderReported(order("b"), "stream"),
            SubmitAnswered("c", 1, answer),
        ):
            world.inbox.add(given)
        assert world.inbox.answered == {"a", "m", "c"}
        await world.pass_ms()
        assert world.inbox.answered == frozenset()

    in_world(main)


def test_an_order_that_memory_does_not_hold_is_loaded_before_its_report() -> None:
    """Ours only, and once: what is held, or carries another tag, is not looked for."""
    ours, held, strange = f"{TAG}-1", f"{TAG}-2", "human-1"

    async def main(world: World) -> None:
        world.stores(ours)
        world.stores(held)
        await world.inbox.ensure_known(held)
        world.store.asked.clear()
        for name in (ours, held, strange, ours):
            world.inbox.put(fill(name))
        await world.pass_ms()
        assert world.store.asked == [f"orders {ours}", f"fills {ours}"]
        assert set(world.state.orders) == {ours, held}
        assert len(world.taken) == 4

    in_world(main, 9)


def test_a_report_waits_while_its_order_is_loaded() -> None:
    """It is not idle meanwhile; a door that closes in between leaves the report first in line."""

    async def main(world: World) -> None:
        name = f"{TAG}-1"
        world.stores(name)

        async def slowly() -> None:
            await world.pass_ms(2)
            world.suspended = True

        world.store.meanwhile = [slowly]
        world.inbox.put(order(name))
        await world.pass_ms()
        assert (world.taken, world.inbox.is_idle) == ([], False)
        world.inbox.put(order("x"))
        await world.pass_ms(3)
        assert world.taken == []
        world.suspended = False
        world.inbox.resume()
        await world.pass_ms()
        assert world.taken == [OrderReported(order(name), "stream"), OrderReported(order("x"), "stream")]
        assert world.told == []

    in_world(main)


def test_a_store_that_cannot_be_read_stops_the_line_and_loses_nothing() -> None:
    """The failure is told, and the report is the first again when it goes on."""

    async def main(world: World) -> None:
        name = f"{TAG}-1"
        world.stores(name)

        async def fails() -> None:
            world.suspended = True
            raise StoreFault("gone")

        world.store.meanwhile = [fails]
        world.inbox.put(order(name))
        world.inbox.put(order("x"))
        await world.pass_ms()
        assert world.taken == []
        assert [each.partition(" ")[0] for each in world.told] == ["store:"]
        world.suspended = False
        world.inbox.resume()
        await world.pass_ms()
        assert world.taken == [OrderReported(order(name), "stream"), OrderReported(order("x"), "stream")]

    in_world(main)


def test_a_store_that_hangs_is_a_failure() -> None:
    """Loading has a time limit: reports must not wait behind it for ever."""

    async def main(world: World) -> None:
        async def hangs() -> None:
            world.suspended = True
            await world.pass_ms(60_000)

        world.store.meanwhile = [hangs]
        world.inbox.put(order(f"{TAG}-1"))
        await world.pass_ms(4)
        assert world.told == []
        await world.pass_ms(2)
        assert len(world.told) == 1

    in_world(main)


def test_what_was_loaded_before_a_recovery_is_loaded_again() -> None:
    """The state that it was loaded into is gone: the new one gets it, too."""

    async def main(world: World) -> None:
        name = f"{TAG}-1"
        world.stores(name)

        async def rebuilt() -> None:
            world.rebuilds += 1
            world.state = EngineState("test", TAG)

        world.store.meanwhile = [rebuilt]
        await world.inbox.ensure_known(name)
        assert name in world.state.orders
        assert world.store.asked.count(f"orders {name}") == 2

    in_world(main)


def test_the_order_of_a_report_is_loaded_whichever_report_it_is() -> None:
    """A page of the history and a list of open orders are taken whole: what they name is there by then."""

    async def main(world: World) -> None:
        one, other = f"{TAG}-1", f"{TAG}-2"
        world.stores(one)
        world.stores(other)
        await world.inbox.ensure_held(order(one))
        await world.inbox.ensure_held(fill(other))
        assert set(world.state.orders) == {one, other}

    in_world(main)


def test_a_long_queue_gives_the_others_a_turn() -> None:
    """Every so many inputs somebody else may run, and no time passes for it."""

    async def main(world: World) -> None:
        began_ns = world.clock.monotonic_ns()
        for number in range(600):
            world.inbox.put(order(str(number)))
        seen = set()
        while len(world.taken) < 600:
            seen.add(len(world.taken))
            await world.clock.sleep_ns(0)
        assert seen & {256, 512} == seen - {0} != set()
        assert world.clock.monotonic_ns() == began_ns

    in_world(main, 600)


def test_an_adjustment_is_loaded_unless_memory_holds_it() -> None:
    """The ledger lists it again: it is known by its id, and asked for once."""

    async def main(world: World) -> None:
        there = world.disk.tables.by_name["adjustments"]
        there.upsert(*there.checked(sample_row("adjustments", entry_id="e1", asset="BTC").values))
        for _ in range(2):
            await world.inbox.ensure_booked("e1")
        await world.inbox.ensure_booked("e2")
        assert list(world.state.adjustments) == ["e1"]
        assert world.store.asked == ["adjustments e1", "adjustments e2"]

    in_world(main)


@pytest.mark.parametrize("adopts", [False, True])
def test_what_an_input_is_about(adopts: bool) -> None:  # noqa: FBT001 - a case
    """The order of a report, ours or taken over; that of an answer; nothing where no text names it."""
    state = EngineState("test", TAG)
    state.adopts = adopts
    taken_over = our_name("human-1", "v1", BTC, TAG)
    assert taken_over != "human-1"
    ours = TAG + "0" * 24
    for report in (order(ours), fill(ours)):
        given = (
            FillReported(report, "stream") if isinstance(report, FillReport) else OrderReported(report, "")
        )
        assert refers_to(given, state) == ours
    expected = taken_over if adopts else "human-1"
    assert refers_to(FillReported(fill("human-1"), "stream"), state) == expected
    assert refers_to(OrderReported(order("human-1"), "stream"), state) == expected
    assert refers_to(SubmitAnswered("a", 1, Answer(Outcome.ACCEPTED, "v1")), state) == "a"
    assert refers_to(TroubleSeen("x", "y", "z"), state) == ""
    assert refers_to(OrderReported(ODD, "stream"), state) == ""
    nameless: Any = 5
    assert refers_to(OrderReported(order(nameless), "stream"), state) == ""
