"""A pytest plugin for the child process: reports what happened to each test and what was imported."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

REPORT_VARIABLE = "FAIRLEAD_PLANTED_REPORT"
OURS = ("fairlead", "tools")

_phases: list[dict[str, str]] = []


def error_names(error: BaseException) -> list[str]:
    """Return the class names of an error, or of the errors in a group, innermost only."""
    if isinstance(error, BaseExceptionGroup):
        return [name for inner in error.exceptions for name in error_names(inner)]
    return [type(error).__name__]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the outcome of each phase of a test, with the class of its error."""
    report = yield
    names = error_names(call.excinfo.value) if call.excinfo else []
    _phases.append(
        {"test": item.nodeid, "when": report.when, "outcome": report.outcome, "error": ",".join(names)}
    )
    return report


def pytest_sessionfinish() -> None:
    """Write the report to the file that the parent named."""
    ours = {
        name: file
        for name, module in sorted(sys.modules.items())
        if name.startswith(OURS[0]) or name.partition(".")[0] == OURS[1]
        if (file := getattr(module, "__file__", None)) is not None
    }
    Path(os.environ[REPORT_VARIABLE]).write_text(
        json.dumps({"phases": _phases, "modules": ours}), encoding="utf-8"
    )
