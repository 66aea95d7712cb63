"""One reconciliation step by step: what is asked, what is brought in, what the report says, what ends it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fairlead.domain.reconciliation import (
    BalanceEntry,
    Found,
    PositionEntry,
    ReconcileReport,
    counts_of,
)
from fairlead.errors import ExchangeFault, JournalUnavailable
from fairlead.kernel.core.inputs import DriftSeen, ReconciliationEnded
from fairlead.kernel.core.state import MISSING
from fairlead.kernel.core.venue_inputs import FillsRead, LookedUp, OrderReported
from fairlead.kernel.decide.decide import CURSOR_FILLS
from fairlead.kernel.venue.monitoring import SCHEDULED
from fairlead.ports.exchange import (
    FillPage,
    LookUp,
    OrderReport,
    VenuePosition,
)
from tests.core.kernel.bench import BTC, ETH
from tests.core.kernel.reconciler_world import (
    ODD,
    OVERLAP_NS,
    World,
    entry,
    fill,
    in_world,
    listed,
    world_with_rebuilds,
)


def test_a_report_says_of_every_order_what_became_of_it() -> None:
    """Matched, missing, foreign, adopted, or ended by any answer; what was not sent is not missing."""

    async def main(world: World) -> None:
        for name in ("ended", "matched", "missing", "found", "gone"):
            world.order(name)
        world.order("unsent", "approved")
        world.order("over", "filled")
        world.listed = [listed(name) for name in ("matched", "gone", "stranger", "ours")]
        world.policy = {
            "stranger": entry(Found.FOREIGN, "stranger", "left alone"),
            "ours": entry(Found.ADOPTED, "taken", "taken over"),
        }

        def happens(given: object) -> None:
            if isinstance(given, FillsRead):
                world.ends("ended")
                world.order("late")
            elif isinstance(given, OrderReported) and given.report.client_order_id == "gone":
                world.ends("gone")
            elif isinstance(given, LookedUp) and given.client_order_id in ("found", "late"):
                world.ends(given.client_order_id)

        world.on_taken = happens
        world.on_asked["policy ours"] = lambda: world.order("taken")
        report = await world.reconciler.run("asked")
        assert report == ReconcileReport(
            "asked",
            0,
            (
                entry(Found.MATCHED, "matched", "ACCEPTED"),
                entry(Found.MISSING, "missing", "ACCEPTED"),
                entry(Found.FOREIGN, "stranger", "left alone"),
                entry(Found.ADOPTED, "taken", "taken over"),
                entry(Found.RESOLVED, "ended", "CANCELED"),
                entry(Found.RESOLVED, "found", "CANCELED"),
                entry(Found.RESOLVED, "gone", "CANCELED"),
                entry(Found.RESOLVED, "late", "CANCELED"),
            ),
        )
        looked = [each for each in world.told if each.startswith("look up")]
        assert looked == [f"look up {name} {BTC}" for name in ("missing", "found", "late")]
        assert world.reconciler.last is report

    in_world(main)


def test_a_stranger_that_turned_out_to_be_ours_is_looked_up() -> None:
    """It was left alone as a stranger's, and came into memory meanwhile: only what was taken over is seen."""

    async def main(world: World) -> None:
        world.listed = [listed("stranger")]
        world.policy = {"stranger": entry(Found.FOREIGN, "stranger", "left alone")}
        world.on_asked["policy stranger"] = lambda: world.order("stranger")
        await world.reconciler.run("asked")
        assert f"look up stranger {BTC}" in world.told

    in_world(main)


def test_whoever_pauses_over_positions_or_balances_is_named() -> None:
    """Both of them wait for nothing else."""

    async def main(world: World) -> None:
        one, other = (asyncio.ensure_future(world.clock.sleep_ns(1_000)) for _ in range(2))
        world.reconciler._net = cast("Any", SimpleNamespace(pausing=frozenset({one})))
        world.reconciler.account = cast("Any", SimpleNamespace(pausing=frozenset({other})))
        assert world.reconciler.pausing == {one, other}
        await asyncio.wait([one, other])

    in_world(main)


