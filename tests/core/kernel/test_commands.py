"""Commands: owners, keys, trading states, and finding orders."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead import Proposal, TradingState
from fairlead.domain.records import CommandRefused, TradingStateChanged
from fairlead.domain.trading_state import PASSES, CommandKind
from fairlead.errors import (
    InvalidInput,
)
from fairlead.ports.exchange import Answer, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, hangs, takes_cancel
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench, on_seeded_bench
from tests.core.kernel.faults import LONG_MS

ODD: Any = None


# -- owners ------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-2")
def test_a_foreign_owner_cannot_cancel() -> None:
    """Another owner's cancel is refused and recorded; the venue hears nothing; the owner's own works."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        answer = await bench.kernel.session(owner="thief").cancel(name)
        assert (answer.accepted, answer.code) == (False, "FOREIGN_OWNER")
        await bench.pass_ms(LONG_MS)
        assert bench.exchange.cancels == []
        assert bench.order(name).status == "ACCEPTED"
        (refused,) = [record for record in bench.records() if isinstance(record, CommandRefused)]
        assert (refused.command, refused.by, refused.subject) == ("cancel", "thief", name)
        assert (await bench.bot.cancel(name)).accepted

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_the_operator_may_cancel_any_order() -> None:
    """The operator's cancel needs no ownership, and is recorded as the operator's."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.kernel.cancel(name, "operator", operator=True)).accepted
        await bench.pass_ms(10)
        assert bench.order(name).status == "CANCELED"
        assert any(getattr(record, "by", "") == "operator" for record in bench.records())

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_ownership_survives_a_restart() -> None:
    """Who may cancel is a fact about the order, not about the session."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.restart()
        assert not (await bench.kernel.session(owner="thief").cancel(name)).accepted
        assert (await bench.bot.cancel(name)).accepted

    on_bench(main)


def test_each_owner_has_a_book_of_its_own() -> None:
    """Positions are kept per owner unless a book is named; a shared book is shared."""

    async def main(bench: Bench) -> None:
        for owner in ("one", "two"):
            name = await bench.working(owner=owner)
            bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        one, two = (bench.kernel.session(owner=owner) for owner in ("one", "two"))
        assert [session.position(BTC).quantity for session in (one, two)] == [1, 1]  # type: ignore[union-attr]  # they are there
        result = await two.execute(Proposal.sell(BTC, quantity="1", limit_price="100", book="one"))
        assert result.order.reduces
        bench.exchange.trade(result.client_order_id, "1", "101")
        await bench.pass_ms()
        assert one.position(BTC) is None
        assert two.position(BTC, book="one") is None
        assert two.position(BTC) is not None

    on_bench(main)


# -- idempotency keys -----------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("between", ["nothing", "restart", "death", "closed and restart"])
def test_a_repeated_command_answers_with_the_first_order(between: str) -> None:
    """The same key and proposal give the same order, within a run, after a restart, and after its end."""

    async def main(bench: Bench) -> None:
        first = await bench.execute(key="k-1")
        if between.startswith("closed"):
            bench.exchange.trade(first.client_order_id, "1", "100")
            await bench.pass_ms()
        if between == "death":
            await bench.die()
            await bench.start_another()
        elif between.endswith("restart"):
            await bench.restart()
        again = await bench.execute(key="k-1")
        assert again.client_order_id == first.client_order_id
        assert again.status == ("FILLED" if between.startswith("closed") else "ACCEPTED")
        assert len(bench.exchange.submits) == 1

    on_bench(main)


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("seed", range(10))
def test_concurrent_commands_with_one_key_are_one(seed: int) -> None:
    """Twenty at once with the same key: one order, one answer for all."""

    async def main(bench: Bench) -> None:
        tasks = [bench.spawn_execute(key="k") for _ in range(20)]
        names = {(await task).client_order_id for task in tasks}
        assert len(names) == 1
        assert len(bench.exchange.submits) == 1

    on_seeded_bench(seed, main)


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("between", ["nothing", "restart"])
def test_a_key_reused_for_something_else_is_refused(between: str) -> None:
    """The same key with another proposal raises, names the key, and sends nothing."""

    async def main(bench: Bench) -> None:
        await bench.execute(key="k")
        if between == "restart":
            await bench.restart()
        with pytest.raises(InvalidInput, match="used for another proposal") as caught:
            await bench.execute("buy", "2", key="k")
        assert caught.value.field == "idempotency_key"
        assert len(bench.exchange.submits) == 1

    on_bench(main)


