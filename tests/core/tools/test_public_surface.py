"""A plugin reaches only what the framework publishes."""

from __future__ import annotations

import pytest

from tools.public_surface import check_module, rooms_of_framework
from tools.sources import ROOT, module

ROOMS = frozenset({"domain", "errors", "kernel", "ports", "testing"})


def complaints(source: str) -> list[str]:
    """Return the names that the rule refuses."""
    found = check_module(module("plugins/x/src/fairlead_x/plugin.py", source), ROOMS)
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


def test_rooms_are_read_from_the_sources() -> None:
    """`from fairlead import X` is judged by whether X is a room, as the folder says."""
    assert "ports" in rooms_of_framework(ROOT)
