"""Corners: what comes late, twice, for nothing, or at the worst moment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.domain.events import FillBooked
from fairlead.domain.numbers import ZERO
from fairlead.errors import CommitUncertain, InvalidInput, NotRunning, UnknownName
from fairlead.kernel.apply.apply import NOTED_MAX
from fairlead.kernel.core.inputs import CancelOrder, TimerDue, TroubleSeen
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.venue_inputs import (
    AbsenceSeen,
    CancelAnswered,
    FillReported,
    LookUpFailed,
    SubmitAnswered,
)
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.journal.journal import Journal
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.ports.exchange import Answer, LookUp, OrderReport, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    accepts,
    answers,
    fails_to_look,
    loses_answer,
)
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, nothing_happens, on_bench
from tests.core.kernel.faults import LONG_MS, fail_from, slow_down

NOBODY = "0" * 32
NOTHING: Any = None


# -- answers that come late or for nothing ----------------------------------------------------


def test_an_acceptance_without_an_id_is_one() -> None:
    """A venue may acknowledge without a number of its own; the number comes with a later report."""

    async def main(bench: Bench) -> None:
        async def without(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            return Answer(Outcome.ACCEPTED)

        bench.exchange.will_submit(without)
        result = await bench.execute()
        assert (result.status, result.order.venue_order_id) == ("ACCEPTED", "")
        bench.exchange.say(bench.exchange.report(result.client_order_id))
        await bench.pass_ms()
        assert bench.order(result.client_order_id).venue_order_id == "V1"

    on_bench(main)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NOT_SENT, Outcome.LIMITED, Outcome.UNKNOWN])
def test_an_answer_against_what_the_stream_showed(outcome: Outcome) -> None:
    """The stream showed it working, the answer says otherwise: the venue is asked, nothing is believed."""

    async def main(bench: Bench) -> None:
        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            exchange.say(exchange.report(request.client_order_id))
            await bench.pass_ms(10)
            return Answer(outcome, reason="no")

        bench.exchange.will_submit(script)
        result = await bench.execute()
        await bench.pass_ms(LONG_MS)
        assert bench.order(result.client_order_id).status == "ACCEPTED"
        contradicts = outcome is not Outcome.UNKNOWN
        assert bench.anomalies() == (["contradiction"] if contradicts else [])
        expected = TradingState.REDUCING if contradicts else TradingState.ACTIVE
        assert bench.kernel.trading_state is expected
        assert bench.exchange.submits_of(result.client_order_id) == 1

    on_bench(main)


def test_what_refers_to_nothing_breaks_nothing() -> None:
    """Answers, timers and look-ups about orders that nobody knows: ignored, or noted, never a broken step."""

    async def main(bench: Bench) -> None:
        engine = bench.kernel._parts.engine
        engine.process(TimerDue(NOBODY))
        engine.process(AbsenceSeen(NOBODY, 1))
        engine.process(LookUpFailed(NOBODY, "x"))
        engine.process(CancelAnswered(NOBODY, Answer(Outcome.ACCEPTED)))
        engine.process(CancelOrder(NOBODY, "bot", 0))
        engine.recheck(NOBODY)
        await bench.kernel.settled()
        assert bench.anomalies() == []
        engine.process(SubmitAnswered(NOBODY, 1, Answer(Outcome.ACCEPTED)))
        await bench.kernel.settled()
        assert bench.anomalies() == ["foreign_order"]
        with pytest.raises(UnknownName):
            await bench.kernel.closed(NOBODY)

    on_bench(main)


def test_a_refused_cancel_that_nobody_wanted_makes_us_look() -> None:
    """A cancel that went out unrecorded is refused: the order is looked up, nothing changes."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.kernel._parts.engine.process(CancelAnswered(name, Answer(Outcome.REFUSED, reason="no")))
        await bench.pass_ms(5)
        assert bench.exchange.look_ups == [name]
        assert bench.order(name).status == "ACCEPTED"

    on_bench(main)


