"""Hunts planted bugs with simulated lives: each must be found within 1,000 seeds.

``python -m tests.simulation.hunt`` plants each bug of `HUNTED` in a copy of the sources and lives seeds there
until a promise is broken, from several places of the seeds' row, and prints after how many: their median is
what it takes. `HUNTED` are the bugs that concern what a drawn life does; others, such as a rounding that
shows in one fill of thousands, or what only operators do, are found by the tests that their patches name.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from fairlead.cli.output import print_table
from fairlead.cli.progress import progress_bar
from tests.planted.mechanism import copy_sources, plant, read_bug

ROOT = Path(__file__).resolve().parents[2]
PATCHES = ROOT / "tests/planted"
SEEDS_MAX = 1_000
STARTS = 3
"""From so many places of the row of seeds each bug is hunted, unless told otherwise."""
HUNTED = (
    "absence-believed-before-the-deadline",
    "absence-is-never-proof",
    "balance-drift-believed-at-once",
    "balances-not-moved-by-fills",
    "closed-and-nothing-sold",
    "cost-leaves-in-coarse-steps",
    "cursor-moved-without-its-fills",
    "dated-a-second-late",
    "denied-keys-not-kept",
    "discarded-batch-given-out",
    "failed-attempt-counts-as-delivered",
    "failed-look-up-not-made-again",
    "fees-of-an-order-not-summed",
    "fill-booked-twice",
    "filled-exit-still-reserved",
    "half-a-look-up-is-proof",
    "keys-not-kept",
    "keys-not-loaded",
    "late-acceptance-reopens",
    "late-fill-not-loaded",
    "later-notice-overtakes",
    "mark-passes-what-is-owed",
    "missing-answer-means-unsent",
    "partial-close-drifts",
    "restart-sends-again",
    "sent-before-durable",
    "sent-before-it-is-paid-for",
    "stop-tells-nobody",
    "timers-not-armed-at-start",
    "unanswered-modify-presumed-refused",
    "uncertain-commit-believed",
    "unresolved-order-sent-again",
    "waiting-rows-lost-in-a-restart",
)


@attrs.frozen
class Hunt:
    """What one bug took: after how many seeds it was found from each start, none where it was not."""

    bug: str
    found_after: tuple[int | None, ...]
    errors: tuple[str, ...]

    @property
    def is_found(self) -> bool:
        """Tell whether it was found from every start."""
        return None not in self.found_after

    @property
    def median(self) -> float | None:
        """Return the median number of seeds, unless it was not found from every start."""
        found = [each for each in self.found_after if each is not None]
        return statistics.median(found) if self.is_found else None


def hunted(bug: str, starts: int) -> Hunt:
    """Plant one bug in a copy and live seeds there."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_sources(ROOT, Path(folder) / "copy")
        plant(read_bug(PATCHES / f"{bug}.patch"), copy)
        ends = [_first_violation(copy, 1 + start * SEEDS_MAX) for start in range(starts)]
    broken = [end["said"] for end in ends if end.get("broken")]
    if broken:
        raise RuntimeError(f"{bug}.patch breaks the program itself: {broken[0]}")
    found_after = tuple(None if end["seed"] is None else int(end["seeds"]) for end in ends)
    return Hunt(bug, found_after, tuple(sorted({str(end["error"]) for end in ends if end["seed"]})))


def _first_violation(copy: Path, first: int) -> dict[str, Any]:
    sources = [copy / "framework/src", *sorted(copy.glob("plugins/*/src")), copy]
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.first_violation", str(first), str(first + SEEDS_MAX - 1)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert Path(str(found["sources"])).is_relative_to(copy), "other sources than the copy's were lived"
    return found


def main(
    bugs: Annotated[list[str] | None, typer.Argument(help="These alone.")] = None,
    starts: Annotated[int, typer.Option(min=1, help="From how many places of the row of seeds.")] = STARTS,
    workers: Annotated[int, typer.Option(min=1, help="Hunts at once.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Hunt every bug and print what it took; the exit code is 1 when one was not found."""
    names = bugs or list(HUNTED)
    with progress_bar("bugs") as progress, ThreadPoolExecutor(workers) as pool:
        hunts = []
        for hunt in pool.map(partial(hunted, starts=starts), names):
            hunts.append(hunt)
            progress(len(hunts), len(names))
    if as_json:
        print(json.dumps({hunt.bug: hunt.found_after for hunt in hunts}))
    else:
        rows = [
            (hunt.bug, hunt.median, ", ".join(str(each or "-") for each in hunt.found_after), hunt.errors)
            for hunt in sorted(hunts, key=lambda hunt: (hunt.median or SEEDS_MAX, hunt.bug))
        ]
        columns = ("planted bug", "median", "found after so many seeds", "by")
        print_table(columns, [(name, f"{median or '-'}", *rest) for name, median, *rest in rows])
        found = sum(hunt.is_found for hunt in hunts)
        print(f"{found} of {len(hunts)} planted bugs found within {SEEDS_MAX} seeds")
    raise typer.Exit(0 if all(hunt.is_found for hunt in hunts) else 1)


if __name__ == "__main__":
    typer.run(main)
