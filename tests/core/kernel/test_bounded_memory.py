"""Memory holds a bounded number of finished orders; every other one is found all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

import pytest

from fairlead import OrderView, TradingState
from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked
from fairlead.domain.closings import Closing
from fairlead.domain.episodes import Episode, PositionSide
from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.errors import InvalidInput, JournalUnavailable
from fairlead.kernel.core.state import CommandEntry, EngineState
from fairlead.kernel.engine import eviction
from fairlead.kernel.engine.eviction import Eviction
from fairlead.kernel.venue.monitoring import SCHEDULED
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import OrderReport, VenueStatus
from fairlead.testing.memory_store import AppendFault
from tests.core.kernel.bench import BTC, Bench, on_bench

FEW = {"closed_orders_max": 2}


async def filled(bench: Bench, key: str | None = None) -> str:
    """Have an order filled, and that durable; return its id."""
    name = (await bench.execute(key=key)).client_order_id
    bench.exchange.trade(name, "1", "100")
    await bench.pass_ms(5)
    return name


def held(bench: Bench) -> list[str]:
    """Return the ids of the orders that memory holds."""
    return [order.client_order_id for order in bench.kernel.orders()]


@pytest.mark.requirement("P2-2")
def test_memory_holds_as_many_finished_orders_as_set() -> None:
    """The oldest leave, live ones stay; no list of the engine grows with the number of orders."""

    async def main(bench: Bench) -> None:
        working = await bench.working("buy", "1", "50")
        names = [await filled(bench, f"key-{number}") for number in range(20)]
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="to have one denied")
        assert (await bench.execute()).denied
        state = bench.kernel._parts.engine.state
        assert working in state.orders
        assert len(state.orders) <= 1 + 2 + 2, "those whose last change is not durable yet stay"
        assert not set(names[:16]) & set(state.orders)
        assert len(state.commands) <= 4
        assert set(state.finished) == set(state.orders) - {working}, "denied ones among them"

    on_bench(main, settings=FEW)


@pytest.mark.requirement("P2-2")
def test_a_finished_order_leaves_by_age_as_well() -> None:
    """One that has not changed for closed_order_max_age_ms leaves with the next step."""

    async def main(bench: Bench) -> None:
        old = await filled(bench)
        await bench.pass_ms(500)
        young = await filled(bench)
        assert {old, young} <= set(held(bench))
        await bench.pass_ms(600)
        await bench.execute()
        assert old not in held(bench)
        assert young in held(bench)

    on_bench(main, settings={"closed_order_max_age_ms": 1_000})


@pytest.mark.requirement("P0-1")
def test_an_order_that_left_is_found_by_id() -> None:
    """With all it had, whoever asks: a reader, a waiter, its owner who cancels, a repeated command."""

    async def main(bench: Bench) -> None:
        result = await bench.execute(key="first")
        name = result.client_order_id
        bench.exchange.trade(name, "1", "100", fee="0.26")
        before = await result.closed()
        for _ in range(5):
            await filled(bench)
        assert bench.kernel.order(name) is None
        assert await bench.kernel.find_order(name) == before
        for _ in range(5):
            await filled(bench)
        assert await result.closed() == before
        for _ in range(5):
            await filled(bench)
        assert (await bench.bot.cancel(name)).code == "ALREADY_CLOSED"
        for _ in range(5):
            await filled(bench)
        assert (await bench.execute(key="first")).order == before
        assert bench.exchange.submits_of(name) == 1
        with pytest.raises(InvalidInput):
            await bench.execute(quantity="2", key="first")
        assert (await bench.execute(key="first")).order == before

    on_bench(main, settings=FEW)


def test_what_was_only_looked_at_does_not_stay_in_memory() -> None:
    """Reading back every order there was, one after another or all at once, without a step in between."""

    async def main(bench: Bench) -> None:
        names = [await filled(bench) for _ in range(20)]
        await bench.pass_ms(100)
        steps = bench.kernel._parts.engine.steps
        for name in names:
            assert (await bench.kernel.find_order(name)) is not None
            assert len(held(bench)) <= FEW["closed_orders_max"]
        found = await asyncio.gather(*(bench.kernel.find_order(name) for name in names))
        assert [order.client_order_id for order in found if order] == names
        assert len(held(bench)) <= FEW["closed_orders_max"]
        assert bench.kernel._parts.engine.steps == steps

    on_bench(main, settings=FEW)


@pytest.mark.requirement("P0-1")
def test_a_late_fill_finds_its_order() -> None:
    """A trade of an order that left memory is booked on it and its position, once."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bench.exchange.trade(name, "1", "100")
        await bench.bot.cancel(name)
        await bench.pass_ms(5)
        for _ in range(5):
            await filled(bench)
        assert name not in held(bench)
        late = bench.exchange.trade(name, "1", "100")
        bench.exchange.say(late)
        await bench.pass_ms(5)
        assert bench.order(name).status == "FILLED"
        assert await bench.position() == Decimal(7)
        assert "late_fill" in bench.anomalies()
        for _ in range(5):
            await filled(bench)
        assert name not in held(bench)
        bench.exchange.say(late)
        await bench.pass_ms(5)
        assert bench.order(name).filled_quantity == Decimal(2)
        await bench.restart()
        assert await bench.position() == Decimal(12)

    on_bench(main, settings=FEW)


