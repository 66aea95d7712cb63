"""Commits on the real SQL store that fail, hang or are uncertain, under a real kernel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from fairlead import Proposal
from fairlead.cli.demo import checker
from fairlead.domain.orders import OrderStatus
from fairlead.errors import JournalUnavailable
from fairlead.kernel.journal.verify import verify_journal
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.results import ExecutionResult
from fairlead.kernel.session import Session
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead_paper.desk import Desk
from fairlead_paper.opening import open_desk
from fairlead_paper.plugin import paper_client
from fairlead_paper.records import PublicTrade
from fairlead_paper.settings import PaperSettings, VenueSettings
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.store import SqlStore
from tests.e2e.commits.faulty_connection import Fault, Plan

SYMBOL = "BTC/USDT"
BUY = Proposal.buy(SYMBOL, quantity="0.001", limit_price="100000")
PATIENCE_NS = 30 * NANOSECONDS_PER_SECOND
SETTINGS = KernelSettings(
    account="main",
    allow_unchecked=True,
    commit_timeout_ms=200,
    recovery_interval_ms=20,
    recovery_attempts_max=1_000,
    look_up_interval_ms=50,
)
KEPT = {Fault.UNCERTAIN_STORED, Fault.HANGS_IN_COMMIT}
"""Faults after which the batch is on disk, so that its order is sent after all."""


@attrs.define
class Scene:
    """A kernel on a real file, its bot, the venue, and what may go wrong."""

    kernel: Kernel
    bot: Session
    desk: Desk
    plan: Plan
    clock: SystemClock
    discarded: list[asyncio.Task[ExecutionResult]] = attrs.Factory(list)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        async with self.clock.timeout_ns(PATIENCE_NS):
            while not is_so():
                await self.clock.sleep_ns(NANOSECONDS_PER_MILLISECOND)

    def trade(self) -> None:
        """Let the public sell as much as is bid for at our price."""
        self.desk.trade(PublicTrade(SYMBOL, Decimal(100_000), Decimal(5), self.clock.wall_ns()))

    async def insist(self, command: Callable[[], Awaitable[object]]) -> None:
        """Give a command until it is taken."""
        async with self.clock.timeout_ns(PATIENCE_NS):
            while True:
                try:
                    await command()
                except JournalUnavailable:
                    await self.clock.sleep_ns(10 * NANOSECONDS_PER_MILLISECOND)
                else:
                    return


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Set the scene; at its end, let everything be filled, stop, and judge both files independently."""
    plan, clock = Plan(), SystemClock()
    desk = open_desk(VenueSettings(file=str(folder / "venue.sqlite")), clock.wall_ns)
    settings = SqlStoreSettings(str(folder / "kernel.sqlite"), busy_timeout_ms=100)
    kernel = Kernel(
        SETTINGS,
        exchange=paper_client(PaperSettings(), clock, desk),
        store=SqlStore(settings, connection_factory=plan.connection_class()),
        clock=clock,
        logger=logging.getLogger("test_real_commits"),
    )
    async with kernel:
        now = Scene(kernel, kernel.session(owner="bot"), desk, plan, clock)
        yield now
        for probe in now.discarded:
            assert isinstance(probe.exception(), JournalUnavailable)
        now.trade()
        await now.until(lambda: all(order.is_closed for order in kernel.orders()))
    desk.close()
    await _judge(folder)


async def _judge(folder: Path) -> None:
    evidence = checker.read(folder / "kernel.sqlite", folder / "venue.sqlite", None)
    findings = checker.check(evidence)
    assert checker.report(evidence, findings)["problems"] == []
    async with SqlStore.reader(folder / "kernel.sqlite") as reader:
        verified = await verify_journal(reader)
    assert verified.problems == ()


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
def test_an_order_whose_commit_goes_wrong_is_never_sent_twice(fault: Fault, tmp_path: Path) -> None:
    """Its key, given again after the recovery, leads to exactly one order at the venue; no loss."""

    async def main() -> None:
        async with scene(tmp_path) as now:
            await now.bot.execute(BUY)
            now.plan.armed = fault
            first = asyncio.create_task(now.bot.execute(BUY, idempotency_key="second"))
            await now.until(lambda: now.plan.fired == [fault])
            if fault is Fault.HANGS_IN_COMMIT:
                await _refused(now)  # noticed; it can end only when the database is let go
                now.plan.release()
            await asyncio.wait((first,))
            now.plan.release()
            if fault in KEPT:
                assert first.result().status is OrderStatus.ACCEPTED
            else:
                assert isinstance(first.exception(), JournalUnavailable)
                assert now.desk.venue.order_count == 1
            await now.insist(lambda: now.bot.execute(BUY, idempotency_key="second"))
            assert now.desk.venue.order_count == 2

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault.HANGS_BEFORE, Fault.HANGS_IN_COMMIT], ids=lambda fault: fault.value)
def test_nothing_but_cancels_is_sent_while_a_commit_hangs(fault: Fault, tmp_path: Path) -> None:
    """The hanging intent does not reach the venue, new ones are refused, a cancel goes out at once."""

    async def main() -> None:
        async with scene(tmp_path) as now:
            working = await now.bot.execute(BUY)
            now.plan.armed = fault
            hanging = asyncio.create_task(now.bot.execute(BUY, idempotency_key="hanging"))
            await now.until(now.plan.hanging.is_set)
            if fault is Fault.HANGS_IN_COMMIT:
                await _refused(now)
                assert now.desk.venue.order_count == 1
            canceling = asyncio.create_task(now.bot.cancel(working.client_order_id))
            await now.until(lambda: now.desk.venue.shelves.open_count() == 0)
            now.plan.release()
            await asyncio.wait((hanging, canceling))
            assert (await working.closed()).status is OrderStatus.CANCELED
            await now.insist(lambda: now.bot.execute(BUY, idempotency_key="hanging"))
            assert now.desk.venue.order_count == 2

    asyncio.run(main())


async def _refused(now: Scene) -> None:
    """Return once the kernel has noticed, which it says by refusing; what it took before hangs too."""
    probes = [asyncio.create_task(now.bot.execute(BUY))]
    async with now.clock.timeout_ns(PATIENCE_NS):
        while not probes[-1].done():
            await now.clock.sleep_ns(20 * NANOSECONDS_PER_MILLISECOND)
            if not probes[-1].done():
                probes.append(asyncio.create_task(now.bot.execute(BUY)))
                await now.clock.sleep_ns(0)
    assert isinstance(probes[-1].exception(), JournalUnavailable)
    now.discarded.extend(probes)
