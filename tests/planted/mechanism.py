"""Copies the sources, plants a bug in the copy, and runs the tests that must notice it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.planted.verdict import REPORT_VARIABLE

FAILED_ASSERTION = frozenset({"AssertionError", "Failed"})
# A guard against a child that never ends, far above what any test takes.
CHILD_SECONDS_MAX = 300

_HEADER = re.compile(r"^# (?P<key>must-fail|fails-with|why): *(?P<value>.+?) *$", re.MULTILINE)
_PATCHED_FILE = re.compile(r"^\+\+\+ b/(?P<path>\S+)", re.MULTILINE)
# Caches are copied, so that the child need not compile again; what tools leave behind is not.
_LEFT_BEHIND = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "venv*")


class PlantedBug(NamedTuple):
    """A patch, the tests that must fail under it, and the errors that count as failing."""

    patch: Path
    must_fail: tuple[str, ...]
    fails_with: frozenset[str]
    patched_files: tuple[str, ...]


class Run(NamedTuple):
    """What a child process reported: its exit code, the phases of each test, our modules, its output."""

    exit_code: int
    phases: list[dict[str, str]]
    modules: dict[str, str]
    output: str


class MechanismError(Exception):
    """The patch or its header is unusable, or the child tested other sources: nothing was proven."""


def read_bug(patch: Path) -> PlantedBug:
    """Read a patch with its header; raises `MechanismError` when a part is missing."""
    text = patch.read_text(encoding="utf-8")
    header: dict[str, list[str]] = {"must-fail": [], "fails-with": [], "why": []}
    for match in _HEADER.finditer(text):
        header[match["key"]].append(match["value"])
    patched_files = tuple(match["path"] for match in _PATCHED_FILE.finditer(text))
    if not header["must-fail"] or not header["why"] or not patched_files:
        message = f"{patch.name} needs the lines '# why:' and '# must-fail:', and a diff"
        raise MechanismError(message)
    fails_with = frozenset(header["fails-with"]) or FAILED_ASSERTION
    return PlantedBug(patch, tuple(header["must-fail"]), fails_with, patched_files)


def copy_sources(root: Path, target: Path) -> Path:
    """Copy the repository without what tools and environments left in it."""
    shutil.copytree(root, target, ignore=_LEFT_BEHIND)
    return target


def plant(bug: PlantedBug, copy: Path) -> None:
    """Apply the patch to the copy; raises `MechanismError` when the sources have moved on."""
    # The copy is no repository, and one that happens to lie above it must not be taken for it.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}
    command = ["git", "apply", "--whitespace=nowarn", str(bug.patch)]
    applied = subprocess.run(  # noqa: PLW1510 - the exit code is judged below
        command, cwd=copy, env=environment, capture_output=True, text=True
    )
    if applied.returncode != 0:
        message = f"{bug.patch.name} does not apply any more, make it anew:\n{applied.stderr}"
        raise MechanismError(message)
    for path in bug.patched_files:
        # Compiled from the sound source, and valid still if size and second of change happen to agree.
        for stale in (copy / path).parent.glob(f"__pycache__/{Path(path).stem}.*.pyc"):
            stale.unlink()


def run_tests(copy: Path, tests: Sequence[str]) -> Run:
    """Run the tests in the copy and demand that only the copy's sources were imported."""
    report_file = copy / "planted-report.json"
    sources = [copy / "framework/src", *sorted(copy.glob("plugins/*/src")), copy]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, sources)),
        # A second a child is spent on plugins that the tests do not need.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        REPORT_VARIABLE: str(report_file),
    }
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "-p", "tests.planted.verdict"]
    child = subprocess.run(  # noqa: PLW1510 - the exit code is judged by the caller
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(copy), *tests],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS_MAX,
    )
    output = child.stdout + child.stderr
    if not report_file.is_file():
        message = f"the child ended with {child.returncode} and without a report:\n{output}"
        raise MechanismError(message)
    report: dict[str, Any] = json.loads(report_file.read_text(encoding="utf-8"))
    run = Run(child.returncode, report["phases"], report["modules"], output)
    _demand_origin(copy, run)
    return run


def _demand_origin(copy: Path, run: Run) -> None:
    strangers = {
        name: file
        for name, file in run.modules.items()
        if not Path(file).resolve().is_relative_to(copy.resolve())
    }
    if strangers or not run.modules:
        message = (
            f"the child did not test the copy's sources: {strangers or 'it imported none'}\n{run.output}"
        )
        raise MechanismError(message)


def passed(run: Run, test: str) -> bool:
    """Tell whether the test ran and passed."""
    calls = [phase["outcome"] for phase in run.phases if phase["test"] == test and phase["when"] == "call"]
    failed = [phase for phase in run.phases if phase["test"] == test and phase["outcome"] != "passed"]
    return bool(calls) and not failed


def found(run: Run, test: str, fails_with: frozenset[str]) -> bool:
    """Tell whether the test itself failed, with nothing but the errors that count."""
    errors = [
        name
        for phase in run.phases
        if phase["test"] == test and phase["outcome"] == "failed"
        for name in (phase["error"].split(",") if phase["when"] == "call" else ["error outside the test"])
    ]
    return run.exit_code == 1 and bool(errors) and set(errors) <= fails_with
