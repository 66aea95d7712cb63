"""A forked process that tests one mutant, and what its end says."""

from __future__ import annotations

import mmap
import os
import resource
import signal
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

# fixed: an endless loop burns this much computing time beyond what the test took when it was recorded
CPU_SECONDS = 2.0
CPU_FACTOR = 5.0
# fixed: a test that waits for ever without computing; far beyond any on a busy machine
WAITING_SECONDS = 20.0
# fixed: an endless list must not take the machine along
MEMORY_BYTES = 4 << 30

SURVIVED = 0
KILLED = 1
UNPLACEABLE = 3
BROKEN = 4


class Status(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    UNTESTED = "untested"


class Verdict(NamedTuple):
    """What became of a mutant, the test that was running at the end, and how long it took."""

    status: Status
    test: int
    seconds: float


class Noticeboard:
    """Memory shared with a child: the number of the test that it runs."""

    def __init__(self) -> None:
        """Begin with no test."""
        self._memory = mmap.mmap(-1, 8)

    def write(self, test: int) -> None:
        """Note the test that begins now."""
        self._memory[:] = (test + 1).to_bytes(8, "little")

    def read(self) -> int:
        """Return the last one noted, or -1."""
        return int.from_bytes(self._memory[:], "little") - 1


def limit(seconds: float) -> None:
    """End this process when the test that begins now takes far longer than its recorded *seconds*."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS + CPU_FACTOR * seconds)
    signal.setitimer(signal.ITIMER_REAL, WAITING_SECONDS + CPU_FACTOR * seconds)


def judge(work: Callable[[Noticeboard], int]) -> Verdict:
    """Run *work* in a fork, silently, and read its end: `SURVIVED`, `KILLED` or `UNPLACEABLE`, or a time-out.

    Any other end, an exception of ours among them, is no verdict and raises `RuntimeError`.
    """
    board = Noticeboard()
    board.write(-1)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _live(work, board)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGPROF, signal.SIGALRM}:
        return Verdict(Status.TIMED_OUT, board.read(), seconds)
    ends = {SURVIVED: Status.SURVIVED, KILLED: Status.KILLED, UNPLACEABLE: Status.UNTESTED}
    code = os.waitstatus_to_exitcode(status)
    # A crash of the interpreter, or a test that ends its process, is noticed by whoever runs the tests.
    if code in ends:
        return Verdict(ends[code], board.read(), seconds)
    if board.read() >= 0 and code != BROKEN:
        return Verdict(Status.KILLED, board.read(), seconds)
    message = f"a child ended with {code} in test {board.read()}: neither found nor missed anything"
    raise RuntimeError(message)


def _live(work: Callable[[Noticeboard], int], board: Noticeboard) -> None:
    code = BROKEN
    try:
        for each in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(each, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        code = work(board)
    except BaseException as error:  # isolation point: a fork must not go on as its parent, whatever happened
        if board.read() >= 0 and isinstance(error, MemoryError | SystemExit):
            code = KILLED
    finally:
        os._exit(code)
