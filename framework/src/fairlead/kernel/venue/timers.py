"""Timers: when to come back to an order. Derived from state and re-armed from it at start."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.ports.clock import Clock, Timer

PACE = ""
"""The name under which one comes back to what waits for its pace; no order is called so."""


class Timers:
    """One timer an order; the earliest wish wins."""

    def __init__(self, clock: Clock, on_due: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._armed: dict[str, tuple[int, Timer]] = {}
        self._named: dict[str, Callable[[], None]] = {}

    def name(self, name: str, callback: Callable[[], None]) -> None:
        """Let this name, which no order has, come back by a callback of its own."""
        self._named[name] = callback

    def wake_at(self, client_order_id: str, at_ns: int) -> None:
        """Call back for the order at the wall time, as the wall clock stands now."""
        self.wake_in(client_order_id, at_ns - self._clock.wall_ns())

    def wake_in(self, name: str, wait_ns: int) -> None:
        """Call back for the name, an order or `PACE`, when so much time has passed."""
        due_ns = self._clock.monotonic_ns() + max(0, wait_ns)
        armed = self._armed.get(name)
        if armed is not None:
            if armed[0] <= due_ns:
                return
            armed[1].cancel()
        timer = self._clock.call_at_ns(due_ns, lambda: self._fire(name))
        self._armed[name] = (due_ns, timer)

    def close(self) -> None:
        """Take every timer back."""
        for _, timer in self._armed.values():
            timer.cancel()
        self._armed.clear()

    def __len__(self) -> int:
        return len(self._armed)

    def _fire(self, client_order_id: str) -> None:
        del self._armed[client_order_id]
        named = self._named.get(client_order_id)
        if named is None:
            self._on_due(client_order_id)
        else:
            named()
