"""Timers: when to come back to an order. Derived from state and re-armed from it at start."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.ports.clock import Clock, Timer


class Timers:
    """One timer an order; the earliest wish wins."""

    def __init__(self, clock: Clock, on_due: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._armed: dict[str, tuple[int, Timer]] = {}

    def wake_at(self, client_order_id: str, at_ns: int) -> None:
        """Call back for the order at the wall time, as the wall clock stands now."""
        armed = self._armed.get(client_order_id)
        if armed is not None:
            if armed[0] <= at_ns:
                return
            armed[1].cancel()
        wait_ns = max(0, at_ns - self._clock.wall_ns())
        due = self._clock.monotonic_ns() + wait_ns
        timer = self._clock.call_at_ns(due, lambda: self._fire(client_order_id))
        self._armed[client_order_id] = (at_ns, timer)

    def close(self) -> None:
        """Take every timer back."""
        for _, timer in self._armed.values():
            timer.cancel()
        self._armed.clear()

    def __len__(self) -> int:
        return len(self._armed)

    def _fire(self, client_order_id: str) -> None:
        del self._armed[client_order_id]
        self._on_due(client_order_id)
