"""Every order of a drawn life is explained afterwards: who asked, every trade, and how and why it ended."""

from __future__ import annotations

from collections import Counter

from fairlead.cli.story import tell
from fairlead.kernel.journal.codec import decode
from fairlead.testing.simulated_life import live_through
from tests.simulation.drawn_lives import DrawnWorld, Options, check_all, live
from tests.simulation.invariants import Journal

LIVES = 80
SAID = {
    "canceled": ("canceled",),
    "denied": ("It was denied (",),
    "expired": ("The venue says it expired",),
    "filled": ("with it the order is filled",),
    "not_placed": ("The venue does not have it",),
    "not_sent": ("It was never sent", "wants it canceled"),
    "rejected": ("The venue refused it",),
}
"""By how an order ended: one of these is said in its story."""


def unexplained(world: DrawnWorld) -> list[str]:
    """Return which orders' stories lack who asked, a trade, the end, or its reason."""
    journal = Journal(world.disk)
    records = [(envelope.sequence, envelope.ts_ns, decode(envelope)) for envelope in world.disk.envelopes]
    problems = []
    for name, row in journal.orders.items():
        story = tell(name, records)
        text = "\n".join(line.text for line in story)
        trades = {str(fill["trade_id"]) for fill in journal.fills if fill["client_order_id"] == name}
        due = [str(row["owner"]), *(f"Trade {trade} " for trade in trades), str(row["denial_code"])]
        problems += [f"{name}: nothing is said of {word!r}" for word in due if word not in text]
        if not any(said in text for said in SAID[str(row["state"])]):
            problems.append(f"{name}: nothing is said of how it was {row['state']}: {text}")
        problems += [
            f"{name}: record {line.sequence} says nothing" for line in story if not line.text.strip()
        ]
    return problems


def test_every_order_of_a_drawn_life_is_explained() -> None:
    """Whatever was lost, late or killed: the journal alone tells of each order what became of it, and why."""
    ends: Counter[str] = Counter()
    for seed in range(1, LIVES + 1):
        with DrawnWorld(seed, Options.drawn(seed)) as world:
            live_through(world, live, world.faults, check_all)
            assert unexplained(world) == []
            ends += Counter(str(row["state"]) for row in Journal(world.disk).orders.values())
    assert {"canceled", "denied", "expired", "filled", "not_placed"} <= set(ends)
