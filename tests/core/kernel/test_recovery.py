"""A journal that fails: sending stops, nothing is lost, and nothing is said that is not so."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal

import pytest

from fairlead import OrderView, TradingState
from fairlead.domain.records import TradingStateChanged
from fairlead.errors import CommitUncertain, InvariantBroken, JournalUnavailable, NotRunning, StaleEpoch
from fairlead.ports.exchange import Answer, Fence, Outcome, SubmitRequest
from fairlead.ports.store import Batch
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange, answers, hangs, takes_cancel
from tests.core.kernel.bench import Bench, nothing_happens, on_bench
from tests.core.kernel.faults import FAULTS, LONG_MS, STORED, Brake, fail_from, slow_down

GIVEN_UP = r"could not be reopened|took over|gave up its journal|being recovered"


async def whole_life(bench: Bench) -> tuple[str, str]:
    """Buy in two fills, cancel the rest, sell what was bought; return both orders' ids."""
    name = await until_sent(bench, "buy", "2")
    bench.exchange.trade(name, "0.5", "100", fee="0.1")
    await bench.pass_ms(20)
    bench.exchange.trade(name, "0.5", "101", fee="0.1")
    await bench.pass_ms(20)
    await bench.bot.cancel(name)
    await bench.pass_ms(LONG_MS)
    assert bench.order(name).status == "CANCELED"
    assert await bench.position() == 1
    sale = await until_sent(bench, "sell", "1")
    bench.exchange.trade(sale, "1", "102", fee="0.1")
    await bench.pass_ms(LONG_MS)
    return name, sale


async def until_sent(bench: Bench, side: str, quantity: str) -> str:
    """Execute until it was sent, as a bot does that believes what it is told; return the order's id."""
    for _ in range(3):
        before = len(bench.exchange.submits)
        try:
            result = await bench.execute(side, quantity, "100")
        except JournalUnavailable:
            assert len(bench.exchange.submits) == before
        else:
            if result.status not in ("NOT_SENT", "DENIED"):
                await bench.pass_ms(LONG_MS)
                return result.client_order_id
            assert len(bench.exchange.submits) == before
        await bench.pass_ms(LONG_MS)
    raise AssertionError("it was never sent")


def check_whole_life(bench: Bench, names: tuple[str, str]) -> None:
    """The life's end is the same whatever happened on the way, and the venue was asked for nothing twice."""
    bought, sold = (bench.order(name) for name in names)
    assert (bought.status, bought.filled_quantity, bought.filled_value) == (
        "CANCELED",
        Decimal(1),
        Decimal("100.5"),
    )
    assert (sold.status, sold.filled_quantity) == ("FILLED", Decimal(1))
    (position,) = bench.kernel.positions()
    assert (position.quantity, position.realized_pnl, position.fees) == (
        Decimal(0),
        Decimal("1.5"),
        Decimal("0.3"),
    )
    assert (position.pending_openings, position.reserved_exit) == (0, Decimal(0))
    assert [bench.exchange.submits_of(name) for name in names] == [1, 1]
    assert len(bench.exchange.submits) == 2
    assert len(bench.fills()) == 3
    assert bench.kernel.trading_state is TradingState.ACTIVE


APPENDS_OF_A_LIFE = 12


def test_a_whole_life_has_so_many_commits() -> None:
    """The figure that the next test runs to is right: beyond it nothing is left to fail."""

    async def main(bench: Bench) -> None:
        count = fail_from(bench, 10_000, AppendFault.FAILS)
        check_whole_life(bench, await whole_life(bench))
        assert count[0] <= APPENDS_OF_A_LIFE

    on_bench(main)


@pytest.mark.requirement("ERR-2", "TEST-6")
@pytest.mark.parametrize("nth", range(1, APPENDS_OF_A_LIFE + 1))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_commit_anywhere_in_a_life_loses_nothing(fault: AppendFault, nth: int) -> None:
    """Failed, hanging or uncertain, stored or not, at every commit of two orders' lives: the same end."""

    async def main(bench: Bench) -> None:
        fail_from(bench, nth, fault)
        check_whole_life(bench, await whole_life(bench))

    on_bench(main)


