"""The queue for the rate limits over time: restarts, clock jumps, old approvals, questions, ten minutes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest

from fairlead import ExecutionResult, TradingState
from fairlead.domain.records import OrderInitialized, OrderJudgedAgain
from fairlead.errors import JournalUnavailable, RateLimited, StoreFault
from fairlead.kernel.inputs import PaceDue
from fairlead.kernel.watchdog import CheckHung
from fairlead.ports.exchange import LookUp, Outcome
from fairlead.ports.pacing import EACH, Limit, RateLimits, RequestKind, TokenBucket
from fairlead.ports.risk import ALLOW, Deny, Judgement, Lock, RiskRequest, RiskView
from fairlead.testing.memory_store import AppendFault, MemoryDisk
from fairlead.testing.scripted_exchange import ScriptedExchange, answers, fails_to_look, loses_answer
from tests.core.kernel.bench import BTC, ETH, Bench, Yes, on_bench
from tests.core.kernel.checks import MostPositions
from tests.core.kernel.faults import Brake, fail_from
from tests.core.kernel.pacing_limits import (
    ORDERS,
    READS,
    SECOND_MS,
    SECOND_NS,
    left,
    one_limit,
    order_limits,
    query_waits,
    spends,
    waits,
)

NO_RESERVE = {"pacing_reserve": "0"}
QUERIES = (RequestKind.FILLS, RequestKind.OPEN_ORDERS, RequestKind.LOOK_UP, RequestKind.INSTRUMENTS)


def reads(capacity: str, per_second: str) -> RateLimits:
    """Return a budget for questions; orders and cancels are free."""
    return RateLimits((Limit(READS, TokenBucket(capacity, per_second), dict.fromkeys(QUERIES, EACH)),))


# -- restarts and clocks -------------------------------------------------------------------------------------


@pytest.mark.requirement("P2-1")
@pytest.mark.parametrize("end", ["stop", "die"])
def test_after_a_restart_the_budget_is_where_it_was(end: str) -> None:
    """Not full: what was used stays used, less what came back in the time between. Stopped or killed."""

    async def main(bench: Bench) -> None:
        for _ in range(5):
            await bench.working()
        assert left(bench) == 0
        await (bench.kernel.stop() if end == "stop" else bench.die())
        await bench.pass_ms(4 * SECOND_MS)
        await bench.start_another()
        assert left(bench) == Decimal("0.4")
        denied = await bench.execute(pacing="refuse")
        assert "wait_ms=6000" in denied.reasons
        await bench.pass_ms(6 * SECOND_MS)
        assert (await bench.execute(pacing="refuse")).status == "ACCEPTED"

    on_bench(main, pacing=order_limits("5", "0.1"), settings=NO_RESERVE)


def test_a_limit_that_was_called_otherwise_before_is_not_shown() -> None:
    """The limits were changed between two starts: what the old ones used is no figure of the new ones."""

    async def main(bench: Bench) -> None:
        await bench.working()
        bench.fittings["pacing"] = reads("9", "1")
        await bench.restart()
        assert set(bench.kernel.pacing.budgets) == {READS}

    on_bench(main, pacing=order_limits())


def test_a_spend_whose_request_may_never_have_left_is_counted() -> None:
    """Killed between the record and the send: the budget errs to the side of the venue."""

    async def main(bench: Bench) -> None:
        brake = Brake(bench)
        task = bench.spawn_execute()
        await bench.pass_ms(5)
        assert brake.held
        await bench.die()
        brake.release()
        task.cancel()
        await bench.start_another()
        assert bench.kernel.pacing.budgets == {}
        await bench.working()
        await bench.die()
        await bench.start_another()
        assert left(bench) < 5

    on_bench(main, pacing=order_limits("5", "0.1"))


def test_a_pause_that_the_venue_asked_for_outlives_a_restart() -> None:
    """What the venue said is journaled with the budget."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 60 * SECOND_NS))
        task = bench.spawn_execute()
        await bench.pass_ms(10)
        await bench.restart()
        assert bench.order(await _ended(bench, task)).status == "NOT_SENT"
        assert left(bench) == 0
        assert 59 * SECOND_NS < bench.kernel.pacing.budgets[ORDERS].held_ns < 60 * SECOND_NS

    on_bench(main, pacing=order_limits("5", "1"), settings=NO_RESERVE)


async def _ended(bench: Bench, task: asyncio.Task[ExecutionResult]) -> str:
    """Take the error of a wait that the stopping kernel ended; return the order's id."""
    with pytest.raises(Exception, match="stopped"):
        await task
    (record,) = [each for each in bench.records() if isinstance(each, OrderInitialized)]
    return record.client_order_id


