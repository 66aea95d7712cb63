"""Notices that a call reaches outside its arguments: a clock, randomness, a file, a socket, the terminal."""

from __future__ import annotations

import datetime as dt
import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_MODULES = frozenset({"time", "posix", "nt", "_socket", "_random", "_posixsubprocess", "_winapi"})
_FUNCTIONS = frozenset({"open", "open_code", "input", "print", "start_new_thread"})
_CLOCK_READINGS = frozenset({"now", "today", "utcnow"})
_HARMLESS = frozenset({"fspath"})


def outside_calls(call: Callable[[], T]) -> tuple[T, list[str]]:
    """Run the call; return its result and the names of the outside functions that it used.

    Python reports every call of a built-in function to a profiler, so no function has to be
    replaced and none can be hidden by importing it early. The host's own profiler is put back.
    """
    used: list[str] = []

    def profiler(_frame: FrameType, event: str, function: object) -> None:
        if event == "c_call":
            name = _outside_name(function)
            if name:
                used.append(name)

    earlier = sys.getprofile()
    collecting = gc.isenabled()
    gc.disable()  # a collection runs callbacks of the host in the middle of the call
    sys.setprofile(profiler)
    try:
        result = call()
    finally:
        sys.setprofile(earlier)
        if collecting:
            gc.enable()
    return result, used


def _outside_name(function: object) -> str:
    """Return what to call the built-in function if it reaches outside, else the empty string."""
    name = str(getattr(function, "__name__", ""))
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, dt.date) and name in _CLOCK_READINGS:
        return f"{owner.__name__}.{name}"
    if any(kind.__module__ == "_random" for kind in type(owner).__mro__):
        return f"random.{name}"
    module = getattr(function, "__module__", None)
    if name in _HARMLESS or (module not in _MODULES and name not in _FUNCTIONS):
        return ""
    return f"{module}.{name}"
