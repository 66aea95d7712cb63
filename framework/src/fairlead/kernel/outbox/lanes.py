"""What one notifier is owed, by subject, as far as memory holds it.

A lane holds the notices of one subject in order. It is *plain* while nothing of it failed: its notices hold
the notifier's mark back. Once one fails, or too many wait, it is *kept*: from there on each of its notices
has a row of its own, memory holds the first ones alone, and the mark goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import attrs

from fairlead.kernel.outbox.book import Delivery
from fairlead.kernel.outbox.reading import Owed


@attrs.define(slots=True, eq=False)
class Item:
    """One notice that is owed; *delivery* is there once it has a row."""

    owed: Owed
    delivery: Delivery | None = None

    @property
    def due_ns(self) -> int:
        """Return when it may be tried."""
        return 0 if self.delivery is None else self.delivery.next_at_ns


@attrs.define(slots=True, eq=False)
class Lane:
    """The notices of one subject that memory holds; *more* tells that the store holds further ones.

    *expected* counts how often that was said, so that a search under way does not take it back.
    """

    subject: str
    items: deque[Item] = attrs.Factory(deque)
    kept: bool = False
    more: bool = False
    busy: bool = False
    expected: int = 0

    def expect(self) -> None:
        """Note that the store holds notices of the subject that memory does not."""
        self.more = True
        self.expected += 1

    def has(self, delivery: Delivery) -> bool:
        """Tell whether memory holds the notice of this delivery."""
        return any(item.delivery is delivery for item in self.items)


class Lanes:
    """The lanes of one notifier, and how far its mark may go."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._plain: dict[str, int] = {}
        self.held = 0
        """How many notices memory holds."""

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def __len__(self) -> int:
        return len(self._lanes)

    def lane(self, subject: str) -> Lane | None:
        """Return the lane of a subject, if it has one."""
        return self._lanes.get(subject)

    def put(self, item: Item) -> Lane:
        """Put an item at the end of its subject's lane."""
        row = item.owed.row
        lane = self._lanes.get(row.subject)
        if lane is None:
            lane = self._lanes[row.subject] = Lane(row.subject)
        lane.items.append(item)
        self.held += 1
        if item.delivery is None:
            self._plain[row.event_id] = row.sequence
        return lane

    def open(self, subject: str) -> Lane:
        """Return the lane of a subject, a new one where it has none."""
        return self._lanes.setdefault(subject, Lane(subject))

    def remove(self, lane: Lane, item: Item) -> None:
        """Take an item out of its lane."""
        lane.items.remove(item)
        self._forget(item)
        self.drop_if_empty(lane)

    def take_first(self, lane: Lane) -> None:
        """Take the first item of a lane out: it is settled, or is held by its row alone from here on."""
        self._forget(lane.items.popleft())

    def keep(self, lane: Lane) -> list[Item]:
        """Make a lane a kept one; return the items that need a row now. Memory goes on holding the first."""
        lane.kept = True
        fresh = [item for item in lane.items if item.delivery is None]
        for item in fresh:
            self._plain.pop(item.owed.row.event_id, None)
        while len(lane.items) > 1:
            lane.items.pop()
            self.held -= 1
            lane.expect()
        return fresh

    def drop_if_empty(self, lane: Lane) -> None:
        """Forget a lane that holds nothing, here or in the store."""
        if not lane.items and not lane.more and self._lanes.get(lane.subject) is lane:
            del self._lanes[lane.subject]

    def mark(self, read: int) -> int:
        """Return up to where nothing is owed but what has a row, when everything up to *read* was read."""
        return min(self._plain.values()) - 1 if self._plain else read

    def hold(self, event_id: str, sequence: int) -> None:
        """Hold the mark back before an event until it is settled, or released."""
        self._plain[event_id] = sequence

    def release(self, event_id: str) -> None:
        """Hold the mark back for an event no more: it has a row."""
        self._plain.pop(event_id, None)

    def rotate(self, lane: Lane) -> None:
        """Put a lane behind the others, so that each has its turn."""
        self._lanes[lane.subject] = self._lanes.pop(lane.subject)

    def _forget(self, item: Item) -> None:
        self._plain.pop(item.owed.row.event_id, None)
        self.held -= 1
