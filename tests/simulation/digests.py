"""Prints the digest of each of some seeds: ``python -m tests.simulation.digests 20``; the same everywhere."""

from __future__ import annotations

import json
import sys

from tests.simulation.drawn_lives import run

if __name__ == "__main__":
    print(json.dumps({seed: run(seed).digest for seed in range(1, int(sys.argv[1]) + 1)}))
