"""Closing positions: one close whoever asks and however often, never more sold than held."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import CloseCode, CloseResult, Proposal, TradingState
from fairlead.domain.closings import MEANING
from fairlead.domain.command_records import ClosingEnded, ClosingRequested
from fairlead.domain.records import CommandRefused
from fairlead.errors import InvalidInput, JournalUnavailable, NumberRefused, UnknownName
from fairlead.kernel.apply import commands as apply_commands
from fairlead.ports.exchange import Answer, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    answers,
    hangs,
    loses_answer,
    takes_cancel,
)
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench, on_seeded_bench
from tests.core.kernel.faults import LONG_MS


async def fills(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order arrives and trades whole at 110."""
    order = exchange.place(request)
    exchange.trade(request.client_order_id, str(request.quantity), "110")
    return Answer(Outcome.ACCEPTED, order.venue_order_id)


def fills_part(quantity: str) -> Any:  # noqa: ANN401 - a script
    """Return a script: the order trades a part and is then canceled by the venue."""

    async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
        order = exchange.place(request)
        exchange.trade(request.client_order_id, quantity, "110")
        exchange.end(request.client_order_id, VenueStatus.CANCELED)
        return Answer(Outcome.ACCEPTED, order.venue_order_id)

    return script


def spawn_close(bench: Bench, symbol: str = BTC, **wishes: Any) -> asyncio.Task[CloseResult]:  # noqa: ANN401 - as close_position
    """Have the position closed in a task of its own."""
    return bench.loop.create_task(bench.bot.close_position(symbol, **wishes))


def sold(bench: Bench) -> Decimal:
    """Return what was sold at the venue."""
    return sum((fill.quantity for fill in bench.fills() if fill.side.value == "sell"), Decimal(0))


def test_every_code_has_a_meaning() -> None:
    """The reference page says each in words."""
    assert set(MEANING) == set(CloseCode)


# -- one position, one close ---------------------------------------------------------------------------


@pytest.mark.requirement("P0-2")
@pytest.mark.parametrize("seed", range(10))
def test_closing_twice_at_once_gives_both_the_final_figures(seed: int) -> None:
    """Twenty closers of one position: one exit, and every one is told the same end with the same figures."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        bench.exchange.will_submit(fills)
        tasks = [spawn_close(bench) for _ in range(20)]
        results = [await task for task in tasks]
        names = ("is_flat", "quantity_left", "realized_pnl", "fees", "episode", "closed_ns")
        (figures,) = {tuple(getattr(result, name) for name in names) for result in results}
        assert figures[:5] == (True, 0, 20, 0, 1)
        assert figures[5] > 0
        assert results[0].exits == 1
        assert len(bench.exchange.submits) == 2
        assert sold(bench) == 2
        assert bench.bot.position(BTC) is None

    on_seeded_bench(seed, main)


@pytest.mark.requirement("P0-2")
@pytest.mark.parametrize("between", ["nothing", "restart", "death"])
def test_closing_a_closed_position_answers_with_its_last_figures(between: str) -> None:
    """The second closer sends nothing and is told what the first was: flat, realized, episode, time."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        bench.exchange.will_submit(fills)
        first = await bench.bot.close_position(BTC)
        if between == "death":
            await bench.die()
            await bench.start_another()
        elif between == "restart":
            await bench.restart()
        again = await bench.bot.close_position(BTC)
        assert again.code is CloseCode.ALREADY_FLAT
        assert (first.realized_pnl, first.episode) == (Decimal(20), 1)
        figures = ("quantity_left", "realized_pnl", "fees", "episode", "closed_ns")
        assert [getattr(again, name) for name in figures] == [getattr(first, name) for name in figures]
        assert len(bench.exchange.submits) == 2
        assert (await bench.bot.close_position(ETH)).code is CloseCode.ALREADY_FLAT

    on_bench(main)


@pytest.mark.requirement("FLOW-5")
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_long_and_short_are_closed(side: str) -> None:
    """What was bought is sold, what was sold is bought back."""

    async def main(bench: Bench) -> None:
        name = await bench.working(side, "1.5")
        bench.exchange.trade(name, "1.5", "100")
        await bench.pass_ms()
        bench.exchange.will_submit(fills)
        result = await bench.bot.close_position(BTC)
        assert result.is_flat
        assert bench.exchange.submits[-1].side.value != side
        assert bench.exchange.submits[-1].reduces

    on_bench(main)


