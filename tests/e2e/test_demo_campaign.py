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
SEEDS_DEFAULT = 30
"""A few minutes on two cores; FAIRLEAD_CAMPAIGN_DEMO_SEEDS=200 is the long campaign."""

SHARE_MIN = 10
"""Every kind of fault must have happened in one of so many seeds."""


@pytest.mark.campaign
@pytest.mark.requirement("TEST-8")
def test_every_seed_ends_with_the_same_zeros(tmp_path: Path) -> None:
    """Nothing lost, nothing twice, cash exact, in every seed; each kind of fault in a tenth of them."""
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
    assert {kind for kind in FAULT_RATES if fired[kind] < seeds // SHARE_MIN} == set()
