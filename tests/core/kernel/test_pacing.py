"""Pacing: what fits goes at once, what does not waits in its lane and says so, and nothing is dropped."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.domain.events import Event, KernelChanged, OrderChanged
from fairlead.domain.records import AttemptStarted, BudgetSpent, OrderInitialized
from fairlead.errors import ConfigurationRefused, InvalidInput, UnknownName
from fairlead.kernel.core.venue_inputs import SubmitAnswered
from fairlead.ports.exchange import Answer, OrderSide, Outcome
from fairlead.ports.pacing import EACH, Lane, Limit, Price, RateLimits, RequestKind, TokenBucket
from fairlead.testing.scripted_exchange import ScriptedExchange, answers, refuses_cancel
from tests.core.kernel.bench import BTC, ETH, Bench, Fittings, instrument, on_bench
from tests.core.kernel.pacing_limits import (
    ORDERS,
    SECOND_MS,
    SECOND_NS,
    left,
    order_limits,
    spends,
    waits,
)

NO_RESERVE = {"pacing_reserve": "0"}


def test_what_fits_goes_out_in_the_step_that_wants_it() -> None:
    """Intent, budget and attempt are one batch, as an order without pacing has them."""

    async def main(bench: Bench) -> None:
        before = len(bench.records())
        await bench.working()
        kinds = [type(record) for record in bench.records()[before : before + 3]]
        assert kinds == [OrderInitialized, BudgetSpent, AttemptStarted]
        assert left(bench) == 1
        assert bench.kernel.pacing.calls == {RequestKind.SUBMIT: 1}
        assert not bench.kernel.pacing.waiting

    on_bench(main, pacing=order_limits())


def test_without_limits_nothing_is_counted() -> None:
    """No record, no row, no figure: an order of an unpaced venue costs what it always did."""

    async def main(bench: Bench) -> None:
        await bench.working()
        assert not [each for each in bench.records() if type(each) is BudgetSpent]
        assert not bench.kernel.pacing.is_paced
        assert not bench.kernel.pacing.budgets
        rows = await bench.store.rows("settings")
        assert not [row for row in rows if str(row["name"]).startswith("budget:")]

    on_bench(main)


def test_the_client_brings_its_limits_and_the_kernel_may_be_given_others() -> None:
    """The capabilities' model is used unless another is passed."""

    async def main(bench: Bench) -> None:
        await bench.working()
        assert bench.kernel.pacing.is_paced
        assert bench.kernel.pacing.budgets[ORDERS].size == expected

    exchange = ScriptedExchange([instrument(BTC)], pacing=order_limits("7"))
    expected = Decimal(7)
    on_bench(main, exchange=exchange)
    expected = Decimal(9)
    on_bench(
        main, exchange=ScriptedExchange([instrument(BTC)], pacing=order_limits("7")), pacing=order_limits("9")
    )


def test_an_order_that_must_wait_is_durable_announced_and_sent_when_its_time_has_come() -> None:
    """APPROVED on disk, the wait in an event, the attempt on disk before it is sent, on the nanosecond."""

    async def main(bench: Bench) -> None:
        events: list[Event] = []
        bench.kernel.events.subscribe(events.append)
        for _ in range(2):
            await bench.working()
        began_ns = bench.clock.wall_ns()
        task = bench.spawn_execute()
        await bench.pass_ms(400)
        (wait,) = waits(bench)
        order = bench.order(wait.client_order_id)
        assert order.status == "APPROVED"
        assert wait.wait_ns == SECOND_NS
        assert (wait.request, wait.lane) == (RequestKind.SUBMIT, Lane.ENTRY)
        assert [e.record for e in events if isinstance(e, OrderChanged)].count(wait) == 1
        (waiting,) = bench.kernel.pacing.waiting
        assert waiting.waited_ns >= 300 * SECOND_NS // 1_000
        assert bench.exchange.submits_of(order.client_order_id) == 0
        result = await task
        assert result.status == "ACCEPTED"
        assert result.elapsed_ns >= SECOND_NS
        (started,) = [
            each
            for each in bench.records()
            if isinstance(each, AttemptStarted) and each.client_order_id == order.client_order_id
        ]
        assert 0 <= started.not_before_ns - (began_ns + SECOND_NS) < SECOND_NS // 1_000
        assert started.deadline_ns == started.not_before_ns + 5 * SECOND_NS
        assert bench.kernel.pacing.waits == {RequestKind.SUBMIT: 1}
        assert bench.kernel.pacing.longest_wait_ns == bench.kernel.pacing.waited_ns >= SECOND_NS

    on_bench(main, pacing=order_limits(), settings=NO_RESERVE)


