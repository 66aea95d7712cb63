"""An environment that lost a line of its dependencies fails, instead of testing something else.

tox runs on a copy of the repository that is made of links, with a tox.ini of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.combo.expected import EVERY_PLUGIN, ROOT

PYTHON = f"py3{sys.version_info.minor}"
LOOKS = ["-x", "testenv.commands=pytest -q tests/combo/test_expected_plugins.py"]
TIME_LIMIT_S = 600
OWN_FILES = {".git", ".tox", ".venv", "tox.ini"}


def plugins_of(environment: str) -> list[str]:
    """Return the plugins that the environment is made of."""
    return EVERY_PLUGIN if environment == "all" else environment.split("-")


ENVIRONMENTS = [*EVERY_PLUGIN, "all"]
LOST = [(environment, line) for environment in ENVIRONMENTS for line in plugins_of(environment)]


def without(text: str, distribution: str) -> str:
    """Return tox.ini's text less the first dependency on this distribution: the one of `[testenv]`."""
    lines = text.splitlines(keepends=True)
    found = next(number for number, line in enumerate(lines) if distribution in line and "-e {tox" in line)
    return "".join(lines[:found] + lines[found + 1 :])


def run(folder: Path, environment: str, tox_ini: str) -> subprocess.CompletedProcess[str]:
    """Run one environment of this tox.ini, with the look at its plugins as its only command."""
    for entry in ROOT.iterdir():
        if entry.name not in OWN_FILES:
            (folder / entry.name).symlink_to(entry)
    (folder / "tox.ini").write_text(tox_ini, encoding="utf-8")
    command = [sys.executable, "-m", "tox", "run", "-e", f"{PYTHON}-{environment}", *LOOKS]
    return subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=TIME_LIMIT_S
    )


@pytest.mark.parametrize("environment", ["all"])
def test_a_whole_environment_passes(environment: str, tmp_path: Path) -> None:
    """With every line there the same way ends well, so a failure below is the lost line's."""
    ended = run(tmp_path, environment, (ROOT / "tox.ini").read_text(encoding="utf-8"))

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(("environment", "line"), LOST)
def test_a_lost_plugin_fails_its_environment(environment: str, line: str, tmp_path: Path) -> None:
    """The plugins that are found are not those of the environment's name, and the test says which."""
    tox_ini = without((ROOT / "tox.ini").read_text(encoding="utf-8"), f"plugins/{line}")

    ended = run(tmp_path, environment, tox_ini)

    assert ended.returncode != 0
    assert f"{line!r}" in ended.stdout
    assert "test_discovered_plugins_equal_the_expected_ones" in ended.stdout
