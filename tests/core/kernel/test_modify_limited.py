"""A modify that the venue turned away for its rate limit: tried again as often as a submit is."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import Proposal, TradingState
from fairlead.domain.change_records import ModifyLimited, ModifyStarted
from fairlead.domain.records import OrderJudgedAgain
from fairlead.ports.exchange import Outcome
from fairlead.ports.pacing import RequestKind
from fairlead.ports.risk import ALLOW, Deny, RiskRequest, RiskView
from fairlead.testing.modify_scripts import answers_modify, loses_modify_answer
from fairlead.testing.scripted_exchange import ScriptedExchange, answers, hangs
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.changing import abandon, reserved, spawn_modify
from tests.core.kernel.checks import Says
from tests.core.kernel.pacing_limits import SECOND_MS, SECOND_NS, one_limit, waits

NO_RESERVE = {"pacing_reserve": "0"}
LIMITED = answers_modify(Outcome.LIMITED, "slow down", 2 * SECOND_NS)


def venue() -> ScriptedExchange:
    """Return a venue that changes orders in place."""
    return ScriptedExchange([instrument(BTC), instrument(ETH)], modify=True)


def attempts(bench: Bench) -> list[int]:
    """Return the numbers of the durable attempts of modifies, in order."""
    return [record.number for record in bench.records() if isinstance(record, ModifyStarted)]


@pytest.mark.parametrize("paced", [True, False])
def test_it_is_tried_again_after_the_venues_pause(paced: bool) -> None:  # noqa: FBT001 - two cases
    """LIMITED says that it is not there: each attempt on disk first, the larger quantity reserved."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(LIMITED, LIMITED)
        task = spawn_modify(bench, name, quantity="5")
        await bench.pass_ms(1_900)
        assert (len(bench.exchange.modifies), reserved(bench)) == (1, Decimal(5))
        assert bench.exchange.look_ups == []
        limited = [record for record in bench.records() if isinstance(record, ModifyLimited)]
        assert [(record.reason, record.client_order_id) for record in limited] == [("slow down", name)]
        result = await task
        assert result.accepted
        assert attempts(bench) == [1, 2, 3]
        order = bench.order(name)
        assert (order.quantity, order.wish) == (Decimal(5), None)
        assert order.status == "ACCEPTED"
        assert bench.anomalies() == []

    if paced:
        limit = one_limit("9", "9", RequestKind.MODIFY)
        on_bench(main, exchange=venue(), pacing=limit, settings=NO_RESERVE)
    else:
        on_bench(main, exchange=venue())


def test_where_requests_are_paced_a_long_pause_does_not_end_it() -> None:
    """Forty seconds are more than an approval lasts: it is judged again after them, and sent."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(answers_modify(Outcome.LIMITED, "slow down", 40 * SECOND_NS))
        result = await bench.bot.modify_order(name, quantity="5")
        assert result.code == "MODIFIED"
        (again,) = [each for each in bench.records() if isinstance(each, OrderJudgedAgain)]
        assert (again.client_order_id, again.allowed) == (name, True)
        assert len(bench.exchange.modifies) == 2

    limit = one_limit("9", "9", RequestKind.MODIFY)
    on_bench(main, exchange=venue(), pacing=limit, settings=NO_RESERVE)


def test_an_attempt_on_its_way_has_no_time_to_be_tried_again() -> None:
    """When it leaves again, what it waited for is over: in memory, and in the row that a restart reads."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(LIMITED, hangs)
        task = spawn_modify(bench, name, quantity="5")
        await bench.pass_ms(100)
        assert await due_ns(bench, name) > bench.clock.wall_ns()
        await bench.pass_ms(2_000)
        assert len(bench.exchange.modifies) == 2
        assert await due_ns(bench, name) == 0
        await abandon(task)

    on_bench(main, exchange=venue())


async def due_ns(bench: Bench, name: str) -> int:
    """Return when an order is to be come back to; memory and store say the same."""
    (row,) = await bench.store.rows_where("orders", "client_order_id", name)
    due = bench.kernel._parts.engine.state.orders[name].look_up_ns
    assert row["look_up_ns"] == due
    return due


