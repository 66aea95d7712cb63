"""Snapshots of positions: at an interval, gathered, written together, and never one write for a price."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from fairlead.domain.records import PositionsSnapshotted
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.kernel.snapshots import Snapshotter
from fairlead.testing.memory_store import AppendFault
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench

SECOND = 1_000
FEW = {"snapshot_interval_ms": SECOND, "snapshot_write_interval_ms": 10 * SECOND, "price_max_age_ms": 5_000}


def batches(bench: Bench) -> list[int]:
    """Return how many snapshots each durable record of them holds."""
    return [len(each.snapshots) for each in bench.records() if isinstance(each, PositionsSnapshotted)]


def snapshotter_of(bench: Bench) -> Snapshotter:
    """Return a snapshotter beside the kernel's own, with the kernel's settings."""
    parts = bench.kernel._parts
    return Snapshotter(
        parts.engine,
        parts.prices,
        parts.clock,
        interval_ns=parts.settings.ns("snapshot_interval"),
        write_interval_ns=parts.settings.ns("snapshot_write_interval"),
        batch_max=parts.settings.snapshot_batch_max,
    )


@pytest.mark.requirement("FLOW-7")
def test_every_open_position_is_snapshotted_at_the_interval() -> None:
    """Once a second, each with the figures of its moment and its mark; flat ones not at all."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100", BTC)
        await bench.hold("1", "10", ETH)
        bench.price("103", BTC)
        await bench.pass_ms(9_500)
        flat = await bench.working("sell", "1", "11", symbol=ETH)
        bench.exchange.trade(flat, "1", "11")
        await bench.pass_ms(20 * SECOND)
        found = await bench.kernel.history.snapshots({"symbol": BTC, "book": "bot"})
        times = [snapshot.ts_ns for snapshot in found]
        assert {newer - older for newer, older in pairwise(times)} == {SECOND * 10**6}
        eth = await bench.kernel.history.snapshots({"symbol": ETH})
        assert len(eth) in (9, 10)
        one = Decimal(1)
        assert {(each.quantity, each.price, each.unrealized_pnl) for each in eth} == {(one, None, None)}
        oldest, newest = found[-1], found[0]
        assert (oldest.quantity, oldest.cost, oldest.episode) == (Decimal(2), Decimal(200), 1)
        assert (oldest.price, oldest.unrealized_pnl, oldest.price_usable) == (Decimal(103), Decimal(6), True)
        assert (newest.price_usable, newest.price_age_ns > 5_000 * 10**6) == (False, True)

    on_bench(main, settings=FEW)


@pytest.mark.requirement("PERF-3", "P2-7")
def test_snapshots_are_written_together_and_never_for_a_price() -> None:
    """A thousand prices in ten seconds: not one write; ten snapshots of two positions: one write."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100", BTC)
        await bench.hold("1", "10", ETH)
        await bench.pass_ms(10 * SECOND - bench.clock.monotonic_ns() // 10**6 % (10 * SECOND) + 500)
        written, records = bench.kernel._parts.journal.batches, len(bench.records())
        seen = batches(bench)
        for number in range(1_000):
            bench.price(str(100 + Decimal(number % 10) / 10), BTC)
            await bench.pass_ms(10)
        assert bench.kernel._parts.journal.batches == written + 1
        assert len(bench.records()) == records + 1
        assert batches(bench) == [*seen, 20]

    on_bench(main, settings=FEW | {"reconcile_interval_ms": 10**9})


@pytest.mark.requirement("P2-7")
def test_memory_holds_at_most_as_many_as_set() -> None:
    """250 open positions with a limit of 100: written in hundreds as they come, never more in memory."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100", BTC)
        state = bench.kernel._parts.engine.state
        position = state.positions[BTC, "bot", ""]
        taker = snapshotter_of(bench)
        assert bench.kernel.settings.snapshot_batch_max == 100
        for taken in range(1, 251):
            await bench.pass_ms()
            taker.take()
            assert taker.gathered == taken % 100
        await bench.kernel.settled()
        assert batches(bench) == [100, 100]
        assert position.is_open
        taker.write()
        await bench.kernel.settled()
        assert batches(bench) == [100, 100, 50]
        taker.write()
        assert len(await bench.kernel.history.snapshots({"limit": 1_000})) == 250

    on_bench(main, settings={"snapshot_interval_ms": 10**9})


def test_while_the_journal_is_unusable_the_newest_are_kept() -> None:
    """Memory stays bounded: the oldest give way, and what is left is written when the journal is back."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100", BTC)
        taker = snapshotter_of(bench)
        bench.kernel._parts.engine.suspended = True
        for _ in range(150):
            await bench.pass_ms()
            taker.take()
        assert taker.gathered == 100
        bench.kernel._parts.engine.suspended = False
        await bench.pass_ms()
        taker.take()
        await bench.kernel.settled()
        found = await bench.kernel.history.snapshots({"limit": 1_000})
        assert batches(bench) == [100]
        assert found[0].ts_ns - found[-1].ts_ns == 100 * 10**6 - (found[1].ts_ns - found[2].ts_ns)

    on_bench(main, settings={"snapshot_interval_ms": 10**9})


@pytest.mark.requirement("FLOW-7", "P2-7")
@pytest.mark.parametrize("how", ["stop", "death"])
def test_a_restart_takes_positions_from_their_rows_and_goes_on(how: str) -> None:
    """A stop writes what is gathered; a death loses that much of the picture and nothing of the position."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100", BTC)
        before = bench.kernel.positions()
        await bench.pass_ms(5_500)
        assert batches(bench) == []
        if how == "stop":
            await bench.kernel.stop()
        else:
            await bench.die()
        kept = batches(bench)
        assert kept == ([5] if how == "stop" else [])
        await bench.start_another()
        assert bench.kernel.positions() == before
        await bench.pass_ms(10_500)
        assert batches(bench) == [*kept, 10]

    on_bench(main, settings=FEW | {"stop_timeout_ms": 1})


def test_a_failed_commit_of_snapshots_stops_nothing() -> None:
    """The batch is lost, the journal recovers, and the next snapshots are there."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100", BTC)
        fails = iter([AppendFault.FAILS])
        bench.faults = lambda batch: next(fails, None) if b"snapshots" in batch.envelopes[0].payload else None
        await bench.pass_ms(25 * SECOND)
        assert batches(bench) == [10]
        assert "JOURNAL_RECOVERED" in " ".join(bench.anomalies()).upper()
        assert await bench.position() == 2

    on_bench(main, settings=FEW)


def test_a_snapshot_is_a_public_value() -> None:
    """It goes to a dictionary and back."""
    from fairlead import from_dict, to_dict

    snapshot = PositionSnapshot(BTC, "bot", "", 5, 1, "USDT", Decimal(1), Decimal(2), Decimal(3), Decimal(4))
    assert from_dict(to_dict(snapshot)) == snapshot


def test_what_never_began_may_end() -> None:
    """A kernel whose start failed ends all its parts, those among them that had not begun."""

    async def main(bench: Bench) -> None:
        parts = bench.kernel._parts
        snapshotter = Snapshotter(
            parts.engine, bench.kernel.prices, bench.clock, interval_ns=1, write_interval_ns=1, batch_max=1
        )
        snapshotter.end()
        await bench.pass_ms(1)
        assert snapshotter.gathered == 0

    on_bench(main)
