"""Changes said twice, over a restart, heard as events, and compared with the venue afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead import TradingState
from fairlead.domain.change_records import ModifyRejected, OrderUpdated
from fairlead.domain.events import OrderChanged
from fairlead.errors import InvalidInput
from fairlead.ports.exchange import OrderReport
from fairlead.testing.modify_scripts import hangs, loses_modify
from fairlead.testing.scripted_exchange import ScriptedExchange, modifies
from tests.core.kernel.bench import Bench, instrument, on_bench
from tests.core.kernel.changing import (
    abandon,
    at_venue,
    reserved,
    spawn_modify,
)

# -- the same command again, restarts, events ----------------------------------------------------------


@pytest.mark.parametrize("between", ["nothing", "restart", "death", "forgotten"])
def test_a_repeated_command_is_answered_as_the_first(between: str) -> None:
    """With a key: one change at the venue, the same answer, also after a restart; another wish is refused."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        first = await bench.bot.modify_order(name, quantity="2", idempotency_key="k")
        denied = await bench.bot.modify_order(name, quantity="2", idempotency_key="same")
        assert denied.code == "NOTHING_CHANGES"
        if between == "death":
            await bench.die()
            await bench.start_another()
        elif between == "restart":
            await bench.restart()
        elif between == "forgotten":
            await bench.kernel.settled()
            bench.kernel._parts.engine.state.changes.clear()
        assert await bench.bot.modify_order(name, quantity="2.000", idempotency_key="k") == first
        assert (await bench.bot.modify_order(name, quantity="2", idempotency_key="same")) == denied
        with pytest.raises(InvalidInput, match="idempotency_key"):
            await bench.bot.modify_order(name, quantity="3", idempotency_key="k")
        with pytest.raises(InvalidInput, match="idempotency_key"):
            await bench.bot.replace_order(name, quantity="2", idempotency_key="k")
        assert await bench.bot.change_settled(first.change_id) == first
        assert len(bench.exchange.modifies) == 1

    on_bench(main)


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("way", ["death", "restart"])
def test_a_modify_on_its_way_when_the_kernel_ends_is_looked_up_by_the_next(arrived: bool, way: str) -> None:  # noqa: FBT001 - a case
    """After a restart it is unresolved, with the larger reserved, until the venue's terms have told."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(hangs)
        task = spawn_modify(bench, name, quantity="2", idempotency_key="k")
        await bench.pass_ms()
        (request,) = bench.exchange.modifies
        if arrived:
            bench.exchange.change(request)
        if way == "death":
            await bench.die()
            await bench.start_another()
        else:
            await bench.restart()
        await abandon(task)
        again = await bench.bot.modify_order(name, quantity="2", idempotency_key="k")
        settled = await bench.bot.change_settled(again.change_id)
        assert settled.code == ("MODIFIED" if arrived else "NOT_DONE")
        assert reserved(bench) == bench.order(name).quantity == at_venue(bench, name).quantity
        assert len(bench.exchange.modifies) == 1

    on_bench(main)


def test_events_tell_of_each_step() -> None:
    """A bot hears that a change was asked for, left, and was done, each with the order as it then was."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        stream = bench.kernel.events.stream(OrderChanged)
        await bench.bot.modify_order(name, quantity="2")
        heard: list[tuple[str, str, str]] = []
        async for event in stream:
            assert isinstance(event, OrderChanged)
            heard.append((event.record.KIND, str(event.order.quantity), event.order.status.value))
            if isinstance(event.record, OrderUpdated):
                break
        assert heard == [
            ("change_requested", "1", "PENDING_MODIFY"),
            ("modify_started", "1", "PENDING_MODIFY"),
            ("order_updated", "2", "ACCEPTED"),
        ]

    on_bench(main)


class SaysNoTerms(ScriptedExchange):
    """A venue that does not say what an order is."""

    def report(self, name: str) -> OrderReport:
        """Leave the terms out."""
        return replace(super().report(name), terms=None)


# -- reconciliation ------------------------------------------------------------------------------------


