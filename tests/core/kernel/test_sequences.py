"""The sequences that break other order managers, end to end through a kernel."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from fairlead import TradingState
from fairlead.ports.exchange import Answer, OrderReport, Outcome, Report, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    accepts,
    answers,
    hangs,
    refuses_cancel,
    takes_cancel,
)
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench, on_seeded_bench


@pytest.mark.requirement("TEST-2")
def test_partial_fills_move_quantity_and_average() -> None:
    """Quantity and average follow each fill, on order and position together."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bench.exchange.trade(name, "0.5", "100", fee="0.05")
        await bench.pass_ms()
        order = bench.order(name)
        assert (order.status, order.filled_quantity, order.leaves_quantity) == (
            "PARTIALLY_FILLED",
            Decimal("0.5"),
            Decimal("1.5"),
        )
        assert order.average_price == 100
        bench.exchange.trade(name, "1.5", "99", fee="0.15")
        await bench.pass_ms()
        order = bench.order(name)
        assert (order.status, order.average_price, order.fees) == ("FILLED", Decimal("99.25"), Decimal("0.2"))
        position = bench.bot.position(BTC)
        assert position is not None
        assert (position.quantity, position.cost, position.fees) == (
            Decimal(2),
            Decimal("198.5"),
            Decimal("0.2"),
        )
        assert (position.pending_openings, position.reserved_exit) == (0, Decimal(0))

    on_bench(main)


@pytest.mark.requirement("TEST-2")
def test_a_canceled_remainder_keeps_what_was_filled() -> None:
    """A cancel ends the order with the quantity it has; the position stays."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms()
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms()
        order = bench.order(name)
        assert (order.status, order.filled_quantity) == ("CANCELED", Decimal("0.5"))
        assert await bench.position() == Decimal("0.5")
        assert bench.anomalies() == []

    on_bench(main)


def test_a_fill_before_the_acceptance_stays() -> None:
    """A fill, then the late acceptance: it stays filled and the acceptance adds the venue's id."""

    async def main(bench: Bench) -> None:
        async def fills_first(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            order = exchange.place(request)
            fill = exchange.trade(request.client_order_id, "1", "100", said=False)
            exchange.say(replace(fill, venue_order_id=""))
            await bench.pass_ms(5)
            assert bench.order(request.client_order_id).status == "FILLED"
            assert bench.order(request.client_order_id).venue_order_id == ""
            return Answer(Outcome.ACCEPTED, venue_order_id=order.venue_order_id)

        bench.exchange.will_submit(fills_first)
        result = await bench.execute("buy", "1", "100")
        assert result.status == "FILLED"
        await bench.pass_ms(10)
        order = bench.order(result.client_order_id)
        assert (order.status, order.filled_quantity, order.venue_order_id) == ("FILLED", Decimal(1), "V1")
        assert bench.anomalies() == []
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


@pytest.mark.parametrize("end", [VenueStatus.CANCELED, VenueStatus.EXPIRED, VenueStatus.REJECTED])
@pytest.mark.parametrize("part", ["0.4", "1"])
def test_a_fill_after_the_end_is_booked(end: VenueStatus, part: str) -> None:
    """REJECTED, EXPIRED or CANCELED, then a fill: booked on order and position, reason corrected, noted."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.end(name, end)
        await bench.pass_ms()
        assert bench.order(name).status == end.value.upper()
        bench.exchange.trade(name, part, "100")
        await bench.pass_ms()
        order = bench.order(name)
        assert order.filled_quantity == Decimal(part) == await bench.position()
        kept = "CANCELED" if end is VenueStatus.REJECTED else end.value.upper()
        assert order.status == ("FILLED" if part == "1" else kept)
        zombie = end is VenueStatus.REJECTED and part != "1"
        assert bench.anomalies() == (["zombie"] if zombie else ["late_fill"])
        assert bench.exchange.cancels == ([name] if zombie else [])

    on_bench(main)


def test_a_partial_fill_and_a_refused_cancel_leave_it_working() -> None:
    """Cancel requested, partial fill, cancel refused: partly filled and working again, nothing pending."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")

        async def fills_then_refuses(exchange: ScriptedExchange, client_order_id: str) -> Answer:
            exchange.trade(client_order_id, "0.4", "100")
            await bench.pass_ms(5)
            return Answer(Outcome.REFUSED, reason="too late")

        bench.exchange.will_cancel(fills_then_refuses)
        await bench.bot.cancel(name)
        await bench.pass_ms(2)
        assert bench.order(name).status == "PENDING_CANCEL"
        assert bench.order(name).filled_quantity == Decimal("0.4")
        await bench.pass_ms(10)
        order = bench.order(name)
        assert (order.status, order.pending, order.filled_quantity) == (
            "PARTIALLY_FILLED",
            "none",
            Decimal("0.4"),
        )
        await bench.pass_ms(120_000)
        assert bench.exchange.cancels == [name]
        assert bench.anomalies() == []

    on_bench(main)


