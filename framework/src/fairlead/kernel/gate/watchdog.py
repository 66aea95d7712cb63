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
        self._armed_by: int = 0
        self._round = 0
        self._announced = 0
        self._done = 0
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
        """
        self._disarmed()

    def _disarmed(self) -> bool:
        """Tell whether the block was interrupted, or nearly.

        An interruption may strike between any two instructions here, so there is no lock that it could
        leave taken: the watcher announces that it fires, looks again, fires, and says that it has.
        """
        self._armed_by = 0
        while self._done != self._announced:
            pass
        if self._fired_round != self._round:
            return False
        _absorb()
        return True

    def close(self) -> None:
        """Stop watching and end the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        seen = -1
        while not self._closed.wait(self._limit_seconds):
            if self._is_stuck(seen):
                self._announced += 1
                if self._is_stuck(seen):
                    self._fired_round = seen
                    _interrupt(self._armed_by)
                self._done = self._announced
            seen = self._round

    def _is_stuck(self, seen: int) -> bool:
        """Tell whether the block that was under way a limit ago still is."""
        return self._armed_by != 0 and self._round == seen


def _interrupt(thread: int) -> None:
    """Have `CheckHung` raised in a thread; it takes the place of one that was not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(CheckHung))


def _absorb() -> None:
    """Take an interruption that may still be on its way to this thread, so that it hits nobody else.

    Merely taking it back would leave the interpreter looking for it for ever. So one of our own takes
    its place, until it strikes.
    """
    try:
        while True:
            _interrupt(threading.get_ident())
    except CheckHung:
        return
