"""Findings decide the exit code."""

from __future__ import annotations

import pytest

from tools.sources import Finding, report


def test_findings_fail_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Without findings the code is 0; with one it is 1 and the finding is printed with file and line."""
    assert report("rule", []) == 0
    assert report("rule", [Finding("a.py", 3, "is wrong")]) == 1
    assert capsys.readouterr().out == "rule: kept\na.py:3: is wrong\nrule: 1 finding(s)\n"