@pytest.mark.requirement("ERR-2", "TEST-6")
@pytest.mark.parametrize("fault", FAULTS)
def test_while_the_journal_is_unusable_nothing_is_sent_but_cancels(fault: AppendFault) -> None:
    """Proposals are refused; a cancel goes out at once, and what an operator wants waits for the journal."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        stuck = asyncio.Event()

        async def before(method: str) -> None:
            if method == "reopen":
                await stuck.wait()

        bench.before = before
        fail_from(bench, 1, fault)
        task = bench.spawn_execute()
        await bench.pass_ms(12_000)
        assert bench.kernel._parts.engine.suspended
        with pytest.raises(JournalUnavailable, match="nothing was sent"):
            await bench.execute()
        with pytest.raises(JournalUnavailable):
            await bench.kernel.reconcile()
        halt = bench.loop.create_task(bench.kernel.set_trading_state(TradingState.HALTED, reason="x"))
        cancel = bench.loop.create_task(bench.bot.cancel(name))
        await bench.pass_ms(5)
        heard = [list(bench.exchange.cancels)]
        waits = not cancel.done()
        foreign = bench.loop.create_task(bench.kernel.session(owner="other").cancel(name))
        await bench.pass_ms(5)
        heard.append(list(bench.exchange.cancels))
        submits = len(bench.exchange.submits)
        stuck.set()
        assert (submits, heard, waits) == (1, [[name], [name]], True)
        assert (await cancel).accepted
        assert (await foreign).code == "FOREIGN_OWNER"
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "CANCELED"
        stored = fault in STORED
        if stored:
            assert (await task).status in ("ACCEPTED", "NOT_SENT")
        else:
            with pytest.raises(JournalUnavailable):
                await task
            assert len(bench.exchange.submits) == 1
        assert (await halt).accepted  # an operator's word is not refused, it waits for the journal
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


def test_a_cancel_in_a_doubtful_batch_goes_out_and_is_recorded_later() -> None:
    """The cancel's own commit hangs: the request goes out as soon as that is noticed, and is said again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        fail_from(bench, 1, AppendFault.HANGS)
        answer = await bench.bot.cancel(name)
        assert answer.accepted or answer.code == "ALREADY_CLOSED"
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "CANCELED"

    on_bench(main)


def test_trading_pauses_until_the_venue_was_asked_again() -> None:
    """After a recovery new exposure waits for a reconciliation; then trading goes on as before."""

    async def main(bench: Bench) -> None:
        await bench.working()
        bench.exchange.will_fail("fills_since", 2)
        fail_from(bench, 1, AppendFault.FAILS)
        with pytest.raises(JournalUnavailable):
            await bench.execute()
        assert bench.kernel.trading_state.value == "disabled"
        assert (await bench.execute()).order.denial_code == "NOT_TRADING"
        await bench.pass_ms(LONG_MS)
        assert bench.kernel.trading_state is TradingState.ACTIVE
        assert (await bench.execute()).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING, TradingState.DISABLED])
