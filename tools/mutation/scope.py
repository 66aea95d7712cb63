"""Which modules are the core whose tests are measured, and which tests are asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from tools.sources import FRAMEWORK, ROOT

PACKAGE = f"{FRAMEWORK}/fairlead"

# The rooms of the core, as paths below the package.
FOLDERS = (
    "domain",
    "kernel/apply",
    "kernel/core",
    "kernel/decide",
    "kernel/engine",
    "kernel/gate",
    "kernel/journal",
)
RECONCILER = (
    "account",
    "dust",
    "foreign_orders",
    "inbox",
    "net_positions",
    "reconcile_requests",
    "reconciler",
    "rules_reader",
)

# Where the promises of the core are proven without a long campaign.
TESTS = ("tests/core", "tests/riskhooks", "tests/simulation", "tests/golden", "tests/gauntlet")
# Tests that interrupt a thread end the tracing of Python 3.11, so nobody knows what they reach.
MARKS = "not campaign and not interrupts"

FOLDER = ROOT / ".mutation"


def core_files(root: Path) -> Iterator[Path]:
    """Yield the modules of the core in order of path; a room that is not there raises `FileNotFoundError`."""
    package = root / PACKAGE
    for folder in FOLDERS:
        files = sorted((package / folder).rglob("*.py"))
        if not files:
            message = f"no module lies in {package / folder}"
            raise FileNotFoundError(message)
        yield from files
    for name in RECONCILER:
        file = package / "kernel" / "venue" / f"{name}.py"
        if not file.is_file():
            raise FileNotFoundError(file)
        yield file


def room(path: str) -> str:
    """Return the room of a module of the core, as the table names it."""
    inner = path.removeprefix(f"{PACKAGE}/").split("/")
    if inner[0] == "domain":
        return "domain"
    return "reconciler" if inner[1] == "venue" else inner[1]


def digest(*texts: str) -> str:
    """Return a short name for exactly these texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[
        :16
    ]  # fixed: enough for a few thousand names
