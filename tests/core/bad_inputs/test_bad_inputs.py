"""Every bad input of the list is proven by a test that is there, or waits for a part that is not built."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.core.bad_inputs.rows import NUMBERS, Row, problems_of, read_rows

HERE = "tests/core/bad_inputs/test_bad_inputs.py::test_every_row_is_proven_or_waits"
SOUND = [Row(number, "given", "outcome", (HERE,), "", "") for number in NUMBERS]


@pytest.mark.requirement("SEC-5")
def test_every_row_is_proven_or_waits() -> None:
    """No row is missing, and each names tests that are there, or what of it waits for a part not built."""
    assert problems_of(read_rows()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"proven": ()}, "row 7: is neither proven nor waits"),
        ({"proven": (HERE, f"{HERE}_or_not")}, f"row 7: {HERE}_or_not is not there"),
        ({"proven": ("tests/nowhere.py::test_it",)}, "row 7: tests/nowhere.py::test_it is not there"),
        ({"waits_for": "time", "waits_part": "all"}, "row 7: 'time' is no reason to wait, or does not say"),
        ({"waits_for": "Kraken"}, "row 7: 'Kraken' is no reason to wait, or does not say what of it waits"),
        ({"given": ""}, "row 7: does not say what is given"),
        ({"number": 8}, "row 7 is missing"),
        ({"number": 8}, "row 8 is there twice"),
    ],
)
def test_a_row_without_its_proof_is_found(change: dict[str, Any], problem: str) -> None:
    """The checker finds what it is there for."""
    changed = [attrs.evolve(row, **change) if row.number == 7 else row for row in SOUND]
    assert problems_of(SOUND) == []
    assert any(found.startswith(problem) for found in problems_of(changed))
