"""Stopping by policy: nothing in flight is forgotten, what could not be done is said and still right."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead import StopReport
from fairlead.errors import NotRunning, UnknownName
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.exchange import VenueStatus
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import hangs, takes_cancel
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.faults import LONG_MS
from tests.core.kernel.test_closings import fills

ODD: Any = "sell everything"


def on_stop(policy: str, **others: Any) -> dict[str, Any]:  # noqa: ANN401 - settings
    """Return settings with the policy."""
    return {"on_stop": policy, "stop_timeout_ms": 2_000, **others}


async def stopped(bench: Bench) -> StopReport:
    """Stop the kernel and return its report."""
    report = await bench.kernel.stop()
    assert report is not None
    return report


@pytest.mark.requirement("FLOW-12")
def test_leave_leaves_everything() -> None:
    """Orders work on without a kernel, and are found again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert await stopped(bench) == StopReport("leave", left_orders=(name,))
        assert bench.exchange.cancels == []
        assert await bench.kernel.stop() is None
        await bench.start_another()
        assert bench.order(name).status == "ACCEPTED"

    on_bench(main, settings=on_stop("leave"))


@pytest.mark.requirement("FLOW-12")
def test_entries_are_canceled_and_exits_stay() -> None:
    """The default: what would add exposure is canceled and confirmed; exits and positions stay."""
    assert KernelSettings(account="x").on_stop.value == "cancel_entries"

    async def main(bench: Bench) -> None:
        await bench.hold()
        entry = await bench.working("buy", "1", "90")
        resting = await bench.working("sell", "1", "150")
        report = await stopped(bench)
        assert report == StopReport("cancel_entries", (entry,), (resting,), ((BTC, "bot", ""),))
        await bench.start_another()
        view = await bench.bot.find_order(entry)
        assert view is not None
        assert view.status == "CANCELED"
        assert bench.order(resting).status == "ACCEPTED"

    on_bench(main, settings=on_stop("cancel_entries"))


@pytest.mark.requirement("FLOW-12")
def test_flatten_closes_everything() -> None:
    """Orders canceled, positions closed, before the kernel is gone."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.working("sell", "1", "150")
        bench.exchange.will_submit(fills)
        assert await stopped(bench) == StopReport("flatten")
        await bench.start_another()
        assert bench.bot.position(BTC) is None

    on_bench(main, settings=on_stop("flatten"))


@pytest.mark.requirement("FLOW-12")
@pytest.mark.parametrize("policy", ["cancel_entries", "flatten"])
def test_what_is_not_done_in_time_is_said_and_goes_on_after_the_next_start(policy: str) -> None:
    """A venue that is slow: the stop ends in its time, says what is left, and the next kernel finishes it."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        entry = await bench.working("buy", "1", "90")
        bench.exchange.will_cancel(*[takes_cancel] * 99)
        before_ns = bench.clock.monotonic_ns()
        report = await stopped(bench)
        assert bench.clock.monotonic_ns() - before_ns < 5_000_000_000
        assert (report.policy, "time" in report.problem) == (policy, True)
        assert report.left_orders[0] == entry
        assert report.left_positions == ((BTC, "bot", ""),)
        bench.exchange.will_submit(fills)
        bench.exchange.end(entry, VenueStatus.CANCELED)
        await bench.start_another()
        if policy == "flatten" and len(bench.exchange.submits) > 2:
            bench.exchange.trade(bench.exchange.submits[-1].client_order_id, "1", "110")
        await bench.pass_ms(LONG_MS)
        assert not bench.kernel.orders(live_only=True)
        assert (bench.bot.position(BTC) is None) is (policy == "flatten")

    on_bench(main, settings=on_stop(policy))


@pytest.mark.requirement("FLOW-12")
def test_an_order_on_its_way_is_not_forgotten_by_a_stop() -> None:
    """Its answer never comes: it is named as left, unresolved after the start, its cancel remembered."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        task = bench.spawn_execute()
        await bench.pass_ms(10)
        report = await stopped(bench)
        (name,) = report.left_orders
        with pytest.raises(NotRunning):
            await task
        bench.exchange.place(bench.exchange.submits[0])
        await bench.start_another()
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "CANCELED"

    on_bench(main, settings=on_stop("cancel_entries"))


def test_nothing_new_is_taken_while_the_kernel_stops() -> None:
    """A bot that goes on submitting while the policy is carried out is refused; a second stop waits."""

    async def main(bench: Bench) -> None:
        await bench.working()
        bench.exchange.will_cancel(takes_cancel)
        stopping = bench.loop.create_task(bench.kernel.stop())
        await bench.pass_ms(10)
        with pytest.raises(NotRunning, match="stopping"):
            await bench.execute()
        assert await bench.kernel.stop() is None
        assert await stopping is not None

    on_bench(main, settings=on_stop("cancel_entries"))


def test_a_journal_that_fails_during_the_stop_is_said() -> None:
    """The wish cannot be recorded: the report says so, and the kernel stops all the same."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        faults = [AppendFault.FAILS]
        bench.faults = lambda _batch: faults.pop() if faults else None
        report = await stopped(bench)
        assert "JournalUnavailable" in report.problem
        assert report.left_positions == ((BTC, "bot", ""),)

    on_bench(main, settings=on_stop("flatten"))


def test_an_unknown_policy_is_refused() -> None:
    """The error names the setting and what may be used."""
    with pytest.raises(UnknownName, match="on_stop") as caught:
        KernelSettings(account="x", on_stop=ODD)
    assert "flatten" in str(caught.value)
