"""One life of the program under test, from boot to crash."""

from __future__ import annotations

from contextvars import Context, ContextVar

from fairlead.testing.simulation_errors import GenerationDead


class Generation:
    """One life of the program under test; a crash ends it and the world boots the next one.

    Everything that the program may touch outside itself goes through a wrapper that calls `check` first.
    That is needed because code of a dead program still runs: Python executes the `finally` blocks of tasks
    that are ended. A real process would not have, so those blocks must find every door closed.
    """

    __slots__ = ("__weakref__", "alive", "buried", "cause", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.buried = False
        self.cause: str | None = None

    def check(self) -> None:
        """Raise `GenerationDead` when this generation has crashed or ended; else do nothing."""
        if not self.alive:
            raise GenerationDead(f"generation {self.number} is dead: {self.cause}")

    def end(self, cause: str) -> None:
        """Mark it dead: from here on `check` raises.

        `World.crash` calls this and sees to it that the loop buries the generation after the present step,
        so that nothing of it runs again.
        """
        if self.alive:
            self.alive = False
            self.cause = cause

    def __repr__(self) -> str:
        return f"Generation({self.number}, {'alive' if self.alive else self.cause})"


CURRENT_GENERATION: ContextVar[Generation | None] = ContextVar("fairlead_generation", default=None)
"""Whose code is running; tasks, timers and callbacks inherit it through their context."""


def generation_of(context: Context) -> Generation | None:
    """Return the generation that code in this context belongs to; None is the world itself."""
    return context.get(CURRENT_GENERATION)
