"""The index and a scan of every trigger are told the same histories, and answer the same, each time."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest

from fairlead.domain.triggers.index import Crossing, TriggerIndex
from fairlead.domain.triggers.trails import Distance
from fairlead.testing.seed_streams import SeedStreams
from tests.core.domain.triggers.scan import Scan

HISTORIES = 500
HISTORIES_OF_A_CAMPAIGN = int(os.environ.get("FAIRLEAD_TRIGGER_HISTORIES", "10000"))
STEPS_MAX = 160
LOWEST, HIGHEST, START = 60, 140, 100
NEAR = 6
"""How far a price mostly is from the one before; one in ten leaps anywhere, which is a gap."""


class History:
    """One history, told to both; prices are so coarse that ties are common."""

    def __init__(self, seed: int) -> None:
        self.index, self.scan = TriggerIndex(), Scan()
        self.fired = 0
        self._stream = SeedStreams(seed).of("triggers")
        self._keys = 0
        self._price = START

    def run(self) -> None:
        """Live through it; both must agree after every step."""
        for _ in range(self._stream.randrange(1, STEPS_MAX)):
            kind = self._stream.random()
            if kind < 0.35:
                self._add()
            elif kind < 0.45:
                key = self._stream.randrange(self._keys + 1)
                assert self.index.remove(key) == self.scan.remove(key)
            else:
                self._move()
            self._agree()

    def _add(self) -> None:
        stream = self._stream
        key = self._keys if stream.random() < 0.9 else stream.randrange(self._keys + 1)
        self._keys += 1
        crossing = stream.choice(list(Crossing))
        for each in (self.index, self.scan) if stream.random() < 0.4 else ():
            each.remove(key)
        if stream.random() < 0.4:
            level = self._anywhere()
            self.index.add_level(key, crossing, level)
            self.scan.add_level(key, crossing, level)
            return
        is_rate = stream.random() < 0.5
        distance = Distance(Decimal(stream.randrange(1, 30)) / (100 if is_rate else 1), is_rate)
        extreme = Decimal(self._price) if stream.random() < 0.8 else self._anywhere()
        self.index.add_trail(key, crossing, distance, extreme)
        self.scan.add_trail(key, crossing, distance, extreme)

    def _move(self) -> None:
        stream = self._stream
        if stream.random() < 0.9:
            self._price = max(1, self._price + stream.randrange(-NEAR, NEAR + 1))
        else:
            self._price = int(self._anywhere())
        price = Decimal(self._price)
        fired = list(self.index.take(price))
        assert fired == self.scan.take(price)
        self.fired += len(fired)

    def _agree(self) -> None:
        assert len(self.index) == len(self.scan.waiting)
        for key, each in self.scan.waiting.items():
            assert self.index.level_of(key) == each.fires_at()
            assert self.index.extreme_of(key) == (None if each.distance is None else each.level)

    def _anywhere(self) -> Decimal:
        return Decimal(self._stream.randrange(LOWEST, HIGHEST))


def lived_through(first: int, histories: int) -> int:
    """Run histories from a seed on, and return how many triggers fired."""
    fired = 0
    for seed in range(first, first + histories):
        history = History(seed)
        history.run()
        fired += history.fired
    return fired


def test_the_index_answers_as_a_scan_of_every_trigger_does() -> None:
    """Trigger for trigger, stop for stop, extreme for extreme, at ties and gaps, after every step."""
    assert lived_through(0, HISTORIES) > HISTORIES


@pytest.mark.campaign
def test_the_index_answers_as_a_scan_does_in_ten_thousand_histories() -> None:
    """The same, for longer; ``FAIRLEAD_TRIGGER_HISTORIES`` says how many."""
    assert lived_through(HISTORIES, HISTORIES_OF_A_CAMPAIGN) > HISTORIES_OF_A_CAMPAIGN