def test_terms_that_nobody_here_asked_for_are_noticed_and_taken_over() -> None:
    """The venue's terms are what it may fill: they are reserved, and new exposure stops."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.kernel.reconcile()
        assert bench.anomalies() == []
        bench.exchange.orders[name].quantity = Decimal(4)
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms()
        assert bench.anomalies() == [], "the stream may be old"
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["terms_differ"]
        assert bench.kernel.trading_state is TradingState.REDUCING
        assert bench.order(name).quantity == reserved(bench) == 4
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["terms_differ"]

    on_bench(main)


def test_neither_old_nor_new_terms_are_drift_while_a_modify_is_pending() -> None:
    """Reconciliations during an unresolved modify find nothing odd; other terms still are."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        result = await bench.bot.modify_order(name, quantity="2")
        await bench.pass_ms()
        await bench.kernel.reconcile()
        assert bench.anomalies() == []
        bench.exchange.orders[name].quantity = Decimal(7)
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["terms_differ"]
        assert reserved(bench) == 7
        bench.exchange.change(bench.exchange.modifies[0])
        assert (await bench.bot.change_settled(result.change_id)).accepted
        assert reserved(bench) == 2

    on_bench(main)


def test_an_order_alive_with_nothing_left_is_noted_and_not_believed() -> None:
    """A venue that shows an order alive below what it filled contradicts itself."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms()
        bench.exchange.orders[name].quantity = Decimal("0.5")
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["terms_differ"]
        assert bench.order(name).quantity == 1

    on_bench(main)


def test_a_client_that_does_not_say_terms_is_not_compared() -> None:
    """Terms are optional where nothing is changed in place."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.orders[name].quantity = Decimal(4)
        await bench.kernel.reconcile()
        assert bench.anomalies() == []

    on_bench(main, exchange=SaysNoTerms([instrument()], modify=False))


def test_changes_that_are_over_leave_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded memory: the oldest that is over goes, and is read back when it is asked about."""
    monkeypatch.setattr("fairlead.kernel.apply.changes.CHANGES_KEPT_MAX", 2)

    async def main(bench: Bench) -> None:
        name = await bench.working()
        results = [await bench.bot.modify_order(name, quantity=str(each)) for each in range(2, 7)]
        await bench.kernel.settled()
        results.append(await bench.bot.modify_order(name, quantity="1"))
        assert len(bench.kernel._parts.engine.state.changes) <= 3
        for result in results:
            assert await bench.bot.change_settled(result.change_id) == result
        assert not [each for each in bench.records() if isinstance(each, ModifyRejected)]

    on_bench(main)


def test_what_is_read_while_the_answer_is_awaited_concludes_nothing_early() -> None:
    """Old terms in a reading, or on the stream, while the modify is on its way: the answer is waited for."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        gate = bench.loop.create_future()

        async def waits(exchange: ScriptedExchange, request: Any) -> Any:  # noqa: ANN401 - as a script
            await gate
            exchange.change(request)
            return await modifies(exchange, request)

        bench.exchange.will_modify(waits)
        task = spawn_modify(bench, name, quantity="2")
        while not bench.exchange.modifies:
            await bench.clock.sleep_ns(0)
        await bench.kernel.reconcile()
        await bench.pass_ms()
        await bench.kernel.reconcile()
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms()
        assert not task.done()
        assert reserved(bench) == 2
        assert bench.exchange.look_ups == []
        gate.set_result(None)
        assert (await task).accepted

    on_bench(main)


def test_an_exit_whose_position_is_gone_does_not_grow() -> None:
    """More was sold than was held: an exit that is left has nothing to grow for."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        first = (await bench.execute("sell", "1", "130")).client_order_id
        name = (await bench.execute("sell", "1", "120")).client_order_id
        bench.exchange.trade(first, "2", "130")
        await bench.pass_ms()
        assert (await bench.bot.modify_order(name, quantity="2")).code == "EXIT_TAKEN"

    on_bench(main)