@pytest.mark.parametrize("jump_s", [3_600, -3_600])
def test_a_jump_of_the_wall_clock_neither_fills_the_budget_nor_stops_it(jump_s: int) -> None:
    """While the kernel runs, and over a restart: what waits goes out when it would have without the jump."""

    async def main(bench: Bench) -> None:
        for _ in range(5):
            await bench.working()
        task = bench.spawn_execute()
        await bench.pass_ms(5 * SECOND_MS)
        bench.clock.jump_wall_ns(jump_s * SECOND_NS)
        assert left(bench) == Decimal("0.5")
        result = await task
        assert 10 * SECOND_NS <= result.elapsed_ns < 10 * SECOND_NS + SECOND_NS // 100
        assert left(bench) < Decimal("0.01")

    on_bench(main, pacing=order_limits("5", "0.1"), settings=NO_RESERVE)


@pytest.mark.parametrize("jump_s", [3_600, -3_600])
def test_a_jump_of_an_earlier_life_is_no_time_that_passed(jump_s: int) -> None:
    """The clock jumps, a request goes out, the kernel restarts: only what passed since then comes back."""

    async def main(bench: Bench) -> None:
        for _ in range(4):
            await bench.working()
        bench.clock.jump_wall_ns(jump_s * SECOND_NS)
        await bench.working()
        await bench.restart()
        assert left(bench) < Decimal("0.01")
        await bench.pass_ms(10 * SECOND_MS)
        await bench.restart()
        assert 1 <= left(bench) < Decimal("1.01")

    on_bench(main, pacing=order_limits("5", "0.1"), settings=NO_RESERVE)


def test_a_wall_clock_set_back_over_a_restart_gives_nothing_and_stops_nothing() -> None:
    """The budgets' time goes on where the journal stands, not where the wall clock does."""

    async def main(bench: Bench) -> None:
        for _ in range(5):
            await bench.working()
        await bench.kernel.stop()
        bench.clock.jump_wall_ns(-3_600 * SECOND_NS)
        await bench.start_another()
        assert left(bench) < Decimal("0.01")
        await bench.pass_ms(10 * SECOND_MS)
        assert left(bench) == 1

    on_bench(main, pacing=order_limits("5", "0.1"), settings=NO_RESERVE)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_what_waits_over_a_restart_is_closed_unsent_and_said_so(side: str) -> None:
    """An intent of another life is not sent on: its end is on record, its reservation is given back."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        await bench.working(symbol=ETH)
        task = bench.spawn_execute(side, "1", "90", key="mine")
        await bench.pass_ms(10)
        (wait,) = waits(bench)
        await bench.die()
        task.cancel()
        await bench.start_another()
        order = await bench.bot.find_order(wait.client_order_id)
        assert order is not None
        assert order.status == "NOT_SENT"
        assert not bench.kernel.pacing.waiting
        position = bench.kernel.position(BTC, "bot")
        assert position is not None
        assert position.reserved_exit == position.pending_openings == 0
        again = await bench.execute(side, "1", "90", key="mine")
        assert again.client_order_id == wait.client_order_id

    on_bench(main, pacing=order_limits("2", "0.1"), settings=NO_RESERVE)


def test_a_cancel_that_waits_over_a_restart_is_asked_again() -> None:
    """The order's row says that it is wanted: nothing is dropped."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.cancel(name)).code == "PACED"
        await bench.die()
        await bench.start_another()
        assert not bench.exchange.cancels
        await bench.pass_ms(12 * SECOND_MS)
        assert bench.order(name).status == "CANCELED"
        assert len(bench.exchange.cancels) == 1

    on_bench(main, pacing=order_limits("1", "0.1"), settings=NO_RESERVE)


