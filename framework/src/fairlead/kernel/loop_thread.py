"""A thread with an event loop of its own, and the way into it from every other thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

from fairlead.errors import NotRunning, WrongThread

_T = TypeVar("_T")

MILLISECONDS_PER_SECOND = 1_000


class LoopThread:
    """Runs coroutines for threads that cannot await.

    The thread is a daemon: a program that ends without `stop` ends, as if it had been killed. Nobody
    who waits is left behind when the loop ends: the wait raises `NotRunning`.
    """

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._ready = threading.Event()
        self._guard = threading.Lock()
        self._waits: dict[Future[Any], None] = {}
        self._over = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    def start(self) -> None:
        """Start the thread and return when its loop runs. Raises `NotRunning` the second time."""
        if self._thread.ident is not None:
            raise NotRunning("The kernel's thread was started already.", fix="Make a new one.")
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End the loop and wait for the thread; harmless when it was never started or is over.

        Raises `WrongThread` from the loop's own thread.
        """
        self._check_caller()
        with self._guard:
            if self._loop is None or self._end is None:
                return
            if not self._over:
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Tell whether the loop is there to be asked."""
        with self._guard:
            return self._loop is not None and not self._over

    def wait_for(self, work: Callable[[], Coroutine[Any, Any, _T]], *, timeout_ms: int | None = None) -> _T:
        """Run a coroutine in the loop and return its result, or raise its error.

        Raises `TimeoutError` after *timeout_ms* milliseconds, `NotRunning` when the loop is not or no
        longer there, and `WrongThread` from the loop's own thread, which would wait for itself. Who
        gives up waiting cancels the wait and nothing else.
        """
        self._check_caller()
        with self._guard:
            if self._loop is None or self._over:
                raise NotRunning("The kernel's thread is not running.", not_done="Nothing was done.")
            wait = asyncio.run_coroutine_threadsafe(work(), self._loop)
            self._waits[wait] = None
        seconds = None if timeout_ms is None else timeout_ms / MILLISECONDS_PER_SECOND
        try:
            return wait.result(seconds)
        except CancelledError:
            raise _stopped() from None
        finally:
            wait.cancel()
            with self._guard:
                self._waits.pop(wait, None)

    def _check_caller(self) -> None:
        if threading.current_thread() is self._thread:
            raise WrongThread(
                "The blocking kernel was called from its own thread, where it would wait for itself.",
                not_done="Nothing was done.",
                fix="In callbacks, hand the work to another thread.",
            )

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        finally:
            with self._guard:
                waits, self._waits = list(self._waits), {}
            for wait in waits:
                with suppress(InvalidStateError):  # it ended, or its waiter has gone
                    wait.set_exception(_stopped())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._ready.set()
        try:
            await self._end.wait()
        finally:
            with self._guard:
                self._over = True


def _stopped() -> NotRunning:
    return NotRunning("The kernel was stopped meanwhile.", fix="Start a new one; nothing is lost.")
