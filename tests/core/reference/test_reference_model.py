"""The kernel against a second telling of it: every step, every figure, restarts included."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.campaign import campaign_size
from tests.core.reference import model
from tests.core.reference.driver import Driver

STEPS = 50
LINES_MAX = 300
"""Lines of code that the model may have, so that one can read it and see that it is right."""


@pytest.mark.parametrize("block", range(6))
def test_kernel_and_reference_model_agree_step_by_step(block: int) -> None:
    """Fifty random steps, many times over: orders, positions, balances, answers, requests are the same."""
    for seed in range(block * 50, block * 50 + 50):
        agree(seed)


@pytest.mark.campaign
def test_kernel_and_reference_model_agree_in_a_campaign() -> None:
    """The same with so many runs that rare orders of events occur in numbers."""
    for seed in range(1_000, 1_000 + campaign_size("MODEL_RUNS", 20_000)):
        agree(seed)


def agree(seed: int) -> None:
    """Step both; what goes wrong names the seed."""
    try:
        Driver(seed).run(STEPS)
    except AssertionError as difference:
        message = f"seed {seed}:\n{difference}"
        raise AssertionError(message) from None


def test_reference_model_is_small_and_knows_nothing_of_fairlead() -> None:
    """The model imports the standard library alone and can be read in one sitting."""
    source = Path(model.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert len(lines_of_code(source, tree)) <= LINES_MAX


def lines_of_code(source: str, tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that are neither blank, nor comment, nor docstring."""
    numbers = {
        number
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            words = node.body[0]
            numbers -= set(range(words.lineno, (words.end_lineno or words.lineno) + 1))
    return numbers
