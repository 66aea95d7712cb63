"""The loop watch: a thread that notices when the event loop does not run.

Whatever shares the kernel's loop can stop it: a `time.sleep` in a callback, a computation without an await.
Meanwhile nothing is sent, canceled or heard, and nobody in the loop can say so. This thread says so while it
lasts, with the place in the code that the loop is at, and the kernel records it once the loop runs again.
It does not interrupt anything. In virtual time there is nothing to watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Callable

from fairlead.domain.anomalies import AnomalyKind
from fairlead.kernel.components import Part
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.parts import Parts
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND

LOOP = "loop"
"""The name of the part, and the subject of its anomaly."""

# fixed: enough to lead from a library into the code that called it
FRAMES_SHOWN = 3
"""How many functions of the stack are told."""

_MILLISECONDS_PER_SECOND = 1_000


class LoopWatch:
    """Asks the loop for a sign of life, again and again, and tells when none comes within the limit."""

    def __init__(self, limit_ns: int, told: Callable[[str], None], logger: logging.Logger) -> None:
        """*told* is called in the loop, with what was seen, after a block is over."""
        self._limit_ms = limit_ns // NANOSECONDS_PER_MILLISECOND
        self._told = told
        self._logger = logger
        self._closed = threading.Event()
        self._alive = threading.Event()
        self._lock = threading.Lock()
        self._seen = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the loop that runs this."""
        arguments = asyncio.get_running_loop(), threading.get_ident()
        self._thread = threading.Thread(
            target=self._watch, args=arguments, name="fairlead-loop-watch", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop watching and end the thread; harmless when it never began."""
        with self._lock:
            self._closed.set()
            self._alive.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        seconds = self._limit_ms / _MILLISECONDS_PER_SECOND
        with contextlib.suppress(RuntimeError):  # the loop was closed: nothing is left to watch
            while not self._closed.wait(seconds) and self._asks():
                loop.call_soon_threadsafe(self._live)
                if self._alive.wait(seconds) or loop.is_closed():
                    continue
                self._seen = f"the loop did not run for {self._limit_ms} ms, at {_place_of(thread)}"
                self._logger.warning("The kernel is held up: %s", self._seen)
                while not (self._alive.wait(seconds) or loop.is_closed()):
                    pass

    def _asks(self) -> bool:
        """Await a sign of life; not after `close`, whose own sign must stay."""
        with self._lock:
            closed = self._closed.is_set()
            (self._alive.set if closed else self._alive.clear)()
        return not closed

    def _live(self) -> None:
        """Give the sign of life; runs in the loop."""
        self._alive.set()
        seen, self._seen = self._seen, ""
        if seen:
            self._told(seen)


def _place_of(thread: int) -> str:
    """Return where in the code a thread is, innermost first, without any value."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way to another thread's stack
    places: list[str] = []
    while frame is not None and len(places) < FRAMES_SHOWN:
        code = frame.f_code
        places.append(f"{code.co_filename}:{frame.f_lineno} in {code.co_name}")
        frame = frame.f_back
    return ", called by ".join(places) or "an unknown place"


def loop_watch_parts(parts: Parts) -> tuple[Part, ...]:
    """Return the part that watches the loop, or nothing where time is not real."""
    if not isinstance(parts.clock, SystemClock):
        return ()

    def told(seen: str) -> None:
        parts.take(TroubleSeen(AnomalyKind.LOOP_BLOCKED.value, LOOP, seen))

    watch = LoopWatch(parts.settings.ns("loop_block_max"), told, parts.logger)

    async def start() -> None:
        watch.start()

    async def stop() -> None:
        watch.close()

    return (Part(LOOP, start, stop),)
