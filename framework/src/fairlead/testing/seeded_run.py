"""Running an ordinary asynchronous test on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.seeded_loop import LIVELOCK_STEPS, SeededLoop

T = TypeVar("T")


def run(
    main: Callable[[], Coroutine[Any, Any, T]],
    *,
    seed: int = 0,
    interleaving: InterleavingName = "uniform",
    crash_at_step: int | None = None,
    livelock_steps: int = LIVELOCK_STEPS,
) -> T:
    """Run a coroutine function to its end on a new seeded loop and return its result.

    As with `asyncio.run`, tasks that are left over are canceled and waited for. Whatever is raised carries
    the failure report as a note: seed, options, step, trace digest and last events.
    """
    loop = SeededLoop(
        seed, interleaving=interleaving, crash_at_step=crash_at_step, livelock_steps=livelock_steps
    )
    return run_on(loop, main)


def run_on(loop: SeededLoop, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do as `run`, on a loop that was made before, and close it."""
    try:
        result = loop.run_until_complete(main())
        _cancel_leftovers(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.raise_unseen_failure()
    except BaseException as error:  # supervision point: it gets the report and goes on
        loop.add_report(error)
        raise
    else:
        return result
    finally:
        loop.abandon_everything()
        loop.close()


def _cancel_leftovers(loop: SeededLoop) -> None:
    leftovers = loop.unfinished_tasks()
    for task in leftovers:
        task.cancel()
    if leftovers:
        loop.run_until_complete(asyncio.wait(leftovers))
