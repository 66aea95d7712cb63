"""The page of simulated faults is whole: every field of a plan, and every name that a fault is counted by."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import attrs

from fairlead.testing.fault_plan import FaultPlan
from tests.core.testing import test_endpoint, toy_lives

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulated-faults.md"
SEEDS = range(1, 81)
# The toy venue tells of fills alone; the drawn lives of the paper venue are asked for these.
OTHER_REPORTS = {
    f"{fate} {report}" for fate in ("lost", "repeated") for report in ("report of an order", "price")
}


def _rows() -> list[list[str]]:
    """Return the cells of each line of the table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_field_of_a_plan_has_its_line() -> None:
    """No field is missing, and none is there that a plan does not have."""
    named = [cell.strip("`") for cell, *_ in _rows()]
    assert Counter(named) == Counter(field.name for field in attrs.fields(FaultPlan))


def test_every_fault_is_counted_as_the_page_says() -> None:
    """What lives count is named on the page, and all that it names happens."""
    named = {name.strip() for _, cell, _ in _rows() for name in re.split(",", cell) if "`" not in name}
    lives = [live(seed) for live in (toy_lives.life, test_endpoint.life) for seed in SEEDS]
    told = {name for life in lives for name in life.faults + life.deaths if not name.startswith("ended by")}
    counted = {re.sub(r"(?<=^death at )[a-z]+\..*", "*label*", name) for name in told}
    assert counted == named - {"-"} - OTHER_REPORTS
