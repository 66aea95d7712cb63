"""Good until a date: the venue's business where it offers that, else a cancel that the kernel asks for."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead import Proposal, TimeInForce
from fairlead.ports.exchange import Outcome, VenueStatus
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    SubmitScript,
    answers,
    fails_to_look,
    loses_answer,
    loses_request,
    takes_cancel,
)
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench

MINUTE_MS = 60_000
MS = 1_000_000


def venue(*, holds: bool) -> ScriptedExchange:
    """Return a venue that keeps the date itself, or does not know of such orders."""
    times = TimeInForce if holds else [TimeInForce.GTC, TimeInForce.IOC]
    return ScriptedExchange([instrument()], times_in_force=times)


async def dated(bench: Bench, in_ms: int = MINUTE_MS, **wishes: Any) -> str:  # noqa: ANN401 - several types
    """Have an order that ends after so many milliseconds; return its id."""
    wishes = {"limit_price": "99", **wishes}
    expire_ns = bench.clock.wall_ns() + in_ms * MS
    proposal = Proposal.buy(BTC, quantity="1", time_in_force="gtd", expire_ns=expire_ns, **wishes)
    return (await bench.bot.execute(proposal)).client_order_id


@pytest.mark.parametrize("holds", [True, False])
def test_the_venue_is_told_what_it_understands(holds: bool) -> None:  # noqa: FBT001 - a case
    """Where the date is not taken the order goes out good until canceled, and the date stays here."""

    async def main(bench: Bench) -> None:
        name = await dated(bench)
        [request] = bench.exchange.submits
        view = bench.order(name)
        assert view.time_in_force is TimeInForce.GTD
        expected = (TimeInForce.GTD, view.expire_ns) if holds else (TimeInForce.GTC, 0)
        assert (request.time_in_force, request.expire_ns) == expected
        assert view.expire_ns > bench.clock.wall_ns()

    on_bench(main, exchange=venue(holds=holds))


def test_the_kernel_asks_for_a_cancel_when_the_time_has_come() -> None:
    """Not before; once; and the end is what the venue says."""

    async def main(bench: Bench) -> None:
        name = await dated(bench)
        await bench.pass_ms(MINUTE_MS - 2)
        assert bench.exchange.cancels == []
        bench.exchange.will_cancel(takes_cancel)
        await bench.pass_ms(3)
        assert bench.exchange.cancels == [name]
        assert bench.order(name).status == "PENDING_CANCEL"
        assert "the kernel holds the date" in bench.order(name).detail
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert bench.order(name).status == "CANCELED"

    on_bench(main, exchange=venue(holds=False))


def test_other_timers_of_the_order_do_not_lose_the_date() -> None:
    """An order that was unresolved meanwhile is canceled at its time all the same."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(places_in_silence)
        name = await dated(bench)
        assert bench.order(name).status == "UNRESOLVED"
        await bench.pass_ms(20_000)
        assert bench.order(name).status == "ACCEPTED"
        await bench.pass_ms(MINUTE_MS)
        assert bench.exchange.cancels == [name]

    on_bench(main, exchange=venue(holds=False))


async def places_in_silence(exchange: ScriptedExchange, request: Any) -> Any:  # noqa: ANN401 - a script
    """The order arrives and nobody says so."""
    exchange.place(request)
    return await loses_request(exchange, request)


