"""The soak: a bot trades calmly for hours on the paper venue, killed every few minutes, and loses nothing.

``python -m tests.e2e.kill.soak --minutes 120``. After each kill the journal is verified, and the independent
checker judges the files once the next life has converged; at the end everything owed must have been told, and
the trader's memory must be flat (`memory_samples`). A line a minute goes to stderr. The exit code is 1 when
something does not hold, and when no life was long enough to compare memory. When something was lost or
doubled, the files show how: they are kept then, and stderr tells where. ``--samples FILE`` writes each sample
of memory down as it is taken.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from asyncio.subprocess import Process
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from fairlead.cli.output import print_table
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from tests.e2e.kill.arena import Arena, Broken
from tests.e2e.kill.memory_samples import Growth, Sample, SampleFile, growths, resident_mib

SECONDS_PER_MINUTE = 60
SAMPLE_NS = 5 * NANOSECONDS_PER_SECOND
CALM_MS = 1_000
"""The pause of each of the trader's tasks between two of its turns."""

MARKET_NS = 250 * NANOSECONDS_PER_MILLISECOND
VENUE_EVERY = 4
"""With each kill of this number the venue is killed, too."""

BYTES_PER_MEBIBYTE = 1 << 20


@attrs.frozen
class Plan:
    """How long the soak is, how long a life lasts at least and at most, and what its kills are drawn from.

    There are so many lives at least, however slow the machine is.
    """

    seconds: float
    life_seconds_min: float
    life_seconds_max: float
    seed: int
    lives_min: int = 1


@attrs.frozen
class Soaked:
    """What a soak came to; *report* is the checker's last."""

    kills: int
    venue_kills: int
    in_flight: int
    report: dict[str, Any]
    notices: int
    requests: int
    answered_badly: int
    database_mib: float
    venue_mib: tuple[float, float]
    growths: list[Growth]

    @property
    def is_flat(self) -> bool | None:
        """Tell whether the trader's memory stayed as it was; nothing where no life was long enough to say."""
        return all(each.is_flat for each in self.growths) if self.growths else None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {**attrs.asdict(self), "flat": self.is_flat}


