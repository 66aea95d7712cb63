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

    def close(self) -> None:
        """Stop watching and end the thread."""


class NoWatchdog:
    """Watches nothing: for simulations, where time stands still inside a step."""

    def watching(self) -> AbstractContextManager[None]:
        """Return a block that does nothing."""
        return nullcontext()

    def close(self) -> None:
        """Do nothing."""


class ThreadWatchdog:
    """Watches from a daemon thread that sleeps except once per limit; arming costs two assignments."""

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
        with self._lock:
            self._armed_by = 0
            fired = self._fired_round == self._round
        if fired and kind is not CheckHung:
            self._absorb()
            raise CheckHung

    def close(self) -> None:
        """Stop watching and end the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _absorb(self) -> None:
        """Wait for an interrupt that was fired as the check returned, so that it hits nobody else."""
        try:
            for _ in range(1_000_000):
                pass
        except CheckHung:
            return

    def _watch(self) -> None:
        seen = -1
        while not self._closed.wait(self._limit_seconds):
            with self._lock:
                stuck = self._armed_by != 0 and self._round == seen and self._fired_round != seen
                if stuck:
                    self._fired_round = seen
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self._armed_by), ctypes.py_object(CheckHung)
                    )
            seen = self._round