def test_a_look_up_that_fails_after_the_end_is_no_news() -> None:
    """The order ended meanwhile: a failed look-up is not made again, and a timer does nothing."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.bot.cancel(name)
        await bench.pass_ms(5)
        engine = bench.kernel._parts.engine
        engine.process(LookUpFailed(name, "x"))
        engine.process(TimerDue(name))
        await bench.pass_ms(LONG_MS)
        assert bench.exchange.look_ups == []

    on_bench(main)


def test_an_approval_that_aged_over_a_clock_jump_is_not_sent() -> None:
    """The wall clock jumps while a limited order waits: too old by now, closed NOT_SENT."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "", 2_000_000_000))
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        bench.clock.jump_wall_ns(3_600_000_000_000)
        result = await task
        assert (result.status, result.reasons) == ("NOT_SENT", "its approval is too old to be sent")

    on_bench(main)


def test_a_second_look_is_taken_when_asked_meanwhile() -> None:
    """What is asked for while a look-up is under way may be newer than its answer: it is looked up again."""

    async def main(bench: Bench) -> None:
        async def slowly(exchange: ScriptedExchange, client_order_id: str) -> LookUp:
            found = exchange.found(client_order_id)
            await bench.pass_ms(100)
            return found

        name = await bench.working("buy", "2", "100")
        bench.exchange.will_look_up(slowly)
        bench.exchange.trade(name, "0.5", "100", said=False)
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms(10)
        bench.exchange.trade(name, "0.5", "100", said=False)
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms(150)
        assert bench.order(name).filled_quantity == 1
        assert len(bench.exchange.look_ups) == 2

    on_bench(main)


# -- figures ---------------------------------------------------------------------------------


def test_an_exit_below_the_minimum_is_denied_unless_exempt() -> None:
    """A reduction the venue would not take is denied with the figures; where it would, it passes."""

    async def main(bench: Bench) -> None:
        bench.exchange.rules[:] = [
            instrument(BTC, minimum_quantity="0.5"),
            instrument(ETH, minimum_quantity="0.5", reductions_exempt_from_minimum=True),
        ]
        await bench.restart()
        for symbol in (BTC, ETH):
            await bench.hold("1", symbol=symbol)
        denied = await bench.execute("sell", "0.4", "100")
        assert denied.order.denial_code == "REDUCTION_BELOW_MINIMUM"
        assert "quantity=0.4, minimum=0.5" in denied.reasons
        assert (await bench.execute("sell", "0.4", "100", symbol=ETH)).status == "ACCEPTED"
        assert (await bench.execute("sell", "0.5", "100")).status == "ACCEPTED"

    on_bench(main)


def test_a_second_closer_is_denied_with_the_figures() -> None:
    """What a live order may sell already is not sold twice."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        assert (await bench.execute("sell", "0.7", "100")).order.reduces
        denied = await bench.execute("sell", "0.4", "100")
        assert denied.order.denial_code == "EXIT_TAKEN"
        assert "quantity=0.4, position=1, in_live_orders=0.7" in denied.reasons

    on_bench(main)


def test_dust_of_a_symbol_without_rules_is_not_guessed() -> None:
    """Without rules nobody can say what is dust: the order is asked about and stays."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.die()
        bench.exchange.rules[:] = [instrument(ETH)]
        bench.exchange.trade(name, "0.9999", "100", said=False)
        bench.exchange.orders[name].status = VenueStatus.FILLED
        await bench.start_another()
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "PARTIALLY_FILLED"

    on_bench(main)


def test_dust_by_cost_is_dust() -> None:
    """What is left is worth less than the venue's minimum cost: dust."""

    async def main(bench: Bench) -> None:
        bench.exchange.rules[:] = [instrument(BTC, minimum_cost="5")]
        await bench.restart()
        name = await bench.working()
        bench.exchange.trade(name, "0.96", "100")
        bench.exchange.end(name, VenueStatus.FILLED)
        await bench.pass_ms()
        assert (bench.order(name).status, bench.anomalies()) == ("FILLED", ["residue"])

    on_bench(main)


# -- memory that does not grow ----------------------------------------------------------------


def test_what_was_noted_is_remembered_within_bounds() -> None:
    """Strangers without end do not fill memory: the oldest note is forgotten."""

    async def main(bench: Bench) -> None:
        for number in range(NOTED_MAX + 5):
            bench.exchange.say(OrderReport(f"human-{number}", "", BTC, VenueStatus.LIVE, ZERO, 0))
        await bench.pass_ms()
        assert len(bench.kernel._parts.engine.state.noted) == NOTED_MAX
        assert len(bench.anomalies()) == NOTED_MAX + 5

    on_bench(main)


