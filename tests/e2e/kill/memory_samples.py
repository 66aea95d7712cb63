"""What the processes of a soak occupy, sampled over their lives, and whether that is flat.

Flat is said of two things. *From life to life*: the trader's memory when a life is a minute old, median of
the last quarter of the lives against that of the first. *Within a life*: its memory at the end of a life
against that at two minutes, median of the lives that lasted at least four. Neither may grow by more than
`GROWTH_MAX`. The first minutes of a life are no measure: caches fill, up to the limits that settings give.
"""

from __future__ import annotations

import csv
import statistics
from pathlib import Path
from typing import Self

import attrs

GROWTH_MAX = 0.05
"""Five in a hundred."""

# fixed: ages of a life in seconds at which its memory is compared; see above
YOUNG_S, SETTLED_S, LONG_S = 60, 120, 240
KIBIBYTES_PER_MEBIBYTE = 1024
QUARTERS = 4


def resident_mib(process: int) -> float:
    """Return what a living process keeps in memory, in MiB; needs the ``/proc`` of Linux."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / KIBIBYTES_PER_MEBIBYTE


@attrs.frozen
class Sample:
    """How old a life was, and what trader and venue occupied, in MiB."""

    age_s: float
    trader_mib: float
    venue_mib: float


class SampleFile:
    """A CSV file of samples, each written as it is taken: a soak that ends badly leaves what it saw."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["life", "age_s", "trader_mib", "venue_mib"])

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, life: int, sample: Sample) -> None:
        """Write a sample of the life of this number, counted from one."""
        figures = (sample.age_s, sample.trader_mib, sample.venue_mib)
        self._writer.writerow([life, *(f"{figure:.2f}" for figure in figures)])
        self._file.flush()


@attrs.frozen
class Growth:
    """What was compared, over how many lives, and by how much the later is more."""

    what: str
    lives: int
    before_mib: float
    after_mib: float

    @property
    def rate(self) -> float:
        """Return the growth as a share of what was before."""
        return self.after_mib / self.before_mib - 1

    @property
    def is_flat(self) -> bool:
        """Tell whether it stays within `GROWTH_MAX`."""
        return self.rate <= GROWTH_MAX


def growths(lives: list[list[Sample]]) -> list[Growth]:
    """Return what can be compared: nothing where no life lasted long enough."""
    young = [mib for life in lives if (mib := _at(life, YOUNG_S)) is not None]
    found = list[Growth]()
    if len(young) >= 2:
        count = max(1, len(young) // QUARTERS)
        first, last = statistics.median(young[:count]), statistics.median(young[-count:])
        found.append(Growth("from life to life", len(young), first, last))
    long = [life for life in lives if life and life[-1].age_s >= LONG_S]
    if long:
        before = statistics.median(_at(life, SETTLED_S) or 0 for life in long)
        after = statistics.median(life[-1].trader_mib for life in long)
        found.append(Growth("within a life", len(long), before, after))
    return found


def _at(life: list[Sample], age_s: float) -> float | None:
    return next((sample.trader_mib for sample in life if sample.age_s >= age_s), None)
