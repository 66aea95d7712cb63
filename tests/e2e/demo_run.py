"""One run of `fairlead demo` as a program, with its files kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen
class DemoRun:
    """What a run left: its exit code, its object, its progress, its files."""

    code: int
    found: dict[str, Any]
    progress: str
    folder: Path

    @property
    def store(self) -> Path:
        """Return the kernel's database."""
        return self.folder / "kernel.sqlite"

    @property
    def venue(self) -> Path:
        """Return the venue's database."""
        return self.folder / "venue.sqlite"


def fairlead(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a program."""
    command = [sys.executable, "-W", "error", "-m", "fairlead.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_demo(folder: Path, *arguments: str) -> DemoRun:
    """Run the demo with ``--json`` and return what it left."""
    done = fairlead("demo", "--json", "--keep", str(folder), *arguments)
    if not done.stdout:
        raise AssertionError(f"the demo ended with {done.returncode} and said: {done.stderr}")
    return DemoRun(done.returncode, json.loads(done.stdout), done.stderr, folder)


def check_zeros(run: DemoRun) -> None:
    """Assert that every proof of a whole run holds."""
    found = run.found
    proofs = {
        name: found[name]
        for name in ("lost", "duplicated", "cash_reconciled", "journal_verified", "killed_and_resumed")
    }
    assert proofs == {
        "lost": 0,
        "duplicated": 0,
        "cash_reconciled": True,
        "journal_verified": True,
        "killed_and_resumed": True,
    }, found["problems"]
    assert (run.code, found["trades_replayed"]) == (0, 1_000)
