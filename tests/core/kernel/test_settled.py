"""When a kernel is settled: what whoever plays a tape has to know before time may go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from fairlead.ports.exchange import OrderReport
from fairlead.ports.store import Scalar
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange, hangs
from tests.core.kernel.bench import Bench, instrument, on_bench


class SlowStore(MemoryStore):
    """A store whose look-ups wait until they may go on."""

    entered: asyncio.Event
    may_go_on: asyncio.Event

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """Say that a look-up began, and wait."""
        self.entered.set()
        await self.may_go_on.wait()
        return await super().rows_where(table, column, value)


def test_a_command_that_looks_into_the_store_is_under_way() -> None:
    """While the earlier use of its key is looked up nothing else tells that there is something to come."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        store = SlowStore(bench.disk)
        store.entered, store.may_go_on = asyncio.Event(), asyncio.Event()
        bench.store = store
        bench.kernel = bench.new_kernel()
        await bench.kernel.start()
        assert bench.kernel.is_settled()
        task = bench.spawn_execute(key="once")
        await store.entered.wait()
        assert not bench.kernel.is_settled()
        store.may_go_on.set()
        await task
        await bench.pass_ms()
        assert bench.kernel.is_settled()

    on_bench(main)


def test_a_reconciliation_is_under_way() -> None:
    """One that the client's stream asked for counts like an effect."""

    async def main(bench: Bench) -> None:
        assert bench.exchange.sink is not None
        bench.exchange.sink.reconnected()
        assert not bench.kernel.is_settled()
        await bench.pass_ms()
        assert bench.kernel.is_settled()

    on_bench(main)


class PatientExchange(ScriptedExchange):
    """A venue that takes its time to list the open orders."""

    asked: int = 0
    answer: asyncio.Event

    async def open_orders(self) -> Sequence[OrderReport]:
        """Answer when the test says so, but for the first time."""
        self.asked += 1
        if self.asked > 1:
            await self.answer.wait()
        return await super().open_orders()


def test_a_reconciliation_that_waits_for_another_is_no_hindrance() -> None:
    """When the one under way only waits for time, so does the one behind it: else time would never come."""

    def reconciling() -> frozenset[asyncio.Task[None]]:
        return frozenset(each for each in asyncio.all_tasks() if each.get_name() == "fairlead:reconcile")

    async def main(bench: Bench) -> None:
        exchange = bench.exchange
        assert isinstance(exchange, PatientExchange)
        assert exchange.sink is not None
        exchange.answer = asyncio.Event()
        exchange.sink.reconnected()
        await bench.pass_ms()
        (first,) = reconciling()
        exchange.sink.reconnected()
        exchange.sink.reconnected()
        await bench.pass_ms()
        assert reconciling() == {first}  # one task answers for all who ask
        assert not bench.kernel.is_settled()
        assert bench.kernel.is_settled(frozenset({first}))
        exchange.answer.set()
        await bench.pass_ms()
        assert not reconciling()
        assert bench.kernel.is_settled()

    on_bench(main, exchange=PatientExchange([instrument()]))


class UnreadableExchange(ScriptedExchange):
    """A venue whose list of open orders can be read once, and then not until the test says so."""

    asked: int = 0
    works_from: int = 0

    async def open_orders(self) -> Sequence[OrderReport]:
        """Fail, or answer."""
        self.asked += 1
        if 1 < self.asked < self.works_from:
            raise ConnectionResetError("the list was lost")
        return await super().open_orders()


def test_a_reconciliation_that_is_to_be_tried_again_is_no_hindrance() -> None:
    """Between two attempts nothing is under way; a replay may let the time of the next one come."""
    exchange = UnreadableExchange([instrument()])
    exchange.works_from = 4

    async def main(bench: Bench) -> None:
        assert exchange.sink is not None
        exchange.sink.reconnected()
        assert not bench.kernel.is_settled()
        await bench.pass_ms()
        assert exchange.asked == 2
        assert bench.kernel.is_settled()
        await bench.pass_ms(50_000)
        assert exchange.asked == 4
        assert bench.kernel.is_settled()

    on_bench(main, exchange=exchange)


def test_a_reconciliation_behind_one_of_the_bots_own_is_no_hindrance() -> None:
    """It waits for its turn, and for nothing that it began itself."""
    exchange = PatientExchange([instrument()])

    async def main(bench: Bench) -> None:
        assert exchange.sink is not None
        exchange.answer = asyncio.Event()
        own = bench.loop.create_task(bench.kernel.reconcile())
        await bench.pass_ms()
        exchange.sink.reconnected()
        await bench.pass_ms()
        assert bench.kernel.is_settled()
        exchange.answer.set()
        await own

    on_bench(main, exchange=exchange)


def test_tasks_that_wait_for_time_are_no_hindrance() -> None:
    """An effect that hangs counts, unless whoever asks says that it only waits for time."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        task = bench.spawn_execute()
        await bench.pass_ms()
        assert not bench.kernel.is_settled()
        (sending,) = (each for each in asyncio.all_tasks() if each.get_name() == "fairlead:courier")
        assert bench.kernel.is_settled(frozenset({sending}))
        await task

    on_bench(main)


def test_live_orders_can_be_asked_for_alone() -> None:
    """Closed orders that memory still holds are left out."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        live = await bench.working()
        assert [order.client_order_id for order in bench.kernel.orders(live_only=True)] == [live]
        assert len(bench.kernel.orders()) == 2

    on_bench(main)
