"""What a courier has to write, coalesced: rows of deliveries with the mark that goes with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import attrs

from fairlead.kernel.journal.loose_rows import Told
from fairlead.kernel.outbox.book import Delivery, NotifierAccount
from fairlead.ports.store import Row

Write = Callable[[Sequence[Row], Told | None], None]
"""Has rows written with the next batch, and calls back when they are durable, with those refused."""


@attrs.frozen
class Written:
    """What became of the rows that were handed over together: the store has them, or refused them."""

    stored: Sequence[Delivery]
    refused: Sequence[Delivery]
    mark: int | None
    """The mark that is durable by now, unless the notifier's own row was refused."""


class Unwritten:
    """Gathers rows of deliveries, and knows which subjects have rows that are not durable yet."""

    def __init__(self, write: Write, written: Callable[[Written], None]) -> None:
        self._write = write
        self._written = written
        self._rows: dict[str, tuple[Delivery, Row]] = {}
        self._subjects: Counter[str] = Counter()
        self._given_up: dict[str, set[str]] = {}

    def __len__(self) -> int:
        """Return how many rows are not durable yet."""
        return self._subjects.total()

    @property
    def is_waiting(self) -> bool:
        """Tell whether anything has not been handed over yet."""
        return bool(self._rows)

    def holds(self, subject: str) -> bool:
        """Tell whether a row of the subject is not durable yet."""
        return self._subjects[subject] > 0

    def gives_up(self, subject: str) -> bool:
        """Tell whether a notice of the subject was given up and that is not durable yet."""
        return subject in self._given_up

    def note(self, delivery: Delivery, now_ns: int) -> None:
        """Gather the row of a delivery as it is now."""
        self._end(delivery)
        if delivery.event_id not in self._rows:
            self._subjects[delivery.subject] += 1
        self._rows[delivery.event_id] = delivery, delivery.row(now_ns)

    def give_up(self, delivery: Delivery, now_ns: int) -> None:
        """Gather the row of a delivery that somebody gave up, and remember that until it is durable.

        A kernel that dies before may try that notice again: until then nothing behind it may be told.
        """
        self.note(delivery, now_ns)
        self._given_up.setdefault(delivery.subject, set()).add(delivery.event_id)

    def _end(self, delivery: Delivery) -> None:
        """Wait for no row of this delivery any more."""
        waits_for = self._given_up.get(delivery.subject, set())
        waits_for.discard(delivery.event_id)
        if not waits_for:
            self._given_up.pop(delivery.subject, None)

    def hand_over(self, account: NotifierAccount, now_ns: int) -> None:
        """Have everything written, together with the notifier's own row."""
        pairs, self._rows = list(self._rows.values()), {}
        mark = account.mark
        given_up = {event_id for waits_for in self._given_up.values() for event_id in waits_for}

        def written(refused: Sequence[Row]) -> None:
            self._subjects -= Counter(delivery.subject for delivery, _ in pairs)
            for delivery, _ in pairs:
                if delivery.event_id in given_up and delivery.event_id not in self._rows:
                    self._end(delivery)
            kept = not any(row.values[0] == account.name for row in refused)
            self._written(
                Written(
                    [delivery for delivery, row in pairs if row not in refused],
                    [delivery for delivery, row in pairs if row in refused],
                    mark if kept else None,
                )
            )

        self._write([account.row(now_ns), *(row for _, row in pairs)], written)