def test_everything_that_was_booked_is_counted_and_what_differs_is_told() -> None:
    """Trades of the history, while positions were compared and while balances were; entries of the ledger."""

    async def main(world: World) -> None:
        world.alone()
        world.order("a")
        world.pages = {"": FillPage((fill("a", "1"),), "1", more=False)}
        world.counts = 2, 4, 8
        world.drifts = [(BTC, Decimal(1), Decimal(2)), (ETH, Decimal(0), Decimal(-3))]
        world.differing = (BalanceEntry("USDT", Decimal(1), Decimal(2)),)
        world.listed = [listed("a")]
        report = await world.reconciler.run("asked", enable=True)
        assert (report.fills_booked, report.adjustments_booked, report.balances) == (7, 8, world.differing)
        assert report.positions == (
            PositionEntry(Found.DRIFTED, BTC, "", Decimal(1), Decimal(2), "reduce"),
            PositionEntry(Found.DRIFTED, ETH, "", Decimal(0), Decimal(-3), "reduce"),
        )
        assert world.taken[-2:] == [
            DriftSeen(((BTC, Decimal(2)), (ETH, Decimal(-3)))),
            ReconciliationEnded("asked", counts_of(report), 7, enable=True, whole=True, recorded=True),
        ]
        assert world.told[-3:] == ["positions", "account", "settled"]

    in_world(main)


def test_without_drift_nothing_of_it_comes_to_the_door() -> None:
    """An input without a symbol would say nothing."""

    async def main(world: World) -> None:
        world.alone()
        await world.reconciler.run(SCHEDULED)
        assert [type(each) for each in world.taken] == [FillsRead, ReconciliationEnded]
        assert world.told == ["fills", "open orders", "positions", "account, on schedule", "settled"]

    in_world(main)


def test_what_is_on_record_of_scheduled_ones() -> None:
    """The first, and those with news; one that was asked for always."""

    async def main(world: World) -> None:
        recorded = []
        for reason in (SCHEDULED, SCHEDULED, "asked", SCHEDULED):
            await world.reconciler.run(reason)
            last = world.taken[-1]
            assert isinstance(last, ReconciliationEnded)
            assert not last.enable
            recorded.append(last.recorded)
        assert recorded == [True, False, True, False]

    in_world(main)


NOTHING = ReconcileReport(SCHEDULED, 0)
DRIFTED = PositionEntry(Found.DRIFTED, BTC, "", Decimal(1), Decimal(2), "reduce")
DUST = PositionEntry(Found.DUST, BTC, "bot", Decimal(1), None, "too small to be traded")
UNBALANCED = (BalanceEntry("USDT", Decimal(1), Decimal(2)),)


def of(*found: Found) -> ReconcileReport:
    """Return a report of orders of these classes."""
    return ReconcileReport(SCHEDULED, 0, tuple(entry(each, "a", "ACCEPTED") for each in found))


@pytest.mark.parametrize(
    ("before", "now", "is_news"),
    [
        (NOTHING, NOTHING, False),
        (None, NOTHING, True),
        (of(Found.MISSING), of(Found.MISSING), False),
        (of(Found.MATCHED), of(), False),
        (of(), of(Found.MISSING), True),
        (of(Found.MISSING), of(), True),
        (of(), of(Found.FOREIGN), True),
        (of(Found.MISSING), of(Found.FOREIGN), True),
        (of(), of(Found.ADOPTED), True),
        (of(), of(Found.RESOLVED), True),
        (of(Found.RESOLVED), of(), False),
        (NOTHING, ReconcileReport(SCHEDULED, 1), True),
        (ReconcileReport(SCHEDULED, 1), NOTHING, False),
        (NOTHING, ReconcileReport(SCHEDULED, 0, adjustments_booked=1), True),
        (NOTHING, ReconcileReport(SCHEDULED, 0, positions=(DRIFTED,)), True),
        (NOTHING, ReconcileReport(SCHEDULED, 0, positions=(DUST,)), False),
        (NOTHING, ReconcileReport(SCHEDULED, 0, balances=UNBALANCED), True),
        (ReconcileReport("x", 0, balances=UNBALANCED), ReconcileReport("y", 0, balances=UNBALANCED), False),
    ],
)
def test_news_is_what_was_done_and_what_stands_otherwise_than_before(
    before: ReconcileReport | None,
    now: ReconcileReport,
    is_news: bool,  # noqa: FBT001 - a case
) -> None:
    """A journal that grows with every interval says nothing; one that leaves out a change hides it."""

    async def main(world: World) -> None:
        world.reconciler.last = before
        assert world.reconciler._is_news(now) is is_news

    in_world(main)


