"""The verdicts that are kept below `.mutation/`, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from tools.mutation.children import Status
from tools.mutation.mutants import Mutant
from tools.mutation.scope import FOLDER, digest

FOUND = frozenset({Status.KILLED, Status.TIMED_OUT})


class Result(NamedTuple):
    """What became of a mutant, and the test that found it."""

    mutant: Mutant
    status: Status
    test: str = ""
    seconds: float = 0.0


class Kept:
    """The verdicts on one text of one module: a changed module begins anew.

    What was found stays found; what was missed is asked again once the tests are others than *tests* tells.
    """

    def __init__(self, path: str, text: str, tests: str, folder: Path = FOLDER) -> None:
        """Read what is kept, if anything is."""
        name = path.replace("/", ".").removeprefix("framework.src.fairlead.").removesuffix(".py")
        self._file = folder / "verdicts" / f"{name}-{digest(text)}.jsonl"
        self._tests = tests
        self._rows: dict[int, dict[str, str | float]] = {}
        if self._file.is_file():
            for line in self._file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self._rows[row["number"]] = row

    def result(self, mutant: Mutant, *, stale: bool = False) -> Result | None:
        """Return the verdict on the mutant, if it holds; with *stale* also one of other tests."""
        row = self._rows.get(mutant.number)
        if row is None:
            return None
        status = Status(str(row["status"]))
        if status not in FOUND and row["tests"] != self._tests and not stale:
            return None
        return Result(mutant, status, str(row["test"]), float(row["seconds"]))

    def finders(self) -> list[str]:
        """Return the test that found each mutant which was found."""
        return [str(row["test"]) for row in self._rows.values() if Status(str(row["status"])) in FOUND]

    def keep(self, result: Result) -> None:
        """Keep a verdict."""
        row: dict[str, str | float] = {
            "number": result.mutant.number,
            "line": result.mutant.line,
            "what": result.mutant.what,
            "status": result.status.value,
            "test": result.test,
            "seconds": round(result.seconds, 3),
            "tests": self._tests,
        }
        self._rows[result.mutant.number] = row
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(row)}\n")


class Score(NamedTuple):
    """How many mutants were tested and how many were found."""

    tested: int
    found: int

    @property
    def share(self) -> float:
        """Return the found share, 0 where nothing was tested."""
        return self.found / self.tested if self.tested else 0.0

    def interval(self) -> tuple[float, float]:
        """Return where the share of all lies when these were drawn, with 95 % confidence (Wilson 1927)."""
        if not self.tested:
            return 0.0, 1.0
        z = 1.959964  # fixed: the normal distribution's 97.5th percentile
        spread = z * z / self.tested
        middle = (self.share + spread / 2) / (1 + spread)
        half = (
            z * sqrt(self.share * (1 - self.share) / self.tested + spread / (4 * self.tested)) / (1 + spread)
        )
        return max(0.0, middle - half), min(1.0, middle + half)


def score_of(results: Iterable[Result]) -> Score:
    """Return the score: untested mutants do not count, unreached ones count as missed."""
    tested = [result for result in results if result.status is not Status.UNTESTED]
    return Score(len(tested), sum(result.status in FOUND for result in tested))


def counts_of(results: Iterable[Result]) -> Mapping[Status, int]:
    """Return how many there are of each status."""
    counts = dict.fromkeys(Status, 0)
    for result in results:
        counts[result.status] += 1
    return counts
