"""The watchdog round by round, without a thread: whom it interrupts, and whom never."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from fairlead.kernel.gate import watchdog
from fairlead.kernel.gate.watchdog import CheckHung, NoWatchdog, ThreadWatchdog

LIMIT_NS = 250_000_000


class Rounds:
    """An event that lets something happen in each limit that passes, and is set after the last one."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self._happens = list(happens)
        self.waited: list[float] = []

    def wait(self, seconds: float) -> bool:
        """See `threading.Event.wait`."""
        self.waited.append(seconds)
        if not self._happens:
            return True
        self._happens.pop(0)()
        return False


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the threads that were interrupted; none really is."""
    threads: list[int] = []
    monkeypatch.setattr(watchdog, "_interrupt", threads.append)
    monkeypatch.setattr(watchdog, "_absorb", lambda: threads.append(-1))
    return threads


def nothing() -> None:
    """Let the limit pass."""


def watched(*happens: Callable[[ThreadWatchdog], object]) -> ThreadWatchdog:
    """Return a watchdog that has watched while this happened, one thing in each limit."""
    dog = ThreadWatchdog(LIMIT_NS)
    rounds = Rounds(*((lambda each=each: each(dog)) for each in happens))
    dog._closed = cast("Any", rounds)
    dog._watch()
    assert rounds.waited == [0.25] * (len(happens) + 1)
    return dog


def begins(dog: ThreadWatchdog) -> None:
    """Let a block begin."""
    dog.__enter__()


def ends(dog: ThreadWatchdog) -> None:
    """Let the block end as it does when nothing was raised in it."""
    dog.__exit__(None, None, None)


def quick(dog: ThreadWatchdog) -> None:
    """Let a block begin and end."""
    begins(dog)
    ends(dog)


def next_one(dog: ThreadWatchdog) -> None:
    """Let the block end and another begin."""
    ends(dog)
    begins(dog)


def passes(_dog: ThreadWatchdog) -> None:
    """Let the limit pass."""


@pytest.mark.parametrize(
    ("happens", "times"),
    [
        ((passes, passes, passes), 0),
        ((begins,), 0),
        ((begins, passes), 1),
        ((begins, passes, passes, passes), 3),
        ((passes, begins, passes), 1),
        ((begins, ends, passes, passes), 0),
        ((quick, passes, passes), 0),
        ((begins, next_one, next_one), 0),
        ((begins, next_one, passes), 1),
    ],
)
def test_who_is_in_one_block_for_a_whole_limit_is_interrupted_and_nobody_else(
    interrupted: list[int], happens: tuple[Callable[[ThreadWatchdog], object], ...], times: int
) -> None:
    """After one to two limits, and again after each further one; quick blocks one after another never are."""
    watched(*happens)
    assert interrupted == [threading.get_ident()] * times


def test_a_block_that_was_struck_at_its_very_end_says_so(interrupted: list[int]) -> None:
    """The interruption was on its way: it is absorbed there, and hits nobody else."""
    dog = watched(begins, passes)
    assert interrupted == [threading.get_ident()]
    with pytest.raises(CheckHung):
        ends(dog)
    assert interrupted[1:] == [-1]
    begins(dog)
    ends(dog)
    assert interrupted[1:] == [-1]


def test_a_block_that_is_left_by_the_interruption_raises_no_second_one(interrupted: list[int]) -> None:
    """What struck goes on as it is, and whoever caught it disarms once more."""
    dog = watched(begins, passes)
    dog.__exit__(CheckHung, CheckHung(), None)
    dog.disarm()
    assert interrupted == [threading.get_ident(), -1, -1]


def test_a_block_that_ends_while_the_watcher_looks_is_spared(interrupted: list[int]) -> None:
    """It announces, looks again, and fires only at what is still under way."""
    dog = ThreadWatchdog(LIMIT_NS)
    looks: list[bool] = [True, False]
    dog._is_stuck = lambda seen: looks.pop(0)  # type: ignore[method-assign]  # noqa: ARG005  # it ends between two looks
    dog._closed = cast("Any", Rounds(nothing))
    dog._watch()
    assert (interrupted, dog._announced, dog._done) == ([], 1, 1)


class Firing(ThreadWatchdog):
    """One whose watcher has announced that it fires, and fires while the block waits for it."""

    looks = 0

    @property
    def _done(self) -> int:  # read by the block until the watcher is through
        self.looks += 1
        if self.looks == 3:
            self._fired_round = self._round
        return self._announced - (self.looks < 3)

    @_done.setter
    def _done(self, done: int) -> None:
        assert done == 0


def test_a_block_waits_for_a_watcher_that_is_about_to_fire(interrupted: list[int]) -> None:
    """It ends only when the watcher has said what it did: nothing may strike whoever runs next."""
    dog = Firing(LIMIT_NS)
    begins(dog)
    dog.looks = 0
    with pytest.raises(CheckHung):
        ends(dog)
    assert (dog.looks, interrupted) == (3, [-1])


def test_watching_starts_one_thread_that_close_ends() -> None:
    """A daemon of a name that an operator recognises; without any watching there is none, and none to end."""
    dog = ThreadWatchdog(3_600_000_000_000)
    dog.close()
    names = [thread.name for thread in threading.enumerate()]
    assert "fairlead-watchdog" not in names
    dog = ThreadWatchdog(3_600_000_000_000)
    for _ in range(2):
        with dog.watching():
            pass
    (thread,) = (each for each in threading.enumerate() if each.name == "fairlead-watchdog")
    assert thread.daemon
    dog.close()
    assert not thread.is_alive()
    dog.close()


def test_no_watchdog_watches_nothing() -> None:
    """In a simulation time stands still inside a step."""
    dog = NoWatchdog()
    with dog.watching():
        pass
    dog.disarm()
    dog.close()
