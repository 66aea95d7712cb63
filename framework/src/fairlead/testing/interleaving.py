"""Which of the ready callbacks runs next.

Only steps of tasks may overtake. An ordinary callback runs when it is the oldest one: asyncio documents
that order and libraries build on it, while it promises nothing about the order of tasks.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Literal, Protocol

from fairlead.testing.generation import Generation

InterleavingName = Literal["fifo", "uniform", "priority"]

CHANGE_POINTS = 3
EXPECTED_STEPS = 1_000
PATIENCE_STEPS = 200
_CALLBACKS = 0


class ReadyHandle(asyncio.Handle):
    """A callback that is ready to run; `task_number` is 0 unless it is a step of a task."""

    __slots__ = ("generation", "label", "task_number")

    generation: Generation | None
    label: str
    task_number: int


class Interleaving(Protocol):
    """Chooses the next callback."""

    def pick(self, ready: Sequence[asyncio.Handle]) -> int:
        """Return the index of the one to run, from a sequence in order of age that is never empty."""


def _task_number(handle: asyncio.Handle) -> int:
    return handle.task_number if isinstance(handle, ReadyHandle) else _CALLBACKS


class FifoInterleaving:
    """The order of stock asyncio: oldest first."""

    def pick(self, ready: Sequence[asyncio.Handle]) -> int:  # noqa: ARG002 - the protocol has it
        """Return the oldest."""
        return 0


class UniformInterleaving:
    """Any ready task may be next, each with the same chance."""

    def __init__(self, stream: random.Random) -> None:
        self._random = stream.random

    def pick(self, ready: Sequence[asyncio.Handle]) -> int:
        """Return a random task step; a draw that hits an ordinary callback lets the oldest run instead."""
        count = len(ready)
        if count == 1:
            return 0
        index = int(self._random() * count)
        return index if _task_number(ready[index]) else 0


class PriorityInterleaving:
    """Random priorities with a few random points of change, after the scheduler PCT.

    It delays one task for long stretches, which finds the bugs that need few but far apart switches;
    uniform choice rarely does. The idea is that of Burckhardt, Kothari, Musuvathi and Nagarakatte, "A
    Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.

    It differs from theirs where an event loop differs from threads, so their bound on the chance to find a
    bug (1 / (n * k^(d-1)) for n threads, k steps and d ordering constraints) is not claimed here:

    - A step is everything a task does between two awaits, not one instruction or one synchronization.
    - Tasks come into being while it runs, so a priority is a number drawn when a task is first ready, and
      not a place in a permutation of all of them.
    - Ordinary callbacks together count as one more task, the oldest of which runs first: asyncio promises
      that order.
    - The change points (`CHANGE_POINTS`, d - 1 there) are drawn from a fixed number of steps
      (`EXPECTED_STEPS`, k there), however long the run is; the rest of a longer one has none.
    - At a change point the task that would run falls below all others, so the one that fell last is the
      lowest; theirs get priorities below the initial ones that are given to the points beforehand.
    - A task that runs too long while others wait (`PATIENCE_STEPS`) falls likewise, so that one which polls
      cannot starve what it polls for.
    """

    def __init__(
        self, stream: random.Random, change_points: int = CHANGE_POINTS, expected_steps: int = EXPECTED_STEPS
    ) -> None:
        self._stream = stream
        self._change_at = {stream.randrange(1, expected_steps + 1) for _ in range(change_points)}
        self._priorities: dict[int, float] = {}
        self._lowest = 0.0
        self._picks = 0
        self._last = -1
        self._in_a_row = 0

    def pick(self, ready: Sequence[asyncio.Handle]) -> int:
        """Return the candidate of the highest priority."""
        self._picks += 1
        index = self._highest(ready)
        number = _task_number(ready[index])
        self._in_a_row = self._in_a_row + 1 if number == self._last and len(ready) > 1 else 0
        if self._picks in self._change_at or self._in_a_row > PATIENCE_STEPS:
            self._demote(number)
            index = self._highest(ready)
            number = _task_number(ready[index])
        self._last = number
        return index

    def _highest(self, ready: Sequence[asyncio.Handle]) -> int:
        best = 0
        best_priority = self._priority(_task_number(ready[0]))
        for index in range(1, len(ready)):
            number = _task_number(ready[index])
            if number != _CALLBACKS and (priority := self._priority(number)) > best_priority:
                best, best_priority = index, priority
        return best

    def _priority(self, number: int) -> float:
        priority = self._priorities.get(number)
        if priority is None:
            priority = self._priorities[number] = self._stream.random()
        return priority

    def _demote(self, number: int) -> None:
        self._lowest -= 1.0
        self._priorities[number] = self._lowest
        self._in_a_row = 0


def interleaving_of(name: InterleavingName, stream: random.Random) -> Interleaving:
    """Return the interleaving of that name, drawing from the stream."""
    if name == "fifo":
        return FifoInterleaving()
    if name == "uniform":
        return UniformInterleaving(stream)
    if name == "priority":
        return PriorityInterleaving(stream)
    raise ValueError(f"no interleaving is called {name!r}; there are 'fifo', 'uniform' and 'priority'")
