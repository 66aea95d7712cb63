"""Runs a program and writes down, when the interpreter exits, what it has left behind.

Usage: ``python watched_run.py REPORT PROGRAM [ARGUMENT ...]``
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import runpy
import signal
import sys
import threading
from pathlib import Path


def signal_handlers() -> dict[str, str]:
    """Return what happens at each signal."""
    return {
        number.name: repr(signal.getsignal(number)) for number in signal.valid_signals() if _named(number)
    }


def _named(number: object) -> bool:
    return isinstance(number, signal.Signals)


def write_report(path: Path, before: dict[str, str]) -> None:
    """Write which handlers changed, and which tasks and threads are still there."""
    after = signal_handlers()
    tasks = [thing for thing in gc.get_objects() if isinstance(thing, asyncio.Task) and not thing.done()]
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    left = {
        "handlers": sorted(name for name in after if after[name] != before[name]),
        "tasks": [task.get_name() for task in tasks],
        "threads": threads,
    }
    path.write_text(json.dumps(left))


if __name__ == "__main__":
    report, program, *arguments = sys.argv[1:]
    atexit.register(write_report, Path(report), signal_handlers())
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
