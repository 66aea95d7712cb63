"""The simulation as a campaign: ``python -m tests.simulation --seeds 2000``, or one seed again by its number.

What was lived is kept for each commit in ``.simulation/``, so an interrupted campaign goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Annotated

import attrs
import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from fairlead.testing.seed_campaign import SeedCampaign, SeedTotals
from fairlead.testing.simulated_life import shrunk
from tests.simulation.drawn_lives import Options, run

ROOT = Path(__file__).resolve().parents[2]
FAILURES_SHOWN = 3


def commit() -> str:
    """Return the commit that is checked out, marked when the sources differ from it."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds are lived.")] = 2_000,
    first: Annotated[int, typer.Option(min=1, help="The first of them.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes at once.")] = os.cpu_count() or 1,
    seed: Annotated[int, typer.Option(help="Live this seed alone, and reduce it when it fails.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Live many lives and print what they came to; the exit code is 1 when a promise was broken."""
    if seed:
        again(seed)
        return
    folder = ROOT / ".simulation"
    folder.mkdir(exist_ok=True)
    name = commit()
    file = folder / f"{name}.jsonl"
    if name.endswith("-dirty"):
        file.unlink(missing_ok=True)  # other sources may have been lived under that name
    campaign = SeedCampaign("tests.simulation.drawn_lives:run", file)
    with Progress(
        *Progress.get_default_columns(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:  # fmt: skip
        bar = progress.add_task(f"seeds of {name[:10]}", total=seeds)
        totals = campaign.run(
            seeds, first=first, workers=workers, on_block=lambda block: progress.advance(bar, block.seeds)
        )
    if as_json:
        print(json.dumps({"commit": name, **totals.as_json()}))
    else:
        show(name, totals)
    raise typer.Exit(1 if totals.failures else 0)


def show(name: str, totals: SeedTotals) -> None:
    """Print the totals, and the first failures with how to repeat them."""
    table = Table(title=f"Lives of {name}")
    table.add_column("what")
    table.add_column("how often", justify="right")
    for what, count in (
        ("seeds", totals.seeds),
        ("steps", totals.steps),
        ("crashes", totals.crashes),
        *sorted(totals.faults.items()),
        ("violations", len(totals.failures)),
    ):
        table.add_row(what, f"{count:,}")
    Console().print(table)
    faults = sum(totals.faults.values())
    print(
        f"{totals.seeds} seeds of {totals.steps} steps with {totals.crashes} crashes and {faults} faults: "
        f"{len(totals.failures)} violations"
    )
    for failure in totals.failures[:FAILURES_SHOWN]:
        print(f"seed {failure.seed}: {failure.said}\nagain: python -m tests.simulation --seed {failure.seed}")


def again(seed: int) -> None:
    """Live one seed; when it fails, print the simplest options with which it still does, and fail."""

    def fails(options: Options) -> bool:
        try:
            run(seed, options)
        except Exception:  # supervision point: whatever it is, the seed has failed
            return True
        return False

    options = Options.drawn(seed)
    if not fails(options):
        print(attrs.asdict(run(seed)))
        return
    simplest = shrunk(options, Options.simpler, fails)
    print(f"seed {seed} fails; the simplest options with which it does: {simplest}")
    run(seed, simplest)


if __name__ == "__main__":
    typer.run(main)
