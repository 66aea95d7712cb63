"""How a step of a task is told from any other callback, and what callbacks are called in a trace."""

# ruff: noqa: SLF001 - asyncio offers no public way to ask these things of a task.

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

import attrs

from fairlead.testing.generation import Generation
from fairlead.testing.simulation_errors import UnrecognizedTaskStep

AnyTask = asyncio.Task[Any]

# The C tasks hand the loop a private wrapper type for steps and a built-in method for wake-ups; the pure
# Python tasks hand it two name-mangled methods. A bound `task.cancel` is neither: it is an ordinary
# callback.
_C_STEP_TYPE = "TaskStepMethWrapper"
_STEP_NAMES = frozenset({"task_wakeup", "__step", "__wakeup"})
_PYTHON_TASK: type[Any] = asyncio.tasks._PyTask  # type: ignore[attr-defined]  # private
_TASK_TYPES = (asyncio.Task, _PYTHON_TASK)


@attrs.define(eq=False)
class TaskIdentity:
    """What the loop remembers of a task: its number in order of creation, its name in traces, its owner.

    A buried task was ended from outside and is never stepped again, though asyncio calls it pending.
    """

    number: int
    label: str
    context: Context
    generation: Generation | None
    buried: bool = False

    def may_run(self) -> bool:
        """Tell whether the loop may still step the task."""
        return not self.buried and (self.generation is None or not self.generation.buried)


def task_of(callback: Callable[..., object]) -> AnyTask | None:
    """Return the task that this callback is a step or a wake-up of, or None for an ordinary callback."""
    owner = getattr(callback, "__self__", None)
    if not isinstance(owner, _TASK_TYPES):
        return None
    if type(callback).__name__ == _C_STEP_TYPE or getattr(callback, "__name__", None) in _STEP_NAMES:
        return owner
    return None


def task_label(task: AnyTask, number: int) -> str:
    """Return a name that is the same in every run: asyncio's own `Task-7` counts over the whole process."""
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__
    return f"task {number} {name}"


def callback_label(callback: Callable[..., object]) -> str:
    """Return a name without addresses; asyncio's own callbacks, whose names vary by version, share one."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    owner = getattr(callback, "__self__", None)
    module = getattr(callback, "__module__", None) or type(owner).__module__
    if module.partition(".")[0] in {"asyncio", "_asyncio"}:
        return "asyncio callback"
    return f"callback {getattr(callback, '__qualname__', None) or type(callback).__qualname__}"


class _RecordingLoop(asyncio.BaseEventLoop):
    """Never runs; only keeps what tasks ask it to call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[..., object]] = []

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        self.asked.append(callback)
        return asyncio.Handle(callback, args, self, context)


def _step_and_wakeup(task_type: type[Any]) -> tuple[AnyTask, list[Callable[..., object]]]:
    loop = _RecordingLoop()
    future: asyncio.Future[None] = loop.create_future()

    async def wait() -> None:
        await future

    coroutine: Coroutine[Any, Any, None] = wait()
    task: AnyTask = task_type(coroutine, loop=loop)
    loop.asked[0]()
    future.set_result(None)
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # private
    coroutine.close()
    loop.close()
    return task, loop.asked


@functools.cache
def require_recognizable_steps() -> None:
    """Check once per process, on real tasks, that steps and wake-ups are recognized and nothing else is.

    Raises `UnrecognizedTaskStep` when this Python does it differently: without recognition the loop would
    silently explore no interleavings at all.
    """
    for task_type in _TASK_TYPES:
        task, asked = _step_and_wakeup(task_type)
        if len(asked) != len(("step", "wakeup")) or any(task_of(callback) is not task for callback in asked):
            raise UnrecognizedTaskStep(f"{task_type!r} schedules {asked!r}")
        if task_of(task.cancel) is not None:
            raise UnrecognizedTaskStep(f"{task.cancel!r} is taken for a step")
