"""What one notifier is owed, as far as memory holds it, and what of that is to be written."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fairlead.kernel.outbox.book import Delivery, DeliveryState, NotifierAccount
from fairlead.kernel.outbox.lanes import Item, Lane, Lanes
from fairlead.kernel.outbox.reading import Owed
from fairlead.kernel.outbox.unwritten import Unwritten, Write, Written
from fairlead.ports.clock import Clock


class Owing:
    """The lanes, the mark and the rows of one notifier; it waits for nothing and decides nothing."""

    def __init__(
        self,
        account: NotifierAccount,
        clock: Clock,
        logger: logging.Logger,
        *,
        write: Write,
        written: Callable[[Written], None],
        interval_ns: int,
        lane_max: int,
    ) -> None:
        self.account = account
        self.lanes = Lanes()
        self.unwritten = Unwritten(write, self._settle_rows)
        self._written = written
        self._refused: dict[str, Delivery] = {}
        self._durable_mark = account.mark
        self.read = account.mark
        """Up to which sequence the outbox was read."""
        self.is_open = False
        """Whether it is known what earlier kernels left."""
        self.is_filling = False
        """Whether notices are on their way from the store into their lanes."""
        self.waiting = 0
        """How many notices have a row and are still tried."""
        self.dead = 0
        """How many are dead letters, those of earlier kernels included."""
        self.moved = False
        """Whether the account has changed since it was written."""
        self._clock = clock
        self._logger = logger
        self._interval_ns = interval_ns
        self._lane_max = lane_max
        self._written_ns = 0
        self._written_mark = account.mark

    @property
    def held(self) -> int:
        """Return how many notices memory holds, rows that the store has not included."""
        return self.lanes.held + len(self.unwritten) + len(self._refused)

    def take(self, owed: Owed) -> None:
        """Take what was read from the outbox: into its lane, or where that is a kept one, into a row."""
        if owed.notice is None:
            self.bury(Item(owed), owed.problem)
            return
        lane = self.lanes.lane(owed.row.subject)
        if lane is not None and not lane.kept and len(lane.items) >= self._lane_max:
            for each in self.lanes.keep(lane):  # one subject alone may not fill the memory of all
                self._write_down(each)
        if lane is not None and lane.kept:
            lane.expect()
            self._write_down(Item(owed))
        else:
            self.lanes.put(Item(owed))

    def try_again(self, lane: Lane, item: Item, delivery: Delivery) -> None:
        """A notice waits to be tried again: it has a row, and so has whatever waits behind it."""
        fresh = [each for each in self.lanes.keep(lane) if each is not item]
        self.waiting += item.delivery is None
        item.delivery = delivery
        self.note(delivery)
        for each in fresh:
            self._write_down(each)

    def may_try(self, lane: Lane) -> bool:
        """Tell whether the lane has a first notice to try, and nothing before it must be durable first."""
        return bool(lane.items) and not lane.busy and not self.unwritten.gives_up(lane.subject)

    def delivered(self, lane: Lane, item: Item, delivery: Delivery) -> None:
        """A notice is delivered; one that was delivered at once needs no row, the mark tells."""
        if item.delivery is not None:
            self.close(delivery, was=True)
        self.advance(lane)

    def given_up(self, lane: Lane, item: Item, delivery: Delivery) -> None:
        """A notice is dead after its attempts; what waits behind it is tried once that is durable."""
        self.close(delivery, was=item.delivery is not None)
        self.unwritten.give_up(delivery, self._clock.wall_ns())
        self.advance(lane)
        self.write()

    def bury(self, item: Item, why: str) -> None:
        """A notice becomes a dead letter without another attempt."""
        was = item.delivery is not None
        delivery = item.delivery or self.delivery_of(item)
        delivery.state, delivery.detail, delivery.next_at_ns = DeliveryState.DEAD, why, 0
        self.close(delivery, was=was)

    def close(self, delivery: Delivery, *, was: bool) -> None:
        """Write the end of a delivery; *was* tells whether it had a row before."""
        self.waiting -= was
        if delivery.state is DeliveryState.DEAD:
            self.dead += 1
            self._logger.warning(
                "Notifier %s: %s (%s) is a dead letter after %d attempts: %s",
                self.account.name, delivery.event_id, delivery.kind, delivery.attempts, delivery.detail,
            )  # fmt: skip
        self.note(delivery)

    def revive(self, delivery: Delivery) -> bool:
        """Have a delivery tried again at once, from its first attempt on; tell whether that was news."""
        lane = self.lanes.open(delivery.subject)
        held = next(
            (item.delivery for item in lane.items if item.owed.row.event_id == delivery.event_id), None
        )
        if held is not None:
            held.attempts = held.next_at_ns = 0
            self.note(held)
            return True
        self.dead -= delivery.state is DeliveryState.DEAD
        self.waiting += delivery.state is not DeliveryState.PENDING
        delivery.state, delivery.attempts, delivery.next_at_ns = DeliveryState.PENDING, 0, 0
        self.note(delivery)
        for each in self.lanes.keep(lane):
            self._write_down(each)
        lane.expect()
        return True

    def with_row(self, subject: str, event_id: str) -> Delivery | None:
        """Return the delivery of a notice that memory holds, with a row from here on; nothing for another."""
        lane = self.lanes.lane(subject)
        found = [item for item in (lane.items if lane else ()) if item.owed.row.event_id == event_id]
        if lane is None or not found:
            return None
        for each in self.lanes.keep(lane):
            self._write_down(each)
        return found[0].delivery

    def discard(self, delivery: Delivery) -> bool:
        """Give a delivery up, unless it is over already or an attempt is under way."""
        lane = self.lanes.lane(delivery.subject)
        if delivery.state not in (DeliveryState.PENDING, DeliveryState.DEAD):
            return False
        for item in lane.items if lane is not None else ():
            if lane is not None and item.owed.row.event_id == delivery.event_id:
                if lane.busy and item is lane.items[0]:
                    return False
                self.lanes.remove(lane, item)
                break
        self.dead -= delivery.state is DeliveryState.DEAD
        self.waiting -= delivery.state is DeliveryState.PENDING
        delivery.state, delivery.next_at_ns = DeliveryState.DISCARDED, 0
        self.unwritten.give_up(delivery, self._clock.wall_ns())
        return True

    def advance(self, lane: Lane) -> None:
        """Take the first notice out of its lane."""
        self.lanes.take_first(lane)
        self.lanes.drop_if_empty(lane)

    def delivery_of(self, item: Item) -> Delivery:
        """Return the delivery of a notice that has none yet."""
        row = item.owed.row
        return Delivery(self.account.name, row.sequence, row.event_id, row.kind, row.subject)

    def _write_down(self, item: Item) -> None:
        """Give a notice that was not tried yet its row."""
        item.delivery = self.delivery_of(item)
        self.waiting += 1
        self.note(item.delivery)

    def note(self, delivery: Delivery) -> None:
        """Have the row of a delivery written, as it is now."""
        self.unwritten.note(delivery, self._clock.wall_ns())

    @property
    def has_news(self) -> bool:
        """Tell whether anything is to be written."""
        return self.unwritten.is_waiting or self.moved or self.lanes.mark(self.read) != self._written_mark

    def due_in_ns(self) -> int:
        """Return after how long news is to be written."""
        return self._written_ns + self._interval_ns - self._clock.monotonic_ns()

    def write_if_due(self) -> None:
        """Have what changed written, unless that was done a moment ago."""
        if self.has_news and self.due_in_ns() <= 0:
            self.write()

    def write(self) -> None:
        """Have what changed written with the next batch."""
        self.account.mark = self._written_mark = self.lanes.mark(self.read)
        self._written_ns, self.moved = self._clock.monotonic_ns(), False
        self.unwritten.hand_over(self.account, self._clock.wall_ns())

    def _settle_rows(self, written: Written) -> None:
        """Rows are durable or refused: the mark does not pass what is owed and has no row."""
        for delivery in written.stored:
            self._refused.pop(delivery.event_id, None)
            self.lanes.release(delivery.event_id)
        for delivery in written.refused:
            self._keep_without_row(delivery)
        if written.mark is not None:
            self._durable_mark = written.mark
        elif written.refused:  # the mark that waits to be written may count on what was refused
            self.write()
        else:
            self.moved = True
        self._written(written)

    def _keep_without_row(self, delivery: Delivery) -> None:
        """Go on with a delivery whose row was refused: memory holds it, and the outbox behind the mark."""
        if delivery.state in (DeliveryState.DELIVERED, DeliveryState.DISCARDED):
            return
        if delivery.sequence > self._durable_mark:
            self.lanes.hold(delivery.event_id, delivery.sequence)
        lane = self.lanes.open(delivery.subject)
        if delivery.state is DeliveryState.PENDING and not lane.has(delivery):
            self._refused[delivery.event_id] = delivery
            lane.kept = True
            lane.expect()
        self.lanes.drop_if_empty(lane)

    def take_refused(self, subject: str, until: int | None) -> list[Delivery]:
        """Return the deliveries of a subject whose rows were refused, up to a sequence, to be tried."""
        found = [
            each
            for each in self._refused.values()
            if each.subject == subject and (until is None or each.sequence <= until)
        ]
        for each in found:
            del self._refused[each.event_id]
        return found

    def has_work(self, until_ns: int) -> bool:
        """Tell whether something that was read is being tried, or will be due by then."""
        return self.is_filling or any(
            lane.busy or (lane.items[0].due_ns <= until_ns if lane.items else lane.more)
            for lane in self.lanes
        )

    def oldest_ns(self) -> int:
        """Return the time of the oldest notice that memory holds, 0 for none."""
        notices = [lane.items[0].owed.notice for lane in self.lanes if lane.items]
        return min((notice.ts_ns for notice in notices if notice is not None), default=0)
