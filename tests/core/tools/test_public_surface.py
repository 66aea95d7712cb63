"""A plugin or an example reaches only what the framework publishes, and no other distribution."""

from __future__ import annotations

import pytest

from tools.public_surface import check_module, packages_of, rooms_of_framework
from tools.sources import ROOT, module

ROOMS = frozenset({"domain", "errors", "kernel", "ports", "testing"})
PACKAGES = frozenset({"fairlead_x", "fairlead_paper", "house_checks", "lone_module"})
PLUGIN = "plugins/x/src/fairlead_x/plugin.py"


def complaints(source: str, path: str = PLUGIN) -> list[str]:
    """Return the names that the rule refuses."""
    found = check_module(module(path, source), ROOMS, PACKAGES)
    return [finding.message.partition(" ")[0] for finding in found]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import fairlead.kernel", "fairlead.kernel"),
        ("import fairlead.kernel.engine.engine as engine", "fairlead.kernel.engine.engine"),
        ("from fairlead.domain.order import Order", "fairlead.domain.order"),
        ("from fairlead.domain import order", "fairlead.domain"),
        ("from fairlead import kernel", "fairlead.kernel"),
        ("def late():\n    from fairlead.kernel import gate\n", "fairlead.kernel"),
        ("from fairlead.portside import x", "fairlead.portside"),
    ],
)
def test_the_insides_are_refused(source: str, name: str) -> None:
    """Whatever way an inner module is named, at the top or inside a function, it is found."""
    assert complaints(source) == [name]


@pytest.mark.parametrize(
    "source",
    [
        "import fairlead",
        "from fairlead import Proposal, hookimpl",
        "from fairlead import ports",
        "from fairlead.ports.clock import Clock",
        "from fairlead.errors import FairleadError",
        "from fairlead.testing import StoreConformance",
        "from fairlead_x.tables import Row",
        "from . import tables",
        "import sqlalchemy",
    ],
)
def test_the_public_surface_passes(source: str) -> None:
    """The published rooms, the package's own names and everything that is not ours are free."""
    assert complaints(source) == []


EXAMPLE = "examples/risk-check/src/house_checks/plugin.py"


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        (EXAMPLE, "from fairlead.kernel import gate", "fairlead.kernel"),
        (EXAMPLE, "import fairlead_paper", "fairlead_paper"),
        (EXAMPLE, "from fairlead_paper.venue import Venue", "fairlead_paper.venue"),
        (EXAMPLE, "def late():\n    import lone_module\n", "lone_module"),
        (PLUGIN, "from house_checks import plugin", "house_checks"),
        ("examples/one/src/lone_module.py", "import house_checks.plugin", "house_checks.plugin"),
    ],
)
def test_another_distribution_is_refused(path: str, source: str, name: str) -> None:
    """Neither a plugin nor an example imports any other of them, or what the framework does not publish."""
    assert complaints(source, path) == [name]


def test_an_example_imports_its_own() -> None:
    """What lies in the same distribution is its own business."""
    assert complaints("from house_checks import house_minimum\nimport fairlead.ports.risk", EXAMPLE) == []


def test_every_distribution_is_looked_at() -> None:
    """Plugins and examples are both found in the sources: a rule that sees none of them keeps nothing."""
    some = {"fairlead_paper", "house_checks", "line_store", "notice_lines", "tally_exchange"}
    assert some <= packages_of(ROOT)


def test_rooms_are_read_from_the_sources() -> None:
    """`from fairlead import X` is judged by whether X is a room, as the folder says."""
    assert "ports" in rooms_of_framework(ROOT)
