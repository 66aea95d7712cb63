"""The identifier port: the one source of uniqueness in the kernel."""

from __future__ import annotations

from typing import Protocol


class Ids(Protocol):
    """Draws identifiers; a simulation passes a seeded one."""

    def unique_hex(self, digits: int) -> str:
        """Return that many lower-case hexadecimal digits that were never returned before."""