def test_many_reports_at_once_let_others_have_their_turn() -> None:
    """A flood of reports is taken in portions."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1000", "100")
        for number in range(600):
            bench.exchange.trade(name, "1", "100", trade_id=f"T{number}")
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == 600

    on_bench(main)


def test_a_stream_of_one_kind_hears_no_other() -> None:
    """A stream of fills is silent about orders."""

    async def main(bench: Bench) -> None:
        stream = bench.kernel.events.stream(FillBooked)
        await bench.hold()
        stream.close()
        assert [type(event).__name__ async for event in stream] == ["FillBooked"]

    on_bench(main)


# -- waits, stops and recoveries at the worst moment -----------------------------------------


def test_a_step_that_breaks_outside_a_kernel_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that nobody watches over does not swallow its bugs."""

    async def main(bench: Bench) -> None:
        engine = bench.kernel._parts.engine
        bare = Engine(EngineState("test", "0" * 8), engine.rules, bench.clock, engine.journal)
        monkeypatch.setattr("fairlead.kernel.decide.control.AnomalyKind", lambda _kind: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bare.process(TroubleSeen("x", "y", "z"))

    on_bench(main)


def test_a_journal_that_fails_for_good_during_the_reconciliation_ends_the_start() -> None:
    """The last commit of a start fails and the store cannot be reopened: start says why, at once."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()

        async def before(method: str) -> None:
            if method == "reopen":
                raise OSError("disk gone")

        bench.before = before
        fail_from(bench, 2, AppendFault.FAILS)
        with pytest.raises(CommitUncertain, match="disk gone"):
            await bench.start_another()
        bench.before = nothing_happens
        await bench.start_another()

    on_bench(main)


def test_one_waits_for_the_answer_and_another_for_the_end() -> None:
    """Two waits for one order end at different times."""

    async def main(bench: Bench) -> None:
        async def slowly(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            await bench.pass_ms(50)
            return await accepts(exchange, request)

        bench.exchange.will_submit(slowly)
        task = bench.spawn_execute()
        await bench.pass_ms(5)
        name = bench.exchange.submits[0].client_order_id
        end = bench.loop.create_task(bench.kernel.closed(name))
        assert (await task).status == "ACCEPTED"
        assert not end.done()
        bench.exchange.trade(name, "1", "100")
        assert (await end).status == "FILLED"
        await bench.kernel.reconcile()
        await bench.restart()
        assert (await bench.kernel.closed(name)).status == "FILLED"

    on_bench(main)


def test_a_kernel_is_a_context() -> None:
    """`async with` starts and stops it."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.store = bench.new_store()
        async with bench.new_kernel() as kernel:
            assert kernel.trading_state is TradingState.ACTIVE
            assert kernel.instruments[BTC].symbol == BTC
        with pytest.raises(NotRunning):
            kernel.check_usable()

    on_bench(main)


@pytest.mark.parametrize("stuck_in", ["rows", "append", "connect"])
def test_a_stop_during_the_start_ends_it(stuck_in: str) -> None:
    """Start is under way and stop is called: start raises, stop returns, and nothing is left."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        slow_down(bench, stuck_in, 500)
        if stuck_in == "connect":
            connect = bench.exchange.connect

            async def slowly(sink: Any) -> None:  # noqa: ANN401 - the port's
                await bench.pass_ms(500)
                await connect(sink)

            bench.exchange.connect = slowly  # type: ignore[method-assign]  # a fake around a fake
        start = bench.loop.create_task(bench.start_another())
        await bench.pass_ms(100)
        await bench.kernel.stop()
        with pytest.raises(NotRunning, match="while it started"):
            await start
        assert bench.disk.process is None
        bench.before = nothing_happens
        vars(bench.exchange).pop("connect", None)
        await bench.start_another()

    on_bench(main)


def test_a_start_whose_coroutine_is_closed_waits_for_nothing() -> None:
    """Closing the coroutine raises nothing and awaits nothing: its process is gone, the next one trades."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.store = bench.new_store()
        bench.kernel = bench.new_kernel()
        start = bench.kernel.start()
        start.send(None)
        start.close()
        bench.disk.lose_process()
        await bench.start_another()
        await bench.working()

    on_bench(main)


def test_a_task_that_fails_during_a_recovery_is_reported_after_it() -> None:
    """Trouble waits for the journal, and then halts."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        slow_down(bench, "reopen", 100)
        fail_from(bench, 1, AppendFault.FAILS)
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms(10)
        bench.kernel._parts._task_failed("something", ValueError("x"))
        await bench.pass_ms(LONG_MS)
        assert set(bench.anomalies()) == {"journal_recovered", "component_failed"}
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


def test_a_report_whose_order_is_being_loaded_when_the_journal_fails() -> None:
    """It waits and is taken after the recovery: nothing that the venue said is lost."""

    async def main(bench: Bench) -> None:
        closed = await bench.working()
        await bench.bot.cancel(closed)
        await bench.pass_ms(5)
        working = await bench.working()
        await bench.restart()

        async def before(method: str) -> None:
            if method in ("reopen", "rows_where orders"):
                await bench.pass_ms(200 if method == "reopen" else 20)

        bench.before = before
        bench.exchange.history.clear()
        fill = bench.exchange.trade(closed, "0.25", "100")
        await bench.pass_ms(5)
        fail_from(bench, 1, AppendFault.FAILS)
        bench.kernel._parts.engine.process(
            FillReported(bench.exchange.trade(working, "0.5", "100", said=False), "test")
        )
        await bench.pass_ms(LONG_MS)
        assert bench.order(closed).filled_quantity == fill.quantity
        assert bench.order(working).filled_quantity == Decimal("0.5")

    on_bench(main)


def test_one_order_is_loaded_once_by_two_who_ask() -> None:
    """Two look for the same stored order at the same time: both find the same."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.bot.cancel(name)
        await bench.pass_ms(5)
        await bench.restart()
        slow_down(bench, "rows_where fills", 10)
        asks = [bench.loop.create_task(bench.bot.find_order(name)) for _ in range(2)]
        one, two = [await ask for ask in asks]
        assert one is not None
        assert one == two == bench.order(name)

    on_bench(main)


def test_nothing_is_gathered_or_queued_after_the_end() -> None:
    """A journal that was given up takes no steps, and an inbox that was closed no reports."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        report = bench.exchange.report(name)
        sink = bench.exchange.sink
        assert sink is not None
        await bench.kernel.stop()
        sink.put(report)
        journal: Journal = bench.kernel._parts.journal
        assert bench.kernel._parts.inbox.is_idle
        journal.end(OSError("gone"))
        journal.add([], [], StepOutput(0, [], [], []))
        assert journal.gathered == ([], [])
        await bench.start_another()

    on_bench(main)


def test_while_unresolved_look_ups_fail_with_growing_pauses() -> None:
    """A venue that cannot be asked is asked less and less often, within bounds."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_answer)
        bench.exchange.will_look_up(*[fails_to_look] * 1_000)
        result = await bench.execute()
        await bench.pass_ms(3_600_000)
        assert bench.order(result.client_order_id).status == "UNRESOLVED"
        assert 60 <= len(bench.exchange.look_ups) <= 75

    on_bench(main, settings={"reconcile_interval_ms": 10_000_000})


def test_an_id_that_is_drawn_a_second_time_is_refused_also_for_another_bot() -> None:
    """Whoever asks: the order that has the id stays as it is, nothing is sent, and the kernel goes on."""

    class SameAgain:
        def unique_hex(self, digits: int) -> str:
            return "5" * digits

    async def main(bench: Bench) -> None:
        bench.ids = SameAgain()  # type: ignore[assignment]  # a source that breaks its promise
        await bench.restart()
        first = await bench.execute("buy", "1", "100")
        with pytest.raises(InvalidInput, match="a second time"):
            await bench.execute("sell", "1", "120", owner="other")
        assert bench.exchange.submits_of(first.client_order_id) == len(bench.exchange.submits) == 1
        assert bench.order(first.client_order_id).owner == "bot"

    on_bench(main)
