"""The unresolved procedure: only the venue's evidence, or an operator, says what became of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.errors import UnknownName
from fairlead.ports.exchange import Answer, Fence, LookUp, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import (
    LookUpScript,
    ScriptedExchange,
    SubmitScript,
    answers,
    fails_to_look,
    finds_half,
    hangs,
    looks_for_ever,
    loses_answer,
    loses_request,
)
from tests.core.kernel.bench import Bench, on_bench

HORIZON_NS = 30_000_000_000
NOTHING: Any = None
NONSENSE = [
    None,
    "ok",
    Answer(NOTHING),
    Answer(Outcome.ACCEPTED, venue_order_id=NOTHING),
    Answer(Outcome.ACCEPTED, venue_order_id="V\n1"),
    Answer(Outcome.ACCEPTED, ts_event=NOTHING),
    Answer(Outcome.ACCEPTED, ts_event=-1),
    Answer(Outcome.LIMITED, retry_after_ns=NOTHING),
]
FENCES = [Fence.DEADLINE, Fence.PERMANENT_CLIENT_ID]


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize("lost", [loses_request, hangs, answers(Outcome.UNKNOWN, "502")])
@pytest.mark.parametrize("fence", FENCES)
def test_a_lost_request_is_not_placed_after_the_fence(fence: Fence, lost: SubmitScript) -> None:
    """No answer makes it unresolved; only a look-up behind the fence says NOT_PLACED; it is sent once."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(lost)
        result = await bench.execute()
        assert result.unresolved
        name = result.client_order_id
        assert bench.kernel.positions()[0].pending_openings == 1
        fence_ms = 6_000 if fence is Fence.DEADLINE else 31_000
        before = 0
        while bench.order(name).status == "UNRESOLVED":
            before = bench.clock.wall_ns()
            await bench.pass_ms(500)
        assert bench.order(name).status == "NOT_PLACED"
        assert before >= result.order.created_ns + (fence_ms - 1_000) * 1_000_000
        assert bench.kernel.positions()[0].pending_openings == 0
        await bench.pass_ms(300_000)
        assert bench.exchange.submits_of(name) == 1
        assert bench.anomalies() == []

    on_bench(main, fence=fence, horizon_ns=HORIZON_NS)


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize("lost", [loses_request, hangs])
def test_without_a_fence_an_absence_proves_nothing(lost: SubmitScript) -> None:
    """Without a fence the order stays unresolved and reserved for days; an operator's decision ends it."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(lost)
        result = await bench.execute()
        name = result.client_order_id
        await bench.pass_ms(3 * 24 * 3_600_000)
        assert bench.order(name).status == "UNRESOLVED"
        assert bench.kernel.positions()[0].pending_openings == 1
        assert bench.exchange.submits_of(name) == 1
        assert 3 * 24 * 60 <= len(bench.exchange.look_ups) < 3 * 24 * 62
        waiting = bench.loop.create_task(result.closed())
        answer = await bench.kernel.resolve_not_placed(name, note="asked the venue's desk")
        assert answer.accepted
        assert (await waiting).status == "NOT_PLACED"
        assert "asked the venue's desk" in bench.order(name).detail
        assert bench.kernel.positions()[0].pending_openings == 0

    on_bench(main, fence=Fence.NONE)


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize("fence", [*Fence])
def test_a_lost_answer_is_found_at_the_venue(fence: Fence) -> None:
    """The order arrived although nobody said so: the look-up finds it working, and it is sent once."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_answer)
        result = await bench.execute()
        name = result.client_order_id
        await bench.pass_ms(10_000)
        assert bench.order(name).status == "ACCEPTED"
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert (await result.closed()).status == "FILLED"
        assert bench.exchange.submits_of(name) == 1
        assert bench.anomalies() == []

    on_bench(main, fence=fence, horizon_ns=HORIZON_NS)


