"""Snapshots of open positions: taken at an interval, gathered, and written together.

Never one write for each, and none for a price. What is gathered and not yet written is lost with the
process; it is a picture of what the rows of positions and the prices said, and no state.
"""

from __future__ import annotations

from collections import deque

from fairlead.domain.marks import mark
from fairlead.domain.snapshots import PositionSnapshot, snapshot_of
from fairlead.kernel.components import Part
from fairlead.kernel.core.position_inputs import SnapshotsTaken
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.parts import Parts
from fairlead.kernel.prices.service import PriceService
from fairlead.ports.clock import Clock, Timer

SNAPSHOTS = "snapshots"


class Snapshotter:
    """Takes the snapshots of one kernel; holds at most *batch_max* of them."""

    def __init__(
        self,
        engine: Engine,
        prices: PriceService,
        clock: Clock,
        *,
        interval_ns: int,
        write_interval_ns: int,
        batch_max: int,
    ) -> None:
        self._engine = engine
        self._prices = prices
        self._clock = clock
        self._interval_ns = interval_ns
        self._write_interval_ns = write_interval_ns
        self._batch_max = batch_max
        self._gathered: deque[PositionSnapshot] = deque(maxlen=batch_max)
        self._written_ns = clock.monotonic_ns()
        self._timer: Timer | None = None

    @property
    def gathered(self) -> int:
        """Return how many snapshots wait to be written."""
        return len(self._gathered)

    def begin(self) -> None:
        """Take the next snapshots when the interval has passed, and so on until `end`.

        A timer and no task: nobody has to wait for it, and it makes no step of its own.
        """
        self._timer = self._clock.call_at_ns(self._clock.monotonic_ns() + self._interval_ns, self._due)

    def end(self) -> None:
        """Take no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> None:
        self.take()
        if self._clock.monotonic_ns() - self._written_ns >= self._write_interval_ns:
            self.write()
        self.begin()

    def take(self) -> None:
        """Take a snapshot of every open position, and write whenever enough of them are gathered."""
        now_ns = self._clock.wall_ns()
        for position in list(self._engine.state.positions.values()):
            if not position.is_open:
                continue
            instrument = self._engine.state.instruments.get(position.symbol)
            price = self._prices.latest(position.symbol)
            marked = None
            if instrument is not None and price is not None:
                marked = mark(position, price, instrument.settlement_decimals)
            self._gathered.append(snapshot_of(position, marked, now_ns))
            if len(self._gathered) == self._batch_max:
                self.write()

    def write(self) -> None:
        """Have what is gathered written in one record; while the journal is unusable the newest wait."""
        if self._engine.suspended:
            return
        self._written_ns = self._clock.monotonic_ns()
        if self._gathered:
            taken = tuple(self._gathered)
            self._gathered.clear()
            self._engine.process(SnapshotsTaken(taken))


def snapshot_part(parts: Parts) -> Part:
    """Return the part that takes the snapshots of a kernel; when it stops it writes what is gathered."""
    settings = parts.settings
    snapshotter = Snapshotter(
        parts.engine,
        parts.prices,
        parts.clock,
        interval_ns=settings.ns("snapshot_interval"),
        write_interval_ns=settings.ns("snapshot_write_interval"),
        batch_max=settings.snapshot_batch_max,
    )

    async def start() -> None:
        snapshotter.begin()

    async def stop() -> None:
        snapshotter.end()
        if parts.failure is None and not parts.journal.has_ended:
            snapshotter.write()

    return Part(SNAPSHOTS, start, stop)