def test_a_cancel_asked_twice_is_sent_once() -> None:
    """The second request of a cancel is answered, and the venue hears of one."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(hangs)
        first = await bench.bot.cancel(name)
        second = await bench.bot.cancel(name)
        assert (first.accepted, first.code) == (True, "")
        assert (second.accepted, second.code) == (True, "ALREADY_ASKED")
        await bench.pass_ms()
        assert bench.exchange.cancels == [name]

    on_bench(main)


@pytest.mark.parametrize("end", [*VenueStatus])
def test_a_cancel_of_a_finished_order_is_answered_here(end: VenueStatus) -> None:
    """Canceling what is over gives a clear answer, and nothing goes to the venue."""
    if end in (VenueStatus.LIVE, VenueStatus.TRIGGERED):
        return

    async def main(bench: Bench) -> None:
        name = await bench.working()
        if end is VenueStatus.FILLED:
            bench.exchange.trade(name, "1", "100")
        else:
            bench.exchange.end(name, end)
        await bench.pass_ms()
        answer = await bench.bot.cancel(name)
        assert (answer.accepted, answer.code) == (False, "ALREADY_CLOSED")
        assert end.value in answer.reason
        assert bench.exchange.cancels == []

    on_bench(main)


def test_the_same_trade_twice_is_booked_once() -> None:
    """A repeated trade id with the same figures, however they are written, is no news."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        fill = bench.exchange.trade(name, "0.5", "100", fee="0.10")
        bench.exchange.say(fill)
        await bench.pass_ms()
        again = replace(bench.exchange.history[0], quantity=Decimal("0.500"), fee=Decimal("0.1"))
        bench.exchange.say(again)
        await bench.pass_ms()
        await bench.kernel.reconcile()
        assert bench.order(name).filled_quantity == Decimal("0.5") == await bench.position()
        assert len(bench.fills()) == 1
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("field", ["quantity", "price", "fee"])
def test_the_same_trade_with_other_numbers_halts(field: str) -> None:
    """One trade id, two stories: the first stays booked, the second is an anomaly that halts."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        fill = bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms()
        bench.exchange.say(replace(fill, **{field: Decimal("0.25")}))
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == Decimal("0.5")
        assert bench.anomalies() == ["trade_differs"]
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


def test_one_trade_id_shared_by_orders_is_booked_for_each() -> None:
    """A trade id belongs to its order: two orders may have the same one."""

    async def main(bench: Bench) -> None:
        one = await bench.working("buy", "1", "100")
        two = await bench.working("buy", "1", "100")
        bench.exchange.trade(one, "1", "100", trade_id="T")
        bench.exchange.trade(two, "1", "100", trade_id="T")
        await bench.pass_ms()
        assert (bench.order(one).status, bench.order(two).status) == ("FILLED", "FILLED")
        assert await bench.position() == 2
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("parts", [["1.5"], ["0.7", "0.7"], ["1", "0.5"]])
def test_more_filled_than_ordered_is_booked_in_full(parts: list[str]) -> None:
    """An overfill is booked in full, closes the order and halts."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        for part in parts:
            bench.exchange.trade(name, part, "100")
        await bench.pass_ms()
        order = bench.order(name)
        total = sum(map(Decimal, parts), Decimal(0))
        assert (order.status, order.filled_quantity, order.leaves_quantity) == ("FILLED", total, Decimal(0))
        assert await bench.position() == total
        assert "overfill" in bench.anomalies()
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


