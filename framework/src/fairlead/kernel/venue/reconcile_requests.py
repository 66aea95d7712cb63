"""Requests for a reconciliation while the kernel runs: one is made at a time, until it passes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fairlead.kernel.venue.reconciler import Reconciler
from fairlead.ports.clock import Clock


class ReconcileRequests:
    """Whoever asks while one is being made, or is to be tried again, gets one that begins after that."""

    def __init__(
        self, reconciler: Reconciler, clock: Clock, pauses_ns: tuple[int, int], logger: logging.Logger
    ) -> None:
        self._reconciler = reconciler
        self._clock = clock
        self._pause_ns, self._pause_max_ns = pauses_ns
        self._logger = logger
        self._wish = ""
        self._asked = asyncio.Event()
        self._answering = False
        self._ended = False
        self._pausing: frozenset[asyncio.Task[Any]] = frozenset()

    @property
    def pausing(self) -> frozenset[asyncio.Task[Any]]:
        """Return the task that waits to try again later: until then nothing of it is under way."""
        return self._pausing

    @property
    def is_idle(self) -> bool:
        """Tell whether none is being made or waits to be tried again."""
        return not self._answering

    def end(self) -> None:
        """Make none any more: the journal cannot be brought back."""
        self._ended = True
        self._asked.set()

    def ask(self, why: str) -> bool:
        """Note the wish; return whether nobody is answering, so that `answer` must be started."""
        self._wish = why
        self._asked.set()
        idle, self._answering = not self._answering, True
        return idle

    async def answer(self) -> None:
        """Reconcile until no wish is left; what failed is tried again, later and later, or when asked."""
        try:
            pause_ns = self._pause_ns
            while self._wish and not self._ended:
                why, self._wish = self._wish, ""
                self._asked.clear()
                try:
                    await self._reconciler.run(why)
                except Exception as error:  # supervision point: a read that failed is asked again
                    name = type(error).__name__
                    self._logger.warning("Reconciliation failed and will be tried again: %s", name)
                    self._wish = self._wish or why
                    pause_ns = min(2 * pause_ns, self._pause_max_ns)
                    await self._pause(pause_ns)
        finally:
            self._answering = False

    async def _pause(self, duration_ns: int) -> None:
        """Wait so long, or until somebody asks: there is new reason to hope then."""
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        self._pausing = frozenset({task})
        try:
            async with self._clock.timeout_ns(duration_ns):
                await self._asked.wait()
        except TimeoutError:
            return
        finally:
            self._pausing = frozenset()