def test_a_limit_and_a_key_and_what_is_refused() -> None:
    """A limit price makes a limit exit; a key answers again, for something else is refused; doors hold."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        close = spawn_close(bench, limit_price="105", idempotency_key="k")
        await bench.pass_ms()
        request = bench.exchange.submits[-1]
        assert (request.order_type.value, request.limit_price) == ("limit", Decimal(105))
        bench.exchange.trade(request.client_order_id, "1", "105")
        first = await close
        await bench.restart()
        assert await bench.bot.close_position(BTC, limit_price="105.00", idempotency_key="k") == first
        with pytest.raises(InvalidInput, match="used for another"):
            await bench.bot.close_position(BTC, idempotency_key="k")
        with pytest.raises(UnknownName):
            await bench.bot.close_position("XRP/USDT")
        with pytest.raises(UnknownName):
            await bench.bot.close_position(BTC, slowly=True)  # type: ignore[call-arg]  # on purpose
        with pytest.raises(NumberRefused):
            await bench.bot.close_position(BTC, limit_price="105.001")

    on_bench(main)


@pytest.mark.parametrize("state", [*TradingState])
def test_a_close_passes_in_every_trading_state(state: TradingState) -> None:
    """Closing reduces, and reductions pass in every state."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.kernel.set_trading_state(state, reason="x")
        bench.exchange.will_submit(fills)
        assert (await bench.bot.close_position(BTC)).code is CloseCode.CLOSED

    on_bench(main)


# -- what else works on the key --------------------------------------------------------------------------


def test_quantity_that_other_exits_may_take_is_left_to_them() -> None:
    """The exit takes what is held less what live exits may take; the rest is said to be theirs."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        resting = (await bench.execute("sell", "1.5", "150")).client_order_id
        bench.exchange.will_submit(fills)
        result = await bench.bot.close_position(BTC)
        assert bench.exchange.submits[-1].quantity == Decimal("0.5")
        assert (result.code, result.quantity_left) == (CloseCode.EXIT_WORKING, Decimal("1.5"))
        assert not result.is_flat
        assert bench.order(resting).status == "ACCEPTED"

    on_bench(main)


def test_entries_are_canceled_only_when_asked() -> None:
    """Without cancel_entries an order that would add stays; with it, it goes, and its fill is sold too."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        entry = await bench.working("buy", "1", "90")
        bench.exchange.will_submit(fills)
        assert (await bench.bot.close_position(BTC)).is_flat
        assert bench.order(entry).status == "ACCEPTED"
        bench.exchange.will_cancel(takes_cancel)
        close = spawn_close(bench, cancel_entries=True)
        await bench.pass_ms()
        denied = await bench.execute("buy", "1", "90")
        assert denied.order.denial_code == "CLOSING"
        bench.exchange.will_submit(fills)
        bench.exchange.trade(entry, "0.4", "90")
        await bench.pass_ms()
        assert not close.done()
        bench.exchange.end(entry, VenueStatus.CANCELED)
        result = await close
        assert (result.code, result.is_flat) == (CloseCode.CLOSED, True)
        assert sold(bench) == Decimal("1.4")

    on_bench(main)