class Soak:
    """One soak: lives, one after the other, until the time is up."""

    def __init__(self, folder: Path, plan: Plan, samples: SampleFile | None = None) -> None:
        self.arena = Arena(folder, plan.seed)
        self._samples = samples
        self.lives: list[list[Sample]] = []
        self._plan = plan
        self._clock = SystemClock()
        self._began_ns = self._clock.monotonic_ns()

    async def run(self) -> Soaked:
        """Live until the time is up; raises `Broken` when something was lost, doubled or not told."""
        await self.arena.open()
        try:
            while self._left_s() > 0 or len(self.lives) < self._plan.lives_min:
                await self._live(venue_too=len(self.arena.rounds) % VENUE_EVERY == VENUE_EVERY - 1)
            report = await self.arena.last_round()
        finally:
            await self.arena.close()
        arena = self.arena
        samples = [sample for life in self.lives for sample in life]
        return Soaked(
            len(arena.rounds),
            arena.venue_kills,
            sum(1 for each in arena.rounds if each.in_flight),
            report,
            len(arena.told.first),
            arena.told.requests,
            sum(arena.told.ways.values()),
            arena.database.stat().st_size / BYTES_PER_MEBIBYTE,
            (samples[0].venue_mib, samples[-1].venue_mib),
            growths(self.lives),
        )

    async def _live(self, *, venue_too: bool) -> None:
        """Let a trader live for a drawn time, sampled all along, then kill it at that instant.

        What the life before left is judged once this one has converged: the venue may have filled an order
        when nobody was there to hear of it.
        """
        arena = self.arena
        trader = await arena.start_trader(pause_ms=CALM_MS)
        await arena.converged(trader)
        self._say(f"after kill {len(arena.rounds)}: {json.dumps(await arena.check())}")
        async with arena.market(MARKET_NS):
            await arena.tell(trader, "go")
            await self._sampled(trader)
            if venue_too:
                await arena.kill_venue()
            await arena.kill(trader, "soak, with the venue" if venue_too else "soak")
        if venue_too:
            await arena.open_venue()
        await arena.verify()

    async def _sampled(self, trader: Process) -> None:
        shortest, longest = self._plan.life_seconds_min, self._plan.life_seconds_max
        life_s = shortest + self.arena.stream.random() * (longest - shortest)
        began_ns, samples = self._clock.monotonic_ns(), list[Sample]()
        self.lives.append(samples)
        end_ns = began_ns + int(min(life_s, max(self._left_s(), shortest)) * NANOSECONDS_PER_SECOND)
        while (left_ns := end_ns - self._clock.monotonic_ns()) > 0:
            await self._clock.sleep_ns(min(SAMPLE_NS, left_ns))
            if trader.returncode is not None:
                raise Broken(f"the trader ended by itself with {trader.returncode}")
            age_s = (self._clock.monotonic_ns() - began_ns) / NANOSECONDS_PER_SECOND
            samples.append(Sample(age_s, resident_mib(trader.pid), resident_mib(self.arena.venue_process)))
            if self._samples is not None:
                self._samples.add(len(self.lives), samples[-1])
            if len(samples) % (SECONDS_PER_MINUTE * NANOSECONDS_PER_SECOND // SAMPLE_NS) == 0:
                self._say(f"age {age_s:.0f} s, {samples[-1].trader_mib:.1f} MiB")

    def _left_s(self) -> float:
        return self._plan.seconds - (self._clock.monotonic_ns() - self._began_ns) / NANOSECONDS_PER_SECOND

    def _say(self, what: str) -> None:
        minutes = (self._plan.seconds - self._left_s()) / SECONDS_PER_MINUTE
        told = self.arena.told
        print(f"minute {minutes:.1f}: {what}; {len(told.first)} notices", file=sys.stderr, flush=True)


def main(
    minutes: Annotated[float, typer.Option(help="How long.")] = 120,
    life_min: Annotated[float, typer.Option(help="Minutes of the shortest life.")] = 1,
    life_max: Annotated[float, typer.Option(help="Minutes of the longest life.")] = 10,
    seed: Annotated[int, typer.Option(help="What the kills are drawn from.")] = 1,
    samples: Annotated[Path | None, typer.Option(help="A CSV file for the samples of memory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Soak, and print what it came to."""
    plan = Plan(
        minutes * SECONDS_PER_MINUTE, life_min * SECONDS_PER_MINUTE, life_max * SECONDS_PER_MINUTE, seed
    )
    soaked = soaked_in(Path(tempfile.mkdtemp(prefix="fairlead-")), plan, samples)
    if as_json:
        print(json.dumps(soaked.as_json()))
    else:
        show(soaked)
    raise typer.Exit(0 if soaked.is_flat else 1)


def soaked_in(folder: Path, plan: Plan, samples: Path | None = None) -> Soaked:
    """Soak in a folder, and remove it, unless something broke: its files are the evidence."""
    with ExitStack() as when_broken, nullcontext() if samples is None else SampleFile(samples) as file:
        when_broken.callback(print, f"the files are kept in {folder}", file=sys.stderr, flush=True)
        soaked = asyncio.run(Soak(folder, plan, file).run())
        when_broken.pop_all()
    shutil.rmtree(folder)
    return soaked


def show(soaked: Soaked) -> None:
    """Print a soak as tables."""
    rows = [
        (
            "kills",
            f"{soaked.kills}, {soaked.in_flight} with orders in flight, {soaked.venue_kills} with the venue",
        ),
        *((name.replace("_", " "), str(value)) for name, value in soaked.report.items()),
        (
            "notices told",
            f"{soaked.notices} by {soaked.requests} requests, {soaked.answered_badly} answered badly",
        ),
        ("database", f"{soaked.database_mib:.1f} MiB"),
        ("venue's memory", "{:.1f} MiB at first, {:.1f} MiB at last".format(*soaked.venue_mib)),
    ]
    print_table(["what", "came to"], rows)
    print_table(
        ["trader's memory", "lives", "before, MiB", "after, MiB", "growth"],
        [
            (
                each.what,
                str(each.lives),
                f"{each.before_mib:.1f}",
                f"{each.after_mib:.1f}",
                f"{each.rate:+.1%}",
            )
            for each in soaked.growths
        ],
    )


if __name__ == "__main__":
    typer.run(main)
