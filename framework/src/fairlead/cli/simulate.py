"""`fairlead simulate`: many simulated lives of a bot, on every core."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.store_access import JsonOption

if TYPE_CHECKING:
    from fairlead.testing.seed_campaign import SeedTotals

# fixed: what fits a screen; the count of all is printed beside it
_FAILURES_SHOWN = 3

CORES = os.cpu_count() or 1
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds are lived.")]
FirstOption = Annotated[int, typer.Option("--first", min=1, help="The first of them.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Processes at once.")]
DoneOption = Annotated[
    Path | None, typer.Option("--done", help="Keep what was lived in this file, and do not live it again.")
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("simulate")(simulate)


def simulate(
    life: Annotated[str, typer.Argument(help="MODULE:FUNCTION, which takes a seed and returns a life.")],
    *,
    seeds: SeedsOption = 1_000,
    first: FirstOption = 1,
    workers: WorkersOption = CORES,
    done: DoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Live many simulated lives of a bot; exits with 1 when one broke a promise.

    The function is one that calls fairlead.testing.live_through; it is looked for from this folder on.
    """
    from fairlead.cli.output import print_json
    from fairlead.cli.progress import progress_bar
    from fairlead.testing.seed_campaign import SeedCampaign

    _demand(life)
    lived = 0

    with tempfile.TemporaryDirectory() as folder, progress_bar("seeds") as progress:

        def on_block(block: SeedTotals) -> None:
            nonlocal lived
            lived += block.seeds
            progress(lived, seeds)

        campaign = SeedCampaign(life, done or Path(folder) / "done.jsonl")
        totals = campaign.run(seeds, first=first, workers=workers, on_block=on_block)
    if as_json:
        print_json(totals.as_json())
    else:
        show(totals)
    raise typer.Exit(ExitCode.FOUND_WRONG if totals.failures else ExitCode.OK)


def _demand(life: str) -> None:
    """Import the function here first, so that what is wrong with its name is said once and plainly."""
    from fairlead.errors import InvalidInput
    from fairlead.testing.seed_campaign import life_named

    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` does
    try:
        life_named(life)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        fix = "Name a function as in my_simulation:run; the module must be importable from this folder."
        raise InvalidInput("life", f"{life!r} cannot be imported: {error}", fix=fix) from error


def show(totals: SeedTotals) -> None:
    """Print what the lives came to, and the first failures."""
    from fairlead.cli.output import print_line, print_table

    rows = [
        ("seeds", totals.seeds),
        ("steps", totals.steps),
        ("crashes", totals.crashes),
        *sorted(totals.deaths.items()),
        *sorted(totals.faults.items()),
        *((f"records of {kind}", count) for kind, count in sorted(totals.records.items())),
        ("failures", len(totals.failures)),
    ]
    print_table(("what", "how often"), [(what, f"{count:,}") for what, count in rows])
    for failure in totals.failures[:_FAILURES_SHOWN]:
        print_line(f"seed {failure.seed}:")
        for line in failure.said.splitlines():
            print_line(f"  {line}")
    print_line(
        f"{totals.seeds} seeds of {totals.steps} steps with {totals.crashes} crashes and "
        f"{sum(totals.faults.values())} faults: {len(totals.failures)} failures"
    )