def test_what_is_not_durable_does_not_leave() -> None:
    """While a commit hangs, the orders whose end is in it stay, however many there are."""

    async def main(bench: Bench) -> None:
        names = [(await bench.execute()).client_order_id for _ in range(6)]
        reached = asyncio.Event()
        go_on = asyncio.Event()

        async def before(method: str) -> None:
            if method == "append":
                reached.set()
                await go_on.wait()

        bench.before = before
        for name in names:
            bench.exchange.trade(name, "1", "100")
        await reached.wait()
        await bench.pass_ms(5)
        meanwhile = set(held(bench))
        go_on.set()
        assert set(names) <= meanwhile
        await bench.kernel.settled()
        await filled(bench)
        assert not set(names[:5]) & set(held(bench))

    on_bench(main, settings=FEW)


@pytest.mark.requirement("SEC-4")
def test_a_repeated_command_is_not_overtaken_by_an_eviction() -> None:
    """While one caller looks its key up in the store, the first order with it fills and would leave."""

    async def main(bench: Bench) -> None:
        looked, go_on = asyncio.Event(), asyncio.Event()

        async def before(method: str) -> None:
            if method == "rows_where commands":
                looked.set()
                await go_on.wait()

        bench.before = before
        second = bench.spawn_execute(key="once")
        await looked.wait()
        bench.before = nothing
        first = (await bench.execute(key="once")).client_order_id
        bench.exchange.trade(first, "1", "100")
        await bench.pass_ms(5)
        for _ in range(5):
            await filled(bench)
        go_on.set()
        async with bench.clock.timeout_ns(60 * NANOSECONDS_PER_SECOND):
            assert (await second).client_order_id == first
        assert len({request.client_order_id for request in bench.exchange.submits}) == 6

    on_bench(main, settings=FEW)


def state_with(bench: Bench, name: str) -> EngineState:
    """Return a state that holds one finished order, and that a zombie."""
    state = bench.kernel._parts.engine.state
    alone = EngineState("test", "00000000")
    alone.orders[name], alone.finished[name], alone.zombies[name] = state.orders[name], 1, None
    return alone


async def nothing(_method: str) -> None:
    """Let the store do what it was asked."""