def test_a_recovery_never_relaxes_trading(state: TradingState) -> None:
    """What an operator set stands after a recovery and its reconciliation."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.kernel.set_trading_state(state, reason="operator's wish")
        fail_from(bench, 1, AppendFault.FAILS)
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms(LONG_MS)
        assert bench.kernel._parts.recovery.count == 1
        assert bench.kernel.trading_state is state
        assert bench.order(name).filled_quantity == Decimal("0.5")

    on_bench(main)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_operators_halt_is_answered_by_its_own_commit(fault: AppendFault) -> None:
    """Setting the state returns only when that is durable, and raises when it is not."""

    async def main(bench: Bench) -> None:
        fail_from(bench, 1, fault)
        stored = fault in STORED
        try:
            await bench.kernel.set_trading_state(TradingState.HALTED, reason="stop")
        except JournalUnavailable:
            assert not stored
        else:
            assert stored
        changes = [record.state for record in bench.records() if isinstance(record, TradingStateChanged)]
        assert (TradingState.HALTED in changes) is stored
        await bench.pass_ms(LONG_MS)
        assert (bench.kernel.trading_state is TradingState.HALTED) is stored

    on_bench(main)


@pytest.mark.requirement("ERR-2", "P0-1")
@pytest.mark.parametrize("fault", FAULTS)
def test_orders_are_found_through_a_recovery(fault: AppendFault) -> None:
    """Closed, working and in flight: every acknowledged order is found at every instant of a recovery."""

    async def main(bench: Bench) -> None:
        closed = await bench.working()
        await bench.bot.cancel(closed)
        await bench.pass_ms(5)
        working = await bench.working()
        bench.exchange.will_submit(hangs)
        task = bench.spawn_execute()
        await bench.pass_ms(5)
        names = [closed, working, bench.exchange.submits[-1].client_order_id]
        await bench.kernel.settled()
        fail_from(bench, 1, fault)
        bench.exchange.trade(working, "0.5", "100")
        watch_orders(bench, names)
        await bench.pass_ms(LONG_MS)
        assert bench.kernel._parts.recovery.count == 1
        assert bench.order(closed).status == "CANCELED"
        assert bench.order(working).filled_quantity == Decimal("0.5")
        assert (await task).unresolved
        assert bench.order(names[2]).status == "NOT_PLACED"

    on_bench(main)


def watch_orders(bench: Bench, names: list[str]) -> None:
    """Look for the orders after every step of the loop from here on."""
    make_step = bench.loop._run_once

    def step_and_look() -> None:
        make_step()
        for name in names:
            assert bench.kernel.order(name) is not None

    bench.loop._run_once = step_and_look  # type: ignore[method-assign]  # every step of every task goes through it


def test_an_order_whose_answer_was_discarded_is_not_said_to_be_unsent() -> None:
    """The commit of the acceptance fails: whoever waits for the order goes on waiting, and gets the truth."""

    async def main(bench: Bench) -> None:
        fail_from(bench, 2, AppendFault.FAILS)
        result = await bench.execute()
        assert result.status in ("ACCEPTED", "UNRESOLVED")
        end = bench.loop.create_task(result.closed())
        await bench.pass_ms(LONG_MS)
        assert bench.order(result.client_order_id).status == "ACCEPTED"
        fail_from(bench, 1, AppendFault.FAILS)
        bench.exchange.trade(result.client_order_id, "1", "100")
        assert (await end).status == "FILLED"
        assert len(bench.exchange.submits) == 1

    on_bench(main)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.LIMITED, Outcome.REFUSED])
def test_an_answer_that_comes_during_a_recovery_still_counts(outcome: Outcome) -> None:
    """It waits for the journal and is then taken for what it says, not for a contradiction."""

    async def main(bench: Bench) -> None:
        working = await bench.working()

        async def slowly(_exchange: ScriptedExchange, _request: SubmitRequest) -> Answer:
            await bench.pass_ms(50)
            return Answer(outcome, reason="late")

        bench.exchange.will_submit(slowly)
        task = bench.spawn_execute()
        await bench.pass_ms(5)
        slow_down(bench, "reopen", 200)
        fail_from(bench, 1, AppendFault.FAILS)
        bench.exchange.trade(working, "0.5", "100")
        await bench.pass_ms(LONG_MS)
        result = await task
        expected = {Outcome.NOT_SENT: "NOT_SENT", Outcome.REFUSED: "REJECTED", Outcome.LIMITED: "ACCEPTED"}
        assert result.status == expected[outcome]
        assert bench.anomalies() == ["journal_recovered"]

    on_bench(main)


@pytest.mark.requirement("ERR-2")
@pytest.mark.parametrize("failing", ["reopen", "rows", "always stale"])
def test_a_journal_that_cannot_be_brought_back_is_given_up(failing: str) -> None:
    """After so many attempts: FAULTED in the health report, every wait ends, cancels go out, nothing else."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        end = bench.loop.create_task(bench.kernel.closed(name))
        attempts = 0

        async def before(method: str) -> None:
            nonlocal attempts
            if method == ("rows" if failing == "rows" else "reopen"):
                attempts += 1
                raise StaleEpoch("another kernel took over") if failing == "always stale" else OSError("gone")

        bench.before = before
        fail_from(bench, 1, AppendFault.FAILS)
        waits = [bench.spawn_execute() for _ in range(3)]
        await bench.pass_ms(LONG_MS)
        assert attempts == (1 if failing == "always stale" else 10)
        head = bench.disk.head
        for wait in [end, *waits]:
            with pytest.raises(Exception, match=GIVEN_UP):
                await wait
        states = {component: (state, problem) for component, state, problem in bench.kernel.health()}
        assert states["journal"][0] == "faulted"
        assert states["journal"][1]
        for call in (
            bench.execute(),
            bench.kernel.closed(name),
            bench.kernel.reconcile(),
            bench.kernel.set_trading_state(TradingState.HALTED, reason="x"),
        ):
            with pytest.raises(JournalUnavailable):
                await call
        with pytest.raises(Exception, match=GIVEN_UP):
            await bench.kernel.settled()
        with pytest.raises(JournalUnavailable, match="sent all the same"):
            await bench.bot.cancel(name)
        await bench.pass_ms(LONG_MS)
        assert bench.exchange.cancels == [name]
        assert bench.disk.head == head
        assert len(bench.exchange.submits) == 1
        await bench.kernel.stop()
        bench.before = nothing_happens
        await bench.start_another()
        assert (await bench.kernel.find_order(name)).status == "CANCELED"  # type: ignore[union-attr]  # it is there

    on_bench(main)


