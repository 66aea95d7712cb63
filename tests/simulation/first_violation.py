"""Looks for the first seed whose life breaks a promise.

``python -m tests.simulation.first_violation 1 1000`` prints one JSON object: how many seeds were lived, and
of the first that failed its number, its error and what that said. Errors of a program that does not even
run, such as a `TypeError`, count as `broken`.
"""

from __future__ import annotations

import json
import sys

import fairlead
from fairlead.testing.simulated_life import leaves
from tests.simulation.drawn_lives import run

BROKEN = (TypeError, AttributeError, NameError, ImportError)
SAID_MAX = 500


def first_violation(first: int, last: int) -> dict[str, object]:
    """Live the seeds until one fails."""
    for seed in range(first, last + 1):
        try:
            run(seed)
        except Exception as error:  # supervision point: whatever it is, the seed has failed
            found = list(leaves(error))
            return {
                "seeds": seed - first + 1,
                "seed": seed,
                "error": ", ".join(sorted({type(each).__name__ for each in found})),
                "said": str(found[0])[:SAID_MAX],
                "broken": any(isinstance(each, BROKEN) for each in found),
            }
    return {"seeds": last - first + 1, "seed": None}


if __name__ == "__main__":
    found = first_violation(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({**found, "sources": fairlead.__file__}))