def test_spends_are_no_events() -> None:
    """Who listens to the kernel is told of waits, not of every request."""

    async def main(bench: Bench) -> None:
        events: list[Event] = []
        bench.kernel.events.subscribe(events.append)
        await bench.working()
        await bench.pass_ms()
        assert not [event for event in events if isinstance(event, KernelChanged)]

    on_bench(main, pacing=order_limits())


def test_cancels_and_reductions_overtake_entries() -> None:
    """They came last and go first; among themselves in the order of their coming."""

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        working = await bench.working()
        entries = [bench.spawn_execute(symbol=ETH) for _ in range(2)]
        await bench.pass_ms(10)
        answer = await bench.bot.cancel(working)
        assert (answer.accepted, answer.code) == (True, "PACED")
        assert "waits about" in answer.reason
        exit_ = bench.spawn_execute("sell", "1", "90")
        await bench.pass_ms(10)
        assert [wait.lane.value for wait in waits(bench)] == ["entry", "entry", "protective", "protective"]
        await asyncio.gather(exit_, *entries)
        order_of_going = [request for request, _ in spends(bench)][2:]
        assert order_of_going == ["cancel", "submit", "submit", "submit"]
        sold = [request.side for request in bench.exchange.submits[2:]]
        assert sold == [OrderSide.SELL, OrderSide.BUY, OrderSide.BUY]
        assert bench.order(working).status == "CANCELED"

    on_bench(main, pacing=order_limits("2", "1"), settings=NO_RESERVE)


def test_a_lower_lane_does_not_slip_past_a_dearer_request() -> None:
    """A cancel that needs more than there is keeps its budget from entries that would fit."""

    async def main(bench: Bench) -> None:
        working = await bench.working()
        await bench.working()
        assert (await bench.bot.cancel(working)).code == "PACED"
        entry = bench.spawn_execute()
        await bench.pass_ms(10)
        steps = bench.kernel._parts.engine.steps
        await bench.pass_ms(1_490)
        assert bench.kernel._parts.engine.steps < steps + 5
        assert left(bench) >= 1
        assert not entry.done()
        await entry
        assert [request for request, _ in spends(bench)] == ["submit", "submit", "cancel", "submit"]

    on_bench(main, pacing=order_limits("4", "1", Price(4)), settings=NO_RESERVE)


def test_another_budget_is_not_held_up() -> None:
    """Where each symbol has its own budget, the wait of one is none of the other's business."""

    async def main(bench: Bench) -> None:
        await bench.working()
        waiting = bench.spawn_execute()
        await bench.pass_ms(10)
        result = await bench.execute(symbol=ETH)
        assert result.elapsed_ns < SECOND_NS // 10
        assert not waiting.done()
        assert (await waiting).status == "ACCEPTED"

    limit = Limit("engine", TokenBucket(1, 1), {RequestKind.SUBMIT: EACH}, per_symbol=True)
    on_bench(main, pacing=RateLimits((limit,)), settings=NO_RESERVE)


def test_a_reserve_is_kept_for_cancels_and_reductions() -> None:
    """Entries leave the last fifth alone; a cancel uses it at once."""

    async def main(bench: Bench) -> None:
        names = [await bench.working() for _ in range(8)]
        entry = bench.spawn_execute()
        await bench.pass_ms(10)
        assert not entry.done()
        assert (await bench.bot.cancel(names[0])).code == ""
        await bench.pass_ms(10)
        assert bench.order(names[0]).status == "CANCELED"
        await entry

    on_bench(main, pacing=order_limits("10", "1"))


def test_a_request_dearer_than_the_budget_goes_when_the_budget_is_whole() -> None:
    """A model that says so is wrong, and yet nothing waits for ever."""

    class Dear(RateLimits):
        def costs(self, request: RequestKind, symbol: str, order_age_ns: int) -> list[tuple[str, Decimal]]:  # noqa: ARG002 - the port's
            return [(ORDERS, Decimal(100))] if request is RequestKind.SUBMIT else []

    async def main(bench: Bench) -> None:
        await bench.working()
        second = await bench.execute()
        assert second.status == "ACCEPTED"
        assert second.elapsed_ns >= 2 * SECOND_NS

    on_bench(main, pacing=Dear((Limit(ORDERS, TokenBucket(2, 1), {}),)))