@pytest.mark.requirement("SEC-4")
def test_a_denied_command_stays_denied_and_owners_have_keys_of_their_own() -> None:
    """A repeated denial is the first one's; another owner's same key is another command."""

    async def main(bench: Bench) -> None:
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="x")
        first = await bench.execute(key="k")
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="x")
        again = await bench.execute(key="k")
        assert (again.client_order_id, again.denied) == (first.client_order_id, True)
        assert (await bench.execute(key="k", owner="other")).status == "ACCEPTED"

    on_bench(main)


def test_a_repeated_command_waits_for_the_first_ones_answer() -> None:
    """The repetition of a command in flight is answered when the first is, with the same."""

    async def main(bench: Bench) -> None:
        async def slowly(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            await bench.pass_ms(100)
            exchange.place(request)
            raise ConnectionResetError

        bench.exchange.will_submit(slowly)
        first = bench.spawn_execute(key="k")
        await bench.pass_ms(10)
        second = bench.spawn_execute(key="k")
        await bench.pass_ms(10)
        assert not second.done()
        assert (await first).client_order_id == (await second).client_order_id

    on_bench(main)


# -- trading states ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [*TradingState])
@pytest.mark.parametrize("kind", [CommandKind.INCREASE, CommandKind.REDUCE, CommandKind.CANCEL])
def test_the_trading_table_holds_end_to_end(state: TradingState, kind: CommandKind) -> None:
    """What the table lets pass is sent; what it does not is denied with the state and its reason."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        name = await bench.working()
        await bench.kernel.set_trading_state(state, reason="as the test says")
        sent = len(bench.exchange.submits)
        if kind is CommandKind.CANCEL:
            assert (await bench.bot.cancel(name)).accepted is PASSES[state, kind]
            return
        side = "buy" if kind is CommandKind.INCREASE else "sell"
        result = await bench.execute(side)
        if PASSES[state, kind]:
            assert result.status == "ACCEPTED"
        else:
            assert result.order.denial_code == "NOT_TRADING"
            assert f"Trading is {state.value}: as the test says." in result.reasons
            assert len(bench.exchange.submits) == sent

    on_bench(main)


def test_trading_is_disabled_until_reconciled() -> None:
    """While the kernel starts it is DISABLED; it is enabled by the reconciliation, and that is recorded."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        seen: list[TradingState] = []

        async def watch(_method: str) -> None:
            seen.append(bench.kernel.trading_state)

        bench.before = watch
        await bench.start_another()
        assert set(seen) <= {TradingState.DISABLED, TradingState.ACTIVE}
        assert TradingState.DISABLED in seen
        assert bench.kernel.trading_state is TradingState.ACTIVE
        kinds = [type(record).__name__ for record in bench.records()]
        assert kinds[-2:] == ["Reconciled", "TradingStateChanged"]

    on_bench(main)


def test_a_kernel_may_start_disabled() -> None:
    """With start_disabled only an operator enables trading, and a reconciliation does not undo that."""

    async def main(bench: Bench) -> None:
        assert bench.kernel.trading_state is TradingState.DISABLED
        assert (await bench.execute()).order.denial_code == "NOT_TRADING"
        await bench.kernel.reconcile()
        assert bench.kernel.trading_state.value == "disabled"
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="go")
        assert (await bench.execute()).status == "ACCEPTED"
        await bench.restart()
        assert bench.kernel.trading_state.value == "disabled"

    on_bench(main, settings={"start_disabled": True})


def test_an_operators_disabling_outlives_reconnections() -> None:
    """DISABLED by an operator stays so when the stream comes back and reconciles."""

    async def main(bench: Bench) -> None:
        await bench.kernel.set_trading_state(TradingState.DISABLED, reason="maintenance")
        sink = bench.exchange.sink
        assert sink is not None
        sink.disconnected("gone")
        sink.reconnected()
        await bench.pass_ms(1_000)
        assert bench.kernel.last_reconciliation is not None
        assert bench.kernel.last_reconciliation.reason == "the stream came back"
        assert bench.kernel.trading_state is TradingState.DISABLED
        assert bench.kernel.trading_reason == "maintenance"

    on_bench(main)


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
def test_halted_and_reducing_survive_a_restart(state: TradingState) -> None:
    """Only an operator clears them; a reconciliation at the start does not."""

    async def main(bench: Bench) -> None:
        await bench.kernel.set_trading_state(state, reason="looked bad")
        await bench.die()
        await bench.start_another()
        assert (bench.kernel.trading_state, bench.kernel.trading_reason) == (state, "looked bad")
        answer = await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="looked at", by="anna")
        assert answer.accepted
        last = [record for record in bench.records() if isinstance(record, TradingStateChanged)][-1]
        assert (last.state, last.by) == (TradingState.ACTIVE, "anna")

    on_bench(main)