def test_a_zombie_does_not_leave() -> None:
    """An order that the venue shows alive after its end stays until that is over, and is canceled."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.end(name, bench.exchange.orders[name].status.CANCELED)
        await bench.pass_ms(5)
        bench.exchange.orders[name].status = bench.exchange.orders[name].status.LIVE
        await bench.kernel.reconcile()
        assert "zombie" in bench.anomalies()
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="seen to")
        for _ in range(6):
            await filled(bench)
        assert name in held(bench)
        assert name in bench.exchange.cancels
        bench.kernel._parts.engine.eviction.run(alone := state_with(bench, name), 10**9, 10**19)
        assert list(alone.orders) == list(alone.finished) == [name]

    on_bench(main, settings=FEW)


@pytest.mark.parametrize("reason", ["asked for", SCHEDULED])
def test_an_order_that_ends_while_others_are_looked_up_needs_no_look_up(reason: str) -> None:
    """A reconciliation does not stumble over an order that finished, and left, in the middle of it."""

    async def main(bench: Bench) -> None:
        first, second = await bench.working(), await bench.working()
        for name in (first, second):
            bench.exchange.end(name, bench.exchange.orders[name].status.CANCELED, said=False)

        async def tells_of_the_other(_exchange: object, name: str) -> object:
            bench.exchange.say(bench.exchange.report(second))
            await bench.pass_ms(5)
            for _ in range(3):
                await filled(bench)
            return bench.exchange.found(name)

        bench.exchange.will_look_up(tells_of_the_other)  # type: ignore[arg-type]  # typed loosely on purpose
        report = await bench.kernel._parts.reconciler.run(reason)
        assert second not in held(bench)
        assert report.resolved == 2
        assert bench.exchange.look_ups == [first]

    on_bench(main, settings=FEW)


@pytest.mark.requirement("P0-1")
@pytest.mark.parametrize("reason", ["asked for", SCHEDULED])
def test_an_order_that_leaves_while_it_is_looked_up_is_still_ours(reason: str) -> None:
    """It fills and leaves before the look-up's answer is there: the answer finds it, and nothing halts."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.orders[name].status = VenueStatus.CANCELED  # so that no list of open orders has it

        async def fills_it(_exchange: object, _name: str) -> object:
            bench.exchange.trade(name, "1", "100")
            await bench.pass_ms(5)
            for _ in range(3):
                await filled(bench)
            assert name not in held(bench)
            return bench.exchange.found(name)

        bench.exchange.will_look_up(fills_it)  # type: ignore[arg-type]  # typed loosely on purpose
        await bench.kernel._parts.reconciler.run(reason)
        assert bench.exchange.look_ups == [name]
        assert not bench.anomalies()
        assert bench.kernel.trading_state is TradingState.ACTIVE
        assert await bench.position() == Decimal(4)

    on_bench(main, settings=FEW)


@pytest.mark.requirement("P0-1")
def test_a_list_from_before_an_order_ended_and_left_revives_nothing() -> None:
    """Listed as open, it is canceled and leaves memory, then the list arrives: it is no zombie."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.pass_ms(5)
        listing = bench.exchange.open_orders

        async def lists_late() -> Sequence[OrderReport]:
            listed = await listing()
            bench.exchange.end(name, VenueStatus.CANCELED)
            await bench.pass_ms(5)
            for _ in range(3):
                await filled(bench)
            assert name not in held(bench)
            return listed

        bench.exchange.open_orders = lists_late  # type: ignore[method-assign]  # the venue is slow
        await bench.kernel.reconcile()
        assert bench.order(name).status == "CANCELED"
        assert bench.anomalies() == []
        assert bench.exchange.cancels == []
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, settings=FEW)


def test_an_order_that_lives_on_after_it_left_is_noticed() -> None:
    """Asked after its end, the venue lists it all the same: it is a zombie, whether or not memory held it."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        [listed] = await bench.exchange.open_orders()
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms(5)
        for _ in range(3):
            await filled(bench)
        assert name not in held(bench)

        async def lists() -> Sequence[OrderReport]:
            return [listed]

        bench.exchange.open_orders = lists  # type: ignore[method-assign]  # the venue lists it still
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["zombie"]
        assert bench.kernel.trading_state is TradingState.REDUCING

    on_bench(main, settings=FEW)


