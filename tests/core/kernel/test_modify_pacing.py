"""Modifies within the venue's rate limits: what they cost, who waits, who is refused, what is given up."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import ChangeResult, TradingState
from fairlead.domain.records import OrderJudgedAgain
from fairlead.kernel.gate.watchdog import CheckHung
from fairlead.ports.exchange import Outcome, VenueStatus
from fairlead.ports.pacing import EACH, DecayingCounter, Limit, Price, RateLimits, RequestKind, TokenBucket
from fairlead.ports.risk import ALLOW, Deny, RiskRequest, RiskView
from fairlead.testing.modify_scripts import answers_modify
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.changing import abandon, reserved, spawn_modify
from tests.core.kernel.checks import Says
from tests.core.kernel.pacing_limits import left, spends, waits

NO_RESERVE = {"pacing_reserve": "0"}
LONG = {"pacing_reserve": "0", "pacing_wait_max_ms": 600_000}


def limits(capacity: str = "1", per_second: str = "0.1", **prices: Price) -> RateLimits:
    """Return one budget for modifies; submits, cancels and questions are free."""
    kinds = {RequestKind.MODIFY: EACH, **{RequestKind(kind): price for kind, price in prices.items()}}
    return RateLimits((Limit("orders", TokenBucket(capacity, per_second), kinds),))


async def waiting(bench: Bench, **wishes: Any) -> tuple[str, asyncio.Task[ChangeResult]]:  # noqa: ANN401 - as modify_order
    """Have the budget taken by one order's modify, and another one's wait for it."""
    other = await bench.working()
    name = await bench.working()
    assert (await bench.bot.modify_order(other, limit_price="99")).accepted
    task = spawn_modify(bench, name, **wishes)
    await bench.pass_ms()
    assert not task.done()
    return name, task


def test_a_modify_waits_for_its_pace_and_is_announced() -> None:
    """What does not fit waits, with its reservation, and goes out in its turn; the budget counts both."""

    async def main(bench: Bench) -> None:
        name, task = await waiting(bench, quantity="3")
        (wait,) = waits(bench)
        assert (wait.request, wait.lane.value, wait.client_order_id) == (RequestKind.MODIFY, "entry", name)
        assert reserved(bench) == 4
        assert len(bench.exchange.modifies) == 1
        assert (await task).accepted
        assert [kind for kind, _ in spends(bench)] == ["modify", "modify"]
        assert bench.clock.monotonic_ns() > 10_000_000_000

    on_bench(main, pacing=limits(), settings=LONG)


def test_what_raises_nothing_goes_before_growth() -> None:
    """The protective lane: a shrinking modify overtakes one that adds, and is never refused for its wait."""

    async def main(bench: Bench) -> None:
        _, grows = await waiting(bench, quantity="3")
        name = await bench.working()
        assert (await bench.bot.modify_order(name, quantity="0.5")).accepted
        assert not grows.done()
        assert (await grows).accepted
        assert [each.terms.quantity for each in bench.exchange.modifies] == [1, Decimal("0.5"), 3]

    on_bench(main, pacing=limits(), settings=LONG)


def test_a_modify_that_cannot_go_in_time_is_refused_when_asked() -> None:
    """Refused at once with the wait, or because it is told not to wait; nothing stays reserved."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.modify_order(name, quantity="2")).accepted
        for wishes in ({"pacing": "refuse"}, {"wait_max_ms": 500}, {}):
            result = await bench.bot.modify_order(name, quantity="3", **wishes)
            assert result.code == "PACE_EXCEEDED"
        assert (await bench.bot.modify_order(name, quantity="1", pacing="refuse")).code == "PACE_EXCEEDED"
        assert reserved(bench) == 2
        assert len(bench.exchange.modifies) == 1

    on_bench(main, pacing=limits(), settings={**NO_RESERVE, "pacing_wait_max_ms": 1_000})


def test_a_young_order_costs_more_to_change() -> None:
    """The decaying counter's prices by age: the modify of a young order takes more, an old one's less."""
    amend = Price("1", by_age=((5_000, "3"),))
    model = RateLimits((Limit("orders", DecayingCounter("60", "0.001"), {RequestKind.MODIFY: amend}),))

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.modify_order(name, quantity="2")).accepted
        young = left(bench)
        assert 55 < young < 57
        await bench.pass_ms(20_000)
        assert (await bench.bot.modify_order(name, quantity="3")).accepted
        assert young - 1 < left(bench) < young
        before = left(bench)
        await bench.die()
        await bench.start_another()
        assert before <= left(bench) < before + Decimal("0.1"), "it is where it was"

    on_bench(main, pacing=model, settings=NO_RESERVE)


