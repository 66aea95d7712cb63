"""System identifiers: the one module of the kernel that draws randomness."""

from __future__ import annotations

import os


class SystemIds:
    """Draws identifiers from the operating system."""

    def unique_hex(self, digits: int) -> str:
        """Return that many lower-case hexadecimal digits; 24 of them are unique for all purposes."""
        return os.urandom((digits + 1) // 2).hex()[:digits]
