"""Pacing of what is asked: reads at the start, look-ups of orders, refusals, and who may not starve."""

from __future__ import annotations

import pytest

from fairlead.errors import JournalUnavailable, RateLimited, StoreFault
from fairlead.kernel.core.inputs import PaceDue
from fairlead.ports.exchange import LookUp
from fairlead.ports.pacing import EACH, Limit, RateLimits, RequestKind, TokenBucket
from fairlead.testing.memory_store import AppendFault, MemoryDisk
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    fails_to_look,
    loses_answer,
    refuses_cancel,
)
from tests.core.kernel.bench import ETH, Bench, on_bench
from tests.core.kernel.faults import fail_from
from tests.core.kernel.pacing_limits import (
    READS,
    SECOND_MS,
    SECOND_NS,
    left,
    one_limit,
    query_waits,
    spends,
)

NO_RESERVE = {"pacing_reserve": "0"}
QUERIES = (RequestKind.FILLS, RequestKind.OPEN_ORDERS, RequestKind.LOOK_UP, RequestKind.INSTRUMENTS)


def reads(capacity: str, per_second: str) -> RateLimits:
    """Return a budget for questions; orders and cancels are free."""
    return RateLimits((Limit(READS, TokenBucket(capacity, per_second), dict.fromkeys(QUERIES, EACH)),))


def test_a_start_paces_what_it_asks_the_venue() -> None:
    """Rules, fills, open orders: one a second here, and the start takes as long as that."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        assert bench.kernel.trading_state == "active"
        assert bench.clock.monotonic_ns() >= SECOND_NS + 2 * SECOND_NS
        assert [kind for kind, _ in spends(bench)] == ["instruments", "fills", "open_orders"]
        assert len(query_waits(bench)) == 2
        assert bench.kernel.pacing.waits == {RequestKind.FILLS: 1, RequestKind.OPEN_ORDERS: 1}

    on_bench(main, pacing=reads("1", "1"), disk=disk)


def test_a_kernel_that_only_waits_for_its_pace_is_settled() -> None:
    """Nothing is under way but the passing of time: a replay may go on."""

    async def main(bench: Bench) -> None:
        bench.kernel._parts._request_reconciliation("a drill")
        await bench.pass_ms(500)
        assert bench.kernel.pacing.waiting
        assert bench.kernel.is_settled()
        await bench.pass_ms(5 * SECOND_MS)
        assert not bench.kernel.pacing.waiting

    on_bench(main, pacing=reads("3", "1"), settings=NO_RESERVE)


def test_missing_orders_are_looked_up_at_the_pace_of_the_venue() -> None:
    """A reconciliation with ten orders to look up asks for one a second."""

    async def main(bench: Bench) -> None:
        for _ in range(10):
            await bench.working()
        await bench.kernel.stop()
        bench.exchange.orders.clear()
        began_ns = bench.clock.monotonic_ns()
        await bench.start_another()
        assert bench.clock.monotonic_ns() - began_ns >= 10 * SECOND_NS
        assert len(bench.exchange.look_ups) == 10

    on_bench(main, pacing=reads("3", "1"), settings=NO_RESERVE)


@pytest.mark.parametrize("suspended", [True, False])
def test_a_question_that_the_venue_limits_empties_the_budget(suspended: bool) -> None:  # noqa: FBT001 - two cases
    """`RateLimited` is told to the budgets, if anybody may be told anything, and raised to who asked."""

    async def refuses() -> None:
        raise RateLimited("too many questions", retry_after_ns=5 * SECOND_NS)

    async def main(bench: Bench) -> None:
        engine = bench.kernel._parts.engine
        engine.suspended = suspended
        with pytest.raises(RateLimited):
            await bench.kernel._parts.admission.answer(RequestKind.FILLS, refuses())
        engine.suspended = False
        await bench.pass_ms()
        assert (left(bench, READS) == 0) is not suspended
        assert bench.kernel.pacing.limited == (not suspended)

    on_bench(main, pacing=reads("9", "1"))


def test_a_question_of_another_symbol_or_kind_costs_nothing_where_it_has_no_price() -> None:
    """Free questions go at once, a refusal of one changes nothing."""

    async def refuses() -> None:
        raise RateLimited("too many questions")

    async def main(bench: Bench) -> None:
        before = len(bench.records())
        await bench.kernel._parts.admission.admit(RequestKind.BALANCES)
        with pytest.raises(RateLimited):
            await bench.kernel._parts.admission.answer(RequestKind.BALANCES, refuses())
        assert len(bench.records()) == before

    on_bench(main, pacing=reads("9", "1"))


def test_no_question_is_asked_while_the_journal_is_unusable() -> None:
    """What could not be counted is not asked: it waits for the journal's return, or for its end."""

    async def main(bench: Bench) -> None:
        parts = bench.kernel._parts
        parts.engine.suspended = True
        question = bench.loop.create_task(parts.admission.admit(RequestKind.FILLS))
        await bench.pass_ms(10 * SECOND_MS)
        assert not question.done()
        parts.engine.suspended = False
        await question
        parts.give_up(StoreFault("gone"))
        with pytest.raises(JournalUnavailable):
            await parts.admission.admit(RequestKind.FILLS)

    on_bench(main, pacing=reads("9", "1"))


def test_a_pace_that_falls_due_during_a_recovery_waits_for_its_end() -> None:
    """The queue moves on when the journal is back."""

    async def main(bench: Bench) -> None:
        parts = bench.kernel._parts
        parts.engine.suspended = True
        parts._timer_due("")
        assert not parts.inbox.is_idle
        parts.engine.suspended = False
        parts.inbox.resume()
        await bench.pass_ms()
        assert parts.inbox.is_idle

    on_bench(main, pacing=reads("9", "1"))


