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

from fairlead.cli.progress import progress_bar
from fairlead.cli.simulate import show
from fairlead.testing.seed_campaign import SeedCampaign, SeedTotals
from fairlead.testing.simulated_life import shrunk
from tests.simulation.drawn_lives import Options, run
from tests.simulation.floors import too_few

ROOT = Path(__file__).resolve().parents[2]


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
    lived = 0
    with progress_bar(f"seeds of {name[:10]}") as progress:

        def on_block(block: SeedTotals) -> None:
            nonlocal lived
            lived += block.seeds
            progress(lived, seeds)

        totals = campaign.run(seeds, first=first, workers=workers, on_block=on_block)
    idle = too_few(totals.records, totals.seeds)
    if as_json:
        print(json.dumps({"commit": name, **totals.as_json(), "too_few": idle}))
    else:
        print(f"lives of {name}")
        show(totals)
        print("".join(f"{each}\n" for each in idle), end="")
    raise typer.Exit(1 if totals.failures or idle else 0)


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
