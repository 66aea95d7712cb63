"""Runs `fairlead` in a fresh interpreter, over plugins in a folder or with packages taken away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
from importlib import metadata

folder, hidden, *arguments = sys.argv[1:]
for name in filter(None, hidden.split(",")):
    sys.modules[name] = None
if folder:
    sys.path.insert(0, folder)
    real = metadata.distributions
    metadata.distributions = lambda **options: real(path=[folder]) if not options else real(**options)

from fairlead.cli.main import main

sys.exit(main(arguments))
"""


def fairlead(
    *arguments: str, folder: Path | None = None, hidden: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run one command line; only plugins of *folder* are installed, and *hidden* packages are not."""
    environment = {"PATH": "", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _PROGRAM, str(folder or ""), ",".join(hidden), *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