def test_orders_of_others_are_left_alone_by_a_bot_and_taken_by_the_operator() -> None:
    """A bot's flatten cancels its own orders in a shared book; the operator's cancels everybody's."""

    async def main(bench: Bench) -> None:
        one, two = (bench.kernel.session(owner=owner) for owner in ("one", "two"))
        names = []
        for session in (one, two):
            wish = Proposal.buy(BTC, quantity="1", limit_price="100", book="shared")
            names.append((await session.execute(wish)).client_order_id)
        assert (await one.flatten(book="shared")).is_flat
        await bench.pass_ms()
        assert [bench.order(name).status for name in names] == ["CANCELED", "ACCEPTED"]
        assert (await bench.kernel.flatten()).is_flat
        assert bench.order(names[1]).status == "CANCELED"

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_another_owners_book_cannot_be_closed() -> None:
    """A foreign close or flatten is refused and recorded, also when it is repeated; nothing is sent."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(fills)
        thief = bench.kernel.session(owner="thief")
        for _ in range(2):
            result = await thief.close_position(BTC, "bot", idempotency_key="k")
            assert (result.code, result.is_flat) == (CloseCode.FOREIGN_OWNER, False)
            flattened = await thief.flatten(book="bot", idempotency_key="f")
            assert (flattened.accepted, flattened.code, flattened.is_flat) == (False, "FOREIGN_OWNER", False)
        refused = [record for record in bench.records() if isinstance(record, CommandRefused)]
        assert [record.command for record in refused] == ["close_position", "flatten"]
        assert len(bench.exchange.submits) == 1
        assert (await bench.kernel.close_position(BTC, "bot")).is_flat

    on_bench(main)


# -- exits that go wrong -------------------------------------------------------------------------------


def test_what_an_exit_leaves_is_tried_again_with_growing_pauses() -> None:
    """A part filled and the rest canceled by the venue: the next exit takes the rest, later."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(fills_part("0.3"), fills_part("0.3"), fills)
        close = spawn_close(bench)
        await bench.pass_ms(900)
        assert len(bench.exchange.submits) == 2
        result = await close
        quantities = [str(request.quantity) for request in bench.exchange.submits[1:]]
        assert quantities == ["1.000", "0.700", "0.400"]
        assert (result.code, result.exits) == (CloseCode.CLOSED, 3)
        assert bench.clock.wall_ns() > 2_000_000_000

    on_bench(main)


def test_a_closing_that_gets_nowhere_says_so() -> None:
    """After close_attempts_max exits it ends with what is left and the last reason; ask again as you like."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(*[answers(Outcome.REFUSED, "no funds")] * 2)
        result = await bench.bot.close_position(BTC)
        assert (result.code, result.quantity_left, result.exits) == (CloseCode.NOT_CLOSED, Decimal(1), 2)
        assert "no funds" in result.reason
        bench.exchange.will_submit(fills)
        assert (await bench.bot.close_position(BTC)).is_flat

    on_bench(main, settings={"close_attempts_max": 2})


@pytest.mark.parametrize(
    ("minimum", "held"),
    [({"minimum_quantity": "0.1"}, "0.05"), ({"minimum_cost": "10"}, "0.05"), ({}, "0.0005")],
)
def test_dust_is_said_and_not_tried_for_ever(minimum: dict[str, str], held: str) -> None:
    """Less than the venue takes as an order: no exit is made, and the rest is reported."""
    exchange = ScriptedExchange([instrument(BTC, **minimum), instrument(ETH)])

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, held, "100")
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        bench.price("100")
        result = await bench.bot.close_position(BTC)
        assert (result.code, result.quantity_left) == (CloseCode.DUST_LEFT, Decimal(held))
        assert len(bench.exchange.submits) == 1

    on_bench(main, exchange=exchange)


def test_a_venue_that_exempts_reductions_takes_small_exits() -> None:
    """No minimum where the venue has none for reductions."""
    rules = instrument(BTC, minimum_quantity="0.1", reductions_exempt_from_minimum=True)

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.05", "100")
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        bench.exchange.will_submit(fills)
        assert (await bench.bot.close_position(BTC)).is_flat

    on_bench(main, exchange=ScriptedExchange([rules]))


def test_a_symbol_without_rules_cannot_be_closed() -> None:
    """A position whose symbol the venue dropped is not closed by an operator's flatten, and that is said."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.rules = [instrument(ETH)]
        await bench.restart()
        (result,) = (await bench.kernel.flatten()).closings
        assert result.code is CloseCode.NOT_CLOSED
        assert "no rules" in result.reason

    on_bench(main)


