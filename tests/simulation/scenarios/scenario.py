"""What a canonical scenario is made of: a world, a life, how it goes on after a death, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.testing.crash_survey import CrashExperiment
from fairlead.testing.generation import Generation
from tests.simulation.market import MarketWorld

DOWNTIME_NS = 150 * NANOSECONDS_PER_MILLISECOND
"""Long enough for orders to fill while nobody listens, too short for a late request to have arrived."""

Life = Callable[[MarketWorld, Generation], Coroutine[Any, Any, None]]


@attrs.frozen
class Scenario:
    """One life and its recovery, in a world made from a seed, and the check of what is left at the end.

    Of one that *is_sampled* the default run crashes a part of the spots, the campaign all of them.
    """

    make_world: Callable[[int], MarketWorld]
    life: Life
    recovery: Life
    check: Callable[[MarketWorld], None]
    is_sampled: bool = False

    def experiment(self, seed: int) -> CrashExperiment[MarketWorld]:
        """Return the experiment whose chance comes from the seed."""
        return CrashExperiment(
            lambda: self.make_world(seed), self.life, self.recovery, self.check, downtime_ns=DOWNTIME_NS
        )
