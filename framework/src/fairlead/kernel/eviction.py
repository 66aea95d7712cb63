"""Eviction: finished orders leave memory, oldest first; whatever refers to one later loads it from the store.

An order may leave when its last change is durable, so that the store tells all that memory knew, and when
nobody is reading: what is being read from the store must not change behind the reader's back.
"""

from __future__ import annotations

import attrs

from fairlead.kernel.state import EngineState


@attrs.define(slots=True)
class Eviction:
    """How many finished orders memory keeps, and for how long after their last change (nanoseconds).

    *readers* counts those who read from the store now; while there are any nothing leaves.
    """

    orders_max: int
    age_max_ns: int
    readers: int = 0

    def __enter__(self) -> None:
        self.readers += 1

    def __exit__(self, *_: object) -> None:
        self.readers -= 1

    def run(self, state: EngineState, durable_sequence: int, now_ns: int) -> None:
        """Let go of what need not be kept, with the idempotency keys that those orders answered."""
        finished = state.finished
        if self.readers or not finished:
            return
        oldest_ns = now_ns - self.age_max_ns
        for _ in range(len(finished)):
            name = next(iter(finished))
            order = state.orders[name]
            due = len(finished) > self.orders_max or order.updated_ns < oldest_ns
            if not due or finished[name] > durable_sequence:
                return
            sequence = finished.pop(name)
            if name in state.zombies:  # the venue still shows it alive: it is seen to until that is over
                finished[name] = sequence
                continue
            del state.orders[name]
            if order.idempotency_key:
                state.commands.pop((order.owner, order.idempotency_key), None)
