"""The repository agrees with itself where one thing must be written twice."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DISTRIBUTIONS = [ROOT / "framework", *sorted((ROOT / "plugins").iterdir())]


def requirements_of_group(groups: dict[str, list[Any]], name: str) -> set[str]:
    """Return the requirements of a dependency group with those it includes."""
    found: set[str] = set()
    for entry in groups[name]:
        found |= {entry} if isinstance(entry, str) else requirements_of_group(groups, entry["include-group"])
    return found


def test_one_environment_for_development_holds_every_group() -> None:
    """requirements-dev.txt, for pip that reads no groups, asks for what the groups ask for."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()

    asked = {line for line in lines if line and not line.startswith(("#", "-e"))}

    assert asked == requirements_of_group(groups, "dev")


def test_one_environment_for_development_holds_every_distribution() -> None:
    """requirements-dev.txt installs each distribution of the repository, editable."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()

    editable = {line.removeprefix("-e ./").partition("[")[0] for line in lines if line.startswith("-e")}

    assert editable == {folder.relative_to(ROOT).as_posix() for folder in DISTRIBUTIONS}


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_every_distribution_carries_the_licence(folder: Path) -> None:
    """A distribution can only ship a file of its own folder, so each has the licence, word for word."""
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
