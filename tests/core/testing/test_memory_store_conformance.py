"""The memory store keeps every rule of the store port."""

from __future__ import annotations

from pathlib import Path

from fairlead.testing.conformance.store import StoreConformance
from tests.core.testing.memory_medium import MemoryMedium


class TestMemoryStore(StoreConformance):
    """Every rule, on asyncio's loop."""

    def medium_at(self, folder: Path) -> MemoryMedium:
        """Return an empty disk."""
        del folder
        return MemoryMedium()
