"""Every task and generator that a loop has met, who owns them, and how they are ended."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Callable
from contextvars import Context, copy_context
from typing import Any

from fairlead.testing.burial import bury_generator, bury_task, unseen_failure, where_it_waits
from fairlead.testing.generation import Generation, generation_of
from fairlead.testing.task_steps import AnyTask, TaskIdentity, task_label

Belongs = Callable[[Generation | None], bool]


class TaskRegistry:
    """Numbers tasks in the order in which they are met, which is the same in every run of a seed."""

    def __init__(self) -> None:
        self._tasks: weakref.WeakKeyDictionary[AnyTask, TaskIdentity] = weakref.WeakKeyDictionary()
        self._met = 0
        # By address: weak references are gone when a finalizer is called. Addresses are used again, so this
        # does not grow beyond the most generators that were there at once.
        self._generators: dict[int, tuple[weakref.ref[AsyncGenerator[Any, Any]], Context]] = {}

    def identity_of(self, task: AnyTask, context: Context) -> TaskIdentity:
        """Return who the task is; one of a dead generation is buried as soon as it is met."""
        identity = self._tasks.get(task)
        if identity is None:
            self._met += 1
            label = task_label(task, self._met)
            identity = TaskIdentity(self._met, label, context, generation_of(context))
            self._tasks[task] = identity
            if not identity.may_run():
                bury_task(task, identity)
        return identity

    def meet_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Remember in which context an asynchronous generator was started."""
        self._generators[id(generator)] = (weakref.ref(generator), copy_context())

    def forget_generator(self, generator: AsyncGenerator[Any, Any]) -> Context:
        """Return the context in which it was started, or the present one."""
        _, context = self._generators.pop(id(generator), (None, copy_context()))
        return context

    def unfinished(self) -> list[AnyTask]:
        """Return the tasks that are not done, in order."""
        return [task for task, _ in self._unfinished()]

    def where_they_wait(self) -> tuple[str, ...]:
        """Return each unfinished task with the line it waits at."""
        return tuple(where_it_waits(task, identity) for task, identity in self._unfinished())

    def unseen_failure(self) -> tuple[str, BaseException] | None:
        """Return the first task that failed without anybody looking, and its error."""
        for task, identity in self._in_order():
            error = None if identity.buried else unseen_failure(task)
            if error is not None:
                return identity.label, error
        return None

    def bury(self, belongs: Belongs) -> None:
        """End all tasks and generators that belong, the tasks included which their ending makes."""
        while self._bury_tasks(belongs):
            pass
        for reference, context in list(self._generators.values()):
            generator = reference()
            if generator is not None and belongs(generation_of(context)):
                bury_generator(generator, context)

    def _bury_tasks(self, belongs: Belongs) -> bool:
        condemned = [
            (task, identity)
            for task, identity in self._in_order()
            if not identity.buried and belongs(identity.generation)
        ]
        for task, identity in condemned:
            bury_task(task, identity)
        return bool(condemned)

    def _in_order(self) -> list[tuple[AnyTask, TaskIdentity]]:
        return sorted(self._tasks.items(), key=lambda item: item[1].number)

    def _unfinished(self) -> list[tuple[AnyTask, TaskIdentity]]:
        return [
            (task, identity) for task, identity in self._in_order() if not task.done() and not identity.buried
        ]
