"""Shows that a seed is one life on every Python and under every hash seed: ``... same_digests 100``.

Each interpreter that is asked for gets an environment of its own, with our distributions as they are here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.simulation.invariants import Problems

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("python3.11", "python3.12", "python3.13")
HASH_SEEDS = ("1", "2")
DISTRIBUTIONS = ("framework[testing]", "plugins/paper", "plugins/riskhooks")
Digests = dict[str, str]


def environment_of(interpreter: str, folder: Path) -> str:
    """Make an environment with our distributions; return its Python."""
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    wanted = [part for each in DISTRIBUTIONS for part in ("-e", f"{ROOT}/{each}")]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    subprocess.run(pip, check=True)
    return python


def digests(python: str, seeds: str, hash_seed: str) -> Digests:
    """Return the digest of each seed, as that Python has it."""
    command = [python, "-m", "tests.simulation.digests", seeds]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    found: Digests = json.loads(done.stdout)
    return found


def compare(found: dict[str, Digests]) -> Problems:
    """Return which seeds are not the same life everywhere."""
    (first, wanted), *others = found.items()
    return [
        f"seed {seed} is {digest} with {first}, and {other[seed]} with {name}"
        for name, other in others
        for seed, digest in wanted.items()
        if other[seed] != digest
    ]


def main(seeds: str, wanted: list[str]) -> int:
    """Live the seeds with each that is *wanted*, or with what there is of `PYTHONS`; return the exit code."""
    interpreters = [each for each in wanted or PYTHONS if shutil.which(each)]
    for missing in sorted({*(wanted or PYTHONS)} - {*interpreters}):
        print(f"{missing} is missing and was not tried", file=sys.stderr)
        if wanted:
            return 1
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for interpreter in interpreters:
            python = environment_of(interpreter, Path(folder) / interpreter)
            for hash_seed in HASH_SEEDS:
                found[f"{interpreter}, hash seed {hash_seed}"] = digests(python, seeds, hash_seed)
    problems = compare(found) if found else ["no Python was found"]
    print("\n".join(problems) or f"{seeds} seeds are the same lives with {'; '.join(found)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
