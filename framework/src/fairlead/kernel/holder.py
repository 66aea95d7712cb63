"""Who holds the store: what another kernel that finds it held is told."""

from __future__ import annotations

import os
import platform


def holder_text() -> str:
    """Return who we are, for a kernel that finds the store held."""
    return f"process {os.getpid()} on {platform.node()}"