# -- finding orders ---------------------------------------------------------------------------------------


@pytest.mark.requirement("P0-1")
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("end", ["filled", "canceled", "rejected", "lost"])
def test_an_order_is_found_at_every_step_of_its_life(end: str, seed: int) -> None:
    """From the moment it is known until after its end, at every scheduling step, the id finds the order."""

    async def main(bench: Bench) -> None:
        known: list[str] = []
        steps = 0
        make_step = bench.loop._run_once

        def step_and_look() -> None:
            nonlocal steps
            make_step()
            for name in known:
                view = bench.kernel.order(name)
                assert view is not None
                assert view.client_order_id == name
                steps += 1

        bench.loop._run_once = step_and_look  # type: ignore[method-assign]  # every step goes through it
        if end == "lost":
            bench.exchange.will_submit(hangs)
        bench.kernel.events.subscribe(
            lambda event: (
                known.append(name)
                if (name := getattr(getattr(event, "order", None), "client_order_id", None))
                and name not in known
                else None
            )
        )
        result = await bench.execute()
        name = result.client_order_id
        assert known == [name]
        if end == "filled":
            bench.exchange.trade(name, "0.5", "100")
            bench.exchange.trade(name, "0.5", "100")
        elif end == "canceled":
            await bench.bot.cancel(name)
        elif end == "rejected":
            bench.exchange.end(name, VenueStatus.REJECTED)
        order = await result.closed()
        assert order.is_closed
        await bench.pass_ms(LONG_MS)
        assert await bench.bot.find_order(name) == bench.bot.order(name) == bench.order(name)
        assert steps > 10

    on_seeded_bench(seed, main)


@pytest.mark.requirement("P0-1")
def test_a_closed_order_is_found_in_the_store_after_a_restart() -> None:
    """What memory no longer holds comes back from the store, with its fills."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        before = bench.order(name)
        await bench.kernel.reconcile()  # moves the cursor behind the fill, so the restart has no news of it
        await bench.restart()
        assert bench.kernel.order(name) is None
        assert await bench.bot.find_order(name) == before
        bench.exchange.say(*bench.exchange.history)
        await bench.pass_ms()
        assert len(bench.fills()) == 1

    on_bench(main)


@pytest.mark.parametrize("seed", range(10))
def test_two_closers_cannot_sell_the_same_quantity(seed: int) -> None:
    """Twenty closers at once: one reduces; the rest would add exposure and meets the gate."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        bench.fittings["checks"] = ()
        tasks = [bench.spawn_execute("sell", "1", "100") for _ in range(20)]
        results = [await task for task in tasks]
        assert sum(result.order.reduces for result in results) == 1

    on_seeded_bench(seed, main)


def test_a_canceled_exit_frees_what_it_reserved() -> None:
    """Quantity reserved by an exit is free again when the exit ends without filling."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        exit_order = await bench.execute("sell", "0.7", "100")
        assert exit_order.order.reduces
        assert not (await bench.execute("sell", "0.4", "100")).order.reduces
        await bench.bot.cancel(exit_order.client_order_id)
        await bench.pass_ms(10)
        assert (await bench.execute("sell", "1", "100")).order.reduces
        assert (await bench.execute("buy", "1", "100", symbol=ETH)).status == "ACCEPTED"

    on_bench(main)


def test_results_tell_the_whole_story() -> None:
    """Summary, flags and the wait for the end, for an order that was taken and one that was denied."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_cancel(takes_cancel)
        result = await bench.execute()
        assert result.summary() == "ACCEPTED: buy 1 BTC/USDT limit, filled 0"
        assert (result.denied, result.unresolved, result.reasons) == (False, False, "")
        assert result.elapsed_ns >= 0
        end = bench.loop.create_task(result.closed())
        other = bench.loop.create_task(result.closed())
        await bench.pass_ms()
        other.cancel()
        await bench.pass_ms()
        assert bench.order(result.client_order_id).status == "ACCEPTED"
        bench.exchange.trade(result.client_order_id, "1", "100")
        assert (await end).status == "FILLED"
        assert (await result.closed()).status == "FILLED"
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="x")
        denied = await bench.execute()
        assert denied.summary().startswith("DENIED: buy 1 BTC/USDT limit, filled 0 (kernel: NOT_TRADING")
        assert (await denied.closed()) == denied.order

    on_bench(main)
