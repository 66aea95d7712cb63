"""Every canonical scenario by its name: what is crashed everywhere, repeated and disturbed."""

from __future__ import annotations

from fairlead.testing.crash_survey import CrashExperiment
from tests.simulation.market import MarketWorld
from tests.simulation.scenarios import (
    busy,
    changing,
    closing,
    lost_ways,
    one_order,
    operating,
    paced,
)
from tests.simulation.scenarios.scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    **one_order.SCENARIOS,
    **lost_ways.SCENARIOS,
    **busy.SCENARIOS,
    **paced.SCENARIOS,
    **closing.SCENARIOS,
    **operating.SCENARIOS,
    **changing.SCENARIOS,
}


def experiment(name: str, seed: int = 1) -> CrashExperiment[MarketWorld]:
    """Return the experiment on a scenario, whose chance comes from the seed."""
    return SCENARIOS[name].experiment(seed)