@pytest.mark.parametrize(
    ("state", "detail", "on_schedule"),
    [
        ("working", "", True),
        ("working", MISSING, False),
        ("unresolved", "", False),
        ("submitted", "", False),
    ],
)
def test_on_schedule_only_what_no_timer_looks_up_is_looked_up(
    state: str,
    detail: str,
    on_schedule: bool,  # noqa: FBT001 - a case
) -> None:
    """Others are asked about already, with pauses that grow; when somebody asks, every one is looked up."""

    async def main(world: World) -> None:
        world.order("a", state, detail=detail)
        for reason, is_asked in ((SCHEDULED, on_schedule), ("asked", True)):
            world.told.clear()
            await world.reconciler.run(reason)
            assert (f"look up a {BTC}" in world.told) is is_asked

    in_world(main)


def test_an_order_that_ends_while_others_are_looked_up_is_not_asked_about() -> None:
    """Over, or gone from memory: there is nothing to ask, and the next one is."""

    async def main(world: World) -> None:
        for name in ("first", "ended", "gone", "last"):
            world.order(name)

        def happens() -> None:
            world.ends("ended")
            del world.state.orders["gone"]

        world.on_asked[f"look up first {BTC}"] = happens
        for reason in (SCHEDULED, "asked"):
            world.told.clear()
            world.order("ended")
            world.order("gone")
            await world.reconciler.run(reason)
            looked = [each.split()[2] for each in world.told if each.startswith("look up")]
            assert sorted(looked) == ["first", "last"]

    in_world(main)


def test_what_a_look_up_found_comes_to_the_door_with_its_times() -> None:
    """When it was asked, by both clocks, and the order loaded: it may have left memory meanwhile."""

    async def main(world: World) -> None:
        world.order("a")
        world.found["a"] = result = LookUp(listed("a"), (), complete=True)
        at: list[tuple[int, int]] = []
        world.on_asked[f"look up a {BTC}"] = lambda: at.append(
            (world.clock.wall_ns(), world.clock.monotonic_ns())
        )
        await world.reconciler.run("asked")
        (looked_up,) = (each for each in world.taken if isinstance(each, LookedUp))
        assert looked_up == LookedUp("a", result, *at[0])
        assert world.told == ["fills", "open orders", f"look up a {BTC}", "load a", "settled"]

    in_world(main)


@pytest.mark.parametrize("result", [None, LookUp(listed("other"), (), complete=True), ODD])
def test_a_look_up_that_proves_nothing_ends_it(result: object) -> None:
    """Nothing is concluded from it, and nothing is enabled."""

    async def main(world: World) -> None:
        world.order("a")
        world.found["a"] = result
        with pytest.raises(ExchangeFault, match="look-up of an order proves nothing"):
            await world.reconciler.run("asked")
        assert [type(each) for each in world.taken] == [FillsRead]
        assert world.reconciler.last is None

    in_world(main)


def test_the_history_is_read_to_its_end_and_counts_what_is_new() -> None:
    """Page by page from the cursor; known trades and those of strangers are no news."""

    async def main(world: World) -> None:
        world.order("a")
        world.state.orders["a"].trades["known"] = "digest"
        now_ns = world.clock.wall_ns()
        pages = [
            (fill("a", "1", now_ns - OVERLAP_NS - 1_000), fill("a", "known", 1), fill("stranger", "2", 1)),
            (fill("a", "3", now_ns),),
            (fill("a", "4", 1), fill("a", "5", 1)),
        ]
        world.state.cursors[CURSOR_FILLS] = "c0"
        world.pages = {
            f"c{number}": FillPage(page, f"c{number + 1}", more=number < 2)
            for number, page in enumerate(pages)
        }
        assert await world.reconciler._read_fills() == 4
        assert world.taken == [
            FillsRead(pages[0], "c1", settled=True),
            FillsRead(pages[1], "c2", settled=True),
            FillsRead(pages[2], "c3", settled=False),
        ]
        assert world.told == [
            "fills c0", "load a", "load a", "load stranger",
            "fills c1", "load a",
            "fills c2", "load a", "load a",
        ]  # fmt: skip

    world_with_rebuilds(main)