# -- waiting or refusing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["asked", "configured", "too long", "too long by settings"])
def test_an_order_that_may_not_wait_is_denied_with_the_wait(how: str) -> None:
    """By its command or by the settings: denied at once, nothing reserved, the figure in the reason."""

    async def main(bench: Bench) -> None:
        for _ in range(2):
            await bench.working()
        command: dict[str, dict[str, Any]] = {
            "asked": {"pacing": "refuse"},
            "too long": {"wait_max_ms": 999},
        }
        result = await bench.execute(**command.get(how, {}))
        assert result.order.denial_code == "PACE_EXCEEDED"
        assert "wait_ms=1000" in result.reasons
        assert bench.kernel.pacing.refusals == 1
        assert not waits(bench)
        position = bench.kernel.position(BTC, "bot")
        assert position is None or position.pending_openings == 2
        await bench.pass_ms(SECOND_MS)
        assert (await bench.execute(**command.get(how, {}))).status == "ACCEPTED"

    by_settings: dict[str, dict[str, Any]] = {
        "configured": {"pacing_policy": "refuse"},
        "too long by settings": {"pacing_wait_max_ms": 999},
    }
    on_bench(main, pacing=order_limits(), settings={**NO_RESERVE, **by_settings.get(how, {})})


def test_a_reduction_waits_whatever_the_settings_say_unless_it_is_told_otherwise() -> None:
    """The settings speak of entries: an exit is not lost to them."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        await bench.working(symbol=ETH)
        asked = await bench.execute("sell", "1", "90", pacing="refuse")
        assert asked.order.denial_code == "PACE_EXCEEDED"
        result = await bench.execute("sell", "1", "90")
        assert result.status == "ACCEPTED"
        assert (await bench.execute("sell", "1", "90", pacing="wait")).status == "ACCEPTED"

    settings = {**NO_RESERVE, "pacing_policy": "refuse", "pacing_wait_max_ms": 1}
    on_bench(main, pacing=order_limits(), settings=settings)


def test_an_order_that_was_overtaken_for_too_long_is_closed_unsent() -> None:
    """Its expected wait was short enough, then exits came: at its longest wait it ends, and says why."""

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        await bench.working()
        entry = bench.spawn_execute(wait_max_ms=1_500)
        await bench.pass_ms(10)
        exits = [bench.spawn_execute("sell", "1", "90") for _ in range(3)]
        result = await entry
        assert result.status == "NOT_SENT"
        assert "1500 ms" in result.reasons
        assert SECOND_NS < result.elapsed_ns < 2 * SECOND_NS
        assert {(await each).status for each in exits} == {"ACCEPTED"}
        assert bench.exchange.submits_of(result.client_order_id) == 0

    on_bench(main, pacing=order_limits(), settings=NO_RESERVE)


def test_a_cancel_of_a_waiting_order_closes_it_unsent_and_lets_the_next_one_go() -> None:
    """Nothing goes to the venue for it, and what stood behind it takes its turn."""

    async def main(bench: Bench) -> None:
        for _ in range(2):
            await bench.working()
        first = bench.spawn_execute()
        await bench.pass_ms(10)
        second = bench.spawn_execute()
        await bench.pass_ms(10)
        wait, _ = waits(bench)
        assert waits(bench)[1].wait_ns > 1_900 * SECOND_NS // 1_000
        assert (await bench.bot.cancel(wait.client_order_id)).code == ""
        assert (await first).status == "NOT_SENT"
        result = await second
        assert result.status == "ACCEPTED"
        assert result.elapsed_ns < 1_100 * SECOND_NS // 1_000
        assert not bench.exchange.cancels

    on_bench(main, pacing=order_limits(), settings=NO_RESERVE)


@pytest.mark.parametrize("wishes", [{"pacing": "perhaps"}, {"pacing": 3}])
def test_an_unknown_policy_is_refused(wishes: dict[str, Any]) -> None:
    """The error names those that are known."""

    async def main(bench: Bench) -> None:
        with pytest.raises(UnknownName, match="Known are refuse, wait"):
            await bench.execute(**wishes)

    on_bench(main, pacing=order_limits())


@pytest.mark.parametrize("wait_max_ms", [-1, 1.5, "1", True])
def test_a_longest_wait_that_is_none_is_refused(wait_max_ms: Any) -> None:  # noqa: ANN401 - of several types
    """Whole milliseconds from 0 on, nothing else."""

    async def main(bench: Bench) -> None:
        with pytest.raises(InvalidInput, match="wait_max_ms"):
            await bench.execute(wait_max_ms=wait_max_ms)

    on_bench(main, pacing=order_limits())


@pytest.mark.parametrize("reserve", ["1", "-0.1"])
def test_a_reserve_that_is_no_share_is_refused(reserve: str) -> None:
    """All of it would let no entry out ever."""
    with pytest.raises(ConfigurationRefused, match="pacing_reserve"):
        on_bench(_nothing, settings={"pacing_reserve": reserve})


async def _nothing(_bench: Bench) -> None:
    """Only start."""


# -- the venue knows better ----------------------------------------------------------------------------------


def test_a_refusal_by_the_venue_empties_the_budget_and_its_pause_is_kept() -> None:
    """LIMITED: the order waits for the venue's pause, and so does everything else of that budget."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 3 * SECOND_NS))
        first = bench.spawn_execute()
        await bench.pass_ms(10)
        reading = bench.kernel.pacing.budgets[ORDERS]
        assert reading.available == 0
        assert 2 * SECOND_NS < reading.held_ns < 3 * SECOND_NS
        second = await bench.execute()
        assert (await first).status == "ACCEPTED"
        assert second.status == "ACCEPTED"
        assert second.elapsed_ns >= 2_900 * SECOND_NS // 1_000
        assert bench.kernel.pacing.limited == 1
        assert bench.kernel.pacing.calls == {RequestKind.SUBMIT: 3}

    on_bench(main, pacing=order_limits("5", "1"), settings=NO_RESERVE)


