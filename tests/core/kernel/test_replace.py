"""Replacing an order: never both alive, never more than asked for in all, one result, across restarts."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import ChangeResult, Proposal, TradingState
from fairlead.errors import InvalidInput
from fairlead.ports.exchange import Answer, Outcome, VenueStatus
from fairlead.ports.risk import ALLOW, Deny, RiskRequest, RiskView
from fairlead.testing.modify_scripts import answers_modify
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    answers,
    hangs,
    loses_answer,
    loses_request,
    refuses_cancel,
    takes_cancel,
)
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench
from tests.core.kernel.changing import SELLS, abandon, change_records, live_at_venue, reserved, spawn_replace
from tests.core.kernel.checks import Says


def ordered(bench: Bench) -> list[Decimal]:
    """Return the quantities that were sent, in order."""
    return [request.quantity for request in bench.exchange.submits]


@pytest.mark.parametrize("modify", [True, False])
def test_an_order_is_replaced_by_one_for_what_is_left(modify: bool) -> None:  # noqa: FBT001 - a case
    """Canceled first; then one order for the rest at the new price, linked to the old, with its wishes."""

    async def main(bench: Bench) -> None:
        proposal = Proposal(
            symbol=BTC,
            side="buy",
            quantity="1",
            limit_price="100",
            note="why",
            tags=("a",),
            metadata={"k": "v"},
        )
        name = (await bench.bot.execute(proposal)).client_order_id
        bench.exchange.trade(name, "0.3", "100")
        await bench.pass_ms()
        result = await bench.bot.replace_order(name, quantity="2", limit_price="99")
        assert (result.code, result.accepted) == ("REPLACED", True)
        assert bench.exchange.cancels == [name]
        assert ordered(bench) == [1, Decimal("1.7")]
        new = bench.order(result.new_order_id)
        assert (new.limit_price, new.replaces, new.status) == (Decimal(99), name, "ACCEPTED")
        assert (new.note, new.tags, new.metadata, new.owner) == ("why", ("a",), (("k", "v"),), "bot")
        assert live_at_venue(bench) == [new.client_order_id]
        assert reserved(bench) == Decimal("1.7")
        assert change_records(bench) == ["change_requested", "replace_moved", "change_ended"]
        assert bench.exchange.modifies == []
        assert await bench.bot.change_settled(result.change_id) == result

    on_bench(main, exchange=ScriptedExchange([instrument()], modify=modify))


def test_nothing_is_sent_before_the_old_order_is_proven_over() -> None:
    """The venue took the cancel and says nothing: the new order waits, however long that takes."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(*[takes_cancel] * 50)
        task = spawn_replace(bench, name, limit_price="99")
        await bench.pass_ms(20_000)
        assert not task.done()
        assert len(bench.exchange.submits) == 1
        assert reserved(bench) == 1
        bench.exchange.trade(name, "0.25", "100")
        bench.exchange.end(name, VenueStatus.CANCELED)
        assert (await task).accepted
        assert ordered(bench) == [1, Decimal("0.75")]

    on_bench(main)


