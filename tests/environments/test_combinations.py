"""Every combination of plugins has an environment on every Python, and the matrix runs each of them."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

from tests.combo.expected import EVERY_PLUGIN, ROOT

PYTHONS = ("py311", "py312", "py313")
NAMES_OF_NONE_AND_ALL = {(): "core", tuple(EVERY_PLUGIN): "all"}


def listed(*arguments: str) -> set[str]:
    """Return the names that tox lists."""
    command = [sys.executable, "-m", "tox", "list", "--no-desc", "-q", *arguments]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {line.strip() for line in ended.stdout.splitlines()}


def every_combination() -> set[str]:
    """Return the name of each environment that there must be."""
    subsets = [subset for size in range(len(EVERY_PLUGIN) + 1) for subset in combinations(EVERY_PLUGIN, size)]
    return {
        f"{python}-{NAMES_OF_NONE_AND_ALL.get(subset) or '-'.join(subset)}"
        for python in PYTHONS
        for subset in subsets
    }


def test_every_combination_has_an_environment() -> None:
    """None of the subsets of our plugins is missing, on none of the three Pythons."""
    assert every_combination() <= listed()


def test_the_matrix_runs_every_combination() -> None:
    """`tox -m matrix` leaves none out, and has the wheels besides."""
    assert listed("-m", "matrix") == every_combination() | {"wheels"}
