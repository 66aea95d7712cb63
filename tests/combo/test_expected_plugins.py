"""Each tox environment has exactly the plugins it claims to test."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from tests.combo.expected import EVERY_PLUGIN, expected_plugins, plugins_named_in

GROUP = "fairlead.plugins.v1"


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


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("py311-core", []),
        ("", []),
        ("py313-paper-sqlstore", ["paper", "sqlstore"]),
        ("sqlstore,paper", ["paper", "sqlstore"]),
        ("py312-all", EVERY_PLUGIN),
        ("all", EVERY_PLUGIN),
    ],
)
def test_an_environments_name_says_which_plugins(text: str, named: list[str]) -> None:
    """The words of the name, and nothing else, decide what must be there."""
    assert plugins_named_in(text) == named


def test_a_misspelt_environment_is_refused() -> None:
    """A name that is no plugin's never means one plugin fewer."""
    with pytest.raises(ValueError, match="names 'papre', which is no plugin"):
        plugins_named_in("py311-papre-sqlstore")
