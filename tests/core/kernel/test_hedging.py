"""Hedging: each proposal a position of its own; what is held, reserved and closed is kept by position."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead import CloseCode, Proposal
from fairlead.domain.numbers import ZERO
from fairlead.errors import InvalidInput, JournalUnavailable, TextRefused, UnknownName
from fairlead.kernel.gate.gate import StateView
from fairlead.kernel.session import Session
from fairlead.ports.exchange import Answer, Outcome, SubmitRequest
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, ETH, OWNER, Bench, on_bench, on_seeded_bench
from tests.core.kernel.faults import fail_from


def hedger(bench: Bench) -> Session:
    """Return a session whose proposals have positions of their own."""
    return bench.kernel.session(owner="bot", hedging=True)


async def opened(bench: Bench, side: str, quantity: str, price: str = "100", **wishes: Any) -> str:  # noqa: ANN401
    """Have a limit order filled whole; return its position's id."""
    proposal = Proposal(symbol=BTC, side=side, quantity=quantity, limit_price=price, **wishes)
    result = await hedger(bench).execute(proposal)
    assert result.status == "ACCEPTED", result.summary()
    bench.exchange.trade(result.client_order_id, quantity, price)
    await bench.pass_ms()
    return result.order.position_id


async def fills(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order arrives and trades whole at 110."""
    order = exchange.place(request)
    exchange.trade(request.client_order_id, str(request.quantity), "110")
    return Answer(Outcome.ACCEPTED, order.venue_order_id)


def held(bench: Bench) -> dict[str, Decimal]:
    """Return what each open position of the bot holds."""
    return {each.position_id: each.quantity for each in hedger(bench).open_positions(BTC)}


@pytest.mark.requirement("FLOW-5")
def test_each_proposal_has_a_position_of_its_own() -> None:
    """Long 2, long 1 and short 4 stand beside each other; the venue would show their sum."""

    async def main(bench: Bench) -> None:
        first = await opened(bench, "buy", "2")
        second = await opened(bench, "buy", "1")
        third = await opened(bench, "sell", "4", "110")
        assert held(bench) == {first: 2, second: 1, third: -4}
        assert bench.kernel.net_quantity(BTC) == -1
        assert bench.bot.position(BTC) is None
        await bench.hold("1", "100")
        assert held(bench) == {first: 2, second: 1, third: -4, "": 1}
        assert {each.position_id for each in await bench.bot.episodes()} == {first, second, third, ""}
        await bench.restart()
        assert held(bench) == {first: 2, second: 1, third: -4, "": 1}

    on_bench(main)


@pytest.mark.requirement("FLOW-5")
def test_closing_one_leaves_the_others() -> None:
    """The position that is named is closed, with its own result; asked again, its final figures."""

    async def main(bench: Bench) -> None:
        first = await opened(bench, "buy", "2", "100")
        second = await opened(bench, "buy", "1", "90")
        bench.exchange.will_submit(fills)
        bench.price("110")
        async with bench.clock.timeout_ns(60 * 10**9):
            closed = await hedger(bench).close_position(BTC, position_id=second)
        assert (closed.code, closed.realized_pnl, closed.position_id) == (
            CloseCode.CLOSED,
            Decimal(20),
            second,
        )
        assert held(bench) == {first: 2}
        again = await hedger(bench).close_position(BTC, position_id=second)
        assert (again.code, again.realized_pnl) == (CloseCode.ALREADY_FLAT, Decimal(20))
        with pytest.raises(InvalidInput):
            await hedger(bench).close_position(BTC)
        with pytest.raises(UnknownName):
            await hedger(bench).close_position(BTC, position_id="0" * 32)
        with pytest.raises(TextRefused):
            await hedger(bench).close_position(BTC, position_id="x")

    on_bench(main)


def test_flatten_closes_all_of_the_book() -> None:
    """Long and short, whatever their ids."""

    async def main(bench: Bench) -> None:
        await opened(bench, "buy", "2", "100")
        await opened(bench, "sell", "1", "100")
        bench.price("110")
        bench.exchange.will_submit(fills)
        bench.exchange.will_submit(fills)
        result = await bench.bot.flatten()
        assert result.is_flat
        assert held(bench) == {}

    on_bench(main)


def test_an_order_on_a_position_adds_or_reduces_and_never_turns_it() -> None:
    """It adds, it reduces, two closers never take the same; larger, over and unfilled ones are denied."""

    async def main(bench: Bench) -> None:
        bot = hedger(bench)
        name = await opened(bench, "buy", "2", "100")
        other = await opened(bench, "buy", "5", "100")
        await opened(bench, "buy", "1", "100", position_id=name)
        assert held(bench) == {name: 3, other: 5}

        async def code(side: str, quantity: str, position_id: str, price: str = "120") -> str:
            proposal = Proposal(
                symbol=BTC, side=side, quantity=quantity, limit_price=price, position_id=position_id
            )
            return (await bot.execute(proposal)).order.denial_code

        assert await code("sell", "4", name) == "WOULD_TURN_POSITION"
        assert await code("sell", "2", name) == ""
        assert await code("sell", "2", name) == "EXIT_TAKEN"
        assert await code("sell", "5", other) == ""
        pending = (await bot.execute(Proposal.buy(BTC, quantity="1", limit_price="80"))).order.position_id
        assert await code("sell", "1", pending) == "POSITION_NOT_OPEN"
        assert await code("buy", "1", pending, "80") == ""
        assert await code("sell", "1", "0" * 32) == "POSITION_NOT_OPEN"
        positions = bench.kernel._parts.engine.state.positions
        assert {key[2]: each.reserved_exit for key, each in positions.items() if each.reserved_exit} == {
            name: 2,
            other: 5,
        }

    on_bench(main)


def test_a_position_that_is_over_leaves_memory_with_its_last_order() -> None:
    """However many there were; a late fill, a closing and a restart find them all the same."""

    async def main(bench: Bench) -> None:
        names = [await opened(bench, "buy", "1") for _ in range(6)]
        for name in names[:5]:
            await opened(bench, "sell", "1", "101", position_id=name)
        for _ in range(4):
            await bench.hold("1")
        state = bench.kernel._parts.engine.state
        assert set(held(bench)) == {names[5], ""}
        assert {key[2] for key in state.positions} == {names[5], ""}
        assert {key[2] for key in state.orders_on} <= {names[5]}
        closed = await hedger(bench).close_position(BTC, position_id=names[1])
        assert (closed.code, closed.realized_pnl) == (CloseCode.ALREADY_FLAT, Decimal(1))
        await bench.hold("1")
        assert (BTC, "bot", names[1]) not in state.positions
        bench.exchange.trade(names[0], "0.5", "100")  # more than was ordered: booked all the same
        await bench.pass_ms(10)
        assert held(bench)[names[0]] == Decimal("0.5")
        view = hedger(bench).position(BTC, position_id=names[0])
        assert view is not None
        assert (view.episode, view.realized_pnl) == (2, Decimal(1))

    on_bench(main, settings={"closed_orders_max": 2})


_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["open", "add", "reduce", "part", "cancel", "net", "restart"]),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 4),
        st.integers(0, 5),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(_MOVES, st.integers(0, 99))
def test_whatever_happens_each_position_is_covered_and_the_sum_is_the_venues(
    moves: list[tuple[str, str, int, int]], seed: int
) -> None:
    """After every move: reservations fit what is held, by position and in total; the venue has the sum."""

    async def main(bench: Bench) -> None:
        traded = ZERO
        names: list[str] = []
        for move, side, quantity, pick in moves:
            name = names[pick % len(names)] if names else ""
            wishes: dict[str, Any] = (
                {"position_id": name} if name and move in ("add", "reduce", "part") else {}
            )
            if move == "restart":
                await bench.restart()
            elif move == "cancel":
                await bench.bot.cancel_all()
                await bench.pass_ms(10)
            else:
                session = bench.bot if move == "net" else hedger(bench)
                proposal: Any = Proposal(
                    symbol=BTC, side=side, quantity=quantity, limit_price="100", **wishes
                )
                order = (await session.execute(proposal)).order
                if not order.denial_code and move != "reduce":
                    part = Decimal(quantity) / (2 if move == "part" else 1)
                    bench.exchange.trade(order.client_order_id, str(part), "100")
                    traded += part if side == "buy" else -part
                    names += [order.position_id] if order.position_id not in ("", *names) else []
                await bench.pass_ms()
            _assert_covered(bench)
            assert bench.kernel.net_quantity(BTC) == traded

    on_seeded_bench(seed, main, settings={"closed_orders_max": 3})


def _assert_covered(bench: Bench) -> None:
    state = bench.kernel._parts.engine.state
    longs = shorts = ZERO
    for position in state.positions.values():
        assert ZERO <= position.reserved_exit <= abs(position.quantity)
        exits = [
            order.leaves_quantity
            for order in state.orders.values()
            if order.state.is_live and order.reduces and order.key == position.key
        ]
        assert position.reserved_exit == sum(exits)
        longs += max(position.quantity, ZERO)
        shorts -= min(position.quantity, ZERO)
    for side, most in (("sell", longs), ("buy", shorts)):
        live = [each for each in state.orders.values() if each.state.is_live and each.reduces]
        assert sum(each.leaves_quantity for each in live if each.side.value == side) <= most
    for symbol in (BTC, ETH):
        positions = [position for position in state.positions.values() if position.symbol == symbol]
        view = StateView(state, 0, bench.kernel._parts.engine.rules.market)
        assert view.net_quantity(symbol) == sum(position.quantity for position in positions)
        assert view.reserved_exit(symbol) == sum(position.reserved_exit for position in positions)
    assert state.exposed_total == sum(each.is_exposed for each in state.positions.values())


def test_the_net_of_a_symbol_leaves_other_symbols_out() -> None:
    """Two symbols are held: each has its own sum."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        await bench.hold("2", symbol=ETH)
        assert bench.kernel.net_quantity(BTC) == 1
        assert bench.kernel.net_quantity(ETH) == 2

    on_bench(main)


def test_a_finished_order_keeps_its_position_through_a_recovery() -> None:
    """A commit fails after a position ended: its orders, kept in memory, find their position again."""

    async def main(bench: Bench) -> None:
        position_id = await opened(bench, "buy", "2")
        bench.exchange.will_submit(fills)
        await hedger(bench).close_position(BTC, position_id=position_id)
        await bench.pass_ms(10)
        assert held(bench) == {}
        fail_from(bench, 1, AppendFault.FAILS)
        with suppress(JournalUnavailable):
            await bench.execute()
        await bench.pass_ms(1_000)
        found = [key for key in bench.kernel._state.positions if key[2] == position_id]
        assert found == [(BTC, OWNER, position_id)]

    on_bench(main)
