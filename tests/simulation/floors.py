"""What lives must have done to prove anything: a kernel that denies every order breaks no promise, either."""

from __future__ import annotations

from collections import Counter

FLOORS = {
    "order_initialized": 300,
    "attempt_started": 200,
    "order_accepted": 150,
    "order_filled": 250,
    "order_updated": 10,
    "replace_moved": 10,
    "change_unresolved": 3,
    "closing_ended": 20,
    "closing_moved": 10,
    "order_paced": 30,
}
"""Records of each kind in a hundred lives: about half of what there are."""
LIVES_MIN = 100
"""Of fewer lives nothing is demanded: chance decides what they do."""


def too_few(records: Counter[str], lives: int) -> list[str]:
    """Return of which records there are fewer than so many lives make."""
    if lives < LIVES_MIN:
        return []
    return [
        f"{records[kind]} records of {kind} in {lives} lives, at least {floor * lives // 100} are due"
        for kind, floor in FLOORS.items()
        if records[kind] * 100 < floor * lives
    ]
