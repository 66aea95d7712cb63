"""Eviction: finished orders leave memory, oldest first; whatever refers to one later loads it from the store.

An order may leave when its last change is durable, so that the store tells all that memory knew, and when
nobody is reading: what is being read from the store must not change behind the reader's back. When it had
changed stays known for a while: what the venue was asked before that is older than what the store tells.
"""

from __future__ import annotations

import attrs

from fairlead.domain.ledger import PositionKey
from fairlead.kernel.core.state import EngineState

# fixed: more orders than end while any request is under way
DEPARTED_MAX = 1_000
"""Of so many orders that left it is known when they had changed."""


@attrs.define(slots=True)
class Eviction:
    """How many finished orders and keys memory keeps, and orders for how many nanoseconds after a change.

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
        """Let go of finished orders and answered idempotency keys that need not be kept."""
        if self.readers:
            return
        if state.ended:
            _let_episodes_go(state, durable_sequence)
        if state.idle:
            _let_positions_go(state)
        if state.finished:
            self._let_orders_go(state, durable_sequence, now_ns - self.age_max_ns)
        if len(state.commands) > self.orders_max:
            self._let_keys_go(state, durable_sequence)
        if len(state.adjustments) > self.orders_max:
            self._let_adjustments_go(state, durable_sequence)

    def _let_orders_go(self, state: EngineState, durable_sequence: int, oldest_ns: int) -> None:
        finished = state.finished
        for _ in range(len(finished)):
            name = next(iter(finished))
            order = state.orders[name]
            due = len(finished) > self.orders_max or order.updated_ns < oldest_ns
            if not due or finished[name] > durable_sequence:
                return
            sequence = finished.pop(name)
            # One the venue showed alive after its end, or that a change is about, is seen to from memory.
            if name in state.zombies or name in state.changing:
                finished[name] = sequence
                continue
            del state.orders[name]
            _remember_change(state, name, order.changed_monotonic_ns)
            if order.position_id:
                _let_go_of(state, order.key)

    def _let_keys_go(self, state: EngineState, durable_sequence: int) -> None:
        commands = state.commands
        while len(commands) > self.orders_max:
            key = next(iter(commands))
            if commands[key].sequence > durable_sequence:
                return
            del commands[key]

    def _let_adjustments_go(self, state: EngineState, durable_sequence: int) -> None:
        adjustments = state.adjustments
        while len(adjustments) > self.orders_max:
            entry_id = next(iter(adjustments))
            if adjustments[entry_id][1] > durable_sequence:
                return
            del adjustments[entry_id]


def _let_episodes_go(state: EngineState, durable_sequence: int) -> None:
    """Let go of every episode that is over and stored as it is, the longest unchanged first."""
    ended = state.ended
    while ended:
        key = next(iter(ended))
        if ended[key] > durable_sequence:
            return
        del ended[key], state.episodes[key]


def _remember_change(state: EngineState, name: str, changed_monotonic_ns: int) -> None:
    """Remember when an order that leaves had changed: an answer to an older question may still come."""
    if changed_monotonic_ns < 0:
        return  # it was read back and did not change since
    departed = state.departed
    departed.pop(name, None)
    departed[name] = changed_monotonic_ns
    if len(departed) > DEPARTED_MAX:
        forgotten_ns = departed.pop(next(iter(departed)))
        state.forgotten_monotonic_ns = max(state.forgotten_monotonic_ns, forgotten_ns)


def _let_go_of(state: EngineState, key: PositionKey) -> None:
    """One order fewer in memory works on the hedging position."""
    state.orders_on[key] -= 1
    if not state.orders_on[key]:
        del state.orders_on[key]
        state.idle[key] = None


def _let_positions_go(state: EngineState) -> None:
    """Let go of hedging positions that are over; one without orders has no change that is not durable."""
    for key in list(state.idle):
        if key in state.closing:
            continue
        del state.idle[key]
        if key not in state.orders_on and not state.positions[key].is_needed:
            del state.positions[key]