@pytest.mark.parametrize("fault", AppendFault)
def test_what_waits_survives_or_ends_with_the_journals_recovery(fault: AppendFault) -> None:
    """A commit goes wrong while an entry, a cancel and a question wait: each is answered, none is lost."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        entry = bench.spawn_execute(symbol=ETH)
        await bench.pass_ms(10)
        await bench.bot.cancel(name)
        question = bench.loop.create_task(bench.kernel._parts.admission.admit(RequestKind.FILLS))
        await bench.pass_ms(10)
        assert len(bench.kernel.pacing.waiting) == 3
        fail_from(bench, 1, fault)
        with suppress(JournalUnavailable):
            await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="makes a commit")
        result = await entry
        assert result.status in {"NOT_SENT", "ACCEPTED"}
        await question
        await bench.pass_ms(60 * SECOND_MS)
        assert bench.order(name).status == "CANCELED"
        assert not bench.kernel.pacing.waiting

    kinds = (RequestKind.SUBMIT, RequestKind.CANCEL, RequestKind.FILLS)
    limits = one_limit("2", "0.5", *kinds)
    on_bench(main, pacing=limits, settings=NO_RESERVE)


# -- approvals that grew old ---------------------------------------------------------------------------------


def wait_long(bench: Bench, side: str = "buy") -> asyncio.Task[ExecutionResult]:
    """Have an order wait for longer than approvals last."""
    return bench.spawn_execute(side, "1", "100", wait_max_ms=600_000)


class Changes(Yes):
    """A check that allows until it is told otherwise, and remembers what it saw."""

    def __init__(self) -> None:
        self.answer: Judgement = ALLOW
        self.seen: list[tuple[int, int, int, int]] = []

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - the port's
        """Answer as told."""
        position = view.position(request.symbol, request.book)
        openings = 0 if position is None else position.pending_openings
        other = view.position("XRP/USDT", request.book)
        assert other is None
        exposed = view.exposed_positions(), view.exposed_positions(request.symbol)
        self.seen.append((openings, *exposed, view.live_orders(request.symbol)))
        return self.answer


@pytest.mark.parametrize("lock", [True, False])
def test_an_old_approval_is_asked_for_again_and_may_be_taken_back(lock: bool) -> None:  # noqa: FBT001 - two cases
    """The gate denies now: closed unsent with the reason, the verdict and the check's lock on record."""

    async def main(bench: Bench) -> None:
        await bench.working(symbol=ETH)
        task = wait_long(bench)
        await bench.pass_ms(10 * SECOND_MS)
        check.answer = Deny("TOO_MUCH", "Enough for today.")
        if lock:
            check.answer = Lock("*", None, 2**62, "TOO_MUCH", "Enough for today.")
        result = await task
        assert result.status == "NOT_SENT"
        assert "TOO_MUCH" in result.reasons
        (again,) = [each for each in bench.records() if isinstance(each, OrderJudgedAgain)]
        assert not again.allowed
        assert bool(bench.kernel._parts.engine.state.locks) is lock
        assert len(spends(bench)) == 1
        assert check.seen == [(0, 0, 0, 0), (0, 1, 0, 0), (0, 1, 0, 0)]

    check = Changes()
    on_bench(main, pacing=order_limits("1", "0.02"), settings=NO_RESERVE, checks=(check,))


def test_an_order_judged_again_does_not_stand_in_its_own_way() -> None:
    """A limit of one position: its own reservation is not counted against it, others' are."""

    async def main(bench: Bench) -> None:
        first = await bench.working(symbol=ETH)
        await bench.bot.cancel(first)
        await bench.pass_ms()
        result = await wait_long(bench)
        assert result.status == "ACCEPTED"
        (again,) = [each for each in bench.records() if isinstance(each, OrderJudgedAgain)]
        assert again.allowed

    limits = one_limit("1", "0.02", RequestKind.SUBMIT)
    on_bench(main, pacing=limits, settings=NO_RESERVE, checks=(MostPositions(1, 1),))


def test_a_check_that_hangs_when_asked_again_halts_the_kernel() -> None:
    """The watchdog counts at the second asking as well."""

    class Hangs(Changes):
        def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
            super().judge(request, view, value)
            if len(self.seen) > 2:
                raise CheckHung
            return ALLOW

    async def main(bench: Bench) -> None:
        await bench.working(symbol=ETH)
        result = await wait_long(bench)
        assert result.status == "NOT_SENT"
        assert bench.kernel.trading_state == "halted"

    on_bench(main, pacing=order_limits("1", "0.02"), settings=NO_RESERVE, checks=(Hangs(),))


def test_a_waiting_entry_is_not_sent_for_a_symbol_without_rules() -> None:
    """The venue delisted it meanwhile."""

    async def main(bench: Bench) -> None:
        await bench.working(symbol=ETH)
        task = wait_long(bench)
        await bench.pass_ms()
        del bench.kernel._parts.engine.state.instruments[BTC]
        result = await task
        assert "no rules" in result.reasons

    on_bench(main, pacing=order_limits("1", "0.02"), settings=NO_RESERVE)


@pytest.mark.parametrize(("late", "sent"), [("", True), ("0.5", False), ("2", False)])
def test_an_old_reduction_is_sent_only_if_it_still_reduces(late: str, sent: bool) -> None:  # noqa: FBT001 - a fact
    """A late fill of a canceled order took of the position meanwhile: what it is by then counts."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        canceled = await bench.working("sell", late or "1", "100")
        await bench.bot.cancel(canceled)
        await bench.pass_ms()
        task = wait_long(bench, "sell")
        await bench.pass_ms()
        if late:
            bench.exchange.trade(canceled, late, "100")
        result = await task
        assert result.order.reduces
        assert result.status == ("ACCEPTED" if sent else "NOT_SENT")

    limits = one_limit("2", "0.02", RequestKind.SUBMIT)
    on_bench(main, pacing=limits, settings=NO_RESERVE)


def test_an_old_reduction_of_a_short_position_is_sent() -> None:
    """The other way round."""

    async def main(bench: Bench) -> None:
        name = await bench.working("sell", "1", "100")
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        result = await wait_long(bench)
        assert result.status == "ACCEPTED"
        assert result.order.reduces

    on_bench(main, pacing=order_limits("1", "0.02"), settings=NO_RESERVE)


# -- questions -----------------------------------------------------------------------------------------------


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
