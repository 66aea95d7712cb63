"""Many seeds, on every core, that can be interrupted: what is done is in a file, and is not done again.

::

    campaign = SeedCampaign("tests.simulation.drawn_lives:run", Path("done.jsonl"))
    totals = campaign.run(2_000, workers=2)
    assert not totals.failures

The file has one JSON object a line, one for each block of seeds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import connection
from pathlib import Path
from typing import Any

import attrs

from fairlead.errors import InvalidInput
from fairlead.testing.simulated_life import SimulatedLife, leaves

BLOCK = 50
SAID_MAX = 2_000
_BEGINNING = '{"first": '
LifeOf = Callable[[int], SimulatedLife]


@attrs.frozen
class SeedFailure:
    """A seed whose life broke a promise, and what the failure said."""

    seed: int
    said: str


@attrs.frozen
class SeedTotals:
    """What seeds came to, taken together."""

    seeds: int = 0
    steps: int = 0
    crashes: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    failures: tuple[SeedFailure, ...] = ()
    records: Counter[str] = attrs.field(factory=Counter)
    deaths: Counter[str] = attrs.field(factory=Counter)

    def __add__(self, other: SeedTotals) -> SeedTotals:
        return SeedTotals(
            self.seeds + other.seeds,
            self.steps + other.steps,
            self.crashes + other.crashes,
            self.faults + other.faults,
            tuple(sorted(self.failures + other.failures, key=lambda failure: failure.seed)),
            self.records + other.records,
            self.deaths + other.deaths,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the totals as plain data."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SeedTotals:
        """Return the totals of plain data."""
        failures = tuple(SeedFailure(each["seed"], each["said"]) for each in data["failures"])
        faults, records = Counter(data["faults"]), Counter(data["records"])
        deaths = Counter(data["deaths"])
        return cls(data["seeds"], data["steps"], data["crashes"], faults, failures, records, deaths)


def live_seeds(life_of: LifeOf, first: int, last: int) -> SeedTotals:
    """Live the lives of these seeds, one after the other; a failure is noted and the next seed is lived."""
    totals = SeedTotals()
    for seed in range(first, last + 1):
        try:
            life = life_of(seed)
            totals += SeedTotals(
                1, life.steps, life.crashes, life.faults, records=life.records, deaths=life.deaths
            )
        except Exception as error:  # supervision point: whatever it is, this seed has failed
            failure = SeedFailure(seed, _said(error))
            totals += SeedTotals(seeds=1, failures=(failure,))
    return totals


def _said(error: BaseException) -> str:
    """Say what failed, and then the report of the run, each of bounded length."""
    what = "\n".join(f"{type(each).__name__}: {each}" for each in leaves(error))
    notes = "\n".join(getattr(error, "__notes__", ()))
    return f"{what[:SAID_MAX]}\n{notes[:SAID_MAX]}"


def life_named(path: str) -> LifeOf:
    """Return the function named as ``module:function``.

    Raises `ImportError`, `AttributeError`, or `TypeError` for what is no function.
    """
    module, _, name = path.partition(":")
    found = getattr(import_module(module), name)
    if not callable(found):
        raise TypeError(f"{name} is no function")
    life_of: LifeOf = found
    return life_of


def _follow_parent() -> None:
    """Let the parent alone hear Ctrl-C, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None  # a worker has one; narrows the type

    def wait() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _block(path: str, first: int, last: int) -> SeedTotals:
    """Live a block of seeds in a process of its own."""
    return live_seeds(life_named(path), first, last)


@attrs.frozen
class SeedCampaign:
    """The lives of a function ``module:function`` that takes a seed; *file* holds which were lived.

    The file is for these lives alone, as the function is now: a bot that was changed needs another file.
    """

    life: str
    file: Path

    def run(
        self,
        seeds: int,
        *,
        first: int = 1,
        workers: int = 1,
        on_block: Callable[[SeedTotals], None] = lambda _totals: None,
    ) -> SeedTotals:
        """Live so many seeds from *first* on, without those that were lived before, and return all totals.

        *on_block* is told of each block when it is done. What is interrupted loses the blocks under way.
        Raises `InvalidInput` for a file that holds something else, before any life.
        """
        done = self._done()
        totals = SeedTotals()
        due = []
        for block in _blocks(first, seeds):
            if block in done:
                totals += done[block]
            else:
                due.append(block)
        on_block(totals)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_follow_parent) as pool:
            try:
                running = {pool.submit(_block, self.life, *block): block for block in due}
                for future in as_completed(running):
                    totals += self._took(running[future], future, on_block)
            finally:  # interrupted: blocks that have not begun are not lived
                pool.shutdown(wait=False, cancel_futures=True)
        return totals

    def _took(
        self, block: tuple[int, int], future: Future[SeedTotals], on_block: Callable[[SeedTotals], None]
    ) -> SeedTotals:
        totals = future.result()
        line = {"first": block[0], "last": block[1], "life": self.life, **totals.as_json()}
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")
        on_block(totals)
        return totals

    def _done(self) -> dict[tuple[int, int], SeedTotals]:
        """Return what the file holds; a last line that was cut off is taken out, and lived again."""
        try:
            text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
            lines = text.splitlines(keepends=True)
            cut = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            held = [json.loads(line) for line in lines]
            foreign = [each for each in held if each["life"] != self.life]
            found = {(each["first"], each["last"]): SeedTotals.from_json(each) for each in held}
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise self._refused(str(error)) from error
        if foreign:
            raise self._refused(f"it holds lives of {foreign[0]['life']}")
        if not cut.startswith(_BEGINNING[: len(cut)]):
            raise self._refused("its last line is none of ours")
        self._write("".join(lines))
        return found

    def _write(self, text: str) -> None:
        try:
            self.file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise self._refused(str(error)) from error

    def _refused(self, problem: str) -> InvalidInput:
        fix = "Name a file that is new, or one that these lives were kept in before."
        return InvalidInput("done", f"{self.file} cannot be used: {problem}", fix=fix)


def _blocks(first: int, seeds: int) -> Iterator[tuple[int, int]]:
    """Return the blocks of so many seeds, at the same places whatever the number."""
    end = first + seeds
    while first < end:
        last = min((first - 1) // BLOCK * BLOCK + BLOCK, end - 1)
        yield first, last
        first = last + 1
