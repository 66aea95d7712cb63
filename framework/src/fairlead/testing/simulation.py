"""A world in which a program lives, dies at a chosen instant and is booted again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import Context
from types import TracebackType
from typing import Any, Self

import attrs

from fairlead.testing.crash_points import CrashPoints
from fairlead.testing.generation import CURRENT_GENERATION, Generation
from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.seeded_ids import SeededIds
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.simulation_errors import SimulationError
from fairlead.testing.task_steps import AnyTask
from fairlead.testing.timer_queue import MICROSECONDS_PER_SECOND
from fairlead.testing.virtual_clock import START_OF_2026_NS, GenerationClock, VirtualClock

ONE_WEEK_US = 7 * 24 * 3_600 * MICROSECONDS_PER_SECOND


@attrs.frozen
class Outcome:
    """How one generation went."""

    generation: int
    crashed: bool
    cause: str
    steps: int
    crash_points: tuple[tuple[str, int], ...]


class World:
    """What survives a crash, and the loop on which everything runs.

    Subclass it and keep in attributes what outlives the program: the durable image of the store, the venue.
    A scenario is a coroutine function `(world, generation)`; `run_generation` boots it as a new
    `Generation`, in which all tasks, timers and callbacks it starts are included, and runs until it returns
    or is crashed.

    At a crash the generation is marked dead first; from then on the loop runs nothing of it, and every port
    wrapper that calls `generation.check()` refuses it. Then its tasks are closed, which executes their
    `finally` blocks once. So the rule for wrappers: **whatever the program can change in the world, it
    changes through an object that calls `generation.check()` first**; a list, an event or a queue of the
    world in the program's hands is a hole. What a wrapper starts on behalf of the program but that must
    outlive it (a request on the wire) is started with `spawn`; timers of `world.clock` belong to the world,
    those of `clock_of(generation)` to the program.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        interleaving: InterleavingName = "uniform",
        wall_start_ns: int = START_OF_2026_NS,
        time_limit_us: int = ONE_WEEK_US,
    ) -> None:
        self._context = Context()
        self.loop = SeededLoop(seed, interleaving=interleaving, time_limit_us=time_limit_us)
        self.streams = self.loop.streams
        self.clock = VirtualClock(self.loop, wall_start_ns=wall_start_ns, context=self._context)
        self.crash_points = CrashPoints(self.crash)
        self.generation: Generation | None = None
        self._generations = 0

    # -- for subclasses and port wrappers --------------------------------------------------------------------

    def after_crash(self) -> None:
        """Reduce what survives to what really would; called after each crash, when the program is gone.

        A store cuts its unsynced tail here, at a length drawn from `self.streams`.
        """

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> AnyTask:
        """Start a task of the world, which no crash of the program touches, whoever calls this."""
        return self.loop.create_task(coroutine, context=self._context.copy())

    def clock_of(self, generation: Generation) -> GenerationClock:
        """Return the clock to give to the program."""
        return GenerationClock(self.clock.in_context(self._context_of(generation)), generation)

    def ids_of(self, generation: Generation) -> SeededIds:
        """Return the identifiers to give to the program; each generation draws its own."""
        return SeededIds(self.streams.of(f"ids of generation {generation.number}"))

    # -- for tests -------------------------------------------------------------------------------------------

    def run_generation(
        self,
        scenario: Callable[[Self, Generation], Coroutine[Any, Any, None]],
        *,
        crash_at_step: int | None = None,
        crash_at_point: tuple[str, int] | None = None,
    ) -> Outcome:
        """Boot the scenario as the next generation and run until it returns or crashes.

        `crash_at_step=n` stops it dead before the nth step of the loop after its boot (steps of the world
        count too: a crash before or after the venue moved makes a difference). `crash_at_point=(label,
        nth)` arms a crash point. When the scenario returns, its process is over: what it left running is
        ended like at a crash, but the world is not told. What it raises, or fails at unseen, is raised with
        the failure report.
        """
        if self.generation is not None:
            raise SimulationError(f"{self.generation!r} is still there")
        generation = self._next_generation(crash_at_step, crash_at_point)
        started_at = self.loop.trace.steps
        context = self._context_of(generation)
        root: AnyTask = self.loop.create_task(scenario(self, generation), context=context)
        # In the program's context, so that a crash in the root's last step takes this back.
        root.add_done_callback(lambda _: self._stop(), context=context)
        try:
            self.loop.run_forever()
            return self._outcome(generation, root, started_at)
        except BaseException as error:  # supervision point: it gets the report and goes on
            self.loop.add_report(error)
            raise
        finally:
            self._finish(generation)

    def crash(self, cause: str, *, at_once: bool = False) -> None:
        """Kill the running generation: its doors close now, its tasks end when the current step is over.

        With `at_once` (only between two steps) the tasks end now. Harmless when nothing is running.
        """
        generation = self.generation
        if generation is None or not generation.alive:
            return
        generation.end(cause)
        self.loop.note(f"crash of generation {generation.number}: {cause}")
        if at_once:
            self._bury(generation)
        else:
            self.loop.after_this_step(lambda: self._bury(generation))

    def pass_time_ns(self, duration_ns: int) -> None:
        """Let the world live on without the program for that long."""
        due_ns = self.clock.monotonic_ns() + duration_ns
        self.clock.call_at_ns(due_ns, self._stop)
        self.loop.run_forever()

    def close(self) -> None:
        """End everything and close the loop."""
        self.loop.abandon_everything()
        self.loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.loop.add_report(error)
        self.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _next_generation(
        self, crash_at_step: int | None, crash_at_point: tuple[str, int] | None
    ) -> Generation:
        self._generations += 1
        generation = self.generation = Generation(self._generations)
        self.loop.note(f"boot of generation {generation.number}")
        self.crash_points.start_counting()
        if crash_at_point is not None:
            self.crash_points.arm(*crash_at_point)
        if crash_at_step is not None:
            cause = f"before step {crash_at_step}"
            step = self.loop.trace.steps + crash_at_step
            self.loop.interrupt_at_step(step, lambda: self.crash(cause, at_once=True))
        return generation

    def _context_of(self, generation: Generation) -> Context:
        context = self._context.copy()
        context.run(CURRENT_GENERATION.set, generation)
        return context

    def _bury(self, generation: Generation) -> None:
        if generation.buried:
            return
        self.loop.abandon(generation)
        self.after_crash()
        self._stop()

    def _stop(self) -> None:
        self.loop.stop()

    def _outcome(self, generation: Generation, root: AnyTask, started_at: int) -> Outcome:
        if generation.alive and not root.done():
            raise SimulationError("somebody else stopped the loop")
        if generation.alive:
            root.result()
            self.loop.raise_unseen_failure()
        return Outcome(
            generation=generation.number,
            crashed=not generation.alive,
            cause=generation.cause or "returned",
            steps=self.loop.trace.steps - started_at,
            crash_points=self.crash_points.hits,
        )

    def _finish(self, generation: Generation) -> None:
        self.generation = None
        self.loop.clear_interrupt()
        self.crash_points.start_counting()
        generation.end("returned")
        if not generation.buried:
            self.loop.abandon(generation)
