"""Monitoring: when the venue is asked what it knows, and how long it may be silent.

A client that streams is reconciled with at `reconcile_interval_ms`; one that does not, or whose stream is
down, at `poll_interval_ms`. The stream is a hint, the history is the truth: both ways end in the same
reconciliation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fairlead.kernel.core.inputs import VenueSilent
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.venue.timers import Timers
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock

SCHEDULED = "on schedule"
RECONNECTED = "the stream came back"
NEXT_TIMER = "next reconciliation"
SILENCE_TIMER = "venue silent"
"""Names under which timers come back; no order is called so."""


class StreamWatch:
    """Knows since when what happens at the venue may go unheard. Unjournaled: nothing is missed at start.

    A broken stream is whole again when a reconciliation that began after its return has passed; a client
    that does not stream is heard whenever a reconciliation passes.
    """

    def __init__(self, clock: Clock, *, streams: bool) -> None:
        self._clock = clock
        self._streams = streams
        self._up = True
        self._breaks = 0
        self._unheard_since_ns = -1 if streams else clock.monotonic_ns()

    @property
    def is_polled(self) -> bool:
        """Tell whether nothing arrives by itself now."""
        return not self._streams or not self._up

    def broke(self) -> None:
        """The stream broke; a client that does not stream has none to lose."""
        if not self._streams:
            return
        self._breaks += 1
        self._up = False
        if self._unheard_since_ns < 0:
            self._unheard_since_ns = self._clock.monotonic_ns()

    def came_back(self) -> None:
        """The stream is back; what it missed is not known yet."""
        self._up = True

    def mark(self) -> int:
        """Return what `covers` is to be asked with, at the beginning of a reconciliation."""
        return self._breaks if self._up else -1

    def covers(self, mark: int) -> bool:
        """Tell whether nothing can have been missed since the mark: the stream was up and still is."""
        return self._up and mark == self._breaks

    def heard(self, mark: int) -> None:
        """Take note that the reconciliation with this mark has passed."""
        if not self._streams:
            self._unheard_since_ns = self._clock.monotonic_ns()
        elif self.covers(mark):
            self._unheard_since_ns = -1

    def silent_ns(self) -> int:
        """Return for how long the venue has gone unheard; below zero when it is heard."""
        since_ns = self._unheard_since_ns
        return -1 if since_ns < 0 else self._clock.monotonic_ns() - since_ns


class Monitoring:
    """Asks for reconciliations on schedule, and reports a venue that is silent for too long.

    *request* asks for a reconciliation, *is_free* tells whether one may be asked for on schedule, *take*
    brings an input to the door.
    """

    def __init__(
        self, watch: StreamWatch, timers: Timers, settings: KernelSettings, logger: logging.Logger
    ) -> None:
        self._watch = watch
        self._timers = timers
        self._interval_ns = settings.ns("reconcile_interval")
        self._poll_ns = settings.ns("poll_interval")
        self._silence_max_ns = settings.ns("stream_silence_max")
        self._logger = logger
        self._running = False
        self.request: Callable[[str], None] = lambda _why: None
        self.is_free: Callable[[], bool] = lambda: True
        self.take: Callable[[VenueSilent], None] = lambda _given: None
        timers.name(NEXT_TIMER, self._next_due)
        timers.name(SILENCE_TIMER, self._silence_due)

    def start(self) -> None:
        """Begin the schedule: the first reconciliation has passed."""
        self._running = True
        self._arm()

    def stop(self) -> None:
        """Ask for nothing more on schedule."""
        self._running = False

    def broke(self, reason: str) -> None:
        """The client's stream broke: poll until it is whole again."""
        self._logger.warning("The exchange client's stream broke: %s", ascii(reason))
        self._watch.broke()
        if self._running:
            self._arm()

    def came_back(self) -> None:
        """The client's stream is back: fill the gap."""
        self._watch.came_back()
        self.request(RECONNECTED)

    def _arm(self) -> None:
        interval_ns = min(self._poll_ns, self._interval_ns) if self._watch.is_polled else self._interval_ns
        self._timers.wake_in(NEXT_TIMER, interval_ns)
        silent_ns = self._watch.silent_ns()
        if silent_ns >= 0:
            self._timers.wake_in(SILENCE_TIMER, self._silence_max_ns - silent_ns)

    def _next_due(self) -> None:
        if self.is_free():
            self.request(SCHEDULED)
        self._arm()

    def _silence_due(self) -> None:
        silent_ns = self._watch.silent_ns()
        if not self._running or silent_ns < 0:
            return
        if silent_ns >= self._silence_max_ns:
            self.take(VenueSilent(silent_ns // NANOSECONDS_PER_MILLISECOND))
            self._timers.wake_in(SILENCE_TIMER, self._silence_max_ns)  # said again: a recovery forgets it
        else:
            self._arm()
