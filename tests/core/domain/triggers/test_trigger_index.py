"""Which triggers a price fires: at ties and gaps, with shared extremes, and in which order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.triggers.index import Crossing, TriggerIndex
from fairlead.domain.triggers.trails import Distance

FALLING, RISING = Crossing.FALLING, Crossing.RISING
TEN = Distance(Decimal(10))
TENTH = Distance(Decimal("0.1"), is_rate=True)
MANY = 300


def fired(index: TriggerIndex, *prices: str) -> list[list[int]]:
    """Return what each price fires."""
    return [list(index.take(Decimal(price))) for price in prices]


@pytest.mark.parametrize(
    ("crossing", "not_yet", "there", "beyond"),
    [(FALLING, "100.01", "100", "99.99"), (RISING, "99.99", "100", "100.01")],
)
def test_a_level_fires_once_at_or_beyond_itself(
    crossing: Crossing, not_yet: str, there: str, beyond: str
) -> None:
    """A price that is exactly there counts, one that leaps over it too, and no second one does."""
    for first in (there, beyond):
        index = TriggerIndex()
        index.add_level(7, crossing, Decimal(100))
        assert fired(index, not_yet, first, beyond) == [[], [7], []]
        assert len(index) == 0


@pytest.mark.parametrize(
    ("crossing", "distance", "prices"),
    [
        (FALLING, TEN, ["100", "120", "110.01", "110"]),
        (FALLING, TENTH, ["100", "120", "108.01", "108"]),
        (RISING, TEN, ["100", "80", "89.99", "90"]),
        (RISING, TENTH, ["100", "80", "87.99", "88"]),
    ],
)
def test_a_trail_follows_the_extreme_and_fires_at_its_distance(
    crossing: Crossing, distance: Distance, prices: list[str]
) -> None:
    """It moves with each price that is better, never back, and fires at exactly its distance."""
    index = TriggerIndex()
    index.add_trail(1, crossing, distance, Decimal(100))
    assert fired(index, *prices) == [[], [], [], [1]]


def test_a_stop_follows_only_prices_that_it_saw() -> None:
    """One set after the high trails from its own: the high before was not its."""
    index = TriggerIndex()
    index.add_trail(1, FALLING, TEN, Decimal(100))
    assert fired(index, "130", "125") == [[], []]
    index.add_trail(2, FALLING, TEN, Decimal(125))
    assert [index.extreme_of(key) for key in (1, 2)] == [130, 125]
    assert [index.level_of(key) for key in (1, 2)] == [120, 115]
    assert fired(index, "119") == [[1]]
    assert fired(index, "115") == [[2]]


def test_stops_share_the_next_high_from_when_it_passes_their_own() -> None:
    """A price between two highs moves the younger stop alone; one above both moves both."""
    index = TriggerIndex()
    index.add_trail(1, FALLING, TEN, Decimal(130))
    index.add_trail(2, FALLING, TEN, Decimal(121))
    assert fired(index, "125") == [[]]
    assert [index.level_of(key) for key in (1, 2)] == [120, 115]
    assert fired(index, "140") == [[]]
    assert index.level_of(1) == index.level_of(2) == 130
    assert fired(index, "130") == [[1, 2]]


def test_what_one_price_fires_comes_in_the_order_of_keys() -> None:
    """Whatever the kind and the direction: the numbers of the caller decide, not the levels."""
    index = TriggerIndex()
    index.add_level(5, FALLING, Decimal(90))
    index.add_level(2, FALLING, Decimal(80))
    index.add_level(4, RISING, Decimal(60))
    index.add_trail(3, FALLING, TENTH, Decimal(100))
    index.add_trail(1, FALLING, TEN, Decimal(100))
    assert fired(index, "70") == [[1, 2, 3, 4, 5]]


def test_a_key_that_is_set_again_moves() -> None:
    """The old level, and the old trail, never fire: one key is one trigger, of either kind."""
    index = TriggerIndex()
    index.add_level(1, FALLING, Decimal(90))
    index.add_level(1, FALLING, Decimal(80))
    assert (len(index), fired(index, "85")) == (1, [[]])
    index.add_trail(1, RISING, TEN, Decimal(85))
    assert (len(index), fired(index, "79")) == (1, [[]])
    index.add_level(1, FALLING, Decimal(70))
    assert (len(index), fired(index, "95", "70")) == (1, [[], [1]])


def test_what_was_removed_does_not_fire() -> None:
    """Removing tells whether it was there; its neighbours still fire."""
    index = TriggerIndex()
    for key in (1, 2, 3):
        index.add_trail(key, FALLING, TEN, Decimal(100))
    assert index.remove(2)
    assert not index.remove(2)
    assert (index.level_of(2), index.extreme_of(2)) == (None, None)
    assert fired(index, "90") == [[1, 3]]


def test_stops_with_highs_of_before_are_set_in_any_order() -> None:
    """After a restart each begins with the high that it had seen, though a later one saw more."""
    index = TriggerIndex()
    for key, high in ((1, 110), (2, 130), (3, 120), (4, 130)):
        index.add_trail(key, FALLING, TEN, Decimal(high))
    assert [index.level_of(key) for key in (1, 2, 3, 4)] == [100, 120, 110, 120]
    assert fired(index, "125", "120", "115.01", "115") == [[], [2, 4], [], [1, 3]]


def test_places_of_stops_that_are_gone_are_given_back() -> None:
    """Whoever sets and removes stops without end holds no more than the living and a few dead."""
    index = TriggerIndex()
    index.add_trail(0, FALLING, TEN, Decimal(100))
    index.add_level(2 * MANY, RISING, Decimal(150))
    for key in range(1, MANY):
        index.add_trail(key, FALLING, TENTH, Decimal(100))
        index.add_level(MANY + key, RISING, Decimal(200 + key))
        index.remove(key)
        index.remove(MANY + key)
    trails, levels = index._falling_trails, index._rising
    assert (len(index), fired(index, "90", "150")) == (2, [[0], [2 * MANY]])
    assert len(trails._keys) < MANY / 2
    assert len(levels._heap) < MANY / 2


def test_prices_keep_every_digit() -> None:
    """A stop of thirty digits is reached by exactly that price, and not by the one before."""
    index = TriggerIndex()
    high = Decimal("12345678901234567890.0123456789")
    index.add_trail(1, FALLING, Distance(Decimal("0.0000000001")), high)
    assert fired(index, "12345678901234567890.0123456788") == [[1]]
    index.add_trail(2, FALLING, Distance(Decimal("0.0000000003")), high)
    assert fired(index, "12345678901234567890.0123456787", "12345678901234567890.0123456786") == [[], [2]]
