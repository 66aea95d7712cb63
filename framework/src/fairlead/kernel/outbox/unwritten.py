"""What a courier has to write, coalesced: rows of deliveries with the mark that goes with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from fairlead.kernel.outbox.book import Delivery
from fairlead.ports.store import Row

Write = Callable[[Sequence[Row], Callable[[], None] | None], None]
"""Has rows written with the next batch, and calls back when they are durable."""


class Unwritten:
    """Gathers rows of deliveries, and knows which subjects have rows that are not durable yet."""

    def __init__(self, write: Write, stored: Callable[[], None]) -> None:
        self._write = write
        self._stored = stored
        self._rows: dict[str, Row] = {}
        self._subjects: dict[str, str] = {}
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many rows are not durable yet."""
        return self._open.total()

    @property
    def is_waiting(self) -> bool:
        """Tell whether anything has not been handed over yet."""
        return bool(self._rows)

    def holds(self, subject: str) -> bool:
        """Tell whether a row of the subject is not durable yet."""
        return self._open[subject] > 0

    def note(self, delivery: Delivery, now_ns: int) -> None:
        """Gather the row of a delivery as it is now."""
        if delivery.event_id not in self._rows:
            self._open[delivery.subject] += 1
            self._subjects[delivery.event_id] = delivery.subject
        self._rows[delivery.event_id] = delivery.row(now_ns)

    def hand_over(self, account: Row) -> None:
        """Have everything written, together with the notifier's own row."""
        rows, self._rows = self._rows, {}
        subjects = Counter(self._subjects.pop(event_id) for event_id in rows)

        def durable() -> None:
            self._open -= subjects
            self._stored()

        self._write([account, *rows.values()], durable)
