"""Long campaigns take their sizes from the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.campaign import campaign_size


def test_size_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set counts, one that is not leaves the default."""
    monkeypatch.setenv("FAIRLEAD_CAMPAIGN_KILLS", "7")

    assert campaign_size("KILLS", default=100) == 7
    assert campaign_size("NEVER_SET", default=100) == 100


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "\u0663"])
def test_a_size_that_runs_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An empty, zero or unreadable size would be a campaign that passes without running."""
    monkeypatch.setenv("FAIRLEAD_CAMPAIGN_KILLS", text)

    with pytest.raises(ValueError, match="FAIRLEAD_CAMPAIGN_KILLS must be a positive whole number"):
        campaign_size("KILLS", default=100)


@pytest.mark.campaign
def test_every_size_that_is_set_is_read() -> None:
    """A misspelt variable would run the campaign at its default size, unnoticed; it fails here instead."""
    tests = Path(__file__).resolve().parent.parent
    sources = [file.read_text(encoding="utf-8") for file in sorted(tests.rglob("test_*.py"))]
    read = {name for source in sources for name in re.findall(r'campaign_size\(\s*"(\w+)"', source)}
    given = {
        name.removeprefix("FAIRLEAD_CAMPAIGN_")
        for name in os.environ
        if name.startswith("FAIRLEAD_CAMPAIGN_")
    }

    assert given <= read
