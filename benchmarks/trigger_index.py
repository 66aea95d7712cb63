"""What a price costs with 1 to 100,000 trailing stops: while nothing triggers, and at new highs.

Half of the stops trail by an amount and half by a share of the high. *quiet* prices move below the high and
above the stops; *rising* ones are each a new high, which moves every stop. Prices a second, the best of
three rounds; exits with 1 when some count costs more than 2 times (quiet) or 4 times (rising) another.

Usage: ``python -m benchmarks.trigger_index [--prices N] [--json]``
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from decimal import Decimal

from fairlead.domain.triggers.index import Crossing, TriggerIndex
from fairlead.domain.triggers.trails import Distance
from fairlead.testing.seed_streams import SeedStreams

COUNTS = (1, 100, 10_000, 100_000)
ROUNDS = 3
START = 100_000
CENTS = 100
SPREADS_MAX = {"quiet": 2.0, "rising": 4.0}
"""How many times the dearest count may cost the cheapest."""


def index_of(stops: int) -> TriggerIndex:
    """Return an index with so many stops below the price."""
    stream = SeedStreams(1).of("distances")
    index = TriggerIndex()
    for key in range(stops):
        if key % 2:
            distance = Distance(Decimal(stream.randrange(1_000, 5_000)))
        else:
            distance = Distance(Decimal(stream.randrange(10, 50)) / 1_000, is_rate=True)
        index.add_trail(key, Crossing.FALLING, distance, Decimal(START))
    return index


def prices_of(kind: str, count: int) -> list[Decimal]:
    """Return prices of a kind."""
    if kind == "rising":
        return [Decimal(START) + Decimal(step) / CENTS for step in range(1, count + 1)]
    stream = SeedStreams(2).of("prices")
    return [Decimal(START) - Decimal(stream.randrange(1, 900 * CENTS)) / CENTS for _ in range(count)]


def rate(stops: int, kind: str, count: int) -> float:
    """Return how many prices a second an index takes."""
    prices = prices_of(kind, count)
    best = 0.0
    for _ in range(ROUNDS):
        take = index_of(stops).take
        started = time.perf_counter()
        for price in prices:
            if take(price):
                message = "a stop fired: that is not what is measured"
                raise AssertionError(message)
        best = max(best, count / (time.perf_counter() - started))
    return best


def main() -> int:
    """Print the figures; return 1 when the counts differ by more than they may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prices", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = {kind: {stops: rate(stops, kind, arguments.prices) for stops in COUNTS} for kind in SPREADS_MAX}
    spreads = {kind: max(rates.values()) / min(rates.values()) for kind, rates in figures.items()}
    if arguments.json:
        print(json.dumps({"prices_per_second": figures, "spreads": spreads}))
    else:
        for kind, rates in figures.items():
            for stops, figure in rates.items():
                print(kind.ljust(7), f"{stops:7,} stops", f"{figure:13,.0f} prices/s")
            limit = SPREADS_MAX[kind]
            print(kind.ljust(7), f"dearest {spreads[kind]:.2f} times the cheapest, at most {limit}")
    return 1 if any(spreads[kind] > limit for kind, limit in SPREADS_MAX.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