def test_an_overfilled_exit_frees_its_reservation_once() -> None:
    """A reducing order that fills beyond its size turns the position round and reserves nothing more."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working("sell", "0.5", "100")
        bench.exchange.trade(name, "0.2", "100")
        bench.exchange.trade(name, "1.8", "100")
        await bench.pass_ms()
        position = bench.bot.position(BTC)
        assert position is not None
        assert (position.quantity, position.reserved_exit) == (Decimal(-1), Decimal(0))

    on_bench(main)


def test_a_remainder_below_the_minimum_is_dust() -> None:
    """The venue calls it filled with less than its minimum left: closed, and the rest is noted."""

    async def main(bench: Bench) -> None:
        bench.exchange.rules[:] = [instrument(minimum_quantity="0.01")]
        await bench.restart()
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.995", "100")
        bench.exchange.end(name, VenueStatus.FILLED)
        await bench.pass_ms()
        order = bench.order(name)
        assert (order.status, order.leaves_quantity) == ("FILLED", Decimal("0.005"))
        assert bench.anomalies() == ["residue"]
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


def test_filled_with_much_left_is_a_contradiction() -> None:
    """The venue calls it filled with more left than dust: nothing is invented, it is noted once."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.4", "100")
        bench.exchange.end(name, VenueStatus.FILLED)
        await bench.pass_ms(600_000)
        order = bench.order(name)
        assert (order.status, order.filled_quantity) == ("PARTIALLY_FILLED", Decimal("0.4"))
        assert bench.anomalies() == ["contradiction"]
        assert bench.kernel.trading_state is TradingState.REDUCING
        assert bench.exchange.look_ups
        assert len(bench.exchange.look_ups) < 20

    on_bench(main)


def test_a_report_that_counts_more_makes_the_trades_be_fetched() -> None:
    """Quantity is never taken from a report: the missed trades are looked up, then the end is believed."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.4", "100", said=False)
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms(5)
        order = bench.order(name)
        assert (order.status, order.filled_quantity) == ("CANCELED", Decimal("0.4"))
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("shown", [VenueStatus.LIVE, VenueStatus.CANCELED, VenueStatus.FILLED])
def test_a_trade_that_the_venue_never_lists_is_noted(shown: VenueStatus) -> None:
    """It counts more than its trades come to: nothing is invented, it is noted once, and asked ever less."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.4", "100")
        bench.exchange.trade(name, "0.6", "100", said=False)
        unlisted = bench.exchange.history.pop()
        bench.exchange.end(name, shown)
        await bench.pass_ms(30_000)
        assert (bench.anomalies(), bench.kernel.trading_state) == ([], TradingState.ACTIVE)
        await bench.pass_ms(3_600_000)
        assert bench.anomalies() == ["contradiction"]
        assert bench.kernel.trading_state is TradingState.REDUCING
        assert "counts more as filled than its trades come to, 0.4" in bench.order(name).detail
        assert 60 <= len(bench.exchange.look_ups) < 130  # by its timer, and by schedule
        await bench.restart()
        await bench.pass_ms(120_000)
        bench.exchange.history.append(unlisted)
        await bench.pass_ms(120_000)
        assert (bench.order(name).status, await bench.position()) == ("FILLED", Decimal(1))

    on_bench(main)


