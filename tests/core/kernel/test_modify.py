"""Changing an order in place: once at the venue, never more reserved than needed nor less than may fill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import ChangeCode, Proposal
from fairlead.domain.change_records import ChangeUnresolved
from fairlead.domain.changes import MEANING, Terms
from fairlead.errors import InvalidInput
from fairlead.ports.exchange import Fence, Outcome, VenueStatus
from fairlead.testing.modify_scripts import answers_modify, hangs, loses_modify, loses_modify_answer
from fairlead.testing.scripted_exchange import ScriptedExchange, refuses_cancel, takes_cancel
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.changing import (
    DEADLINE_MS,
    at_venue,
    change_records,
    reserved,
    spawn_modify,
)

ONE = Decimal(1)


def test_every_code_has_a_meaning() -> None:
    """The reference page says each in words."""
    assert set(MEANING) == set(ChangeCode)


# -- what the venue answers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"quantity": "2"}, Terms(Decimal(2), Decimal(100))),
        ({"quantity": "0.5"}, Terms(Decimal("0.5"), Decimal(100))),
        ({"limit_price": "101.5"}, Terms(ONE, Decimal("101.5"))),
        ({"limit_price": "99", "quantity": "3"}, Terms(Decimal(3), Decimal(99))),
    ],
    ids=str,
)
def test_an_order_is_changed_in_place(wishes: dict[str, Any], expected: Terms) -> None:
    """The venue has the new terms, so have we; the same order, sent once; reserved is what it may fill."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        result = await bench.bot.modify_order(name, **wishes)
        assert (result.code, result.accepted, result.terms) == ("MODIFIED", True, expected)
        assert at_venue(bench, name) == expected
        order = bench.order(name)
        assert (order.quantity, order.limit_price, order.wish) == (
            expected.quantity,
            expected.limit_price,
            None,
        )
        assert order.status == "ACCEPTED"
        assert reserved(bench) == expected.quantity
        (sent,) = bench.exchange.modifies
        assert (sent.terms, sent.client_order_id) == (expected, name)
        assert sent.deadline_ns > 0
        assert len(bench.exchange.submits) == 1
        assert change_records(bench) == ["change_requested", "modify_started", "order_updated"]

    on_bench(main)


def test_a_trigger_price_is_changed() -> None:
    """Of a stop the trigger price changes; the limit price that it has not cannot be given."""

    async def main(bench: Bench) -> None:
        stop = Proposal(
            symbol=BTC,
            side="buy",
            quantity="1",
            order_type="stop_limit",
            trigger_price="105",
            limit_price="106",
        )
        name = (await bench.bot.execute(stop)).client_order_id
        assert (await bench.bot.modify_order(name, trigger_price="104")).accepted
        assert at_venue(bench, name) == Terms(ONE, Decimal(106), Decimal(104))
        plain = Proposal(symbol=BTC, side="buy", quantity="1", order_type="stop", trigger_price="105")
        other = (await bench.bot.execute(plain)).client_order_id
        with pytest.raises(InvalidInput, match="limit_price"):
            await bench.bot.modify_order(other, limit_price="104")
        assert (await bench.bot.modify_order(other, trigger_price="106")).accepted

    on_bench(main)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (answers_modify(Outcome.REFUSED, "too late"), "REJECTED"),
        (answers_modify(Outcome.NOT_SENT, "no connection"), "NOT_SENT"),
        (answers_modify(Outcome.LIMITED, "too many", 60_000_000_000), "LIMITED"),
    ],
)
def test_what_was_not_done_leaves_the_order_as_it_was(script: Any, code: str) -> None:  # noqa: ANN401 - a script
    """Refused, not sent, limited: the old terms, the old reservation, nothing pending, and the reason."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(script)
        result = await bench.bot.modify_order(name, quantity="5")
        assert (result.code, result.accepted) == (code, False)
        assert result.reason
        await bench.pass_ms()
        order = bench.order(name)
        assert (order.quantity, order.status, order.wish) == (ONE, "ACCEPTED", None)
        assert reserved(bench) == 1
        assert len(bench.exchange.modifies) == 1
        assert (await bench.bot.modify_order(name, quantity="5")).accepted

    on_bench(main)


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize(
    "script", [loses_modify, loses_modify_answer, hangs], ids=lambda script: script.__name__
)
@pytest.mark.parametrize("wish", ["0.4", "3"])
def test_an_unanswered_modify_is_looked_up(script: Any, wish: str) -> None:  # noqa: ANN401 - a script
    """No answer is no refusal: the larger of both stays reserved until the venue's terms have told."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(script)
        result = await bench.bot.modify_order(name, quantity=wish)
        assert result.unresolved
        assert bench.order(name).status == "PENDING_MODIFY"
        assert reserved(bench) == max(ONE, Decimal(wish))
        settled = await bench.bot.change_settled(result.change_id)
        done = script is loses_modify_answer
        assert settled.code == ("MODIFIED" if done else "NOT_DONE")
        expected = Decimal(wish) if done else ONE
        assert bench.order(name).quantity == reserved(bench) == expected == at_venue(bench, name).quantity
        assert bench.order(name).status == "ACCEPTED"
        assert len(bench.exchange.modifies) == 1

    on_bench(main)


