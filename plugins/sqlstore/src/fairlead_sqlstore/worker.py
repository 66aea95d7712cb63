"""A thread of our own for one database connection.

Not an executor: its threads are waited for when the interpreter ends, and a commit that hangs in the disk
would hang the process with it. This thread is a daemon, and it can be abandoned.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class WorkerEndedError(Exception):
    """The worker was ended before it began the job."""


class Worker:
    """Runs jobs one after the other in its own thread."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._last_words: Callable[[], None] = _nothing
        self._ended = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def run(self, job: Callable[[], T]) -> T:
        """Run the job in the thread and return what it returns, or raise what it raises.

        To cancel the wait does not cancel the job. Raises `WorkerEndedError` when it was never begun.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._ended:
            raise WorkerEndedError
        self._jobs.put((loop, future, job))
        return await future

    def post(self, job: Callable[[], object]) -> None:
        """Let the thread do the job after what it has to do already; nobody waits, and it raises nothing."""
        loop = asyncio.get_running_loop()
        if not self._ended:
            self._jobs.put((loop, loop.create_future(), job))

    def end(self, last_words: Callable[[], None]) -> None:
        """Let the thread end after the job it is in, however long that takes; the others are not begun.

        *last_words* runs in the thread as its last act.
        """
        if not self._ended:
            self._last_words = last_words
            self._ended = True
            self._jobs.put(None)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                break
            if self._ended:
                _answer(job[0], job[1], None, WorkerEndedError())
                continue
            loop, future, work = job
            result: object = None
            error: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:  # supervision point: the error belongs to whoever awaits the job
                error = raised
            _answer(loop, future, result, error)
            del loop, future, work, result, error, job
        self._last_words()


def _answer(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], result: object, error: BaseException | None
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _nothing() -> None:
    """Do nothing."""