@pytest.mark.parametrize("fault", [AppendFault.FAILS, AppendFault.UNCERTAIN_LOST])
def test_what_waits_behind_a_turn_that_was_taken_back_has_its_turn(fault: AppendFault) -> None:
    """The commit that let a look-up out fails; what waits behind it goes on when the journal is back."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "1", "100", said=False)
        await bench.kernel._parts.admission.admit(RequestKind.FILLS)
        bench.exchange.will_cancel(refuses_cancel("it is filled"))
        await bench.bot.cancel(name)
        await bench.pass_ms()
        bench.kernel._parts._request_reconciliation("a drill")
        await bench.pass_ms()
        assert [each.request for each in bench.kernel.pacing.waiting] == [
            RequestKind.LOOK_UP,
            RequestKind.FILLS,
        ]
        fail_from(bench, 1, fault)
        await bench.pass_ms(20 * SECOND_MS)
        assert bench.kernel._parts.recovery.count == 1
        assert bench.kernel.pacing.waiting == ()
        assert bench.order(name).status == "FILLED"

    limits = one_limit("1", "1", RequestKind.LOOK_UP, RequestKind.FILLS)
    on_bench(main, pacing=limits, settings=NO_RESERVE)


def test_look_ups_of_unresolved_orders_do_not_starve() -> None:
    """A stream of entries takes every token; after its longest wait the look-up goes before them."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_answer)
        lost = await bench.execute(symbol=ETH)
        assert lost.unresolved
        tasks = [bench.spawn_execute(wait_max_ms=900_000) for _ in range(60)]
        await bench.pass_ms(20 * SECOND_MS)
        assert bench.exchange.look_ups == [lost.client_order_id]
        assert bench.order(lost.client_order_id).status == "ACCEPTED"
        latest = [bench.spawn_execute(wait_max_ms=900_000) for _ in range(3)]
        assert {(await task).status for task in [*tasks, *latest]} == {"ACCEPTED"}

    limits = one_limit("2", "1", RequestKind.SUBMIT, RequestKind.LOOK_UP)
    on_bench(main, pacing=limits, settings=NO_RESERVE)


def test_a_new_entry_does_not_pass_an_overdue_question() -> None:
    """Also in the very step in which the entry comes and the token is there."""

    async def main(bench: Bench) -> None:
        admission = bench.kernel._parts.admission
        await bench.working()
        question = bench.loop.create_task(admission.admit(RequestKind.BALANCES))
        await bench.pass_ms(10 * SECOND_MS + 100)
        other = bench.spawn_execute(wait_max_ms=60_000)
        await bench.pass_ms()
        assert not question.done()
        denied = await bench.execute(pacing="refuse")
        assert "wait_ms=49" in denied.reasons
        await question
        assert not other.done()
        assert (await other).status == "ACCEPTED"

    limits = one_limit("1", "0.05", RequestKind.SUBMIT, RequestKind.BALANCES)
    on_bench(main, pacing=limits, settings=NO_RESERVE)


@pytest.mark.parametrize("suspended", [True, False])
def test_a_look_up_that_the_venue_limits_empties_the_budget_and_is_made_again(suspended: bool) -> None:  # noqa: FBT001 - two cases
    """It proves nothing about the order, and the budget learns of it unless the journal is away."""

    async def main(bench: Bench) -> None:
        async def limited(_exchange: ScriptedExchange, _name: str) -> LookUp:
            bench.kernel._parts.engine.suspended = suspended
            raise RateLimited("too many questions", retry_after_ns=5 * SECOND_NS)

        bench.exchange.will_look_up(limited)
        bench.exchange.will_submit(loses_answer)
        lost = await bench.execute()
        await bench.pass_ms(6_500)
        assert len(bench.exchange.look_ups) == 1
        assert (left(bench, READS) == 0) is not suspended
        bench.kernel._parts.engine.suspended = False
        bench.kernel._parts.inbox.resume()
        await bench.pass_ms(10 * SECOND_MS)
        assert bench.order(lost.client_order_id).status == "ACCEPTED"

    on_bench(main, pacing=reads("9", "1"))


def test_the_same_look_up_waits_once() -> None:
    """However often it falls due, one is queued; when its order ends first, none is made."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_look_up(fails_to_look)
        bench.exchange.will_submit(loses_answer)
        lost = await bench.execute()
        await bench.pass_ms(7 * SECOND_MS)
        assert len(bench.exchange.look_ups) == 1
        name = lost.client_order_id
        for _ in range(3):
            bench.kernel._parts.timers.wake_in(name, 0)
            await bench.pass_ms(5)
        assert [each.subject for each in bench.kernel.pacing.waiting] == [name]
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert not bench.kernel.pacing.waiting

    on_bench(main, pacing=one_limit("1", "0.01", RequestKind.LOOK_UP), settings=NO_RESERVE)


def test_a_request_about_an_order_that_memory_let_go_of_leaves_the_queue() -> None:
    """It ended, so nothing is asked; and the queue does not carry it for ever."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        engine = bench.kernel._parts.engine
        bench.kernel._parts.timers.wake_in(name, 0)
        await bench.pass_ms()
        bench.kernel._parts.timers.wake_in(name, 0)
        await bench.pass_ms()
        assert bench.kernel.pacing.waiting
        order = engine.state.orders.pop(name)
        engine.process(PaceDue())
        engine.state.orders[name] = order
        await bench.pass_ms()
        assert not bench.kernel.pacing.waiting
        assert len(spends(bench)) == 2

    on_bench(main, pacing=one_limit("1", "0.01", RequestKind.LOOK_UP), settings=NO_RESERVE)