@pytest.mark.parametrize("shown", [VenueStatus.LIVE, VenueStatus.CANCELED])
def test_a_trade_that_the_look_up_lacks_is_asked_for_again(shown: VenueStatus) -> None:
    """A report counts more than the look-up's trades: it is looked up again until the trades are there."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        fill = bench.exchange.trade(name, "0.4", "100", said=False)
        bench.exchange.history.clear()
        bench.exchange.end(name, shown)
        await bench.pass_ms(5)
        assert bench.order(name).status == "ACCEPTED"
        bench.exchange.history.append(fill)
        await bench.pass_ms(1_100)
        assert bench.order(name).filled_quantity == Decimal("0.4")
        assert bench.order(name).is_closed is (shown is VenueStatus.CANCELED)
        assert len(bench.exchange.look_ups) == 2

    on_bench(main)


@pytest.mark.parametrize("order_of_arrival", list(permutations(("answer", "ack", "partial", "final"))))
def test_every_order_of_arrival_gives_the_same_end(order_of_arrival: tuple[str, ...]) -> None:
    """Answer, acknowledgement and both fills, in all 24 orders: one final state, nothing alarming."""

    async def main(bench: Bench) -> None:
        said: dict[str, Report] = {}
        tickets: list[str] = []

        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            name = request.client_order_id
            exchange.place(request)
            said["ack"] = exchange.report(name)
            said["partial"] = exchange.trade(name, "0.4", "100", said=False)
            said["final"] = exchange.trade(name, "0.6", "101", said=False)
            await bench.pass_ms(10 * order_of_arrival.index("answer") + 5)
            return Answer(Outcome.ACCEPTED, venue_order_id="V1")

        async def speaker() -> None:
            for what in order_of_arrival:
                await bench.pass_ms(10)
                if what != "answer":
                    bench.exchange.say(said[what])

        bench.exchange.will_submit(script)
        task = bench.spawn_execute("buy", "1", "100")
        await speaker()
        await bench.pass_ms(100)
        tickets.append((await task).client_order_id)
        order = bench.order(tickets[0])
        assert (order.status, order.filled_quantity, order.venue_order_id) == ("FILLED", Decimal(1), "V1")
        assert order.average_price == Decimal("100.6")
        assert await bench.position() == 1
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("first", ["answer", "ack", "partial"])
def test_a_cancel_wanted_before_the_venue_answered_is_sent_once_it_has(first: str) -> None:
    """A cancel from before any word of the venue goes out with the first sign of life."""

    async def main(bench: Bench) -> None:
        names: list[str] = []

        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            names.append(request.client_order_id)
            exchange.place(request)
            await bench.pass_ms(10)
            if first == "ack":
                exchange.say(exchange.report(names[0]))
            if first == "partial":
                exchange.trade(names[0], "0.4", "100")
            await bench.pass_ms(10 if first == "answer" else 500)
            return Answer(Outcome.ACCEPTED, venue_order_id="V1")

        bench.exchange.will_submit(script)
        task = bench.spawn_execute("buy", "1", "100")
        await bench.pass_ms(5)
        assert (await bench.bot.cancel(names[0])).accepted
        assert bench.exchange.cancels == []
        await bench.pass_ms(30)
        assert bench.exchange.cancels == names
        await bench.pass_ms(1_000)
        assert bench.order(names[0]).status == "CANCELED"
        assert bench.exchange.cancels == names
        await task

    on_bench(main)


def test_a_cancel_refused_before_the_acceptance_leaves_nothing_pending() -> None:
    """SUBMITTED, cancel wanted, accepted, cancel refused: working, and it can be canceled again."""

    async def main(bench: Bench) -> None:
        async def slowly(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            await bench.pass_ms(10)
            return await accepts(exchange, request)

        bench.exchange.will_submit(slowly)
        bench.exchange.will_cancel(refuses_cancel("busy"))
        task = bench.spawn_execute("buy", "1", "100")
        await bench.pass_ms(5)
        name = bench.exchange.submits[0].client_order_id
        await bench.bot.cancel(name)
        await bench.pass_ms(50)
        assert (bench.order(name).status, bench.order(name).pending) == ("ACCEPTED", "none")
        await bench.bot.cancel(name)
        await bench.pass_ms(50)
        assert bench.order(name).status == "CANCELED"
        await task

    on_bench(main)


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.LIMITED])
def test_a_cancel_that_may_not_have_arrived_is_asked_again(outcome: Outcome) -> None:
    """Only a refusal ends a cancel request; anything less is looked up and asked again until the end."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(refuses_cancel("?", outcome), refuses_cancel("?", outcome))
        await bench.bot.cancel(name)
        await bench.pass_ms(5_000)
        assert bench.order(name).status == "CANCELED"
        assert len(bench.exchange.cancels) == 3

    on_bench(main)


