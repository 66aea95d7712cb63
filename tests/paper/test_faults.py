"""The fault plan: repeatable, counted, and each kind of fault does what its name says."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from decimal import Decimal
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from fairlead.errors import ExchangeFault
from fairlead.ports.exchange import Answer, FillReport, OrderReport, Outcome, SubmitRequest
from fairlead.testing import run
from fairlead.testing.conformance.exchange_world import RecordingSink, connected, resting_buy
from fairlead_paper.client import PaperClient
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.fault_link import FaultyLink
from fairlead_paper.fault_plan import FaultPlan
from fairlead_paper.link import InProcessLink, Link
from fairlead_paper.messages import State
from fairlead_paper.settings import FaultSettings
from tests.paper.paper_world import TIMEOUT_NS, PaperWorld

SECOND_NS = 1_000_000_000


def in_world(test: Callable[[PaperWorld], Coroutine[Any, Any, None]]) -> None:
    """Run a test in a fresh world on virtual time."""

    async def main() -> None:
        world = PaperWorld()
        try:
            await test(world)
        finally:
            await world.close()

    run(main)


def draws(plan: FaultPlan, kind: FaultKind) -> list[bool]:
    """Return what a plan has for one kind."""
    return [plan.draw((kind,)) is kind for _ in range(200)]


def plan_of(seed: int, session: int, kinds: Iterable[FaultKind], rate: str = "0.3") -> FaultPlan:
    """Return a plan in which these kinds have the rate."""
    return FaultPlan(FaultSettings(seed=seed, rates=dict.fromkeys(kinds, Decimal(rate))), session)


def test_a_plan_is_repeatable_and_its_kinds_are_independent() -> None:
    """Seed and session decide; another kind's rate shifts no draw; another seed or session does."""
    lost = FaultKind.LOST_ANSWER
    alone = draws(plan_of(1, 1, [lost]), lost)
    among_others = plan_of(1, 1, FaultKind)
    mixed = []
    for _ in range(200):
        among_others.draw((FaultKind.DISCONNECT,))
        mixed.append(among_others.draw((lost,)) is lost)

    assert mixed == alone
    assert 30 < sum(alone) < 90
    assert draws(plan_of(2, 1, [lost]), lost) != alone
    assert draws(plan_of(1, 2, [lost]), lost) != alone
    assert not any(draws(plan_of(1, 1, [lost], "0"), lost))
    assert all(draws(plan_of(1, 1, [lost], "1"), lost))


@attrs.define
class Episode:
    """What a run over a faulty link came to."""

    answers: list[tuple[SubmitRequest, Answer]]
    sink: RecordingSink
    state: State
    fired: dict[str, int]
    cursor_fills: list[FillReport]
    balances: dict[str, Decimal]


class SeededWorld(PaperWorld):
    """A world whose faults come from a seeded plan."""

    rates: FaultSettings = FaultSettings()

    def link(self) -> Link:
        """Return a link with that plan."""
        inner = InProcessLink(self.desk, "main")
        return FaultyLink(inner, lambda session: FaultPlan(self.rates, session), self.clock, TIMEOUT_NS)


async def read(question: Callable[[], Coroutine[Any, Any, Any]]) -> object:
    """Ask until there is an answer: reading may be repeated."""
    while True:
        try:
            return await question()
        except ExchangeFault:
            continue


async def episode(seed: int) -> Episode:
    """Trade over a link on which everything goes wrong at times; then let all arrive, and read the truth."""
    world = SeededWorld()
    world.rates = FaultSettings(seed=seed, rates=dict.fromkeys(FaultKind, Decimal("0.08")))
    client = await world.client()
    sink = RecordingSink()
    await client.connect(sink)
    answers = []
    for number in range(30):
        request = resting_buy(world)
        answer = await client.submit(request)
        answers.append((request, answer))
        if number % 3 == 0:
            await client.cancel(request.client_order_id, answer.venue_order_id, request.symbol)
        await client.look_up(request.client_order_id, request.symbol)
        await world.trade(world.resting_price, world.quantity)
        await read(lambda: client.fills_since(""))
        await world.advance_ns(SECOND_NS)
    client.stop_faults()
    await world.advance_ns(300 * SECOND_NS)
    result = Episode(
        answers,
        sink,
        await client.venue_state(),
        dict(client.faults_fired),
        await history(client),
        {asset: balance.total for asset, balance in (await client.balances()).items()},
    )
    await world.close()
    return result


async def history(client: PaperClient) -> list[FillReport]:
    """Read the whole fill history."""
    fills: list[FillReport] = []
    cursor, more = "", True
    while more:
        page = await client.fills_since(cursor)
        fills += page.fills
        cursor, more = page.cursor, page.more
    return fills


