"""The real store after power cuts: what was acknowledged is there, and of a batch all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

from fairlead.ports.store import JournalHead
from fairlead.testing.conformance.store_batches import Scribe, everything, sample_row
from fairlead.testing.seed_streams import SeedStreams
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from tests.campaign import campaign_size
from tests.sqlstore.power_cut import Image, cut

Record = Callable[[str, object], None]
SIZES = (1, 3, 40, 2, 300, 1, 7, 120, 1, 1)
"""So many orders each batch has: pages split, and the log becomes longer than what came before it."""

CHECKPOINTS_AFTER = (3, 6)
"""Behind so many batches the log is copied into the database, so that it begins anew with the next."""

CUTS = 8


@attrs.frozen
class Moment:
    """The files, the head and all that could be read, at a time when everything was acknowledged."""

    image: Image
    head: JournalHead
    contents: dict[str, object]


async def written(path: Path, folder: Path) -> list[Moment]:
    """Write batches and copy the log into the database now and then; return each moment between two steps."""
    store = SqlStore(SqlStoreSettings(path))
    scribe = await Scribe.opened(store)
    moments = list[Moment]()

    async def look() -> None:
        moments.append(Moment(Image.of(path, folder), scribe.head, await everything(store)))

    await look()
    for number, size in enumerate(SIZES):
        if number in CHECKPOINTS_AFTER:
            assert store._worker is not None
            assert store._session is not None
            await store._worker.run(store._session.checkpoint)
            await look()
        orders = [sample_row("orders", client_order_id=f"{number}-{each}") for each in range(size)]
        fills = [
            sample_row("fills", client_order_id=f"{number}-{each}", trade_id="t") for each in range(size)
        ]
        await scribe.write(*orders, *fills, payloads=[b"x" * 100] * size)
        await look()
    await store.close()
    return moments


async def after_a_cut(image: Image, path: Path) -> tuple[JournalHead, dict[str, object]]:
    """Open what a power cut left, and return its head and all that it holds."""
    image.put(path)
    store = SqlStore(SqlStoreSettings(path))
    try:
        opened = await store.open("acc", "the next kernel")
        return opened.head, await everything(store)
    finally:
        await store.close()


async def survive(folder: Path, cuts: int) -> tuple[int, int]:
    """Cut each step that often; return how many cuts of an append left it undone, and how many done."""
    moments = await written(folder / "bot.sqlite", folder)
    draw = SeedStreams(1).of("power cuts").randrange
    undone = done = 0
    for step, (before, after) in enumerate(pairwise(moments)):
        for number in range(cuts):
            place = folder / f"{step}-{number}"
            place.mkdir()
            head, contents = await after_a_cut(cut(before.image, after.image, draw), place / "bot.sqlite")
            found = after if head == after.head else before
            assert head == found.head, f"step {step}, cut {number}: the store is at {head.sequence}"
            assert contents == found.contents, f"step {step}, cut {number}: something is lost or half there"
            is_append = before.head != after.head
            done, undone = done + (is_append and found is after), undone + (found is before)
    return undone, done


def test_a_power_cut_leaves_what_was_acknowledged_and_no_half_of_a_batch(tmp_path: Path) -> None:
    """Sectors torn, written in any order or not at all, in the log or while that is copied."""
    undone, done = asyncio.run(survive(tmp_path, CUTS))
    assert undone > 0
    assert done > 0


@pytest.mark.campaign
def test_campaign_of_power_cuts(tmp_path: Path, record_property: Record) -> None:
    """The same, more often."""
    undone, done = asyncio.run(survive(tmp_path, campaign_size("POWER_CUTS", 60)))
    record_property(
        "kills",
        f"{undone + done} power cuts in appends, {done} behind the commit: nothing lost, nothing half",
    )