def test_an_exit_of_unknown_fate_is_not_followed_by_another() -> None:
    """While nobody knows whether the exit arrived, no second one is made; evidence ends the closing."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(loses_answer)
        close = spawn_close(bench)
        await bench.pass_ms(2_000)
        assert not close.done()
        assert len(bench.exchange.submits) == 2
        bench.exchange.trade(bench.exchange.submits[-1].client_order_id, "1", "110", said=False)
        assert (await close).is_flat
        assert sold(bench) == 1

    on_bench(main)


# -- restarts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exit_filled", [True, False])
def test_a_closing_goes_on_after_a_death(exit_filled: bool) -> None:  # noqa: FBT001 - two cases
    """Killed with its exit at the venue: after the reconciliation it ends, or makes the next exit."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(hangs)
        close = spawn_close(bench, idempotency_key="k")
        await bench.pass_ms(100)
        request = bench.exchange.submits[-1]
        close.cancel()
        await bench.die()
        if exit_filled:
            bench.exchange.place(request)
            bench.exchange.trade(request.client_order_id, "1", "110")
        else:
            bench.exchange.will_submit(fills)
        await bench.start_another()
        result = await bench.bot.close_position(BTC, idempotency_key="k")
        assert (result.code, result.exits) == (CloseCode.CLOSED, 1 if exit_filled else 2)
        assert sold(bench) == 1

    on_bench(main)


def test_a_retry_that_was_due_while_nobody_lived_is_made_after_the_reconciliation() -> None:
    """The due time is state: what came due during a death is done at the next start, not before the venue."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        bench.exchange.will_submit(fills_part("0.3"))
        close = spawn_close(bench)
        await bench.pass_ms(100)
        close.cancel()
        await bench.die()
        await bench.pass_ms(LONG_MS)
        bench.exchange.will_submit(fills)
        await bench.start_another()
        await bench.pass_ms(100)
        assert bench.bot.position(BTC) is None
        ended = [record for record in bench.records() if isinstance(record, ClosingEnded)]
        assert [record.code for record in ended] == [CloseCode.CLOSED]

    on_bench(main)


@pytest.mark.parametrize("fault", [AppendFault.FAILS, AppendFault.UNCERTAIN_STORED])
def test_a_close_whose_commit_fails_is_refused_or_done_once(fault: AppendFault) -> None:
    """Not recorded: the caller is told and nothing is sent. Recorded after all: it is done once."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        faults = [fault]
        bench.faults = lambda _batch: faults.pop() if faults else None
        bench.exchange.will_submit(fills)
        try:
            result = await bench.bot.close_position(BTC)
        except JournalUnavailable:
            assert fault is AppendFault.FAILS
            assert len(bench.exchange.submits) == 1
            await bench.pass_ms(LONG_MS)
            result = await bench.bot.close_position(BTC)
        assert result.is_flat
        assert sold(bench) == 1

    on_bench(main)


def test_a_waiting_closer_outlives_a_recovery() -> None:
    """Memory rebuilt while a closing waits for its exit: the closing and its waiters go on."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        close = spawn_close(bench)
        await bench.pass_ms(10)
        faults = [AppendFault.FAILS]
        bench.faults = lambda _batch: faults.pop() if faults else None
        bench.price("100")
        other = bench.spawn_execute("buy", "1", "90", symbol=ETH)
        await bench.pass_ms(LONG_MS)
        with pytest.raises(JournalUnavailable):
            await other
        bench.exchange.trade(bench.exchange.submits[1].client_order_id, "1", "110")
        assert (await close).code is CloseCode.CLOSED

    on_bench(main)


# -- flatten -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["nothing", "death"])
def test_flatten_waits_for_the_venue_before_it_sells_what_an_exit_locks(between: str) -> None:
    """Entries and exits are canceled; nothing is sold before the exit's cancel is confirmed; then all is."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        entry = await bench.working("buy", "1", "90")
        resting = await bench.working("sell", "2", "150")
        eth = await bench.working("buy", "1", "90", symbol=ETH)
        bench.exchange.will_cancel(takes_cancel, takes_cancel, takes_cancel)
        flatten = bench.loop.create_task(bench.bot.flatten(idempotency_key="f"))
        await bench.pass_ms(100)
        assert len(bench.exchange.submits) == 4
        if between == "death":
            flatten.cancel()
            await bench.die()
            bench.exchange.will_cancel(*[takes_cancel] * 9)
            await bench.start_another()
            await bench.pass_ms(100)
            flatten = bench.loop.create_task(bench.bot.flatten(idempotency_key="f"))
        bench.exchange.end(entry, VenueStatus.CANCELED)
        bench.exchange.end(eth, VenueStatus.CANCELED)
        await bench.pass_ms(100)
        assert len(bench.exchange.submits) == 4
        bench.exchange.will_submit(fills)
        bench.exchange.end(resting, VenueStatus.CANCELED)
        result = await flatten
        assert result.is_flat
        assert {(end.symbol, end.code.value) for end in result.closings} == {
            (BTC, "CLOSED"),
            (ETH, "ALREADY_FLAT"),
        }
        assert sold(bench) == 2
        assert not bench.kernel.orders(live_only=True)

    on_bench(main)