def test_a_restart_doubts_a_change_once() -> None:
    """What was unresolved when the kernel ended is so still: the journal says it once, and it is settled."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        result = await bench.bot.modify_order(name, quantity="3")
        assert result.unresolved
        doubts = change_records(bench).count(ChangeUnresolved.KIND)
        await bench.restart()
        assert doubts == change_records(bench).count(ChangeUnresolved.KIND) == 1
        assert (await bench.bot.change_settled(result.change_id)).code == "NOT_DONE"

    on_bench(main)


def test_a_settled_change_leaves_no_look_up_due() -> None:
    """Once the terms are known nothing is left to ask: the order says so, and a restart asks no more."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify_answer)
        result = await bench.bot.modify_order(name, quantity="2")
        assert (await bench.bot.change_settled(result.change_id)).code == "MODIFIED"
        assert bench.kernel._parts.engine.state.orders[name].look_up_ns == 0
        asked = len(bench.exchange.look_ups)
        await bench.restart()
        await bench.pass_ms(DEADLINE_MS)
        assert len(bench.exchange.look_ups) == asked

    on_bench(main)


@pytest.mark.requirement("ERR-5")
def test_old_terms_are_no_proof_before_the_deadline() -> None:
    """A modify that arrives late, after a look-up has seen the old terms, is still found to be done."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        result = await bench.bot.modify_order(name, quantity="3")
        await bench.pass_ms(2_000)
        assert len(bench.exchange.look_ups) >= 1
        assert reserved(bench) == 3
        assert not bench.exchange.change(bench.exchange.modifies[0])
        assert (await bench.bot.change_settled(result.change_id)).code == "MODIFIED"
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("fence", [Fence.NONE, Fence.PERMANENT_CLIENT_ID])
def test_without_deadlines_an_unanswered_modify_is_never_presumed_lost(fence: Fence) -> None:
    """Where a request may arrive at any time the larger stays reserved; a cancel ends it."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        result = await bench.bot.modify_order(name, quantity="3")
        await bench.pass_ms(10 * DEADLINE_MS)
        assert reserved(bench) == 3
        assert (await bench.bot.modify_order(name, quantity="2")).code == "CHANGE_PENDING"
        await bench.bot.cancel(name)
        settled = await bench.bot.change_settled(result.change_id)
        assert settled.code == "ORDER_CLOSED"
        assert reserved(bench) == 0

    on_bench(main, fence=fence, horizon_ns=1_000_000_000)


