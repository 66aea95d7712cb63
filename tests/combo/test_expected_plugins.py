"""Each tox environment has exactly the plugins it claims to test."""

from __future__ import annotations

import os
from importlib.metadata import entry_points

import pytest

GROUP = "fairlead.plugins.v1"
# A developer's environment (requirements-dev.txt) sets no expectation and has every plugin.
EVERY_PLUGIN = "paper,riskhooks,sqlstore"


def expected_plugins() -> list[str]:
    """Return the plugin names this environment must have, sorted; the empty string means none."""
    return sorted(filter(None, os.environ.get("FAIRLEAD_EXPECT_PLUGINS", EVERY_PLUGIN).split(",")))


def test_discovered_plugins_equal_the_expected_ones() -> None:
    """An environment that lost, gained or doubled a plugin fails, instead of testing something else."""
    discovered = sorted(entry.name for entry in entry_points(group=GROUP))

    assert discovered == expected_plugins()


@pytest.mark.parametrize("name", expected_plugins() or ["(none)"])
def test_entry_point_comes_from_its_own_distribution_and_loads(name: str) -> None:
    """Each name belongs to the distribution `fairlead-<name>` and its target can be imported."""
    found = [(entry.dist.name if entry.dist else None, entry) for entry in entry_points(group=GROUP)]
    owners = {entry.name: distribution for distribution, entry in found}

    assert owners.get(name) == (None if name == "(none)" else f"fairlead-{name}")
    for _, entry in found:
        assert entry.load().__name__ == f"fairlead_{entry.name}.plugin"
