"""Records the golden journals of this version: ``python -m tests.golden.record``, once before each release.

A golden journal is what `fairlead journal export` gives out of a run, and the rows that this version made of
it. Every later version must still read it and fold the same rows. What was recorded is never changed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fairlead import __version__
from fairlead.cli.output import plain
from fairlead.cli.replaying import line_of
from fairlead.kernel.journal.verify import VerifyReport, fold_journal
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.simulated_life import live_through
from tests.core.kernel.bench import Bench
from tests.simulation.drawn_lives import DrawnWorld, Options, check_all, live
from tests.simulation.scenarios.registry import SCENARIOS

JOURNALS = Path(__file__).with_name("journals")
SEEDS = (2, 3, 12)
FOREIGN = "test_the_cancel_policy_cancels_at_the_venue_and_says_so"
ANNOTATED = "test_an_episode_is_annotated_whenever"
Story = Callable[[], None]


def from_test(module: str, function: str, **arguments: Any) -> Story:  # noqa: ANN401 - a test's own
    """Return a test of the kernel as a story."""
    return lambda: getattr(import_module(f"tests.core.kernel.{module}"), function)(**arguments)


STORIES: dict[str, Story] = {
    "foreign": from_test("test_foreign_orders", FOREIGN, name=""),
    "day": from_test("test_facts", "test_a_trading_day_is_told_once_before_anything_else_of_it"),
    "lock": from_test("test_gate", "test_a_lock_denies_until_its_time_and_over_a_restart"),
    "check": from_test("test_gate", "test_what_a_check_folds_is_journaled_and_survives"),
    "annotated": from_test("test_annotations", ANNOTATED, when="open"),
    "limited": from_test("test_modify_limited", "test_it_is_tried_again_after_the_venues_pause", paced=True),
    "judged": from_test("test_modify_limited", "test_where_requests_are_paced_a_long_pause_does_not_end_it"),
    "rules": from_test("test_rules_refresh", "test_rules_and_fees_are_read_again_at_an_interval"),
    "notifier": from_test("test_relay", "test_an_operators_word_is_recorded_and_done"),
    "denied": from_test("test_modify_refused", "test_growth_is_judged_and_what_raises_nothing_is_not"),
    "updated": from_test("test_modify_again", "test_events_tell_of_each_step"),
    "archive": from_test("archive_story", "trade", disk=MemoryDisk()),
}
"""Tests of the kernel in which records come about that no scenario has."""


@contextmanager
def captured() -> Iterator[list[MemoryDisk]]:
    """Give out the disk of every bench that is verified in the block."""
    disks: list[MemoryDisk] = []
    verify = Bench.verify

    async def and_keep(bench: Bench) -> VerifyReport:
        disks.append(bench.disk)
        return await verify(bench)

    with patch.object(Bench, "verify", and_keep):
        yield disks


def scenario(name: str) -> MemoryDisk:
    """Return the disk that a scenario leaves when nothing crashes."""
    experiment = SCENARIOS[name].experiment(1)
    with experiment.make_world() as world:
        world.run_generation(experiment.scenario)
        return world.disk


def drawn(seed: int) -> MemoryDisk:
    """Return the disk that a drawn life leaves."""
    with DrawnWorld(seed, Options.drawn(seed)) as world:
        live_through(world, live, world.faults, check_all)
        return world.disk


def disk_of_story(tell: Story) -> MemoryDisk:
    """Return the disk that a test of the kernel leaves."""
    with captured() as disks:
        tell()
    return disks[-1]


def golden(disk: MemoryDisk) -> str:
    """Return a journal as it is kept: its account, its records as they are given out, and their rows."""
    fold = asyncio.run(fold_journal(MemoryStore(disk), disk.account))
    rows = {name: [plain(found[key]) for key in sorted(found)] for name, found in fold.rows.items()}
    lines = [line_of(envelope) for envelope in disk.envelopes]
    return json.dumps({"account": disk.account, "records": lines, "rows": rows}, indent=1)


def main(version: str = __version__) -> int:
    """Record every journal; refuse a version that was recorded before."""
    folder = JOURNALS / version
    if folder.exists():
        print(f"{folder} is there: what was recorded is never changed", file=sys.stderr)
        return 1
    folder.mkdir(parents=True)
    makers: dict[str, Callable[[], MemoryDisk]] = {
        **{name: partial(scenario, name) for name in SCENARIOS},
        **{f"seed-{seed}": partial(drawn, seed) for seed in SEEDS},
        **{name: partial(disk_of_story, tell) for name, tell in STORIES.items()},
    }
    for name, make in makers.items():
        text = golden(make())
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