def test_the_stream_is_a_hint_that_is_looked_up() -> None:
    """A report with the new terms proves nothing by itself: it may be older than the modify."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify_answer)
        result = await bench.bot.modify_order(name, quantity="3")
        asked = len(bench.exchange.look_ups)
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms()
        assert len(bench.exchange.look_ups) == asked + 1
        assert (await bench.bot.change_settled(result.change_id)).accepted

    on_bench(main)


@pytest.mark.parametrize(("outcome", "looks"), [(Outcome.ACCEPTED, 1), (Outcome.REFUSED, 0)])
def test_an_answer_after_the_conclusion_is_compared(outcome: Outcome, looks: int) -> None:
    """Evidence concluded that it was not done; an answer that says otherwise is looked up, not believed."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        gate = bench.loop.create_future()

        async def answers_late(_exchange: ScriptedExchange, _request: object) -> Any:  # noqa: ANN401 - an answer
            return await gate

        bench.exchange.will_modify(answers_late)
        result = await bench.bot.modify_order(name, quantity="3")
        assert (await bench.bot.change_settled(result.change_id)).code == "NOT_DONE"
        asked = len(bench.exchange.look_ups)
        gate.set_result(await answers_modify(outcome, "late")(bench.exchange, bench.exchange.modifies[0]))
        await bench.pass_ms()
        assert len(bench.exchange.look_ups) == asked + looks
        assert bench.order(name).quantity == 1

    on_bench(main, settings={"request_timeout_ms": 600_000})


# -- fills, ends and cancels meanwhile ---------------------------------------------------------------------


@pytest.mark.parametrize("wish", ["0.5", "2"])
def test_fills_while_a_modify_is_pending_count_once_and_no_more_is_reserved(wish: str) -> None:
    """What trades meanwhile is booked, and comes off what is reserved; the answer then sets the rest."""

    async def main(bench: Bench) -> None:
        name = await bench.working()

        async def trades_then_does(exchange: ScriptedExchange, request: Any) -> Any:  # noqa: ANN401 - as a script
            exchange.trade(name, "0.3", "100")
            await bench.pass_ms()
            assert reserved(bench) == max(ONE, Decimal(wish)) - Decimal("0.3")
            return await answers_modify(Outcome.REFUSED if exchange.change(request) else Outcome.ACCEPTED)(
                exchange, request
            )

        bench.exchange.will_modify(trades_then_does)
        assert (await bench.bot.modify_order(name, quantity=wish)).accepted
        assert reserved(bench) == Decimal(wish) - Decimal("0.3")
        assert bench.order(name).status == "PARTIALLY_FILLED"

    on_bench(main)


def test_a_quantity_that_was_filled_meanwhile_ends_the_order() -> None:
    """Lowered to what was filled before it arrived, at a venue that takes that: the order is filled."""

    async def main(bench: Bench) -> None:
        name = await bench.working()

        async def trades_then_takes(exchange: ScriptedExchange, _request: Any) -> Any:  # noqa: ANN401 - as a script
            exchange.trade(name, "0.5", "100")
            await bench.pass_ms()
            exchange.orders[name].quantity = Decimal("0.5")
            exchange.end(name, VenueStatus.FILLED, said=False)
            return await answers_modify(Outcome.ACCEPTED)(exchange, _request)

        bench.exchange.will_modify(trades_then_takes)
        assert (await bench.bot.modify_order(name, quantity="0.5")).accepted
        assert bench.order(name).status == "FILLED"
        assert reserved(bench) == 0
        assert bench.anomalies() == []

    on_bench(main)


def test_an_order_filled_by_its_old_terms_waits_for_the_answer() -> None:
    """Filled to the old quantity while a larger one is under way: over only when the larger was refused."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        result = await bench.bot.modify_order(name, quantity="2")
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert bench.order(name).status == "PENDING_MODIFY"
        assert reserved(bench) == 1
        settled = await bench.bot.change_settled(result.change_id)
        assert settled.code == "ORDER_CLOSED"
        assert bench.order(name).status == "FILLED"
        assert bench.anomalies() == []

        other = await bench.working()

        async def trades_then_refuses(exchange: ScriptedExchange, _request: Any) -> Any:  # noqa: ANN401 - as a script
            exchange.trade(other, "1", "100")
            await bench.pass_ms()
            return await answers_modify(Outcome.REFUSED, "filled")(exchange, _request)

        bench.exchange.will_modify(trades_then_refuses)
        assert (await bench.bot.modify_order(other, quantity="2")).code == "REJECTED"
        assert bench.order(other).status == "FILLED"

    on_bench(main)


def test_an_order_filled_by_its_new_terms_says_so() -> None:
    """The answer was lost, and the venue's look-up shows the order filled under the new terms."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify_answer)
        result = await bench.bot.modify_order(name, quantity="2")
        bench.exchange.trade(name, "2", "100")
        await bench.pass_ms()
        assert bench.order(name).status == "FILLED"
        assert (await bench.bot.change_settled(result.change_id)).code == "ORDER_CLOSED"

        small = await bench.working()
        bench.exchange.will_modify(loses_modify_answer)
        lower = await bench.bot.modify_order(small, quantity="0.5")
        bench.exchange.trade(small, "0.5", "100")
        await bench.pass_ms()
        assert (await bench.bot.change_settled(lower.change_id)).code == "MODIFIED"
        assert bench.order(small).status == "FILLED"
        assert bench.anomalies() == []

    on_bench(main)


