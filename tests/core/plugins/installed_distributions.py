"""Little installed distributions in a folder, and a fresh interpreter that sees them and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

GOOD = """
from fairlead.hookspecs import hookimpl

requires_api = "1.0"

@hookimpl
def fairlead_stores():
    return []
"""
GROUP = "fairlead.plugins.v1"

_PROGRAM = """
import json, sys
from importlib import metadata

folder = sys.argv[1]
sys.path.insert(0, folder)
real = metadata.distributions
metadata.distributions = lambda **options: real(path=[folder]) if not options else real(**options)

from fairlead.plugins.manager import PluginManager

manager = PluginManager()
{steps}
print(json.dumps([
    {{"name": r.name, "state": r.state.value, "reason": r.reason, "distribution": r.distribution,
      "version": r.version, "module": r.module, "order": r.order, "hooks": list(r.hooks),
      "requires_api": r.requires_api, "editable": r.editable}}
    for r in manager.records()
]))
"""


def install(
    folder: Path,
    distribution: str,
    entry_points: str,
    modules: dict[str, str] | None = None,
    *,
    version: str = "1.0",
    editable: bool = False,
) -> Path:
    """Write a distribution's metadata and modules into the folder, as pip leaves them."""
    information = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    information.mkdir(parents=True)
    header = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    (information / "METADATA").write_text(header, encoding="utf-8")
    (information / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    if editable:
        content = {"url": "file:///somewhere", "dir_info": {"editable": True}}
        (information / "direct_url.json").write_text(json.dumps(content), encoding="utf-8")
    for name, text in (modules or {}).items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return information


def declare(name: str, target: str, group: str = GROUP) -> str:
    """Return the text of entry_points.txt with one plugin."""
    return f"[{group}]\n{name} = {target}\n"


def records_after(folder: Path, *steps: str) -> dict[str, dict[str, Any]]:
    """Run the steps on a manager in a fresh interpreter; return its records by name and distribution."""
    program = _PROGRAM.format(steps="\n".join(steps))
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    records: list[dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
    by_name: dict[str, dict[str, Any]] = {}
    for record in records:
        taken = record["name"] in by_name
        by_name[f"{record['name']} of {record['distribution']}" if taken else record["name"]] = record
    return by_name