def test_flatten_widens_a_close_that_waits_at_a_limit() -> None:
    """A close resting at its limit is taken over: its exit is canceled, the rest is sold at the market."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        close = spawn_close(bench, limit_price="200")
        await bench.pass_ms(10)
        bench.exchange.trade(bench.exchange.submits[-1].client_order_id, "0.5", "200")
        bench.exchange.will_submit(fills)
        flattened = await bench.bot.flatten(BTC)
        assert flattened.closings == (await close,)
        assert [str(request.quantity) for request in bench.exchange.submits[1:]] == ["2.000", "1.500"]
        assert bench.exchange.submits[-1].limit_price is None
        joins = [record.joins for record in bench.records() if isinstance(record, ClosingRequested)]
        assert joins == ["", flattened.closings[0].closing_id]
        assert (await bench.bot.flatten()).closings == ()

    on_bench(main)


def test_a_close_that_joins_another_leaves_its_limit_alone() -> None:
    """Whoever closes what is being closed already joins it as it is: the resting exit stays at its limit."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        first = spawn_close(bench, limit_price="200")
        await bench.pass_ms(10)
        second = spawn_close(bench)
        await bench.pass_ms(LONG_MS)
        assert bench.exchange.cancels == []
        (request,) = bench.exchange.submits[1:]
        bench.exchange.trade(request.client_order_id, "2", "200")
        assert await first == await second
        assert (first.result().is_flat, first.result().exits) == (True, 1)

    on_bench(main)


def test_flatten_lets_a_close_at_the_market_go_on() -> None:
    """A close whose exit is at the market is joined: its exit is not canceled, nothing is sold twice."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        close = spawn_close(bench)
        await bench.pass_ms(10)
        flatten = bench.loop.create_task(bench.bot.flatten(BTC))
        await bench.pass_ms(10)
        assert bench.exchange.cancels == []
        bench.exchange.trade(bench.exchange.submits[-1].client_order_id, "2", "110")
        assert (await flatten).closings == (await close,)
        assert sold(bench) == 2

    on_bench(main)


def test_dust_beside_an_entry_waits_for_the_entrys_end() -> None:
    """Dust cannot be sold, but an entry being canceled may still fill: the closing ends when it has ended."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.0005", "100")
        await bench.pass_ms()
        bench.exchange.will_cancel(takes_cancel)
        close = spawn_close(bench, cancel_entries=True)
        await bench.pass_ms(10)
        assert not close.done()
        bench.exchange.end(name, VenueStatus.CANCELED)
        assert (await close).code is CloseCode.DUST_LEFT

    on_bench(main)


def test_flatten_by_two_is_one() -> None:
    """A second flatten, or a close, while one is under way gets the same answer."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        first = bench.loop.create_task(bench.bot.flatten())
        second = bench.loop.create_task(bench.kernel.flatten(BTC))
        third = spawn_close(bench)
        await bench.pass_ms(10)
        bench.exchange.trade(bench.exchange.submits[-1].client_order_id, "2", "110")
        results = {(await first).closings[0], (await second).closings[0], await third}
        assert len(results) == 1
        assert sold(bench) == 2

    on_bench(main)


def test_only_so_many_closings_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that are over leave memory; their keys are still answered, from the store."""
    monkeypatch.setattr(apply_commands, "CLOSINGS_KEPT_MAX", 3)

    async def main(bench: Bench) -> None:
        first = await bench.bot.close_position(BTC, idempotency_key="k0")
        for number in range(1, 6):
            await bench.bot.close_position(BTC, idempotency_key=f"k{number}")
        assert len(bench.kernel._state.closings) == 3
        await bench.restart()
        assert await bench.bot.close_position(BTC, idempotency_key="k0") == first

    on_bench(main)