def test_an_order_turned_away_goes_out_at_the_end_of_the_venues_pause() -> None:
    """By then its budget allows it: no second wait, an attempt of its own that is paid for."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 3 * SECOND_NS))
        result = await bench.execute()
        assert result.status == "ACCEPTED"
        assert 3 * SECOND_NS <= result.elapsed_ns < 3 * SECOND_NS + SECOND_NS // 100
        assert not waits(bench)
        assert len(spends(bench)) == 2

    on_bench(main, pacing=order_limits("5", "1"), settings=NO_RESERVE)


def test_an_order_turned_away_waits_again_for_its_budget() -> None:
    """After the pause the budget is still short: it queues like everybody, and is not sent before."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 1))
        result = await bench.execute()
        assert result.status == "ACCEPTED"
        assert result.elapsed_ns >= 9 * SECOND_NS
        (wait,) = waits(bench)
        assert wait.until_ns
        assert wait.lane.value == "entry"

    on_bench(main, pacing=order_limits("5", "0.1"), settings=NO_RESERVE)


def test_an_exit_turned_away_waits_as_long_as_it_takes() -> None:
    """A timer that comes by meanwhile changes nothing: one order waits once."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 1))
        exit_ = bench.spawn_execute("sell", "1", "90")
        await bench.pass_ms(500)
        (wait,) = waits(bench)
        assert (wait.until_ns, wait.lane.value) == (0, "protective")
        bench.kernel._parts.timers.wake_in(wait.client_order_id, 0)
        result = await exit_
        assert result.status == "ACCEPTED"
        assert len(waits(bench)) == 1

    on_bench(main, pacing=order_limits("5", "0.1"), settings={**NO_RESERVE, "pacing_wait_max_ms": 1})


def test_an_order_turned_away_while_trading_was_halted_is_closed_unsent() -> None:
    """The budget would allow it, the trading state does not."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 2 * SECOND_NS))
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="a drill")
        result = await task
        assert result.status == "NOT_SENT"
        assert "halted" in result.reasons

    on_bench(main, pacing=order_limits("5", "1"), settings=NO_RESERVE)


def test_a_refusal_of_an_order_that_is_known_to_live_still_empties_the_budget() -> None:
    """The venue contradicts itself about the order; about its rate limit it is believed."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        answer = Answer(Outcome.LIMITED, reason="slow down", retry_after_ns=5 * SECOND_NS)
        bench.kernel._parts.engine.process(SubmitAnswered(name, 1, answer))
        await bench.pass_ms()
        assert left(bench) == 0
        assert bench.anomalies() == ["contradiction"]

    on_bench(main, pacing=order_limits("5", "1"))


@pytest.mark.parametrize("paced", [True, False])
def test_a_cancel_that_the_venue_limits_is_asked_again_after_its_pause(paced: bool) -> None:  # noqa: FBT001 - two cases
    """With limits of ours or without: the venue's pause is kept."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(refuses_cancel("slow down", Outcome.LIMITED, 4 * SECOND_NS))
        await bench.bot.cancel(name)
        await bench.pass_ms(3_900)
        assert len(bench.exchange.cancels) == 1
        assert bench.order(name).status == "PENDING_CANCEL"
        await bench.pass_ms(3_000)
        assert bench.order(name).status == "CANCELED"
        assert bench.kernel.pacing.limited == paced

    fittings: Fittings = {"pacing": order_limits("5", "1")} if paced else {}
    on_bench(main, **fittings)
