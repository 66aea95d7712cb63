"""A real disk that runs full under a real kernel, made by a limit on the size of the process's files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commits.full_disk import FREED
from tests.e2e.kill.arena import Arena

CHILD = Path(__file__).with_name("full_disk.py")


async def live_through(folder: Path, mode: str) -> dict[str, Any]:
    """Run the child against a venue of its own; then let another process converge, and judge the files."""
    arena = Arena(folder, seed=1)
    await arena.open()
    try:
        told = await arena.child_says(
            str(CHILD), str(arena.database), arena.address, str(arena.acknowledgements), mode
        )
        report = await arena.last_round()
        assert report["acknowledged"] >= told["placed"] + 1
    finally:
        await arena.close()
    return told


@pytest.mark.parametrize(("mode", "journal"), [(FREED, "running"), ("stays_full", "faulted")])
def test_nothing_is_sent_or_lost_when_the_disk_is_full(short_folder: Path, mode: str, journal: str) -> None:
    """Orders are refused and none is sent; with room again trading goes on, else a restart loses nothing."""
    told = asyncio.run(live_through(short_folder, mode))
    assert told["placed"] > 0
    assert told["refused"] == 10
    assert told["sent_while_refused"] == 0
    assert told["journal"] == journal
    assert told["waits_ended"]
