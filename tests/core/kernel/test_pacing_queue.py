"""The queue for the rate limits over time: restarts, clock jumps, old approvals."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest

from fairlead import ExecutionResult, Proposal, TradingState
from fairlead.domain.records import OrderInitialized, OrderJudgedAgain
from fairlead.errors import JournalUnavailable
from fairlead.kernel.gate.watchdog import CheckHung
from fairlead.ports.exchange import Outcome
from fairlead.ports.pacing import EACH, Limit, RateLimits, RequestKind, TokenBucket
from fairlead.ports.risk import ALLOW, Deny, Judgement, Lock, RiskRequest, RiskView
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import answers
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


@pytest.mark.parametrize("jump_s", [-3_600, 0])
def test_a_wall_clock_set_back_makes_no_approval_younger(jump_s: int) -> None:
    """Fifty seconds in the queue are fifty seconds, whatever the wall clock says: the gate is asked again."""

    async def main(bench: Bench) -> None:
        await bench.working(symbol=ETH)
        task = wait_long(bench)
        await bench.pass_ms(10 * SECOND_MS)
        bench.clock.jump_wall_ns(jump_s * SECOND_NS)
        check.answer = Deny("TOO_MUCH", "Enough for today.")
        result = await task
        assert result.status == "NOT_SENT"
        assert "TOO_MUCH" in result.reasons

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


def test_an_order_whose_time_ends_while_it_waits_is_not_sent() -> None:
    """Its turn comes after its date: the venue would have to refuse it, so it never sees it."""

    async def main(bench: Bench) -> None:
        await bench.working()
        expire_ns = bench.clock.wall_ns() + 10 * SECOND_NS
        proposal = Proposal.buy(
            BTC, quantity="1", limit_price="100", time_in_force="gtd", expire_ns=expire_ns
        )
        result = await bench.bot.execute(proposal)
        assert (result.status, result.reasons) == ("NOT_SENT", "its time is over")
        assert len(bench.exchange.submits) == 1

    on_bench(main, pacing=order_limits("1", "0.0995"), settings=NO_RESERVE)


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