def test_fills_that_the_cancel_does_not_know_of_are_fetched_first() -> None:
    """The end says more was filled than was heard: the new order is for what is left of that."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "0.4", "100", said=False)
        assert (await bench.bot.replace_order(name, limit_price="99")).accepted
        assert ordered(bench) == [1, Decimal("0.6")]

    on_bench(main)


def test_an_order_that_was_filled_meanwhile_leaves_nothing() -> None:
    """Filled instead of canceled: no new order, unless more was asked for."""

    async def main(bench: Bench) -> None:
        async def fills_instead(exchange: ScriptedExchange, name: str) -> Answer:
            exchange.trade(name, "1", "100")
            await bench.pass_ms()
            return Answer(Outcome.REFUSED, reason="it is filled")

        name = await bench.working()
        bench.exchange.will_cancel(fills_instead)
        result = await bench.bot.replace_order(name, limit_price="99")
        assert (result.code, result.new_order_id, result.accepted) == ("NOTHING_LEFT", "", False)
        assert ordered(bench) == [1]

        other = await bench.working()
        bench.exchange.will_cancel(fills_instead)
        assert (await bench.bot.replace_order(other, quantity="1.5")).accepted
        assert ordered(bench) == [1, 1, Decimal("0.5")]
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ({"minimum_quantity": "0.5"}, "0.4"),
        ({"minimum_cost": "50"}, "0.4"),
        ({"quantity_increment": "0.5"}, "0.4"),
    ],
)
def test_a_rest_below_the_minimum_is_nothing(rules: dict[str, str], left: str) -> None:
    """What is less than the venue takes as an order is not sent."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, str(1 - Decimal(left)), "100")
        await bench.pass_ms()
        result = await bench.bot.replace_order(name, limit_price="99")
        assert result.code == "NOTHING_LEFT"
        assert ordered(bench) == [1]

    on_bench(main, exchange=ScriptedExchange([instrument(**rules)]))


def test_an_exit_is_replaced_within_what_is_held() -> None:
    """The new exit reduces as the old one did; below the minimum too, where the venue takes that of exits."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        name = (await bench.execute("sell", "2", "120")).client_order_id
        bench.exchange.trade(name, "1.9", "120")
        await bench.pass_ms()
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="test")
        result = await bench.bot.replace_order(name, limit_price="110")
        assert bench.order(result.new_order_id).reduces
        assert reserved(bench, SELLS) == Decimal("0.1")

    rules = instrument(minimum_quantity="0.5", reductions_exempt_from_minimum=True)
    on_bench(main, exchange=ScriptedExchange([rules]))


def test_a_refused_cancel_leaves_the_order_as_it_is() -> None:
    """The venue will not cancel: nothing is replaced, and the reason is said."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(refuses_cancel("in the auction"))
        result = await bench.bot.replace_order(name, limit_price="99")
        assert (result.code, result.reason) == ("REJECTED", "in the auction")
        await bench.pass_ms()
        assert bench.order(name).status == "ACCEPTED"
        assert ordered(bench) == [1]
        assert (await bench.bot.replace_order(name, limit_price="99")).accepted

    on_bench(main)


@pytest.mark.parametrize(("end", "status"), [("trade", "FILLED"), ("cancel", "CANCELED"), ("", "ACCEPTED")])
@pytest.mark.parametrize("command", ["replace_order", "modify_order"])
def test_a_refusal_says_no_more_than_is_known(command: str, end: str, status: str) -> None:
    """Refused because the order was over, unheard, or for another cause: REJECTED is true either way.

    Nothing was changed and nothing new is sent, then or later; how the order stands is looked up and told
    as its own event.
    """

    async def main(bench: Bench) -> None:
        name = await bench.working()
        if end == "trade":
            bench.exchange.trade(name, "1", "100", said=False)
        elif end:
            bench.exchange.end(name, VenueStatus.CANCELED, said=False)
        bench.exchange.will_cancel(refuses_cancel("no such order"))
        bench.exchange.will_modify(answers_modify(Outcome.REFUSED, "no such order"))
        result = await getattr(bench.bot, command)(name, limit_price="99")
        assert (result.code, result.reason) == ("REJECTED", "no such order")
        assert result.new_order_id == ""
        await bench.pass_ms(120_000)
        order = bench.order(name)
        assert (order.status, order.limit_price) == (status, Decimal(100))
        assert len(bench.exchange.submits) == 1
        assert await bench.bot.change_settled(result.change_id) == result
        assert bench.anomalies() == []

    on_bench(main, exchange=ScriptedExchange([instrument()], modify=True))