@pytest.mark.parametrize("fence", [*Fence])
@pytest.mark.parametrize("ended", [VenueStatus.FILLED, VenueStatus.CANCELED, VenueStatus.REJECTED])
def test_an_order_that_ended_unheard_is_found_with_its_trades(fence: Fence, ended: VenueStatus) -> None:
    """The stream is silent too: the look-up brings the trades first, then the end."""

    async def main(bench: Bench) -> None:
        async def silently(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            if ended is not VenueStatus.REJECTED:
                exchange.trade(request.client_order_id, "0.6", "100", said=False)
            if ended is VenueStatus.FILLED:
                exchange.trade(request.client_order_id, "0.4", "100", said=False)
            else:
                exchange.end(request.client_order_id, ended, said=False)
            raise ConnectionResetError

        bench.exchange.will_submit(silently)
        result = await bench.execute()
        order = await result.closed()
        filled = {"filled": "1", "canceled": "0.6", "rejected": "0"}[ended.value]
        assert (order.status, order.filled_quantity) == (ended.value.upper(), Decimal(filled))
        assert await bench.position() == Decimal(filled)
        assert bench.anomalies() == []

    on_bench(main, fence=fence, horizon_ns=HORIZON_NS)


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize("by", ["answer", "stream", "reconciliation"])
@pytest.mark.parametrize("fence", FENCES)
def test_a_late_arrival_is_canceled_at_once(fence: Fence, by: str) -> None:
    """The order arrives after it was declared absent: a zombie; it is noted and canceled, never reopened."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_request)
        result = await bench.execute()
        name = result.client_order_id
        assert (await result.closed()).status == "NOT_PLACED"
        bench.exchange.place(bench.exchange.submits[0])
        if by == "stream":
            bench.exchange.say(bench.exchange.report(name))
        if by == "reconciliation":
            await bench.kernel.reconcile()
        if by == "answer":
            bench.exchange.trade(name, "0.1", "100")
        await bench.pass_ms(100)
        assert bench.exchange.cancels == [name]
        await bench.pass_ms(2_000)
        assert bench.exchange.orders[name].status is VenueStatus.CANCELED
        assert bench.order(name).status == "CANCELED"
        assert "zombie" in bench.anomalies()
        assert bench.kernel.trading_state is TradingState.REDUCING
        assert bench.exchange.submits_of(name) == 1

    on_bench(main, fence=fence, horizon_ns=HORIZON_NS)


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize("look", [finds_half, fails_to_look, looks_for_ever])
@pytest.mark.parametrize("fence", FENCES)
def test_a_look_up_that_fails_proves_nothing(fence: Fence, look: LookUpScript) -> None:
    """A look-up that is incomplete, fails or hangs is made again; until one is whole nothing is concluded."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_request)
        bench.exchange.will_look_up(*[look] * 5)
        result = await bench.execute()
        order = await result.closed()
        assert order.status == "NOT_PLACED"
        assert len(bench.exchange.look_ups) >= 6
        assert bench.exchange.submits_of(order.client_order_id) == 1

    on_bench(main, fence=fence, horizon_ns=1)


def test_trades_without_a_report_do_not_end_an_order() -> None:
    """A look-up that finds trades but no order books them and is made again."""

    async def main(bench: Bench) -> None:
        async def trades_only(exchange: ScriptedExchange, client_order_id: str) -> LookUp:
            return LookUp(None, exchange.found(client_order_id).fills, complete=True)

        bench.exchange.will_submit(loses_answer)
        bench.exchange.will_look_up(trades_only)
        result = await bench.execute()
        name = result.client_order_id
        bench.exchange.trade(name, "0.4", "100", said=False)
        await bench.pass_ms(6_500)
        assert (bench.order(name).status, bench.order(name).filled_quantity) == (
            "PARTIALLY_FILLED",
            Decimal("0.4"),
        )
        await bench.pass_ms(1_000)
        assert len(bench.exchange.look_ups) == 2

    on_bench(main)


def test_a_look_up_that_answers_about_another_order_proves_nothing() -> None:
    """Such an answer is none: nothing is concluded from it, and the order is looked up again."""

    async def main(bench: Bench) -> None:
        other = await bench.working()

        async def wrong(exchange: ScriptedExchange, _client_order_id: str) -> LookUp:
            return exchange.found(other)

        bench.exchange.will_submit(loses_answer)
        bench.exchange.will_look_up(wrong)
        result = await bench.execute()
        await bench.pass_ms(20_000)
        assert bench.order(result.client_order_id).status == "ACCEPTED"

    on_bench(main)


def test_an_operator_cannot_resolve_what_is_known() -> None:
    """The decision is taken for unresolved orders only; a refusal says why and is recorded."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        answer = await bench.kernel.resolve_not_placed(name, note="guess")
        assert (answer.accepted, answer.code) == (False, "NOT_UNRESOLVED")
        assert bench.order(name).status == "ACCEPTED"
        with pytest.raises(UnknownName):
            await bench.kernel.resolve_not_placed("0" * 32, note="guess")

    on_bench(main)


@pytest.mark.requirement("ERR-5")
def test_what_never_left_is_not_sent() -> None:
    """A client that knows the request never left says so: closed NOT_SENT, nothing is looked up."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.NOT_SENT, "no connection"))
        result = await bench.execute()
        assert (result.status, result.reasons) == ("NOT_SENT", "no connection")
        await bench.pass_ms(60_000)
        assert bench.exchange.look_ups == []

    on_bench(main)


@pytest.mark.requirement("ERR-5")
def test_a_rate_limited_order_is_tried_again_as_an_attempt_of_its_own() -> None:
    """LIMITED says that it is not there: tried again after the pause, each attempt on disk first."""

    async def main(bench: Bench) -> None:
        limited = answers(Outcome.LIMITED, "slow down", 2_000_000_000)
        bench.exchange.will_submit(limited, limited)
        task = bench.spawn_execute()
        await bench.pass_ms(1_900)
        assert bench.exchange.look_ups == []
        assert len(bench.exchange.submits) == 1
        result = await task
        assert result.status == "ACCEPTED"
        assert len(bench.exchange.submits) == 3
        starts = [record for record in bench.records() if type(record).__name__ == "AttemptStarted"]
        assert [start.number for start in starts] == [1, 2, 3]  # type: ignore[union-attr]  # see above

    on_bench(main)


@pytest.mark.parametrize("pause_ns", [0, -5, 10**19])
def test_a_rate_limited_order_is_given_up_in_the_end(pause_ns: int) -> None:
    """However long or short the venue's pause is, attempts and the approval's age are bounded."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(*[answers(Outcome.LIMITED, "slow down", pause_ns)] * 50)
        result = await bench.execute()
        assert result.status == "NOT_SENT"
        assert len(bench.exchange.submits) <= 5
        assert bench.kernel.positions()[0].pending_openings == 0

    on_bench(main)


def test_a_rate_limited_order_is_not_sent_once_trading_is_halted() -> None:
    """An approval does not outlive the trading state that it was given in."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 2_000_000_000))
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="test")
        result = await task
        assert result.status == "NOT_SENT"
        assert len(bench.exchange.submits) == 1

    on_bench(main)


