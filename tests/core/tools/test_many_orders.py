"""The benchmark of many orders fails when its figures do not keep what it promises."""

from __future__ import annotations

import pytest

from benchmarks.many_orders import broken_promises

FLAT = [97.0, 98.0, 98.5, 97.5, 98.0]
EVEN = [250.0, 260.0, 270.0, 255.0, 265.0]


def test_flat_memory_and_an_even_cost_are_kept() -> None:
    """A little up and down is no promise broken, nor is one outlier among the last blocks."""
    assert broken_promises(FLAT, EVEN, 10, 10) == []
    assert broken_promises(FLAT, [*EVEN[:4], 900.0], 10, 10) == []
    assert broken_promises([97.0, 97.0 + 19.0], [100.0, 120.0, 120.0, 120.0], 10, 10) == []


@pytest.mark.parametrize(("then", "said"), [(117.0, "+20.0 MiB"), (77.0, "-20.0 MiB")])
def test_memory_that_moves_is_told(then: float, said: str) -> None:
    """Up or down, and in whichever block: more than 20 MB from where it was after the first."""
    (problem,) = broken_promises([97.0, then, 97.0, 97.0, 97.0], EVEN, 10, 10)
    assert said in problem


def test_a_growing_cost_is_told() -> None:
    """Two of the last three blocks cost more than a fifth more than the first."""
    (problem,) = broken_promises(FLAT, [100.0, 100.0, 110.0, 121.0, 130.0], 10, 10)
    assert "1.21 times" in problem


def test_an_order_without_an_answer_is_told() -> None:
    """One is enough."""
    (problem,) = broken_promises(FLAT, EVEN, 10, 9)
    assert problem == "1 of 10 orders were not answered by id"
