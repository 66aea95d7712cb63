"""What each operation takes is measured, published, and far below what a bot would notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.operations import OPERATIONS
from benchmarks.webhook_cost import CASES, LOADS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "performance.md"
WEBHOOK_COST = ("--orders", "5", "--rounds", "1", "--pause-ms", "1", "--json")
BUDGET_US = 100_000
"""A tenth of a second for the median, on any machine; the earlier layer allowed half of one."""


@pytest.mark.requirement("LAT-1")
def test_each_operation_is_measured_and_published() -> None:
    """The benchmark times every operation on both stores, and the page has a figure for each of them."""
    command = [sys.executable, "-m", "benchmarks.operations", "--rounds", "20", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)

    page = PAGE.read_text(encoding="utf-8")
    assert set(figures) == {"memory", "sqlite"}
    for store, operations in figures.items():
        assert tuple(operations) == OPERATIONS
        for name, values in operations.items():
            assert 0 < values["median_us"] < BUDGET_US, (store, name, values)
            assert any(line.startswith(f"| {name} |") and line.count("|") == 6 for line in page.splitlines())


def test_what_webhooks_cost_is_measured_and_published() -> None:
    """The benchmark measures both loads, with and without an endpoint; the page has a row for each case."""
    command = [sys.executable, "-m", "benchmarks.webhook_cost", *WEBHOOK_COST]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)

    page = PAGE.read_text(encoding="utf-8")
    assert tuple(figures) == LOADS
    for cases in figures.values():
        assert tuple(cases) == CASES
        for case, values in cases.items():
            assert values["orders"] == 5
            assert 0 < values["answered_median_us"] <= values["filled_median_us"]
            assert any(line.startswith(f"| {case} |") for line in page.splitlines())
