"""Every shipped check has its four proofs: pure and total, at the boundary, over a restart, without a rate.

A check without a row, a row whose test is gone, and a reason that is not so fail here.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from fairlead_riskhooks.plugin import RiskHooksSettings
from tests.riskhooks.test_properties import CHECKS

ROOT = Path(__file__).parents[2]
HERE = "tests/riskhooks"
DISK = "tests/e2e/locks/test_locks_on_disk.py::test_a_lock_holds_after_a_kill"
ON_DISK = ROOT / "tests/e2e/locks/locked_bot.py"
KEEPS_NOTHING = "keeps no value: a restart has nothing to lose"
COUNTS_NO_MONEY = "converts nothing"


@attrs.frozen
class Proofs:
    """The tests at the boundary, of a restart and of a missing rate, or why there is none."""

    boundary: str
    restart: str = KEEPS_NOTHING
    conversion: str = COUNTS_NO_MONEY
    total: str = f"{HERE}/test_properties.py::test_every_figure_is_answered_and_always_alike"


PROOFS: Mapping[str, Proofs] = {
    "minimum_size": Proofs(f"{HERE}/test_minimum_size.py::test_boundary"),
    "maximum_positions": Proofs(f"{HERE}/test_maximum_positions.py::test_case"),
    "maximum_exposure": Proofs(
        f"{HERE}/test_maximum_exposure.py::test_boundary",
        f"{HERE}/test_maximum_exposure.py::test_kernel_counts_live_orders_fills_changes_and_restarts",
        f"{HERE}/test_maximum_exposure.py::test_what_cannot_be_counted_denies",
    ),
    "daily_loss": Proofs(
        f"{HERE}/test_daily_loss.py::test_boundary",
        DISK,
        f"{HERE}/test_daily_loss.py::test_conversion_missing_denies",
    ),
    "order_rate": Proofs(f"{HERE}/test_order_rate.py::test_rate", DISK),
    "duplicate_intent": Proofs(f"{HERE}/test_order_rate.py::test_duplicate", DISK),
    "cool_down": Proofs(f"{HERE}/test_cool_down.py::test_boundary", DISK),
    "price_band": Proofs(f"{HERE}/test_market_checks.py::test_band"),
    "stale_price": Proofs(f"{HERE}/test_market_checks.py::test_age"),
    "symbols": Proofs(f"{HERE}/test_what_and_when.py::test_symbols"),
    "trading_hours": Proofs(f"{HERE}/test_what_and_when.py::test_hours"),
    "maximum_leverage": Proofs(f"{HERE}/test_what_and_when.py::test_leverage"),
}


def test_every_check_has_a_row() -> None:
    """A check that is shipped is proven, or named here."""
    assert set(PROOFS) == {field.name for field in attrs.fields(RiskHooksSettings)}


@pytest.mark.parametrize("name", PROOFS)
def test_the_named_tests_are_there(name: str) -> None:
    """Each of the four is a test of that name, in that file, or one of the two reasons."""
    for proof in attrs.astuple(PROOFS[name]):
        if proof in (KEEPS_NOTHING, COUNTS_NO_MONEY):
            continue
        path, _, test = proof.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, proof


@pytest.mark.parametrize("name", PROOFS)
def test_the_reasons_are_so(name: str) -> None:
    """Only a stateless check has no restart to prove, and only one that never converts no missing rate."""
    check: Any = next(check for check in CHECKS if check.name == name)
    assert (PROOFS[name].restart == KEEPS_NOTHING) is check.stateless

    source = (ROOT / "plugins/riskhooks/src/fairlead_riskhooks" / f"{name}.py").read_text(encoding="utf-8")
    assert (PROOFS[name].conversion == COUNTS_NO_MONEY) is (".convert(" not in source)


def test_every_lock_on_disk_is_one_of_these() -> None:
    """The parameters of the test on a real file are the checks that it proves."""
    text = ON_DISK.read_text(encoding="utf-8")
    for name, proofs in PROOFS.items():
        assert (f'"{name}": (' in text) is (proofs.restart == DISK)