def test_a_rate_limited_exit_is_sent_although_trading_is_halted() -> None:
    """A reduction passes in every trading state, at its second attempt as well."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 2_000_000_000))
        task = bench.spawn_execute("sell", "1", "100")
        await bench.pass_ms(100)
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="test")
        assert (await task).status == "ACCEPTED"

    on_bench(main)


def test_a_cancel_of_a_rate_limited_order_closes_it_unsent() -> None:
    """Between two attempts the order is not at the venue: a cancel closes it, and nothing goes out."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 2_000_000_000))
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        name = bench.exchange.submits[0].client_order_id
        assert (await bench.bot.cancel(name)).accepted
        assert (await task).status == "NOT_SENT"
        await bench.pass_ms(60_000)
        assert (len(bench.exchange.submits), bench.exchange.cancels) == (1, [])

    on_bench(main)


@pytest.mark.requirement("ERR-5")
@pytest.mark.parametrize("arrived", ["", "arrived"])
@pytest.mark.parametrize("death", ["killed", "stopped"])
@pytest.mark.parametrize("fence", [*Fence])
def test_a_restart_while_the_answer_is_awaited(fence: Fence, death: str, arrived: str) -> None:
    """What may have left is unresolved after a restart, then settled by evidence; never sent again."""

    async def main(bench: Bench) -> None:
        async def silently(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            if arrived:
                exchange.place(request)
            return await hangs(exchange, request)

        bench.exchange.will_submit(silently)
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        name = bench.exchange.submits[0].client_order_id
        if death == "killed":
            await bench.die()
        else:
            await bench.kernel.stop()
        await bench.start_another()
        await bench.pass_ms(1)
        waited_out = death == "stopped" and fence is Fence.DEADLINE  # stopping waited for the answer
        unknown = "NOT_PLACED" if waited_out else "UNRESOLVED"
        assert bench.order(name).status == ("ACCEPTED" if arrived else unknown)
        await bench.pass_ms(60_000)
        settled = "UNRESOLVED" if fence is Fence.NONE else "NOT_PLACED"
        assert bench.order(name).status == ("ACCEPTED" if arrived else settled)
        assert bench.exchange.submits_of(name) == 1
        assert bench.anomalies() == []
        task.cancel()

    on_bench(main, fence=fence, horizon_ns=HORIZON_NS)


@pytest.mark.parametrize("fence", FENCES)
def test_a_restart_in_the_middle_of_the_procedure(fence: Fence) -> None:
    """Killed while unresolved, every 700 ms: the timers are armed again from state, and it ends once."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_request)
        result = await bench.execute()
        name = result.client_order_id
        for _ in range(60):
            await bench.pass_ms(700)
            await bench.die()
            await bench.start_another()
        await bench.pass_ms(2_000)
        order = await bench.kernel.find_order(name)
        assert order is not None
        assert order.status == "NOT_PLACED"
        assert bench.exchange.submits_of(name) == 1

    on_bench(main, fence=fence, horizon_ns=HORIZON_NS)


@pytest.mark.parametrize("death", ["killed", "stopped"])
def test_a_cancel_that_was_wanted_is_asked_again_after_a_restart(death: str) -> None:
    """A pending cancel survives: the next kernel asks for it until the order has ended."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(hangs)
        await bench.bot.cancel(name)
        await bench.pass_ms()
        if death == "killed":
            await bench.die()
        else:
            await bench.kernel.stop()
        await bench.start_another()
        await bench.pass_ms(5_000)
        assert bench.order(name).status == "CANCELED"

    on_bench(main)


def test_a_cancel_wanted_while_unresolved_survives_a_restart() -> None:
    """Wanted before anything was known, killed, found live after the restart: canceled."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_answer)
        result = await bench.execute()
        await bench.bot.cancel(result.client_order_id)
        await bench.die()
        await bench.start_another()
        await bench.pass_ms(5_000)
        assert bench.order(result.client_order_id).status == "CANCELED"

    on_bench(main)


def test_a_rate_limited_order_is_closed_by_a_restart() -> None:
    """Between two attempts nothing is at the venue: a restart closes the order NOT_SENT."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 2_000_000_000))
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        name = bench.exchange.submits[0].client_order_id
        await bench.die()
        await bench.start_another()
        assert bench.order(name).status == "NOT_SENT"
        await bench.pass_ms(60_000)
        assert len(bench.exchange.submits) == 1
        task.cancel()

    on_bench(main)


@pytest.mark.requirement("ERR-5", "SEC-5")
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_an_answer_that_is_none_is_unknown(nonsense: Any) -> None:  # noqa: ANN401 - that is the point
    """Whatever a client returns instead of an answer, the outcome is unknown and the venue is asked."""

    async def main(bench: Bench) -> None:
        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            return nonsense  # type: ignore[no-any-return]  # that is the point

        bench.exchange.will_submit(script)
        result = await bench.execute()
        assert result.unresolved
        await bench.pass_ms(10_000)
        assert bench.order(result.client_order_id).status == "ACCEPTED"
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.requirement("ERR-5")
def test_a_client_that_cancels_itself_is_unknown() -> None:
    """A client library that raises CancelledError by itself has not told what became of the order."""
    import asyncio

    async def main(bench: Bench) -> None:
        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            raise asyncio.CancelledError

        bench.exchange.will_submit(script)
        result = await bench.execute()
        assert result.unresolved
        await bench.pass_ms(20_000)
        assert bench.order(result.client_order_id).status == "ACCEPTED"

    on_bench(main)