def test_an_order_that_ended_otherwise_is_not_replaced() -> None:
    """Expired at the venue: what was to be replaced is over, and nothing takes its place."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, limit_price="99")
        await bench.pass_ms()
        bench.exchange.end(name, VenueStatus.EXPIRED)
        assert (await task).code == "ORDER_CLOSED"
        assert ordered(bench) == [1]

    on_bench(main)


@pytest.mark.parametrize(
    ("script", "code"),
    [(answers(Outcome.REFUSED, "no"), "NOT_REPLACED"), (answers(Outcome.NOT_SENT, "no"), "NOT_REPLACED")],
)
def test_a_new_order_that_does_not_come_about_is_said(script: Any, code: str) -> None:  # noqa: ANN401 - a script
    """The old one is canceled, the new one refused: the result says so, and names it."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_submit(script)
        result = await bench.bot.replace_order(name, limit_price="99")
        assert (result.code, result.reason, result.accepted) == (code, "no", False)
        assert bench.order(result.new_order_id).is_closed
        assert reserved(bench) == 0

    on_bench(main)


@pytest.mark.parametrize(("script", "code"), [(loses_answer, "REPLACED"), (loses_request, "NOT_REPLACED")])
def test_a_new_order_without_an_answer_is_unresolved_until_evidence(script: Any, code: str) -> None:  # noqa: ANN401 - a script
    """The wait ends with PENDING; the venue's evidence then tells; it is never sent again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_submit(script)
        result = await bench.bot.replace_order(name, limit_price="99")
        assert result.unresolved
        busy = await bench.bot.replace_order(result.new_order_id, limit_price="98")
        assert busy.code == "NOT_WORKING"
        await bench.pass_ms(2_000)
        settled = await bench.bot.change_settled(result.change_id)
        assert (settled.code, settled.new_order_id) == (code, result.new_order_id)
        assert len(bench.exchange.submits) == 2

    on_bench(main)


# -- withdrawing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["cancel", "cancel_all", "flatten", "operator"])
def test_a_cancel_takes_a_replacement_back(way: str) -> None:
    """Whoever cancels what is being replaced means it: the old order ends, and no new one is made."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, limit_price="99")
        await bench.pass_ms()
        others: list[asyncio.Task[object]] = []
        if way == "cancel":
            assert (await bench.bot.cancel(name)).code == "ALREADY_ASKED"
        elif way == "operator":
            await bench.kernel.cancel(name, "operator", operator=True)
        elif way == "cancel_all":
            assert (await bench.bot.cancel_all()).names == (name,)
        else:
            others.append(bench.loop.create_task(bench.bot.flatten(BTC)))
            await bench.pass_ms()
        result = await task
        assert result.code == "WITHDRAWN"
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert ordered(bench) == [1]
        assert reserved(bench) == 0
        for other in others:
            await other

    on_bench(main)


def test_an_order_is_changed_by_one_command_at_a_time() -> None:
    """A second change waits its turn, also one of the new order while it is on its way."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, limit_price="99")
        await bench.pass_ms()
        assert (await bench.bot.replace_order(name, limit_price="98")).code == "CHANGE_PENDING"
        bench.exchange.will_submit(hangs)
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert not task.done(), "it is not known yet whether the new order arrived"
        (new,) = (order.client_order_id for order in bench.kernel.orders(live_only=True))
        assert (await bench.bot.modify_order(new, limit_price="98")).code == "NOT_WORKING"
        assert (await task).unresolved

    on_bench(main)


# -- gate and trading state ----------------------------------------------------------------------------------


def test_a_replacement_that_adds_is_judged_before_the_cancel_and_again_before_the_order() -> None:
    """Denied at once, the old order works on; denied when its turn comes, the new one is not sent."""
    limit = ["5"]

    def judge(request: RiskRequest, _view: RiskView, _value: str) -> object:
        return Deny("TOO_LARGE", "Too large.") if request.quantity > Decimal(limit[0]) else ALLOW

    check = Says(judge)

    async def main(bench: Bench) -> None:
        name = await bench.working()
        denied = await bench.bot.replace_order(name, quantity="6")
        assert (denied.code, bench.exchange.cancels) == ("TOO_LARGE", [])
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, quantity="4")
        await bench.pass_ms()
        limit[0] = "2"
        bench.exchange.end(name, VenueStatus.CANCELED)
        result = await task
        assert result.code == "NOT_REPLACED"
        assert "Too large." in result.reason
        assert ordered(bench) == [1]
        asked = check.asked
        other = await bench.working()
        assert (await bench.bot.replace_order(other, quantity="0.5")).accepted
        assert check.asked == asked + 1, "what raises nothing is not asked about"

    on_bench(main, checks=(check,))


@pytest.mark.parametrize(("shrinks", "accepted"), [(True, True), (False, False)])
def test_while_reducing_only_a_shrinking_replacement_passes(shrinks: bool, accepted: bool) -> None:  # noqa: FBT001 - a case
    """The order that takes the place of a larger one is no new exposure."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.kernel.set_trading_state(TradingState.REDUCING, reason="test")
        result = await bench.bot.replace_order(name, quantity="0.5" if shrinks else "2")
        assert result.accepted is accepted
        assert len(live_at_venue(bench)) == 1

    on_bench(main)


