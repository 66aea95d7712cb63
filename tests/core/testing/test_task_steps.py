"""Steps of tasks are told from other callbacks, or the loop refuses to start."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator

import pytest

from fairlead.testing import task_steps
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.simulation_errors import UnrecognizedTaskStep
from fairlead.testing.task_steps import callback_label, require_recognizable_steps


@pytest.fixture
def fresh_check() -> Iterator[None]:
    """Let the check, which runs once per process, run again in the test and after it."""
    require_recognizable_steps.cache_clear()
    yield
    require_recognizable_steps.cache_clear()


@pytest.mark.usefixtures("fresh_check")
def test_steps_of_this_python_are_recognized() -> None:
    """C tasks and pure Python tasks: first step and wake-up are seen for what they are."""
    require_recognizable_steps()


@pytest.mark.usefixtures("fresh_check")
def test_an_unknown_python_is_refused_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """When wake-ups have another name than those known, no loop is made, because it would explore nothing."""
    monkeypatch.setattr(task_steps, "_STEP_NAMES", frozenset({"task_wakeup"}))
    with pytest.raises(UnrecognizedTaskStep, match="schedules"):
        SeededLoop(1)


@pytest.mark.usefixtures("fresh_check")
def test_taking_everything_of_a_task_for_a_step_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recognition that is too generous would let ordinary callbacks overtake."""
    monkeypatch.setattr(task_steps, "_STEP_NAMES", frozenset({"task_wakeup", "__step", "__wakeup", "cancel"}))
    with pytest.raises(UnrecognizedTaskStep, match="taken for a step"):
        SeededLoop(1)


def test_labels_hold_no_addresses_and_no_names_of_asyncio() -> None:
    """What goes into the digest is the same in every process and on every version."""
    loop = SeededLoop(1)
    future: asyncio.Future[None] = loop.create_future()

    class Bot:
        def act(self) -> None:
            pass

        def __call__(self) -> None:
            pass

    bot = Bot()
    here = "test_labels_hold_no_addresses_and_no_names_of_asyncio.<locals>.Bot"
    assert callback_label(future.set_result) == "asyncio callback"
    assert callback_label(asyncio.Event().set) == "asyncio callback"
    assert callback_label(bot.act) == f"callback {here}.act"
    assert callback_label(functools.partial(functools.partial(bot.act))) == f"callback {here}.act"
    assert callback_label(bot) == f"callback {here}"
    assert callback_label([].append) == "callback list.append"
    loop.close()