def test_under_every_fault_no_answer_lies() -> None:
    """Over 25 seeds: what was refused, limited or not sent never exists; what was accepted does, once."""
    fired: set[str] = set()
    for seed in range(25):
        told = run(lambda seed=seed: episode(seed))  # type: ignore[misc]  # a default binds the loop
        fired |= told.fired.keys()
        filled = {fill.client_order_id for fill in told.cursor_fills}
        for request, answer in told.answers:
            if answer.outcome in {Outcome.REFUSED, Outcome.LIMITED, Outcome.NOT_SENT}:
                assert request.client_order_id not in filled
            else:
                assert answer.outcome in {Outcome.ACCEPTED, Outcome.UNKNOWN}
        assert len({fill.trade_id for fill in told.cursor_fills}) == len(told.cursor_fills)
        spent = sum((fill.value or Decimal(0)) + fill.fee for fill in told.cursor_fills)
        assert told.balances["USDT"] == Decimal(100_000) - spent
        assert told.state.faults == told.fired
        accepted = [answer for _, answer in told.answers if answer.outcome is Outcome.ACCEPTED]
        assert len(accepted) <= told.state.orders <= len(told.answers)
        assert len({answer.venue_order_id for answer in accepted}) == len(accepted)
        known = {fill.trade_id for fill in told.cursor_fills}
        assert {fill.trade_id for fill in told.sink.fills} <= known
    assert fired == {kind.value for kind in FaultKind}


def test_the_same_seed_gives_the_same_episode() -> None:
    """An episode with all faults is repeated to the last report."""
    first, second = (run(lambda: episode(11)) for _ in range(2))

    assert first == second
    assert first != run(lambda: episode(12))


def test_a_late_request_is_placed_after_the_client_gave_up() -> None:
    """The client hears nothing and says UNKNOWN; the venue takes the order later, before its deadline."""

    async def test(world: PaperWorld) -> None:
        client, _ = await connected(world)
        request = resting_buy(world)
        world.plan.script[FaultKind.LATE_REQUEST] = 0
        answer = await client.submit(request)
        assert answer.outcome is Outcome.UNKNOWN
        assert await world.orders_at_venue(request.client_order_id) == 0
        await world.advance_ns(60 * SECOND_NS)
        assert await world.orders_at_venue(request.client_order_id) == 1
        [order] = await client.open_orders()
        assert order.ts_event < request.deadline_ns

    in_world(test)


def test_a_late_request_is_gone_when_the_client_disconnects() -> None:
    """What was on its way when the client disconnected never arrives."""

    async def test(world: PaperWorld) -> None:
        client, _ = await connected(world)
        request = resting_buy(world)
        world.plan.script[FaultKind.LATE_REQUEST] = 0
        await client.submit(request)
        await client.disconnect()
        await world.advance_ns(60 * SECOND_NS)
        assert await world.orders_at_venue(request.client_order_id) == 0

    in_world(test)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.DUPLICATE_REPORT, "OFFO"),  # the acceptance comes again, after all that followed
        (FaultKind.DELAYED_REPORT, "FFO"),
        (FaultKind.REORDERED_REPORT, "FOFO"),
    ],
)
def test_reports_come_twice_late_or_in_another_order(kind: FaultKind, expected: str) -> None:
    """The acceptance (O) of an order that fills twice (F F) and ends (O) meets each fault of the stream."""

    async def test(world: PaperWorld) -> None:
        client, sink = await connected(world)
        once = resting_buy(world)
        request = replace(once, quantity=once.quantity * 2)
        world.plan.script[kind] = 0
        await client.submit(request)
        await world.trade(world.resting_price, world.quantity)
        await world.trade(world.resting_price, world.quantity)
        own = [report for report in sink.reports if isinstance(report, OrderReport | FillReport)]
        letters = "".join("O" if isinstance(report, OrderReport) else "F" for report in own)
        assert letters == expected
        await world.advance_ns(20 * SECOND_NS)
        own = [report for report in sink.reports if isinstance(report, OrderReport | FillReport)]
        assert len(own) == (5 if kind is FaultKind.DUPLICATE_REPORT else 4)
        assert isinstance(client, PaperClient)
        assert client.faults_fired == {kind.value: 1}

    in_world(test)


def test_a_late_answer_is_the_true_answer() -> None:
    """It comes within the timeout, after the fills that it caused were reported."""

    async def test(world: PaperWorld) -> None:
        client, sink = await connected(world)
        request = resting_buy(world)
        world.plan.script[FaultKind.LATE_ANSWER] = 0
        began = world.now_ns()
        answer = await client.submit(request)
        assert answer.outcome is Outcome.ACCEPTED
        assert 0 < world.now_ns() - began < TIMEOUT_NS
        assert sink.orders[0].venue_order_id == answer.venue_order_id

    in_world(test)


def test_a_history_page_may_repeat_a_fill() -> None:
    """The repetition is told with the page, and the cursor is not moved by it."""

    async def test(world: PaperWorld) -> None:
        client, _ = await connected(world)
        await client.submit(resting_buy(world))
        await world.trade(world.resting_price, world.quantity)
        world.plan.script[FaultKind.DUPLICATE_FILL] = 0
        page = await client.fills_since("")
        assert [fill.trade_id for fill in page.fills] == [page.fills[0].trade_id] * 2
        assert (await client.fills_since("")).cursor == page.cursor

    in_world(test)
