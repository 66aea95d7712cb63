"""An event loop whose time is virtual and whose interleaving comes from a seed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, TypeVar, TypeVarTuple

from fairlead.testing.burial import bury_generator
from fairlead.testing.generation import Generation, generation_of
from fairlead.testing.interleaving import InterleavingName, ReadyHandle, interleaving_of
from fairlead.testing.outside import NoOutsideWorld
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.simulation_errors import (
    Crashed,
    Deadlock,
    GenerationDead,
    Livelock,
    OutsideSimulation,
    Overtime,
    SimulationError,
    StrayFailure,
)
from fairlead.testing.task_registry import Belongs, TaskRegistry
from fairlead.testing.task_steps import AnyTask, callback_label, require_recognizable_steps, task_of
from fairlead.testing.timer_queue import MICROSECONDS_PER_SECOND, DueHandle, TimerQueue, microseconds_of
from fairlead.testing.trace import FailureReport, Trace

START_US = MICROSECONDS_PER_SECOND
LIVELOCK_STEPS = 500_000
EXECUTOR_DELAY_LIMIT_US = 1_000
_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


class SeededLoop(NoOutsideWorld):
    """Runs everything in one thread, in an order drawn from a seed, on a clock that jumps to the next timer.

    One step is one callback or one step of a task. Time stands still while anything is ready. The clock
    counts whole microseconds from one second on, so it never loses precision. The same program and seed
    give the same steps and the same trace digest, as long as all chance, time and input come through ports.

    `interleaving` is "uniform", "priority" or "fifo" (the order of stock asyncio). `crash_at_step=N` raises
    `Crashed` out of the run instead of making step N. `livelock_steps` bounds the steps without time
    passing, `time_limit_us` the time itself. Failures that asyncio would only log (a callback raises, a
    task fails unseen) are raised out of the run.

    Versions of asyncio differ in how many steps `asyncio.wait_for` and `asyncio.Runner` take: digests of
    programs that use them differ between Python versions.
    """

    _closed = True  # until the constructor is through: the base class asks when a half-made loop goes away

    def __init__(
        self,
        seed: int = 0,
        *,
        interleaving: InterleavingName = "uniform",
        crash_at_step: int | None = None,
        livelock_steps: int = LIVELOCK_STEPS,
        time_limit_us: int | None = None,
    ) -> None:
        require_recognizable_steps()
        self.streams = SeedStreams(seed)
        self._interleaving = interleaving_of(interleaving, self.streams.of("interleaving"))
        super().__init__()
        self.seed = seed
        self.options: dict[str, object] = {"interleaving": interleaving}
        self.trace = Trace()
        self._executor_delays = self.streams.of("executor")
        self._now_us = START_US
        self._timers = TimerQueue()
        self._ready_handles: list[ReadyHandle | DueHandle] = []
        self._left_in_round = 0
        self._tasks = TaskRegistry()
        self._livelock_steps = livelock_steps
        self._time_limit_us = time_limit_us
        self._time_moved_at_step = 0
        self._interrupt: tuple[int, Callable[[], None]] | None = None
        self._after_step: list[Callable[[], None]] = []
        self._stop_asked = False
        self._stray_failure: Exception | None = None
        self._thread = threading.get_ident()
        if crash_at_step is not None:
            self.options["crash_at_step"] = crash_at_step
            self.interrupt_at_step(crash_at_step, self._raise_crashed)

    # -- time and scheduling ---------------------------------------------------------------------------------

    @property
    def now_us(self) -> int:
        """Virtual monotonic time in whole microseconds."""
        return self._now_us

    def time(self) -> float:
        """Return virtual monotonic time in seconds."""
        return self._now_us / MICROSECONDS_PER_SECOND

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run the callback at that loop time in seconds, rounded up to a microsecond."""
        return self.call_at_us(microseconds_of(when), callback, *args, context=context)

    def call_at_us(
        self,
        due_us: int,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run the callback at exactly that microsecond of loop time."""
        self._require_open()
        context = copy_context() if context is None else context
        handle = DueHandle(due_us / MICROSECONDS_PER_SECOND, callback, args, self, context)
        handle.label = callback_label(callback)
        handle.generation = generation_of(context)
        if _may_run(handle.generation):
            self._timers.add(due_us, handle)
        return handle

    def call_soon(
        self,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Run the callback when its turn comes; never, when it belongs to a buried generation."""
        self._require_open()
        context = copy_context() if context is None else context
        handle = ReadyHandle(callback, args, self, context)
        task = task_of(callback)
        if task is None:
            handle.task_number = 0
            handle.label = callback_label(callback)
            handle.generation = generation_of(context)
            wanted = _may_run(handle.generation)
        else:
            identity = self._tasks.identity_of(task, context)
            handle.task_number = identity.number
            handle.label = identity.label
            handle.generation = identity.generation
            wanted = identity.may_run()
        if wanted:
            self._ready_handles.append(handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Do as `call_soon`; raise `OutsideSimulation` when called from another thread."""
        if threading.get_ident() != self._thread:
            raise OutsideSimulation("a real thread called into the simulation: that cannot be repeated")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self,
        executor: object,  # noqa: ARG002 - asyncio passes it
        func: Callable[[*_Arguments], _Result],
        *args: *_Arguments,
    ) -> asyncio.Future[_Result]:
        """Run the function in this thread after a seeded delay of virtual time; the executor is not used."""
        future: asyncio.Future[_Result] = self.create_future()
        delay_us = self._executor_delays.randrange(EXECUTOR_DELAY_LIMIT_US)
        self.call_at_us(self._now_us + delay_us, _run_into, future, lambda: func(*args))
        return future

    def create_task(
        self,
        coro: Generator[Any, None, _Result] | Coroutine[Any, Any, _Result],
        **options: Any,  # noqa: ANN401 - newer versions of asyncio have more of them
    ) -> asyncio.Task[_Result]:
        """Create a task; most were met at their first `call_soon`, those that start eagerly are met here."""
        task = super().create_task(coro, **options)
        if not task.done():
            self._tasks.identity_of(task, options.get("context") or copy_context())
        return task

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timers.canceling(handle)

    def _require_open(self) -> None:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")

    # -- running ---------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop after the current step."""
        self._stop_asked = True
        super().stop()

    def interrupt_at_step(self, step: int, action: Callable[[], None]) -> None:
        """Call the action before making that step; the step follows unless it raises or stops the loop.

        Steps count from 1 over the life of the loop. There is one interruption at a time; a later call
        replaces it.
        """
        if step <= self.trace.steps:
            raise ValueError(f"step {step} is over; {self.trace.steps} steps were made")
        self._interrupt = (step, action)

    def clear_interrupt(self) -> None:
        """Take the interruption back; harmless when there is none."""
        self._interrupt = None

    def after_this_step(self, action: Callable[[], None]) -> None:
        """Call the action when the current step is over, before anything else runs."""
        self._after_step.append(action)

    def _run_once(self) -> None:
        """Make one step. `BaseEventLoop.run_forever` calls this until somebody stops it."""
        if self._interrupt is not None and self._interrupt[0] == self.trace.steps + 1:
            action, self._interrupt = self._interrupt[1], None
            action()
        if self._stop_asked or not self._open_round():
            self._stop_asked = False
            return
        self._left_in_round -= 1
        handle = self._ready_handles.pop(self._interleaving.pick(self._ready_handles))
        if handle.cancelled():
            return
        self.trace.step(self._now_us, handle.label)
        if self.trace.steps - self._time_moved_at_step > self._livelock_steps:
            raise self._reported(Livelock(f"{self._livelock_steps} steps without any time passing"))
        handle._run()  # noqa: SLF001 - as every event loop does
        while self._after_step:
            self._after_step.pop(0)()
        self._stop_asked = False
        self._raise_stray_failure()

    def _open_round(self) -> bool:
        """Tell whether anything is ready; move time on if nothing is; raise `Deadlock` if nothing can be.

        As in stock asyncio, timers join between rounds, a round being what was ready when it began.
        """
        if self._left_in_round > 0 and self._ready_handles:
            return True
        if not self._ready_handles:
            due_us = self._timers.next_due_us()
            if due_us is None:
                raise self._reported(Deadlock("no task is ready, no timer is set: nothing can ever run"))
            self._move_time_to(due_us)
        self._ready_handles += self._timers.take_due(self._now_us)
        self._left_in_round = len(self._ready_handles)
        return True

    def _move_time_to(self, due_us: int) -> None:
        if self._time_limit_us is not None and due_us > self._time_limit_us:
            raise self._reported(Overtime(f"virtual time would pass {self._time_limit_us} microseconds"))
        if due_us > self._now_us:
            self._now_us = due_us
            self._time_moved_at_step = self.trace.steps

    def _raise_crashed(self) -> None:
        raise self._reported(Crashed(f"stopped dead before step {self.trace.steps + 1}"))

    # -- failures --------------------------------------------------------------------------------------------

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep the first failure that nobody waited for, to raise it out of the run."""
        error = context.get("exception")
        owner = getattr(context.get("handle"), "generation", None)
        if isinstance(error, GenerationDead) or (owner is not None and not owner.alive):
            return
        if not self.is_running():
            super().default_exception_handler(context)
        elif self._stray_failure is None:
            self._stray_failure = StrayFailure(f"{context.get('message')}: {error!r}")
            self._stray_failure.__cause__ = error

    def _raise_stray_failure(self) -> None:
        if self._stray_failure is not None:
            failure, self._stray_failure = self._stray_failure, None
            raise self._reported(failure)

    def note(self, text: str) -> None:
        """Put an event of the test's own into the trace and its digest."""
        self.trace.note(self._now_us, text)

    def report(self) -> FailureReport:
        """Return the seed, the options and how the run went, up to now."""
        return FailureReport(
            seed=self.seed,
            options=dict(self.options),
            step=self.trace.steps,
            time_us=self._now_us,
            digest=self.trace.digest(),
            events=self.trace.last_events(),
            waiting=self._tasks.where_they_wait(),
        )

    def add_report(self, error: BaseException) -> None:
        """Attach the failure report to an error as a note, and as `failure_report`, once."""
        if getattr(error, "failure_report", None) is None:
            report = self.report()
            error.failure_report = report  # type: ignore[attr-defined]  # any error may get one
            error.add_note(report.text())

    def _reported(self, error: Exception) -> Exception:
        self.add_report(error)
        return error

    # -- endings ---------------------------------------------------------------------------------------------

    def unfinished_tasks(self) -> list[AnyTask]:
        """Return the tasks that are not done, in the order in which they were created."""
        return self._tasks.unfinished()

    def raise_unseen_failure(self) -> None:
        """Raise `StrayFailure` when a finished task failed and nobody has looked at it."""
        failure = self._tasks.unseen_failure()
        if failure is not None:
            label, error = failure
            raise self._reported(StrayFailure(f"{label} failed and nobody looked: {error!r}")) from error

    def abandon(self, generation: Generation) -> None:
        """Take everything of a dead generation off the loop, between two steps.

        Its callbacks and timers are dropped. Its tasks and generators are closed at once, so their
        `finally` blocks run now, once, with every awaited thing failing to answer; what they schedule is
        dropped as well.
        """
        if generation.alive:
            raise SimulationError(f"{generation!r} cannot be abandoned while it is alive")
        generation.buried = True
        self._bury(lambda owner: owner is generation)

    def abandon_everything(self) -> None:
        """Take everything off the loop, whoever it belongs to, after a run that failed or was crashed."""
        self._bury(lambda _owner: True)

    def _bury(self, belongs: Belongs) -> None:
        # Handles go last: one may hold the only reference to a task that is still to be buried.
        running_loop = asyncio._get_running_loop()  # noqa: SLF001 - loops are its users
        asyncio._set_running_loop(self)  # noqa: SLF001 - what `finally` blocks call may ask for it
        try:
            self._tasks.bury(belongs)
        finally:
            asyncio._set_running_loop(running_loop)  # noqa: SLF001 - same
        self._drop_handles(belongs)

    def _drop_handles(self, belongs: Belongs) -> None:
        self._ready_handles = [handle for handle in self._ready_handles if not belongs(handle.generation)]
        self._timers.keep(lambda timer: not belongs(timer.generation))

    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._tasks.meet_generator(agen)
        super()._asyncgen_firstiter_hook(agen)  # type: ignore[misc]  # private

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        context = self._tasks.forget_generator(agen)
        if self.is_running() and _may_run(generation_of(context)):
            # Unlike stock asyncio at once and in the owner's context, so that a crash ends this task too.
            context.run(self.create_task, agen.aclose())
        else:
            bury_generator(agen, context)

    def close(self) -> None:
        """Close the loop and forget what was scheduled."""
        super().close()
        if not self.is_running():
            self._drop_handles(lambda _owner: True)


def _may_run(generation: Generation | None) -> bool:
    return generation is None or not generation.buried


def _run_into(future: asyncio.Future[_Result], func: Callable[[], _Result]) -> None:
    """Run a function as an executor would: whatever it raises belongs to whoever awaits the future."""
    if future.cancelled():
        return
    try:
        result = func()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # isolation point: what a thread raises belongs to its caller
        future.set_exception(error)
    else:
        future.set_result(result)
