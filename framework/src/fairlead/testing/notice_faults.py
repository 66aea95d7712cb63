"""The faults of a plan that meet who is told: each attempt has its fate, and at times nobody listens."""

from __future__ import annotations

from collections import Counter

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.notices import DeliveryOutcome, DeliveryVerdict, Notice
from fairlead.testing.endpoint import HEARD, NoticeFate
from fairlead.testing.fault_plan import FaultPlan
from fairlead.testing.seed_streams import SeedStreams

SLOW_MS = (20, 80)
"""How long a slow notice is under way: within `ENDPOINT_DELIVERY.attempt_timeout_ms`."""
LATE_MS = (100, 400)
"""When a late answer comes: after that time, or soon after the kernel has tried again."""
DOWN_MS_MAX = 800
BETWEEN_DOWNS_MS_MAX = 1_200
FAILS = DeliveryOutcome(DeliveryVerdict.AGAIN, "the endpoint fails")
REFUSES = DeliveryOutcome(DeliveryVerdict.NEVER, "the endpoint will not have this one")
_HUNDRED = 100


class NoticeFaults:
    """Decides over each attempt to tell the endpoint, and counts what it did."""

    def __init__(self, plan: FaultPlan, streams: SeedStreams, counts: Counter[str]) -> None:
        self.is_healed = False
        self._plan = plan
        self._counts = counts
        self._draw = streams.of("faults of notices")
        self._downs = streams.of("downs of the endpoint")
        self._is_down = False

    def fate(self, _notice: Notice, _attempt: int) -> NoticeFate:
        """Decide over an attempt."""
        if self.is_healed:
            return HEARD
        if self._is_down:
            return self._said("endpoint down", NoticeFate(is_down=True))
        plan, draw = self._plan, self._draw.randrange(_HUNDRED)
        for name, rate, fate in (
            ("notice refused", plan.refused_notice, NoticeFate(answer=REFUSES)),
            ("notice failed", plan.failed_notice, NoticeFate(answer=FAILS)),
            ("notice unanswered", plan.unanswered_notice, NoticeFate(answer_lost=True)),
            ("notice answered late", plan.late_notice, NoticeFate(answer_ns=self._way_ns(LATE_MS))),
            ("notice slow", plan.slow_notice, NoticeFate(request_ns=self._way_ns(SLOW_MS))),
        ):
            if draw < rate:
                return self._said(name, fate)
            draw -= rate
        return HEARD

    async def take_down(self, clock: Clock) -> None:
        """Let nobody listen as often as planned, each time for a while."""
        for _ in range(self._plan.endpoint_downs):
            await clock.sleep_ns(self._drawn_ns(BETWEEN_DOWNS_MS_MAX))
            self._is_down = True
            await clock.sleep_ns(self._drawn_ns(DOWN_MS_MAX))
            self._is_down = False

    def _drawn_ns(self, most_ms: int) -> int:
        return self._downs.randrange(most_ms) * NANOSECONDS_PER_MILLISECOND

    def _way_ns(self, between_ms: tuple[int, int]) -> int:
        return self._draw.randrange(*between_ms) * NANOSECONDS_PER_MILLISECOND

    def _said(self, name: str, fate: NoticeFate) -> NoticeFate:
        self._counts[name] += 1
        return fate