def test_a_store_that_went_another_way_is_not_written_to() -> None:
    """The head is neither before nor after the batch in doubt: the kernel gives up and says so."""

    async def main(bench: Bench) -> None:
        await bench.working()
        twin = bench.disk.head

        def faults(_batch: Batch) -> AppendFault:
            bench.disk.head = type(twin)(twin.sequence + 7, b"x" * 32)
            return AppendFault.UNCERTAIN_LOST

        bench.faults = faults
        with pytest.raises(Exception, match="neither before nor after"):
            await bench.execute()
        assert ("journal", "faulted") in [(name, state) for name, state, _ in bench.kernel.health()]
        bench.disk.head = twin

    on_bench(main)


@pytest.mark.requirement("ERR-2")
@pytest.mark.parametrize("where", ["decide", "apply", "seal"])
def test_a_broken_step_discards_memory_and_halts(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a step leaves no half step: memory is rebuilt, the command fails, an operator must look."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        end = bench.loop.create_task(bench.kernel.closed(name))
        await bench.pass_ms()
        plant(where, monkeypatch)
        with pytest.raises((JournalUnavailable, InvariantBroken)):
            await bench.execute()
        monkeypatch.undo()
        await bench.pass_ms(LONG_MS)
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.anomalies() == ["component_failed"]
        assert len(bench.exchange.submits) == 1
        assert bench.kernel.positions()[0].pending_openings == 1
        assert (await bench.bot.cancel(name)).accepted
        assert (await end).status == "CANCELED"

    on_bench(main)


def plant(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break one part of a step."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("planted")

    targets = {
        "decide": "fairlead.kernel.decide.proposals.attempt_deadline",
        "apply": "fairlead.kernel.apply.apply.reserve",
        "seal": "fairlead.kernel.journal.codec._encode",
    }
    monkeypatch.setattr(targets[where], broken)


def test_a_broken_command_tells_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel whose step breaks fails with that, instead of waiting for ever."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        monkeypatch.setattr("fairlead.kernel.apply.apply.pending_after", lambda *_, **__: 1 / 0)
        with pytest.raises(InvariantBroken, match="ZeroDivisionError"):
            await bench.bot.cancel(name)
        monkeypatch.undo()
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_that_breaks_while_a_commit_fails(fault: AppendFault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both at once: memory is rebuilt for both, and the halt is not forgotten over the commit."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        fail_from(bench, 1, fault)
        brake = Brake(bench)
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms()
        monkeypatch.setattr("fairlead.kernel.decide.proposals.attempt_deadline", lambda *_: 1 / 0)
        task = bench.spawn_execute()
        await bench.pass_ms()
        monkeypatch.undo()
        brake.release()
        with pytest.raises((JournalUnavailable, InvariantBroken)):
            await task
        await bench.pass_ms(LONG_MS)
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.order(name).filled_quantity == Decimal("0.5")

    on_bench(main)


def test_a_store_that_cannot_be_read_is_recovered() -> None:
    """A report about an order out of memory, and a store that fails to load it: nothing is lost."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.bot.cancel(name)
        await bench.pass_ms(5)
        await bench.restart()
        assert bench.kernel.order(name) is None
        failures = itertools.count()

        async def before(method: str) -> None:
            if method == "rows_where orders" and next(failures) < 3:
                raise OSError("bad sector")

        bench.before = before
        bench.exchange.trade(name, "0.25", "100")
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).filled_quantity == Decimal("0.25") == await bench.position()
        assert set(bench.anomalies()) == {"journal_recovered", "late_fill"}
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


def test_a_kernel_does_not_start_on_a_journal_that_fails() -> None:
    """The first commit of a start fails for good: start raises, and nothing is left running."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()

        async def before(method: str) -> None:
            if method == "reopen":
                raise OSError("disk gone")

        bench.before = before
        fail_from(bench, 1, AppendFault.FAILS)
        with pytest.raises(CommitUncertain, match=GIVEN_UP):
            await bench.start_another()
        assert not bench.kernel._parts.supervisor.tasks
        bench.before = nothing_happens
        await bench.start_another()

    on_bench(main)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_start_recovers_from_a_failed_commit(nth: int, fault: AppendFault) -> None:
    """A commit that fails during the start is recovered, and trading is enabled only after a whole one."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "0.5", "100", said=False)
        await bench.die()
        fail_from(bench, nth, fault)
        await bench.start_another()
        await bench.pass_ms(LONG_MS)
        assert bench.kernel.trading_state is TradingState.ACTIVE
        assert bench.order(name).filled_quantity == Decimal("0.5")
        assert bench.kernel.last_reconciliation is not None

    on_bench(main)


def test_stopping_ends_every_wait() -> None:
    """Whoever waits for an order's end when the kernel stops is told so."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        end: asyncio.Task[OrderView] = bench.loop.create_task(bench.kernel.closed(name))
        await bench.pass_ms()
        await bench.kernel.stop()
        with pytest.raises(NotRunning):
            await end

    on_bench(main)


def test_a_repeated_command_survives_a_recovery_in_its_middle() -> None:
    """The store is read for the key while a recovery runs: the key still answers with the first order."""

    async def main(bench: Bench) -> None:
        first = await bench.execute(key="k")
        await bench.bot.cancel(first.client_order_id)
        await bench.pass_ms(10)
        other = await bench.working()
        await bench.restart()
        slow_down(bench, "rows_where commands", 50)
        task = bench.spawn_execute(key="k")
        await bench.pass_ms(5)
        fail_from(bench, 1, AppendFault.FAILS)
        bench.exchange.trade(other, "0.5", "100")
        assert (await task).client_order_id == first.client_order_id
        assert bench.kernel._parts.recovery.count == 1

    on_bench(main)


def test_a_late_approval_is_not_sent() -> None:
    """A commit that was proven long after: what its approval was for has aged, so it is not sent."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(answers(Outcome.UNKNOWN, "never asked"))
        fail_from(bench, 1, AppendFault.HANGS_STORED)
        result = await bench.execute()
        assert (result.status, result.reasons) == ("NOT_SENT", "its approval was too old to be sent")
        assert bench.exchange.submits == []

    on_bench(main, fence=Fence.NONE, settings={"approval_ttl_ms": 5_000})


def test_a_late_change_is_not_sent() -> None:
    """The same for a modify: its approval has aged when the commit is proven; the order keeps its terms."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        fail_from(bench, 1, AppendFault.HANGS_STORED)
        result = await bench.bot.modify_order(name, quantity="2")
        assert "too old to be sent" in result.reason
        assert bench.exchange.orders[name].quantity == 1
        assert bench.order(name).quantity == 1

    on_bench(main, fence=Fence.NONE, settings={"approval_ttl_ms": 5_000})
