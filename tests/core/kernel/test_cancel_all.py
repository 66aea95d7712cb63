"""Cancel all: every live order of the owner, once, whatever the journal does."""

from __future__ import annotations

from collections import Counter

import pytest

from fairlead import CommandResult, TradingState
from fairlead.domain.command_records import CommandTaken
from fairlead.domain.records import CommandRefused
from fairlead.errors import InvalidInput, JournalUnavailable
from fairlead.ports.exchange import VenueStatus
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import hangs, refuses_cancel, takes_cancel
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.faults import LONG_MS


@pytest.mark.requirement("FLOW-4")
@pytest.mark.parametrize("state", [*TradingState])
def test_every_live_order_of_the_owner_is_canceled_once(state: TradingState) -> None:
    """In every trading state: the owner's, of the symbol asked for; each asked for once; one record."""

    async def main(bench: Bench) -> None:
        mine = [await bench.working() for _ in range(3)]
        eth = await bench.working(symbol=ETH)
        other = await bench.working(owner="other")
        await bench.kernel.set_trading_state(state, reason="x")
        bench.exchange.will_cancel(takes_cancel)
        await bench.bot.cancel(mine[0])
        result = await bench.bot.cancel_all(BTC)
        assert (result.accepted, set(result.names)) == (True, set(mine))
        await bench.pass_ms(10)
        assert Counter(bench.exchange.cancels) == Counter(mine)
        assert [bench.order(name).status for name in mine] == ["PENDING_CANCEL", "CANCELED", "CANCELED"]
        assert {bench.order(name).status.value for name in (eth, other)} == {"ACCEPTED"}
        (taken,) = [record for record in bench.records() if isinstance(record, CommandTaken)]
        assert (taken.command, taken.by, taken.subject, taken.names) == (
            "cancel_all",
            "bot",
            BTC,
            result.names,
        )
        assert set((await bench.kernel.cancel_all()).names) == {mine[0], eth, other}
        await bench.pass_ms(LONG_MS)
        assert not bench.kernel.orders(live_only=True)
        assert (await bench.kernel.cancel_all()).names == ()

    on_bench(main)


@pytest.mark.requirement("FLOW-4")
def test_a_cancel_is_confirmed_by_the_venue_only() -> None:
    """Known and ours and cancelable, else refused with a code; an accepted cancel ends nothing by itself."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(100)
        assert bench.order(name).status == "PENDING_CANCEL"
        assert (await bench.bot.cancel(name)).code == "ALREADY_ASKED"
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert bench.order(name).status == "CANCELED"
        assert (await bench.bot.cancel(name)).code == "ALREADY_CLOSED"
        other = await bench.working(owner="other")
        assert (await bench.bot.cancel(other)).code == "FOREIGN_OWNER"
        bench.exchange.will_cancel(refuses_cancel("too late"))
        assert (await bench.kernel.session(owner="other").cancel(other)).accepted
        await bench.pass_ms(10)
        assert bench.order(other).status == "ACCEPTED"

    on_bench(main)


def test_an_order_on_its_way_is_canceled_when_the_venue_has_it() -> None:
    """What is not acknowledged yet is named as well; its cancel waits for the venue's first word."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        task = bench.spawn_execute()
        await bench.pass_ms(10)
        result = await bench.bot.cancel_all()
        (name,) = result.names
        assert bench.exchange.cancels == []
        bench.exchange.place(bench.exchange.submits[0])
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms(10)
        assert bench.exchange.cancels == [name]
        assert (await task).client_order_id == name

    on_bench(main)


def test_a_book_is_named_and_another_owners_is_refused() -> None:
    """Only the book's orders; another owner's own book is refused and recorded, also when repeated."""

    async def main(bench: Bench) -> None:
        await bench.working()
        assert (await bench.bot.cancel_all(book="grid")).names == ()
        for _ in range(2):
            answer = await bench.kernel.session(owner="thief").cancel_all(book="bot", idempotency_key="k")
            assert (answer.accepted, answer.code) == (False, "FOREIGN_OWNER")
        (refused,) = [record for record in bench.records() if isinstance(record, CommandRefused)]
        assert (refused.command, refused.by) == ("cancel_all", "thief")
        assert bench.exchange.cancels == []

    on_bench(main)


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("between", ["nothing", "restart"])
def test_a_repeated_cancel_all_answers_with_the_first_result(between: str) -> None:
    """The same key cancels nothing again, names the same orders; another wish under it is refused."""

    async def main(bench: Bench) -> None:
        await bench.working()
        first = await bench.bot.cancel_all(idempotency_key="k")
        await bench.pass_ms(10)
        if between == "restart":
            await bench.restart()
        later = await bench.working()
        assert await bench.bot.cancel_all(idempotency_key="k") == first
        assert bench.order(later).status == "ACCEPTED"
        with pytest.raises(InvalidInput, match="used for another command"):
            await bench.bot.cancel_all(BTC, idempotency_key="k")

    on_bench(main)


def test_cancels_go_out_while_the_journal_is_unusable() -> None:
    """The requests leave at once and are recorded when the journal is back; the answer waits for that."""

    async def main(bench: Bench) -> None:
        names = [await bench.working() for _ in range(2)]
        other = await bench.working(owner="other")

        async def slowly(method: str) -> None:
            if method == "reopen":
                await bench.pass_ms(1_000)

        bench.before = slowly
        faults = [AppendFault.FAILS]
        bench.faults = lambda _batch: faults.pop() if faults else None
        lost = bench.spawn_execute()
        await bench.pass_ms(10)
        assert bench.kernel._parts.engine.suspended
        task = bench.loop.create_task(bench.bot.cancel_all())
        await bench.pass_ms(10)
        assert Counter(bench.exchange.cancels) == Counter(names)
        assert not task.done()
        with pytest.raises(JournalUnavailable):
            await lost
        result: CommandResult = await task
        assert set(result.names) <= set(names)
        await bench.pass_ms(LONG_MS)
        assert {bench.order(name).status.value for name in names} == {"CANCELED"}
        assert bench.order(other).status == "ACCEPTED"

    on_bench(main)


def test_a_cancel_all_whose_commit_fails_is_said_again() -> None:
    """Discarded with its batch, it is given again until it is recorded; the cancel itself left at once."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        faults = [AppendFault.FAILS]
        bench.faults = lambda _batch: faults.pop() if faults else None
        assert (await bench.bot.cancel_all()).accepted
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "CANCELED"

    on_bench(main)
