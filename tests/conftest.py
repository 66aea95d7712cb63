"""Prints the figures of crash and kill tests at the end of a run."""

from __future__ import annotations

from _pytest.terminal import TerminalReporter
from hypothesis import settings

# How long an example takes is the machine's affair: speed is measured by benchmarks.
settings.register_profile("fairlead", deadline=None)
settings.load_profile("fairlead")

CRASH_POINTS = "crash points"
KILLS = "kills"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Add what tests recorded under these names, with the sum of all crash points."""
    recorded = [
        (name, str(value))
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
    ]
    points = [value for name, value in recorded if name == CRASH_POINTS]
    kills = [value for name, value in recorded if name == KILLS]
    if points or kills:
        terminalreporter.section("crashes and kills")
    for line in (*points, *kills):
        terminalreporter.write_line(line)
    if points:
        total = sum(int(line.split()[0]) for line in points)
        terminalreporter.write_line(f"{total} crash points in all, each recovered and checked")
