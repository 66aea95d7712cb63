"""What tests with real processes share."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="fairlead-") as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _left_nothing_open() -> Iterator[None]:
    """Collect what a test left, so that a process or socket left open fails that test and not a later one."""
    yield
    gc.collect()