def leave(state: EngineState, *changes: tuple[str, int]) -> EngineState:
    """Let orders leave memory, each with the instant at which it had changed."""
    for name, changed_ns in changes:
        finished(state, name, 0, 1)
        state.orders[name].changed_monotonic_ns = changed_ns
        Eviction(0, 0).run(state, durable_sequence=1, now_ns=0)
    assert not state.orders
    return state


def test_of_the_last_that_left_it_is_known_when_they_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is bounded by number; one that leaves again is one of the last, one that did not change is none."""
    monkeypatch.setattr(eviction, "DEPARTED_MAX", 2)
    state = leave(EngineState("test", "00000000"), ("a", 10), ("b", 20), ("a", 30), ("read", -1))
    assert (state.departed, state.forgotten_monotonic_ns) == ({"b": 20, "a": 30}, -1)
    leave(state, ("c", 15))
    assert (state.departed, state.forgotten_monotonic_ns) == ({"a": 30, "c": 15}, 20)
    leave(state, ("d", 40), ("e", 50))
    assert (state.departed, state.forgotten_monotonic_ns) == ({"d": 40, "e": 50}, 30)


def test_what_was_asked_before_a_forgotten_change_is_no_evidence() -> None:
    """It may be older than what an order that left had gone through; what was asked later knows of it."""
    state = EngineState("test", "00000000")
    state.forgotten_monotonic_ns = 30
    assert not state.asked_after(-1, 30)
    assert state.asked_after(-1, 31)


@pytest.mark.parametrize("fault", [AppendFault.UNCERTAIN_STORED, AppendFault.FAILS])
def test_a_recovery_loses_no_order_that_had_left(fault: AppendFault) -> None:
    """After memory was rebuilt from the store, orders that had left before are still found."""

    async def main(bench: Bench) -> None:
        names = [await filled(bench) for _ in range(5)]
        faults = [fault]
        bench.faults = lambda _batch: faults.pop() if faults else None
        with suppress(JournalUnavailable):
            await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="to commit something")
        await bench.pass_ms(5_000)
        found = [await bench.kernel.find_order(name) for name in names]
        assert [view.status for view in found if isinstance(view, OrderView)] == ["FILLED"] * 5

    on_bench(main, settings=FEW)


@pytest.mark.requirement("P0-1")
def test_whoever_waits_for_an_old_order_is_answered_after_a_recovery() -> None:
    """The answer to a repeated command waits for a commit that fails; the order it names is past its age."""

    async def main(bench: Bench) -> None:
        first = await filled(bench, "first")
        await bench.pass_ms(2_000)
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def before(method: str) -> None:
            if method == "append":
                reached.set()
                await go_on.wait()

        bench.before = before
        faults = [AppendFault.FAILS]
        bench.faults = lambda _batch: faults.pop() if faults else None
        other = bench.spawn_execute()
        await reached.wait()
        repeated = bench.spawn_execute(key="first")
        await bench.pass_ms(5)
        assert not repeated.done()
        go_on.set()
        async with bench.clock.timeout_ns(60 * NANOSECONDS_PER_SECOND):
            with pytest.raises(JournalUnavailable):
                await other
            assert (await repeated).client_order_id == first

    on_bench(main, settings={"closed_order_max_age_ms": 1_000})


def test_a_key_leaves_when_its_record_is_durable() -> None:
    """The oldest first, and none whose record the store does not have yet."""
    state = EngineState("test", "00000000")
    for number in (1, 2, 3, 4):
        key = f"key-{number}"
        state.commands["bot", key] = CommandEntry("bot", key, "", "", 0, sequence=number)
    eviction = Eviction(1, 1)
    eviction.run(state, durable_sequence=2, now_ns=0)
    assert [key for _, key in state.commands] == ["key-3", "key-4"]
    with eviction:
        eviction.run(state, durable_sequence=9, now_ns=0)
        assert len(state.commands) == 2
    eviction.run(state, durable_sequence=9, now_ns=0)
    assert [key for _, key in state.commands] == ["key-4"]


def test_an_adjustment_leaves_when_its_record_is_durable() -> None:
    """Memory keeps as many as set: the oldest leave first, and none that the store does not have yet."""
    state = EngineState("test", "00000000")
    for number in (1, 2, 3, 4):
        name = f"entry-{number}"
        booked = AdjustmentBooked(name, AdjustmentKind.FUNDING, "USDT", Decimal(1), 0, "")
        state.adjustments[name] = (booked, number)
    eviction = Eviction(2, 1)
    eviction.run(state, durable_sequence=1, now_ns=0)
    assert list(state.adjustments) == ["entry-2", "entry-3", "entry-4"]
    eviction.run(state, durable_sequence=9, now_ns=0)
    assert list(state.adjustments) == ["entry-3", "entry-4"]


def test_a_position_that_is_being_closed_stays_in_memory() -> None:
    """One that is over leaves; one whose closing is under way is seen to from memory."""
    state = EngineState("test", "00000000")
    closed, closing = (BTC, "bot", "one"), (BTC, "bot", "two")
    for key in (closed, closing):
        state.positions[key] = Position(BTC, "bot", "USDT", position_id=key[2])
        state.idle[key] = None
    state.closing[closing] = Closing("c", "bot", BTC, "bot", False, False, False, None, ZERO, 0)
    Eviction(1, 1).run(state, durable_sequence=0, now_ns=0)
    assert list(state.positions) == [closing]


def finished(state: EngineState, name: str, updated_ns: int, sequence: int) -> None:
    """Put a denied order into memory that changed then, with that record."""
    state.orders[name] = Order(
        name, "bot", "bot", BTC, OrderSide.BUY, OrderType.LIMIT, TimeInForce.GTC,
        Decimal(1), Decimal(100), None, False, "USDT", "", (), 0, OrderState.DENIED, updated_ns=updated_ns,
    )  # fmt: skip
    state.finished[name] = sequence


@pytest.mark.parametrize(
    ("orders_max", "age_max_ns", "durable", "left"),
    [
        (3, 90, 9, ["a", "b", "c"]),  # as many as memory keeps, and none older than it keeps them
        (2, 90, 9, ["b", "c"]),
        (3, 89, 9, ["b", "c"]),
        (3, 79, 9, ["c"]),
        (1, 0, 1, ["b", "c"]),  # the store has the first one's record and no other
        (1, 0, 0, ["a", "b", "c"]),
    ],
)
def test_a_finished_order_stays_up_to_the_number_and_the_age_that_are_set(
    orders_max: int, age_max_ns: int, durable: int, left: list[str]
) -> None:
    """The limits are what memory keeps: one of exactly that age, and the last of exactly that many, stay."""
    state = EngineState("test", "00000000")
    for sequence, name in enumerate("abc", 1):
        finished(state, name, sequence * 10, sequence)
    Eviction(orders_max, age_max_ns).run(state, durable_sequence=durable, now_ns=100)
    assert list(state.orders) == list(state.finished) == left


def test_an_episode_that_is_over_leaves_with_its_record() -> None:
    """As soon as the record of its end is durable, and not before; one that is open stays."""
    state = EngineState("test", "00000000")
    for number in (1, 2, 3):
        episode = Episode(BTC, "bot", "", number, "bot", PositionSide.LONG, "USDT", 0)
        state.episodes[BTC, "bot", "", number] = episode
    state.ended.update({(BTC, "bot", "", 1): 5, (BTC, "bot", "", 2): 6})
    for durable, left in ((4, [1, 2, 3]), (5, [2, 3]), (6, [3])):
        Eviction(1, 1).run(state, durable_sequence=durable, now_ns=0)
        assert [number for *_, number in state.episodes] == left
