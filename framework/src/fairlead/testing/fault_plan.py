"""What goes wrong in a simulated run: drawn from one seed, printed with every failure, repeated by it."""

from __future__ import annotations

import random
from typing import Any

import attrs

from fairlead.testing.crash_survey import CrashSpot
from fairlead.testing.memory_store import AFTER_DURABLE, BEFORE_DURABLE
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.wire import CANCEL, MODIFY, SUBMIT

DEATHS_MAX = 3
STEPS_MAX = 900
"""The last step before which a run may die, unless told otherwise: a bot of few orders takes fewer."""
DOWNTIME_MS_MAX = 500
CLOCK_STEPS_MAX = 30
SUSPENSIONS_MAX = 4
HEALED_MS_MAX = 4_000
POINTS = (
    BEFORE_DURABLE,
    AFTER_DURABLE,
    *(f"exchange.{method}.{when}" for method in (SUBMIT, MODIFY, CANCEL) for when in ("sent", "answered")),
)
"""Places inside one call at which a run may die: no crash between two steps can split what happens there."""
_POINTS_PASSED_MAX = 12
_RATES_MAX = {
    "lost_request": 25,
    "lost_answer": 25,
    "late": 30,
    "half_look_up": 60,
    "lost_report": 30,
    "repeated_report": 30,
    "bad_commit": 15,
}


@attrs.frozen
class Death:
    """Where a generation dies, and how long nobody lives after it."""

    spot: CrashSpot
    downtime_ms: int


@attrs.frozen(kw_only=True)
class FaultPlan:
    """What may go wrong in a run. Rates are of a hundred requests, reports or commits; 0 is never.

    *late* counts for either way of a request, *half_look_up* for look-ups that could not read everything;
    reports are those of the venue's stream. *stream_breaks* is how often the stream breaks for a while,
    *clock_steps* how often the kernel's wall clock is set to another distance from the venue's, *suspensions*
    how often the machine sleeps: the time of day moves on for everybody, what a kernel waits for does not.
    All is healed when the last life has lasted *healed_after_ms*.
    """

    lost_request: int = 0
    lost_answer: int = 0
    late: int = 0
    half_look_up: int = 0
    lost_report: int = 0
    repeated_report: int = 0
    bad_commit: int = 0
    stream_breaks: int = 0
    clock_steps: int = 0
    suspensions: int = 0
    healed_after_ms: int = HEALED_MS_MAX
    deaths: tuple[Death, ...] = ()

    @classmethod
    def drawn(cls, seed: int, *, steps_max: int = STEPS_MAX, deaths_max: int = DEATHS_MAX) -> FaultPlan:
        """Return the plan of a seed: each kind of fault is absent in half of the plans.

        Deaths come before a step up to *steps_max*, or inside a call.
        """
        draw = SeedStreams(seed).of("fault plan")
        rates = {name: draw.randrange(most) if draw.randrange(2) else 0 for name, most in _RATES_MAX.items()}
        breaks = draw.randrange(3) if draw.randrange(2) else 0
        deaths = tuple(
            Death(_spot(draw, steps_max), draw.randrange(DOWNTIME_MS_MAX))
            for _ in range(draw.randrange(deaths_max + 1))
        )
        healed_after_ms = draw.randrange(HEALED_MS_MAX)
        clocks = SeedStreams(seed).of("clock plan")
        steps = clocks.randrange(CLOCK_STEPS_MAX) if clocks.randrange(2) else 0
        suspensions = clocks.randrange(SUSPENSIONS_MAX) if clocks.randrange(2) else 0
        return cls(
            **rates,
            stream_breaks=breaks,
            clock_steps=steps,
            suspensions=suspensions,
            healed_after_ms=healed_after_ms,
            deaths=deaths,
        )

    def simpler(self) -> list[FaultPlan]:
        """Return plans with one fault or death less each: what a failing run is reduced by."""
        names = [*_RATES_MAX, "stream_breaks", "clock_steps", "suspensions"]
        fewer = [attrs.evolve(self, **dict[str, Any]({name: 0})) for name in names if getattr(self, name)]
        deaths = self.deaths
        return fewer + [
            attrs.evolve(self, deaths=deaths[:index] + deaths[index + 1 :]) for index in range(len(deaths))
        ]


def _spot(draw: random.Random, steps_max: int) -> CrashSpot:
    if draw.randrange(3):
        return CrashSpot(step=draw.randrange(1, steps_max))
    return CrashSpot(point=(draw.choice(POINTS), draw.randrange(1, _POINTS_PASSED_MAX)))