@pytest.mark.parametrize("pause_ns", [0, -5, 10**19])
def test_it_is_given_up_in_the_end(pause_ns: int) -> None:
    """However long or short the pause: attempts and the approval's age are bounded; the old terms stay."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(*[answers_modify(Outcome.LIMITED, "slow down", pause_ns)] * 50)
        result = await bench.bot.modify_order(name, quantity="5")
        assert result.code == "LIMITED"
        assert "slow down" in result.reason
        assert len(bench.exchange.modifies) == (1 if pause_ns > 0 else 5)
        assert reserved(bench) == 1
        assert bench.order(name).quantity == 1
        assert bench.order(name).wish is None
        assert (await bench.bot.modify_order(name, quantity="0.5")).code == "LIMITED"

    on_bench(main, exchange=venue())


def test_it_queues_when_its_budget_is_short_after_the_pause() -> None:
    """Growth waits as long as entries may, a shrinking as it takes; a timer between changes nothing."""

    async def main(bench: Bench) -> None:
        name, other = await bench.working(), await bench.working()
        bench.exchange.will_modify(*[answers_modify(Outcome.LIMITED, "slow down", 1)] * 2)
        grows = spawn_modify(bench, name, quantity="5")
        shrinks = spawn_modify(bench, other, quantity="0.5")
        await bench.pass_ms(500)
        assert {wait.client_order_id: bool(wait.until_ns) for wait in waits(bench)} == {
            name: True,
            other: False,
        }
        bench.kernel._parts.timers.wake_in(name, 0)
        assert (await shrinks).accepted
        assert (await grows).accepted
        assert len(waits(bench)) == 2
        assert [request.terms.quantity for request in bench.exchange.modifies[2:]] == [Decimal("0.5"), 5]

    limit = one_limit("5", "0.1", RequestKind.MODIFY)
    on_bench(main, exchange=venue(), pacing=limit, settings=NO_RESERVE)


def test_another_timer_of_the_order_is_not_the_end_of_the_pause() -> None:
    """Whatever wakes the order earlier, the venue's pause is kept."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(LIMITED)
        task = spawn_modify(bench, name, quantity="5")
        await bench.pass_ms(100)
        bench.kernel._parts.timers.wake_in(name, 0)
        await bench.pass_ms(1_800)
        assert len(bench.exchange.modifies) == 1
        assert (await task).accepted

    on_bench(main, exchange=venue())


@pytest.mark.parametrize("what", ["halt", "fill", "cancel", "restart"])
def test_what_comes_between_ends_it_unsent(what: str) -> None:
    """Trading is halted, the order is filled or canceled, the kernel restarts: it never leaves again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(LIMITED)
        task = spawn_modify(bench, name, quantity="5")
        await bench.pass_ms(100)
        if what == "halt":
            await bench.kernel.set_trading_state(TradingState.HALTED, reason="a drill")
        elif what == "fill":
            bench.exchange.trade(name, "1", "100")
        elif what == "cancel":
            await bench.bot.cancel(name)
        if what == "restart":
            await bench.restart()
            await abandon(task)
        else:
            code = {"halt": "NOT_SENT", "fill": "ORDER_CLOSED", "cancel": "WITHDRAWN"}[what]
            assert (await task).code == code
        await bench.pass_ms(60_000)
        assert len(bench.exchange.modifies) == 1
        assert reserved(bench) == (1 if what in ("halt", "restart") else 0)

    on_bench(main, exchange=venue())


def test_an_attempt_without_an_answer_is_the_last() -> None:
    """Turned away once, then nobody answers: it is looked up and never sent again, whatever comes of it."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(LIMITED, loses_modify_answer)
        pending = await bench.bot.modify_order(name, quantity="5")
        assert pending.unresolved
        assert (await bench.bot.change_settled(pending.change_id)).accepted
        assert len(bench.exchange.modifies) == 2

    on_bench(main, exchange=venue())


# -- how old an approval is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["execute", "modify"])
def test_what_was_turned_away_and_then_queued_is_as_old_as_its_approval(command: str) -> None:
    """Twenty seconds of the venue's pause and fifteen in the queue make more than thirty: judged again."""
    asked: list[str] = []

    def judge(request: RiskRequest, _view: RiskView, _value: str) -> object:
        asked.append(request.position_id)
        return ALLOW if len(asked) <= 3 else Deny("NO", "Not any more.")

    async def main(bench: Bench) -> None:
        session = bench.kernel.session(owner="bot", hedging=True)
        name = (await session.execute(proposal)).client_order_id
        asked.clear()
        if command == "execute":
            asked.append("")
            bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 20 * SECOND_NS))
            task: asyncio.Task[Any] = bench.loop.create_task(session.execute(proposal))
        else:
            bench.exchange.will_modify(answers_modify(Outcome.LIMITED, "slow down", 20 * SECOND_NS))
            task = bench.loop.create_task(session.modify_order(name, quantity="2"))
        await bench.pass_ms(30 * SECOND_MS)
        assert len(waits(bench)) == 1
        result = await task
        agains = [each for each in bench.records() if isinstance(each, OrderJudgedAgain)]
        assert [each.allowed for each in agains] == [True]
        assert bench.order(agains[0].client_order_id).position_id == asked[-1]
        assert getattr(result, "accepted", True)

    proposal = Proposal(symbol=BTC, side="buy", quantity="1", limit_price="100")
    kind = RequestKind.SUBMIT if command == "execute" else RequestKind.MODIFY
    limit = one_limit("2", "0.028", kind)
    on_bench(main, exchange=venue(), pacing=limit, settings=NO_RESERVE, checks=(Says(judge),))
