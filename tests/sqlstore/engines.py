"""A user's own read-only engine on a store's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine


@contextmanager
def reading_engine(path: Path) -> Iterator[Engine]:
    """Yield an engine as the documentation tells users to make one."""
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    try:
        yield engine
    finally:
        engine.dispose()