def test_more_than_both_terms_allow_is_an_overfill() -> None:
    """Up to the larger quantity nothing is wrong while it is not known; beyond it an alarm is."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(hangs)
        spawn_modify(bench, name, quantity="2")
        await bench.pass_ms()
        bench.exchange.trade(name, "1.5", "100")
        await bench.pass_ms()
        assert bench.anomalies() == []
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert bench.anomalies() == ["overfill"]

    on_bench(main)


def test_a_cancel_takes_the_place_of_a_pending_modify() -> None:
    """The cancel goes out; refused, the modify is pending again; done, the change ends with the order."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        result = await bench.bot.modify_order(name, quantity="2")
        bench.exchange.will_cancel(refuses_cancel("not now"))
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms()
        assert bench.order(name).status == "PENDING_MODIFY"
        assert reserved(bench) == 2
        assert (await bench.bot.cancel(name)).accepted
        settled = await bench.bot.change_settled(result.change_id)
        assert settled.code == "ORDER_CLOSED"
        assert bench.order(name).status == "CANCELED"
        assert reserved(bench) == 0

    on_bench(main)


def test_a_modify_answered_while_a_cancel_is_pending_is_taken_and_the_cancel_stays() -> None:
    """Whichever comes first at the venue: its answer counts, and the wish to cancel outlives it."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        gate = bench.loop.create_future()

        async def waits(exchange: ScriptedExchange, request: Any) -> Any:  # noqa: ANN401 - as a script
            await gate
            exchange.change(request)
            return await answers_modify(Outcome.ACCEPTED)(exchange, request)

        bench.exchange.will_modify(waits)
        bench.exchange.will_cancel(takes_cancel)
        task = spawn_modify(bench, name, quantity="2")
        await bench.pass_ms()
        await bench.bot.cancel(name)
        gate.set_result(None)
        assert (await task).accepted
        assert (bench.order(name).quantity, bench.order(name).status) == (Decimal(2), "PENDING_CANCEL")
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert reserved(bench) == 0

    on_bench(main)


def test_the_answer_to_the_modify_of_an_order_that_is_over_changes_nothing() -> None:
    """The order ended first: late answers find nothing to change."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        gate = bench.loop.create_future()

        async def waits(exchange: ScriptedExchange, request: Any) -> Any:  # noqa: ANN401 - as a script
            await gate
            return await answers_modify(Outcome.ACCEPTED)(exchange, request)

        bench.exchange.will_modify(waits)
        task = spawn_modify(bench, name, quantity="2")
        await bench.pass_ms()
        bench.exchange.end(name, VenueStatus.CANCELED)
        assert (await task).code == "ORDER_CLOSED"
        gate.set_result(None)
        await bench.pass_ms()
        assert bench.order(name).status == "CANCELED"
        assert bench.order(name).quantity == 1

    on_bench(main)


@pytest.mark.parametrize(("price", "noted"), [("130", []), ("100", []), ("115", ["price_out_of_band"])])
def test_a_fill_near_either_price_is_not_out_of_band(price: str, noted: list[str]) -> None:
    """While it is not known which terms the order has, a fill near the one price or the other is expected."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(loses_modify)
        await bench.bot.modify_order(name, limit_price="130")
        bench.exchange.trade(name, "0.1", price)
        await bench.pass_ms()
        assert bench.anomalies() == noted

    on_bench(main)
