"""How tasks that will never run again are ended without a trace and without a warning."""

# ruff: noqa: SLF001 - asyncio offers no public way to ask these things of a task.

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Coroutine
from contextvars import Context
from typing import Any

from fairlead.testing.simulation_errors import GenerationDead, UndyingTask
from fairlead.testing.task_steps import AnyTask, TaskIdentity

_ATTEMPTS = 100
# What a `finally` block of a dying task may raise; of no interest, since a real crash would not have run it.
# (An isolation point: they are the last words of something that is being ended.)
_LAST_WORDS = (Exception, asyncio.CancelledError, GenerationDead, GeneratorExit)


def bury_task(task: AnyTask, identity: TaskIdentity) -> None:
    """End a task here and now; the loop must not step it afterwards.

    Its coroutine is closed in the task's own context, so `finally` blocks run synchronously and find their
    generation dead; whatever they await is never waited for. A finished task only has its failure marked as
    seen. Raises `UndyingTask` when the coroutine awaits again after every attempt.
    """
    identity.buried = True
    if task.done():
        if not task.cancelled():
            task.exception()
        return
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # private
    coroutine = task.get_coro()
    if not isinstance(coroutine, Coroutine):
        return
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        coroutine.close()
        return
    for _ in range(_ATTEMPTS):
        try:
            identity.context.run(coroutine.close)
        except _LAST_WORDS:
            if _still_suspended(coroutine):
                continue
        return
    raise UndyingTask(f"{identity.label} caught {_ATTEMPTS} attempts to end it")


def _still_suspended(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """Tell whether `close` was answered with another await instead of an end."""
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED


def bury_generator(generator: AsyncGenerator[Any, Any], context: Context) -> None:
    """Close an asynchronous generator here and now, without waiting for what its `finally` blocks await."""
    closing: Any = generator.aclose()
    try:
        context.run(closing.send, None)
        for _ in range(_ATTEMPTS):
            context.run(closing.throw, GeneratorExit)
    except (StopIteration, StopAsyncIteration, *_LAST_WORDS):
        return
    raise UndyingTask(f"generator {generator!r} caught {_ATTEMPTS} attempts to end it")


def unseen_failure(task: AnyTask) -> BaseException | None:
    """Return what a finished task failed with, when nobody has looked at it yet."""
    if not task.done() or task.cancelled() or not task._log_traceback:
        return None
    error = task.exception()
    return None if isinstance(error, GenerationDead) else error


def where_it_waits(task: AnyTask, identity: TaskIdentity) -> str:
    """Return the task's name and the innermost line it is waiting at."""
    awaited: Any = task.get_coro()
    frame = None
    while inspect.iscoroutine(awaited):
        frame = awaited.cr_frame or frame
        awaited = awaited.cr_await
    if frame is None:
        return identity.label
    return f"{identity.label}: {frame.f_code.co_qualname}, line {frame.f_lineno}"
