"""Clients that hang, die, or tell times that are none, and stores that exit: nothing is guessed or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead import Proposal, TradingState
from fairlead.errors import ExchangeFault, InvalidInput, JournalUnavailable
from fairlead.kernel.core.readable import TEXT_LENGTH_MAX, sound_answer
from fairlead.ports.exchange import Answer, OrderReport, Outcome, SubmitRequest
from fairlead.ports.risk import ALLOW
from fairlead.ports.store import Batch
from fairlead.testing.scripted_exchange import ScriptedExchange, hangs
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench
from tests.core.kernel.checks import Says

NOON: Any = datetime(2026, 11, 26, 12)  # noqa: DTZ001 - a time without a zone is the point
NOON_UTC: Any = datetime(2026, 11, 26, 12, tzinfo=UTC)


class OddError(BaseException):
    """An error that is no `Exception`: some libraries have one."""


ERRORS: list[BaseException] = [
    ValueError("figures"),
    KeyError("id"),
    ConnectionResetError(),
    TimeoutError(),
    RecursionError(),
    MemoryError(),
    SystemExit(1),
    asyncio.CancelledError(),
    OddError("odd"),
]


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("placed", [True, False])
def test_whatever_a_client_raises_the_outcome_is_unknown(error: BaseException, placed: bool) -> None:  # noqa: FBT001 - a case
    """The order is unresolved, never failed, and the venue says what became of it; the kernel trades on."""

    async def main(bench: Bench) -> None:
        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            if placed:
                exchange.place(request)
            raise error.with_traceback(None)

        bench.exchange.will_submit(script)
        result = await bench.execute()
        assert result.unresolved
        await bench.pass_ms(10_000)
        name = result.client_order_id
        assert bench.order(name).status == ("ACCEPTED" if placed else "NOT_PLACED")
        assert bench.exchange.submits_of(name) == 1
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


class Deaf(ScriptedExchange):
    """A venue that never answers, with a client that swallows the first cancel of each of its questions."""

    deaf = False
    asked = 0

    async def submit(self, request: SubmitRequest) -> Answer:
        """See `ExchangeClient.submit`."""
        await self._hear()
        return await super().submit(request)

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """See `ExchangeClient.cancel`."""
        self.asked += 1
        await self._hear()
        return await super().cancel(client_order_id, venue_order_id, symbol)

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        await self._hear()
        return await super().open_orders()

    async def _hear(self) -> None:
        if self.deaf:
            loop = asyncio.get_running_loop()
            with suppress(asyncio.CancelledError):
                await loop.create_future()
            await loop.create_future()


def test_a_client_that_swallows_its_cancel_is_canceled_anew() -> None:
    """A submit is unknown, a cancel is asked for again and a reconciliation fails: nobody waits for ever."""

    async def main(bench: Bench) -> None:
        exchange = bench.exchange
        assert isinstance(exchange, Deaf)
        working = await bench.working()
        exchange.deaf = True
        task = bench.spawn_execute()
        assert (await bench.bot.cancel(working)).accepted
        reading = bench.loop.create_task(bench.kernel.reconcile())
        await bench.pass_ms(5_999)
        assert not reading.done()
        await bench.pass_ms(2)
        assert (task.done(), reading.done()) == (True, True)
        assert (await task).unresolved
        with pytest.raises(ExchangeFault, match="did not answer in time"):
            await reading
        await bench.pass_ms(20_000)
        assert exchange.asked > 1
        exchange.deaf = False
        await bench.pass_ms(60_000)
        assert bench.order(working).status == "CANCELED"

    on_bench(main, exchange=Deaf([instrument()]), settings={"request_timeout_ms": 3_000})


def test_a_client_that_hangs_is_left_after_its_time() -> None:
    """After `request_timeout_ms` the outcome is unknown; the order is looked up and never sent again."""

    async def main(bench: Bench) -> None:
        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            return await hangs(exchange, request)

        bench.exchange.will_submit(script)
        task = bench.spawn_execute()
        await bench.pass_ms(2_999)
        assert not task.done()
        await bench.pass_ms(2)
        assert (await task).unresolved
        await bench.pass_ms(10_000)
        name = (await task).client_order_id
        assert bench.order(name).status == "ACCEPTED"
        assert bench.exchange.submits_of(name) == 1

    on_bench(main, settings={"request_timeout_ms": 3_000})


@pytest.mark.parametrize("time", [NOON, NOON_UTC, 1.5, "2026-11-26", -1, 2**63, True, None])
@pytest.mark.parametrize("told_by", ["fill", "order", "answer"])
def test_a_time_that_is_none_is_put_aside(told_by: str, time: Any) -> None:  # noqa: ANN401 - that is the point
    """A date, with a zone or without, is no nanoseconds UTC: nothing is concluded from what came with it."""

    async def main(bench: Bench) -> None:
        if told_by == "answer":

            async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
                exchange.place(request)
                return Answer(Outcome.ACCEPTED, "V9", ts_event=time)

            bench.exchange.will_submit(script)
            assert (await bench.execute()).unresolved
            return
        name = await bench.working()
        good = bench.exchange.trade(name, "1", "100", said=False)
        report: Any = good if told_by == "fill" else bench.exchange.report(name)
        bench.exchange.say(replace(report, ts_event=time))
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == 0
        assert bench.anomalies() == ["unreadable_report"]
        bench.exchange.say(good)
        await bench.pass_ms()
        assert bench.order(name).status == "FILLED"

    on_bench(main)


@pytest.mark.parametrize("time", [NOON, NOON_UTC])
def test_a_date_in_a_proposal_is_refused(time: Any) -> None:  # noqa: ANN401 - that is the point
    """The bot's own times are nanoseconds UTC as well; the error says which field."""
    with pytest.raises(InvalidInput) as refusal:
        Proposal.buy(BTC, quantity="1", limit_price="100", time_in_force="gtd", expire_ns=time)
    assert refusal.value.field == "expire_ns"
    assert "nanoseconds" in str(refusal.value)


