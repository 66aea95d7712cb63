"""Every canonical scenario by its name: what is crashed everywhere, repeated and disturbed."""

from __future__ import annotations

from fairlead.testing.crash_survey import CrashExperiment
from tests.simulation.market import MarketWorld
from tests.simulation.scenarios import (
    busy,
    by_hand,
    changing,
    closing,
    dated,
    doubting,
    funding,
    governing,
    holding,
    lost_ways,
    one_order,
    operating,
    paced,
    racing,
    telling,
    turned_away,
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
    **racing.SCENARIOS,
    **telling.SCENARIOS,
    **dated.SCENARIOS,
    **doubting.SCENARIOS,
    **governing.SCENARIOS,
    **holding.SCENARIOS,
    **funding.SCENARIOS,
    **by_hand.SCENARIOS,
    **turned_away.SCENARIOS,
}


def experiment(name: str, seed: int = 1) -> CrashExperiment[MarketWorld]:
    """Return the experiment on a scenario, whose chance comes from the seed."""
    return SCENARIOS[name].experiment(seed)
