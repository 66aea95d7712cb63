"""When which fault happens: drawn from a seed, one stream of chance for each kind."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from decimal import Decimal

from fairlead_paper.exact import multiply
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.settings import FaultSettings

# fixed: how finely a chance is drawn, not a chance
_CHANCES = 1_000_000


class FaultPlan:
    """The faults of one session. The same seed and session give the same draws for each kind.

    Kinds do not disturb each other: a change of one kind's rate shifts no other's draws. The session
    is part of the seed, so a client that was killed by its bad luck does not meet it again.
    """

    def __init__(self, settings: FaultSettings, session: int) -> None:
        self.enabled = True
        self._thresholds = {
            kind: int(multiply(rate, Decimal(_CHANCES))) for kind, rate in settings.rates.items()
        }
        self._streams = {
            kind: random.Random(_seed_of(f"{settings.seed}/{session}/{kind.value}")) for kind in FaultKind
        }

    def draw(self, kinds: Iterable[FaultKind]) -> FaultKind | None:
        """Return the first of the kinds whose turn it is, or nothing; every kind draws once."""
        hit: FaultKind | None = None
        for kind in kinds:
            fires = self._streams[kind].randrange(_CHANCES) < self._thresholds.get(kind, 0)
            if fires and self.enabled and hit is None:
                hit = kind
        return hit

    def between(self, kind: FaultKind, low: int, high: int) -> int:
        """Return a whole number from low to high, both included, from the kind's stream."""
        return self._streams[kind].randint(low, max(low, high))


def _seed_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
