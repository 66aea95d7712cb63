"""Embedding costs little: importing the framework does not load what only some of its users need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("hypothesis", "msgspec", "orjson", "pytest", "rich", "sqlalchemy", "sqlmodel", "typer")


def test_importing_the_framework_loads_nothing_heavy() -> None:
    """`import fairlead` in a fresh interpreter leaves extras, encoders and stores unloaded."""
    program = f"import sys, fairlead; print([name for name in {HEAVY!r} if name in sys.modules])"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"