def test_a_taken_cancel_whose_end_is_never_reported_is_found_out() -> None:
    """The venue takes the cancel and its report is lost: the look-up brings the end."""

    async def main(bench: Bench) -> None:
        name = await bench.working()

        async def silently(exchange: ScriptedExchange, client_order_id: str) -> Answer:
            exchange.end(client_order_id, VenueStatus.CANCELED, said=False)
            return Answer(Outcome.ACCEPTED)

        bench.exchange.will_cancel(silently)
        await bench.bot.cancel(name)
        await bench.pass_ms(1_500)
        assert bench.order(name).status == "CANCELED"

    on_bench(main)


def test_a_cancel_that_hangs_is_asked_again() -> None:
    """No answer to a cancel within the request timeout: it is looked up and asked again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(hangs)
        await bench.bot.cancel(name)
        await bench.pass_ms(12_000)
        assert bench.order(name).status == "CANCELED"

    on_bench(main)


def test_a_working_order_that_is_rejected_ends() -> None:
    """ACCEPTED, then REJECTED (as venues do on activation): the order and its reservation end."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.end(name, VenueStatus.REJECTED, reason="self-trade")
        await bench.pass_ms()
        assert (bench.order(name).status, bench.order(name).detail) == ("REJECTED", "self-trade")
        assert bench.kernel.positions()[0].pending_openings == 0

    on_bench(main)


def test_a_late_acknowledgement_never_reopens() -> None:
    """Every closed state stays closed when an old acknowledgement arrives."""

    async def main(bench: Bench) -> None:
        for end in (VenueStatus.CANCELED, VenueStatus.EXPIRED, VenueStatus.FILLED):
            name = await bench.working()
            ack = bench.exchange.report(name)
            if end is VenueStatus.FILLED:
                bench.exchange.trade(name, "1", "100")
            else:
                bench.exchange.end(name, end)
            bench.exchange.say(ack)
            await bench.pass_ms()
            assert bench.order(name).status == end.value.upper()
        assert bench.anomalies() == []
        assert bench.exchange.cancels == []

    on_bench(main)


def test_a_cancel_racing_a_full_fill_loses() -> None:
    """The fill wins: the order is filled, and a refused cancel does not change that."""

    async def main(bench: Bench) -> None:
        name = await bench.working()

        async def too_late(exchange: ScriptedExchange, client_order_id: str) -> Answer:
            exchange.trade(client_order_id, "1", "100")
            return Answer(Outcome.REFUSED, reason="already filled")

        bench.exchange.will_cancel(too_late)
        await bench.bot.cancel(name)
        await bench.pass_ms(5_000)
        assert bench.order(name).status == "FILLED"
        assert bench.anomalies() == []

    on_bench(main)


def test_a_rejected_order_is_closed_with_the_reason() -> None:
    """A refusal by the venue is definite: closed, never tried again, nothing reserved."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.REFUSED, "insufficient funds"))
        result = await bench.execute()
        assert (result.status, result.reasons) == ("REJECTED", "insufficient funds")
        await bench.pass_ms(120_000)
        assert len(bench.exchange.submits) == 1
        assert bench.kernel.positions()[0].pending_openings == 0

    on_bench(main)


@pytest.mark.parametrize("seed", range(20))
def test_taken_cancels_and_fills_race_without_anomaly(seed: int) -> None:
    """In any interleaving a fill that races a taken cancel is booked, and both sides agree in the end."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.will_cancel(takes_cancel)
        await bench.bot.cancel(name)
        bench.exchange.trade(name, "0.3", "100")
        bench.exchange.end(name, VenueStatus.CANCELED)
        bench.exchange.say(OrderReport(name, "V1", BTC, VenueStatus.LIVE, Decimal(0), 0))
        await bench.pass_ms(3_000)
        order = bench.order(name)
        assert (order.status, order.filled_quantity) == ("CANCELED", Decimal("0.3"))
        assert bench.anomalies() == []

    on_seeded_bench(seed, main)