def test_a_refusal_for_the_rate_limit_empties_the_budget() -> None:
    """The venue knows better than our count."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_modify(answers_modify(Outcome.LIMITED, "too many", 2_000_000_000))
        task = spawn_modify(bench, name, quantity="2")
        await bench.pass_ms(10)
        assert left(bench) == 0
        assert (await task).accepted

    on_bench(main, pacing=limits("9"), settings=NO_RESERVE)


@pytest.mark.parametrize("what", ["cancel", "fill", "end", "die", "state", "below"])
def test_what_comes_before_its_turn_is_seen_to(what: str) -> None:
    """A modify that waits never left: whatever makes it needless ends it, and frees what it reserved."""

    async def main(bench: Bench) -> None:
        wishes = {"quantity": "0.5", "limit_price": "101"} if what == "below" else {"quantity": "3"}
        name, task = await waiting(bench, **wishes)
        code = "NOT_SENT"
        if what == "cancel":
            code = "WITHDRAWN"
            await bench.bot.cancel(name)
        elif what == "fill":
            code = "ORDER_CLOSED"
            bench.exchange.trade(name, "1", "100")
        elif what == "end":
            code = "ORDER_CLOSED"
            bench.exchange.end(name, VenueStatus.CANCELED)
        elif what == "below":
            bench.exchange.trade(name, "0.6", "100")
        elif what == "die":
            await bench.die()
            await bench.start_another()
            await abandon(task)
        elif what == "state":
            await bench.kernel.set_trading_state(TradingState.REDUCING, reason="test")
        if what == "die":
            (row,) = [row for row in await bench.store.rows("changes") if row["client_order_id"] == name]
            assert row["code"] == code
        else:
            assert (await task).code == code
        await bench.pass_ms(60_000)
        assert len(bench.exchange.modifies) == 1
        open_left = {"cancel": "0", "fill": "0", "end": "0", "below": "0.4"}.get(what, "1")
        assert reserved(bench) == 1 + Decimal(open_left)
        if what == "fill":
            assert bench.order(name).status == "FILLED"

    settings = {**NO_RESERVE, "pacing_wait_max_ms": 600_000, "approval_ttl_ms": 600_000}
    fast = "0.1" if what in ("state", "below") else "0.01"
    on_bench(main, pacing=limits(per_second=fast), settings=settings)


def test_a_modify_that_others_overtake_for_too_long_is_given_up() -> None:
    """Cancels go first; what then waited as long as it may is not sent, and says so."""

    async def main(bench: Bench) -> None:
        name, task = await waiting(bench, quantity="3", wait_max_ms=11_000)
        for _ in range(3):
            await bench.bot.cancel(await bench.working())
        result = await task
        assert result.code == "NOT_SENT"
        assert "as long as it was allowed" in result.reason
        assert (bench.order(name).status, bench.order(name).wish) == ("ACCEPTED", None)

    on_bench(main, pacing=limits(cancel=EACH), settings=LONG)


@pytest.mark.parametrize("verdict", ["allows", "denies", "hangs"])
def test_a_modify_that_waited_too_long_is_judged_again(verdict: str) -> None:
    """Its approval has grown old: the gate is asked again before it goes."""
    now = ["allows"]

    def judge(_request: RiskRequest, _view: RiskView, _value: str) -> object:
        if now[0] == "hangs":
            raise CheckHung
        return ALLOW if now[0] == "allows" else Deny("NO", "Not any more.")

    async def main(bench: Bench) -> None:
        name, task = await waiting(bench, quantity="3")
        now[0] = verdict
        result = await task
        assert result.code == ("MODIFIED" if verdict == "allows" else "NOT_SENT")
        (again,) = [each for each in bench.records() if isinstance(each, OrderJudgedAgain)]
        assert (again.client_order_id, again.allowed) == (name, verdict == "allows")

    on_bench(main, pacing=limits(), settings={**LONG, "approval_ttl_ms": 5_000}, checks=(Says(judge),))


@pytest.mark.parametrize("taken", [False, True])
def test_an_exit_that_waited_still_only_reduces(taken: bool) -> None:  # noqa: FBT001 - a case
    """What is held may have shrunk meanwhile: then a larger exit is not sent."""

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        other = await bench.working("buy", "1", "90")
        first = (await bench.execute("sell", "1", "130")).client_order_id
        name = (await bench.execute("sell", "1", "120")).client_order_id
        assert (await bench.bot.modify_order(other, limit_price="91")).accepted
        task = spawn_modify(bench, name, quantity="2")
        await bench.pass_ms()
        if taken:
            bench.exchange.trade(first, "2", "130")  # the venue sells more than was ordered
        assert (await task).code == ("NOT_SENT" if taken else "MODIFIED")

    on_bench(main, pacing=limits(), settings=LONG)
