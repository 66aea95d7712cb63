"""The watchdog: a thread that interrupts a risk check which never returns.

A check runs synchronously in the kernel's thread, so nothing in that thread can stop it. The
watchdog thread raises `CheckHung` inside it; the gate turns that into a denial and the kernel halts.
A check that hangs in C code is interrupted when it next runs Python bytecode; see the architecture
page for what that leaves open.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Protocol


class CheckHung(BaseException):
    """Raised inside a risk check that ran for too long; derives from BaseException to get through."""


SWITCHES = 8
"""Calls after which an interruption that was set has been raised; it comes with the very next one."""


class Watchdog(Protocol):
    """Something that interrupts a check that runs too long."""

    def watching(self) -> AbstractContextManager[None]:
        """Return a block inside which the current thread may be interrupted by `CheckHung`."""

    def disarm(self) -> None:
        """Make sure that nobody is interrupted any more until the next block; called after `CheckHung`."""

    def close(self) -> None:
        """Stop watching and end the thread."""


class NoWatchdog:
    """Watches nothing: for simulations, where time stands still inside a step."""

    def watching(self) -> AbstractContextManager[None]:
        """Return a block that does nothing."""
        return nullcontext()

    def disarm(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class ThreadWatchdog:
    """Watches from a daemon thread that sleeps except once per limit; arming costs two assignments.

    A check is interrupted after one to two limits, and again after each further one if it goes on.
    """

    def __init__(self, limit_ns: int) -> None:
        self._limit_seconds = limit_ns / 1_000_000_000
        self._lock = threading.Lock()
        self._armed_by: int = 0
        self._round = 0
        self._fired_round = -1
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def watching(self) -> AbstractContextManager[None]:
        """Return a block inside which the current thread may be interrupted."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="fairlead-watchdog", daemon=True)
            self._thread.start()
        return self

    def __enter__(self) -> None:
        self._round += 1
        self._armed_by = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._disarmed() and kind is not CheckHung:
            raise CheckHung

    def disarm(self) -> None:
        """Make sure that nobody is interrupted any more until the next block.

        Called again after `CheckHung`, which may have struck before the block's own end could do it.
        An interruption still on its way is waited for here, so that it hits nobody else. (Python can
        also take one back, but in a traced program, such as one under coverage, 3.11 then never goes on.)
        """
        while True:
            try:
                self._disarmed()
                for _ in range(SWITCHES):
                    _let_pass()
            except CheckHung:
                continue
            return

    def _disarmed(self) -> bool:
        """Tell whether the block was interrupted, or nearly."""
        with self._lock:
            self._armed_by = 0
            return self._fired_round == self._round

    def close(self) -> None:
        """Stop watching and end the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        seen = -1
        while not self._closed.wait(self._limit_seconds):
            with self._lock:
                if self._armed_by != 0 and self._round == seen:
                    self._fired_round = seen
                    _interrupt(self._armed_by, CheckHung)
            seen = self._round


def _let_pass() -> None:
    """Give an interruption that was set a place to be raised: a call is one."""


def _interrupt(thread: int, error: type[BaseException]) -> None:
    """Have an exception raised in another thread."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
