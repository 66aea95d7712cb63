"""Many seeds of the demo with every kind of fault, each with a kill."""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairlead.cli.demo.settings import FAULT_RATES
from tests.campaign import campaign_size
from tests.e2e.demo_run import DemoRun, check_zeros, run_demo

WORKERS = 2
SEEDS_DEFAULT = 80
"""About eight minutes on two cores."""

MEANINGFUL = 200
"""From so many seeds on, every kind of fault must have happened in a tenth of them."""


@pytest.mark.campaign
@pytest.mark.requirement("TEST-8")
def test_every_seed_ends_with_the_same_zeros(tmp_path: Path) -> None:
    """Nothing lost, nothing twice, cash exact, in every seed; in 200 each kind of fault fires in 20."""
    seeds = campaign_size("DEMO_SEEDS", SEEDS_DEFAULT)
    fired: Counter[str] = Counter()
    failed: dict[int, str] = {}

    def one(seed: int) -> tuple[int, DemoRun | None, str]:
        try:
            run = run_demo(tmp_path / str(seed), "--seed", str(seed), "--faults")
            check_zeros(run)
        except AssertionError as failure:
            return seed, None, str(failure)
        return seed, run, ""

    with ThreadPoolExecutor(WORKERS) as pool:
        for seed, run, failure in pool.map(one, range(1, seeds + 1)):
            if run is None:
                failed[seed] = failure
            else:
                fired.update(kind for kind, times in run.found["faults"].items() if times)
    sys.stdout.write(f"{seeds} seeds; seeds in which each kind fired: {json.dumps(fired)}\n")
    assert failed == {}
    if seeds >= MEANINGFUL:
        assert {kind for kind in FAULT_RATES if fired[kind] < seeds // 10} == set()
