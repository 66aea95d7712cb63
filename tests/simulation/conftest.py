"""Prints how many crash points were tried."""

from __future__ import annotations

from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Add the counts that tests recorded to the end of the output, with their sum."""
    counts = [
        str(value)
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "crash points"
    ]
    if counts:
        terminalreporter.section("crash points")
        for count in counts:
            terminalreporter.write_line(count)
        total = sum(int(count.split()[0]) for count in counts)
        terminalreporter.write_line(f"{total} crash points in all, each recovered and checked")
