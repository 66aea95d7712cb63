"""What goes wrong in a simulated run: drawn from one seed, printed with every failure, repeated by it."""

from __future__ import annotations

import random
from typing import Any

import attrs

from fairlead.testing.crash_survey import CrashSpot
from fairlead.testing.endpoint import ENDPOINT_POINTS
from fairlead.testing.memory_store import AFTER_DURABLE, BEFORE_DURABLE
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.wire import CANCEL, MODIFY, SUBMIT

DEATHS_MAX = 3
STEPS_MAX = 400
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
_REQUESTS_PASSED_MAX = 4
"""A life commits often and sends few orders: a death at the tenth modify would hardly ever come about."""
_RATES_MAX = {
    "lost_request": 25,
    "lost_answer": 25,
    "late": 30,
    "half_look_up": 60,
    "lost_report": 30,
    "repeated_report": 30,
    "bad_commit": 15,
}
_NOTICE_RATES_MAX = {
    "refused_notice": 6,
    "failed_notice": 30,
    "unanswered_notice": 20,
    "late_notice": 20,
    "slow_notice": 30,
}
_DOWNS_MAX = 3


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

    The rates of notices are of a hundred attempts to tell an endpoint: it is told, and its answer is lost
    (*unanswered_notice*) or comes too late (*late_notice*); it takes its time (*slow_notice*); it says that
    it fails (*failed_notice*), or that it will never have this one (*refused_notice*). *endpoint_downs* is
    how often nobody listens there for a while.
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
    refused_notice: int = 0
    failed_notice: int = 0
    unanswered_notice: int = 0
    late_notice: int = 0
    slow_notice: int = 0
    endpoint_downs: int = 0
    healed_after_ms: int = HEALED_MS_MAX
    deaths: tuple[Death, ...] = ()

    @classmethod
    def drawn(
        cls,
        seed: int,
        *,
        steps_max: int = STEPS_MAX,
        deaths_max: int = DEATHS_MAX,
        has_endpoint: bool = False,
    ) -> FaultPlan:
        """Return the plan of a seed: each kind of fault is absent in half of the plans.

        Deaths come before a step up to *steps_max*, or inside a call. With *has_endpoint* the endpoint has
        faults as well, and half of the plans have one death more, inside a call to it; the rest of the plan
        is the same.
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
        plan = cls(
            **rates,
            stream_breaks=breaks,
            clock_steps=steps,
            suspensions=suspensions,
            healed_after_ms=healed_after_ms,
            deaths=deaths,
        )
        return _with_endpoint(plan, seed) if has_endpoint else plan

    def simpler(self) -> list[FaultPlan]:
        """Return plans with one fault or death less each: what a failing run is reduced by."""
        counts = ("stream_breaks", "clock_steps", "suspensions", "endpoint_downs")
        names = [*_RATES_MAX, *_NOTICE_RATES_MAX, *counts]
        fewer = [attrs.evolve(self, **dict[str, Any]({name: 0})) for name in names if getattr(self, name)]
        deaths = self.deaths
        return fewer + [
            attrs.evolve(self, deaths=deaths[:index] + deaths[index + 1 :]) for index in range(len(deaths))
        ]


def _spot(draw: random.Random, steps_max: int) -> CrashSpot:
    if draw.randrange(3):
        return CrashSpot(step=draw.randrange(1, steps_max))
    point = draw.choice(POINTS)
    most = _POINTS_PASSED_MAX if point in (BEFORE_DURABLE, AFTER_DURABLE) else _REQUESTS_PASSED_MAX
    return CrashSpot(point=(point, draw.randrange(1, most)))


def _with_endpoint(plan: FaultPlan, seed: int) -> FaultPlan:
    """Return the plan with faults of an endpoint, from a stream of their own."""
    draw = SeedStreams(seed).of("endpoint plan")
    rates = {
        name: draw.randrange(1, most) if draw.randrange(2) else 0 for name, most in _NOTICE_RATES_MAX.items()
    }
    downs = draw.randrange(1, _DOWNS_MAX) if draw.randrange(2) else 0
    deaths = plan.deaths
    if draw.randrange(2):
        spot = CrashSpot(point=(draw.choice(ENDPOINT_POINTS), draw.randrange(1, _POINTS_PASSED_MAX)))
        deaths += (Death(spot, draw.randrange(DOWNTIME_MS_MAX)),)
    return attrs.evolve(plan, **dict[str, Any](rates), endpoint_downs=downs, deaths=deaths)
