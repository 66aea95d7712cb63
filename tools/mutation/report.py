"""What a campaign tells: a bar while it runs, a table or an object at its end."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from tools.mutation.children import Status
from tools.mutation.results import Result, counts_of, score_of
from tools.mutation.scope import room

MISSED = (Status.SURVIVED, Status.UNREACHED)


class Progress:
    """A bar on stderr, which pytest captures and this goes around."""

    def __init__(self, total: int) -> None:
        """Expect *total* mutants."""
        self._file = os.fdopen(os.dup(2), "w", encoding="utf-8")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # A thread of its own would be missing in the forks, holding whatever it held.
        self._bar = Bar(*columns, console=Console(file=self._file), auto_refresh=False)
        self._task = self._bar.add_task("mutants", total=total)
        self._missed = 0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()
        self._file.close()

    def advance(self, *, is_missed: bool) -> None:
        """Count one more."""
        self._missed += is_missed
        self._bar.update(self._task, advance=1, description=f"mutants, {self._missed} missed", refresh=True)


def _by_room(results: Sequence[Result]) -> Mapping[str, list[Result]]:
    rooms: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        rooms[room(result.mutant.path)].append(result)
    return rooms


def as_json(results: Sequence[Result], asked_for: int) -> dict[str, Any]:
    """Return what the table says, with every mutant that was missed."""
    return {
        "asked_for": asked_for,
        "rooms": {name: _figures(each) for name, each in _by_room(results).items()},
        "all": _figures(results),
        "missed": [
            {**result.mutant._asdict(), "status": result.status}
            for result in results
            if result.status in MISSED
        ],
    }


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    score = score_of(results)
    counts = {status.value: count for status, count in counts_of(results).items()}
    return {"mutants": len(results), **counts, "score": score.share, "interval": score.interval()}


def print_results(results: Sequence[Result], *, drawn_of: int, list_survivors: bool) -> None:
    """Print a row for each room, and on request each mutant that was missed."""
    console = Console()
    table = Table("room", "mutants", *(status.value for status in Status), "score", "95 % interval")
    for name, each in [*_by_room(results).items(), ("all", list(results))]:
        low, high = score_of(each).interval()
        counts = [str(count) for count in counts_of(each).values()]
        table.add_row(
            name, str(len(each)), *counts, f"{score_of(each).share:.1%}", f"{low:.1%} to {high:.1%}"
        )
    console.print(table)
    console.print(f"{len(results)} of {drawn_of} mutants have a verdict; the interval is for a drawn sample.")
    if list_survivors:
        for result in results:
            if result.status in MISSED:
                place = f"{result.mutant.path}:{result.mutant.line}"
                console.print(
                    f"{place} {result.mutant.function}: {result.mutant.what}", markup=False, soft_wrap=True
                )
