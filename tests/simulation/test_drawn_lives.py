"""Lives drawn from seeds hold every promise, and the same seed is the same life.

`tox -e simulation` lives many more of them, and compares digests between Pythons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.simulation.drawn_lives import run

Record = Callable[[str, object], None]


def lives(first: int, last: int, record_property: Record) -> None:
    """Live the lives of these seeds, and have what happened in them printed."""
    faults: Counter[str] = Counter()
    steps = crashes = 0
    for seed in range(first, last + 1):
        done = run(seed)
        steps, crashes, faults = steps + done.steps, crashes + done.crashes, faults + done.faults
    assert crashes > (last - first) // 10
    assert len(faults) > 5
    told = ", ".join(f"{count} {name}" for name, count in sorted(faults.items()))
    said = f"{last - first + 1} lives of {steps} steps, {crashes} crashes, {told}: no violation"
    record_property("kills", said)


def test_drawn_lives_hold_every_promise(record_property: Record) -> None:
    """Whatever is drawn: nothing lost, nothing doubled, and the books are the venue's."""
    lives(1, 150, record_property)


def test_a_seed_is_one_life() -> None:
    """Run again, a seed takes the same steps: its failure can be looked at."""
    for seed in (3, 77):
        first, again = run(seed), run(seed)
        assert (first.digest, first.steps, first.faults) == (again.digest, again.steps, again.faults)