def test_a_history_that_does_not_go_on_is_a_fault() -> None:
    """More is said to come and the cursor stays; where nothing more comes it may stay."""

    async def main(world: World) -> None:
        world.pages = {"": FillPage((), "1", more=True), "1": FillPage((), "1", more=True)}
        with pytest.raises(ExchangeFault, match="cursor does not move"):
            await world.reconciler._read_fills()
        assert world.told == ["fills", "fills 1"]
        world.pages = {}
        assert await world.reconciler._read_fills() == 0

    world_with_rebuilds(main)


def test_every_open_order_is_reported_ours_or_not() -> None:
    """With when it was asked, by both clocks; what cannot be read is neither ours nor a stranger's."""

    async def main(world: World) -> None:
        world.order("a")
        world.order("b", "filled")
        broken = OrderReport("a", ODD, BTC, ODD, ODD, 1)
        world.listed = [listed("x"), broken, listed("b"), listed("a"), listed("y")]
        asked = world.clock.wall_ns(), world.clock.monotonic_ns()
        matched, strangers = await world.reconciler._read_open_orders()
        assert (list(matched), strangers) == (["b", "a"], [listed("x"), listed("y")])
        assert world.taken == [OrderReported(each, "open_orders", *asked) for each in world.listed]
        assert world.told == ["open orders", *(f"load {each.client_order_id}" for each in world.listed)]

    world_with_rebuilds(main)


REBUILT = ["fills", "open orders", "policy stranger", f"look up a {BTC}", "positions", "account", "settled"]


@pytest.mark.parametrize("when", REBUILT)
def test_a_recovery_in_the_middle_ends_it(when: str) -> None:
    """What was found before is discarded with the journal: nothing more is asked or taken."""

    async def main(world: World) -> None:
        world.alone()
        world.order("a")
        world.listed = [listed("stranger"), *([listed("a")] if when.startswith("policy") else [])]
        world.policy = {"stranger": entry(Found.FOREIGN, "stranger", "left alone")}
        taken: list[int] = []

        def rebuilt() -> None:
            world.rebuilds += 1
            taken.append(len(world.taken))

        world.on_asked[when] = rebuilt
        with pytest.raises(JournalUnavailable, match="recovered during the reconciliation"):
            await world.reconciler.run("asked", enable=True)
        assert [len(world.taken)] == taken
        assert [each for each in world.told if not each.startswith("load")][-1] == (
            "account" if when == "positions" else when
        )
        assert world.reconciler.last is None
        world.on_asked.clear()
        assert (await world.reconciler.run("asked")).foreign == 1

    in_world(main)


@pytest.mark.parametrize("breaks", [None, "fills", "settled"])
def test_a_stream_is_whole_again_after_one_that_nothing_interrupted(breaks: str | None) -> None:
    """It came back before it began and stayed; a break in between is not covered by it."""

    async def main(world: World) -> None:
        world.watch.broke()
        world.watch.came_back()
        if breaks:
            world.on_asked[breaks] = world.watch.broke
        await world.reconciler.run("asked")
        (ended,) = (each for each in world.taken if isinstance(each, ReconciliationEnded))
        assert ended.whole is (breaks != "fills")
        assert (world.watch.silent_ns() < 0) is (breaks is None)

    in_world(main)


def test_one_is_made_at_a_time_and_who_waits_is_named() -> None:
    """A settled kernel need not wait for whoever only waits; one that is canceled lets the next go."""

    async def main(world: World) -> None:
        tasks = []
        for number in range(3):
            tasks.append(asyncio.ensure_future(world.reconciler.run(str(number))))
            await world.clock.sleep_ns(100_000)
        assert world.reconciler.queued == frozenset(tasks[1:])
        assert world.told == ["fills"]
        tasks[1].cancel()
        await asyncio.wait(tasks[1:2])
        assert world.reconciler.queued == frozenset(tasks[2:])
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        assert (await tasks[2]).reason == "2"
        assert world.reconciler.queued == frozenset()
        assert world.told == ["fills", "fills", "open orders", "settled"]

    in_world(main)


def test_what_the_venue_holds_of_a_symbol_is_told_flat_or_not() -> None:
    """Nothing where it keeps no positions; flat where it names the symbol not."""

    async def main(world: World) -> None:
        assert await world.reconciler.venue_position(BTC) is None
        world.capabilities.positions = True
        assert await world.reconciler.venue_position(BTC) == VenuePosition(BTC, Decimal(7))
        assert await world.reconciler.venue_position(ETH) == VenuePosition(ETH, Decimal(0))

    in_world(main)