@pytest.mark.parametrize("where", ["client", "judge", "fold"])
def test_an_interrupt_from_the_keyboard_is_not_a_plugins(where: str) -> None:
    """Whoever presses the keys means the process: it passes, and no outcome is made of it."""

    def interrupted(*_: object) -> Any:  # noqa: ANN401 - it never returns
        raise KeyboardInterrupt

    async def main(bench: Bench) -> None:
        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            return interrupted() if where == "client" else Answer(Outcome.ACCEPTED, "V1")

        check.answer = interrupted if where == "judge" else ALLOW
        bench.exchange.will_submit(script)
        result = await bench.execute()
        check.fold = interrupted  # type: ignore[method-assign, assignment]  # a fake around a fake
        bench.exchange.trade(result.client_order_id, "1", "100")
        await bench.pass_ms()

    check = Says(ALLOW)
    check.stateless = False
    with pytest.raises(KeyboardInterrupt):
        on_bench(main, checks=[check])


def test_a_store_that_exits_the_process_is_recovered_from() -> None:
    """The batch counts as uncertain like after any other failure; nothing is sent, and trading goes on."""

    async def main(bench: Bench) -> None:
        def exits(_batch: Batch) -> None:
            bench.faults = lambda _batch: None
            raise SystemExit(1)

        bench.faults = exits
        with pytest.raises(JournalUnavailable):
            await bench.execute()
        assert bench.exchange.submits == []
        await bench.pass_ms(5_000)
        assert (await bench.execute()).status == "ACCEPTED"
        assert bench.anomalies() == ["journal_recovered"]

    on_bench(main)


def test_a_reason_in_a_clients_answer_is_made_safe_to_read() -> None:
    """What moves a reader's cursor is escaped and what is too long is cut; the rest of the answer stays."""
    told = Answer(Outcome.REFUSED, "V1", reason="no\x1b[2J")
    assert sound_answer(told) == replace(told, reason="'no\\x1b[2J'")
    assert len(sound_answer(replace(told, reason="x" * 9_999)).reason) == TEXT_LENGTH_MAX
    plain = replace(told, reason="no")
    assert sound_answer(plain) is plain
