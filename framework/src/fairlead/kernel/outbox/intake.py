"""Bringing what is owed into memory: from the outbox, and from the rows of what did not go at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

from fairlead.kernel.outbox.book import Delivery, DeliveryState
from fairlead.kernel.outbox.lanes import Item, Lane
from fairlead.kernel.outbox.owing import Owing
from fairlead.kernel.outbox.reading import OutboxReader
from fairlead.ports.notices import Notice
from fairlead.ports.searches import Search
from fairlead.ports.store import Scalar

_PAGE = 500  # fixed: bounds memory while rows are counted; the result is the same
_LANE_PAGE = 16  # fixed: so many notices of a subject that has rows are brought into memory together


class Rows(Protocol):
    """What is asked of the store besides the outbox."""

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows that are wanted."""


class Intake:
    """Reads for one notifier; memory holds at most *held_max* of its notices."""

    def __init__(
        self, owing: Owing, reader: OutboxReader, rows: Rows, wants: Callable[[Notice], bool], held_max: int
    ) -> None:
        self._owing = owing
        self._name = owing.account.name
        self._reader = reader
        self._rows = rows
        self._wants = wants
        self._held_max = held_max
        self._rows_until = 0

    async def open(self) -> None:
        """Find, once, what earlier kernels left: which subjects have rows, and the first of each."""
        if self._owing.is_open:
            return
        firsts: dict[str, Delivery] = {}
        waiting = dead = 0
        async for page in self._pages(("live", True)):
            waiting += len(page)
            for delivery in page:
                firsts.setdefault(delivery.subject, delivery)
        async for page in self._pages(("state", DeliveryState.DEAD.value)):
            dead += len(page)
        async for page in self._pages(since=self._owing.read + 1):
            self._rows_until = page[-1].sequence
        self._owing.waiting, self._owing.dead = waiting, dead
        for lane in await self._bring(list(firsts.values())):
            lane.kept = lane.more = True
        self._owing.is_open = True

    async def read_on(self, durable: int) -> bool:
        """Read a page of what has become durable, if there is room; tell whether there may be more."""
        owing = self._owing
        room = self._held_max - owing.held
        if owing.account.disabled or owing.read >= durable or room <= 0:
            return False
        page, read = await self._reader.page(owing.read, durable, room)
        known = await self._with_rows(owing.read, read)
        owing.read = read
        for owed in page:
            if owed.row.event_id not in known and (owed.notice is None or self._wants(owed.notice)):
                owing.take(owed)
        return True

    async def _with_rows(self, after: int, last: int) -> set[str]:
        """Return the events behind the mark that had rows when this kernel began: those rows count."""
        known = set[str]()
        if after < self._rows_until:
            async for page in self._pages(since=after + 1, before=last + 1):
                known.update(each.event_id for each in page)
        return known

    async def refill(self) -> None:
        """Bring the next notices of kept lanes into memory, once their rows are durable."""
        self._owing.is_filling = True
        try:
            await self._refill()
        finally:
            self._owing.is_filling = False

    async def _refill(self) -> None:
        owing = self._owing
        for lane in [each for each in owing.lanes if each.more and not each.items and not each.busy]:
            room = min(self._held_max - owing.held, _LANE_PAGE)
            if room <= 0 or owing.account.disabled:
                return
            if owing.unwritten.holds(lane.subject):
                if owing.unwritten.is_waiting:
                    owing.write()
                continue
            equal = (("notifier", self._name), ("subject", lane.subject), ("live", True))
            expected = lane.expected
            rows = await self._rows.search("deliveries", Search(equal=equal, limit=room))
            is_full = len(rows) == room
            lane.more = is_full or lane.expected != expected
            found = {each.event_id: each for each in map(Delivery.from_row, rows)}
            last = max((each.sequence for each in found.values()), default=0) if is_full else None
            found |= {each.event_id: each for each in owing.take_refused(lane.subject, last)}
            await self._bring(sorted(found.values(), key=lambda each: (each.sequence, each.event_id)))
            owing.lanes.drop_if_empty(lane)

    async def _pages(
        self, *which: tuple[str, str | bool], since: int = 0, before: int | None = None
    ) -> AsyncIterator[list[Delivery]]:
        seen = set[str]()
        while True:
            wanted = Search(
                equal=(("notifier", self._name), *which),
                since=("sequence", since),
                before=None if before is None else ("sequence", before),
                limit=_PAGE,
            )
            page = [Delivery.from_row(row) for row in await self._rows.search("deliveries", wanted)]
            fresh = [delivery for delivery in page if delivery.event_id not in seen]
            if not fresh:
                return
            yield fresh
            since, seen = fresh[-1].sequence, {each.event_id for each in page}

    async def _bring(self, deliveries: Sequence[Delivery]) -> list[Lane]:
        """Put notices that have rows into their lanes; bury those that can no longer be made."""
        wanted = [(each.sequence, each.event_id) for each in deliveries]
        found = {owed.row.event_id: owed for owed in await self._reader.of_events(wanted)}
        lanes = []
        for each in deliveries:
            owed = found.get(each.event_id)
            if owed is not None and owed.notice is not None:
                lanes.append(self._owing.lanes.put(Item(owed, each)))
                continue
            each.state, each.next_at_ns = DeliveryState.DEAD, 0
            each.detail = "it is no longer in the outbox" if owed is None else owed.problem
            self._owing.close(each, was=True)
        return lanes