@pytest.mark.parametrize(("fate", "end"), [(loses_request, "NOT_PLACED"), (loses_answer, "CANCELED")])
def test_a_date_does_not_lose_the_look_up_of_an_order_that_is_unresolved(
    fate: SubmitScript, end: str
) -> None:
    """Its time comes while nobody knows whether it arrived: it is looked up all the same, and has an end."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(fate)
        bench.exchange.will_look_up(fails_to_look)
        name = await dated(bench, in_ms=1_000)
        assert bench.order(name).status == "UNRESOLVED"
        await bench.pass_ms(1_100)
        assert bench.order(name).status == "PENDING_CANCEL"
        assert bench.order(name).phase == "unresolved"
        await bench.pass_ms(20_000)
        assert bench.order(name).status == end

    on_bench(main, exchange=venue(holds=False))


@pytest.mark.parametrize("passed", [False, True])
def test_the_date_survives_a_restart(passed: bool) -> None:  # noqa: FBT001 - a case
    """It is armed again from state when reconciliation has passed; what is due by then is done then."""

    async def main(bench: Bench) -> None:
        name = await dated(bench)
        await bench.kernel.stop()
        if passed:
            await bench.pass_ms(2 * MINUTE_MS)
        await bench.start_another()
        await bench.pass_ms(1)
        assert bench.exchange.cancels == ([name] if passed else [])
        await bench.pass_ms(2 * MINUTE_MS)
        assert bench.exchange.cancels == [name]
        assert bench.order(name).status == "CANCELED"

    on_bench(main, exchange=venue(holds=False))


def test_a_jump_of_the_wall_clock_ends_nothing() -> None:
    """Time is counted from when the date was armed, and the venue alone ends an order."""

    async def main(bench: Bench) -> None:
        name = await dated(bench)
        bench.clock.jump_wall_ns(24 * 60 * MINUTE_MS * MS)
        await bench.pass_ms(MINUTE_MS - 2)
        assert bench.exchange.cancels == []
        assert bench.order(name).status == "ACCEPTED"
        await bench.pass_ms(3)
        assert bench.exchange.cancels == [name]

    on_bench(main, exchange=venue(holds=False))


def test_a_jump_back_lets_it_live_until_its_time() -> None:
    """The timer that comes too early by the wall clock is armed again."""

    async def main(bench: Bench) -> None:
        await dated(bench)
        bench.clock.jump_wall_ns(-1 * 60 * MINUTE_MS * MS)
        await bench.pass_ms(2 * MINUTE_MS)
        assert bench.exchange.cancels == []

    on_bench(main, exchange=venue(holds=False))


def test_the_venues_own_date_is_looked_up_until_the_end_is_known() -> None:
    """Where the venue ends it, the kernel never cancels: it asks what became of it."""

    async def main(bench: Bench) -> None:
        name = await dated(bench)
        await bench.pass_ms(MINUTE_MS)
        assert bench.exchange.look_ups == []
        await bench.pass_ms(2_000)
        assert bench.exchange.look_ups == [name]
        assert bench.order(name).status == "ACCEPTED"
        bench.exchange.end(name, VenueStatus.EXPIRED, said=False)
        await bench.pass_ms(2 * MINUTE_MS)
        assert bench.order(name).status == "EXPIRED"
        assert bench.exchange.cancels == []

    on_bench(main, exchange=venue(holds=True))


def test_a_date_in_the_past_is_denied() -> None:
    """An order that would be over before it began is denied, with both times."""

    async def main(bench: Bench) -> None:
        name = await dated(bench, in_ms=0)
        assert bench.order(name).denial_code == "EXPIRE_TIME_PASSED"
        assert "expire_ns=" in bench.order(name).detail
        assert bench.exchange.submits == []

    on_bench(main, exchange=venue(holds=False))


def test_an_order_that_waits_here_ends_here() -> None:
    """One that the rate limit turned away and that is not on the wire ends unsent at its time."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(*[answers(Outcome.LIMITED, "slow", 5_000 * MS)] * 2)
        task = bench.loop.create_task(dated(bench, in_ms=7_000))
        await bench.pass_ms(MINUTE_MS)
        name = await task
        assert bench.order(name).status == "NOT_SENT"
        assert len(bench.exchange.submits) == 2

    on_bench(main, exchange=venue(holds=True))


def test_a_cancel_that_was_asked_for_is_not_asked_twice() -> None:
    """The owner's own cancel is under way when the time comes: it is repeated, not asked anew."""

    async def main(bench: Bench) -> None:
        name = await dated(bench)
        bench.exchange.will_cancel(*[takes_cancel] * 200)
        await bench.bot.cancel(name)
        await bench.pass_ms(2 * MINUTE_MS)
        asked = [record for record in bench.records() if getattr(record, "event", "") == "cancel_requested"]
        assert len(asked) == 1
        assert bench.order(name).status == "PENDING_CANCEL"

    on_bench(main, exchange=venue(holds=False))