# -- restarts and repetition ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [VenueStatus.CANCELED, VenueStatus.LIVE])
@pytest.mark.parametrize("way", ["death", "restart"])
def test_a_replacement_survives_a_restart_between_its_steps(end: VenueStatus, way: str) -> None:
    """Killed after the cancel: the next kernel goes on when it has reconciled, with one order, once."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, limit_price="99", idempotency_key="k")
        await bench.pass_ms()
        bench.exchange.sink = None
        if end is VenueStatus.CANCELED:
            bench.exchange.trade(name, "0.25", "100")
            bench.exchange.end(name, end)
        if way == "death":
            await bench.die()
            await bench.start_another()
        else:
            await bench.restart()
        await abandon(task)
        result = await bench.bot.replace_order(name, limit_price="99", idempotency_key="k")
        assert result.accepted
        assert ordered(bench) == [1, Decimal("0.75") if end is VenueStatus.CANCELED else 1]
        assert live_at_venue(bench) == [result.new_order_id]
        await bench.restart()
        assert await bench.bot.replace_order(name, limit_price="99", idempotency_key="k") == result
        assert len(bench.exchange.submits) == 2

    on_bench(main)


def test_an_old_order_stays_in_memory_until_its_replacement_is_made() -> None:
    """Over, but not yet replaced because nothing was reconciled: it is not let go, whatever memory keeps."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, limit_price="99")
        await bench.pass_ms()
        state = bench.kernel._parts.engine.state
        state.reconciled = False  # as it is after a start, until a reconciliation has passed
        bench.exchange.end(name, VenueStatus.CANCELED)
        for _ in range(5):
            await bench.bot.cancel(await bench.working())
            await bench.pass_ms()
        assert name in state.orders
        before = len(bench.exchange.submits)
        await bench.kernel.reconcile()
        await bench.pass_ms()
        assert len(bench.exchange.submits) == before + 1
        assert (await task).accepted

    on_bench(main, settings={"closed_orders_max": 1})


def test_a_symbol_that_lost_its_rules_is_not_traded() -> None:
    """The old order is over; without the venue's rules no new one is made."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_replace(bench, name, limit_price="99", idempotency_key="k")
        await bench.pass_ms()
        bench.exchange.sink = None
        bench.exchange.end(name, VenueStatus.CANCELED)
        bench.exchange.rules = [instrument("ETH/USDT")]
        await bench.restart()
        await abandon(task)
        (row,) = await bench.store.rows("changes")
        assert (row["code"], row["live"]) == ("NOT_REPLACED", False)
        assert ordered(bench) == [1]

    on_bench(main)


def test_a_key_used_for_another_replacement_is_refused() -> None:
    """One key, one wish."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        first: ChangeResult = await bench.bot.replace_order(name, limit_price="99", idempotency_key="k")
        assert await bench.bot.replace_order(name, limit_price="99", idempotency_key="k") == first
        with pytest.raises(InvalidInput, match="idempotency_key"):
            await bench.bot.replace_order(name, limit_price="98", idempotency_key="k")

    on_bench(main)
