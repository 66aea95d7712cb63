"""The lock file and the thread, by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from functools import partial
from pathlib import Path

import pytest

from fairlead.errors import StoreFault, StoreHeld
from fairlead_sqlstore.hold import Hold
from fairlead_sqlstore.worker import Worker, WorkerEndedError


def test_a_hold_is_exclusive_and_says_whose_it_is(tmp_path: Path) -> None:
    """The second taker is told the first one's words; after the release the file names nobody and stays."""
    path = tmp_path / "bot.sqlite.lock"
    hold = Hold(path, "host 日本 pid 1")
    with pytest.raises(StoreHeld, match="host 日本 pid 1"):
        Hold(path, "another")
    hold.release()
    hold.release()
    assert path.read_text() == ""
    Hold(path, "another").release()


def test_a_holder_who_said_nothing_is_not_invented(tmp_path: Path) -> None:
    """In the instant before the holder has written its words the refusal says that it does not know."""
    path = tmp_path / "bot.sqlite.lock"
    hold = Hold(path, "")
    with pytest.raises(StoreHeld, match="has not said who it is"):
        Hold(path, "another")
    hold.release()


def test_words_of_a_dead_holder_are_overwritten(tmp_path: Path) -> None:
    """What a killed kernel left in the file is replaced by the next holder, also when that says less."""
    path = tmp_path / "bot.sqlite.lock"
    Hold(path, "a kernel with a very long description").drop()
    hold = Hold(path, "short")
    assert path.read_text() == "short"
    hold.release()


def test_a_lock_file_that_cannot_be_made_is_a_store_fault(tmp_path: Path) -> None:
    """The refusal names the file and what to do."""
    with pytest.raises(StoreFault, match=r"lock file .*none.*write access"):
        Hold(tmp_path / "none" / "bot.sqlite.lock", "kernel")


def open_descriptors() -> int:
    """Return how many of the first file descriptors are open."""
    found = 0
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            found += 1
    return found


def test_a_process_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """Neither a release nor a refusal leaks a file descriptor."""
    path = tmp_path / "bot.sqlite.lock"
    before = open_descriptors()
    hold = Hold(path, "kernel")
    with pytest.raises(StoreHeld):
        Hold(path, "another")
    hold.release()
    assert open_descriptors() == before


def test_jobs_run_in_order_in_one_other_thread() -> None:
    """Results and errors come back to whoever waits for them."""

    async def scenario() -> None:
        worker = Worker("test")
        seen: list[int] = []

        def note(number: int) -> int:
            seen.append(number)
            return threading.get_ident()

        threads = await asyncio.gather(*(worker.run(partial(note, number)) for number in range(5)))
        assert seen == [0, 1, 2, 3, 4]
        assert len(set(threads)) == 1
        assert threads[0] != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        worker.end(lambda: None)

    asyncio.run(scenario())


def test_an_abandoned_job_is_not_waited_for() -> None:
    """After `end` the job under way still answers, those behind it never began, and the end comes last."""

    async def scenario() -> None:
        worker = Worker("test")
        entered, released, ended = threading.Event(), threading.Event(), threading.Event()

        def block() -> str:
            entered.set()
            released.wait()
            return "done"

        first = asyncio.ensure_future(worker.run(block))
        second = asyncio.ensure_future(worker.run(lambda: "never"))
        await asyncio.to_thread(entered.wait)
        worker.end(ended.set)
        with pytest.raises(WorkerEndedError):
            await worker.run(lambda: "too late")
        assert not ended.is_set()
        released.set()
        assert await first == "done"
        with pytest.raises(WorkerEndedError):
            await second
        await asyncio.to_thread(ended.wait)

    asyncio.run(scenario())


def test_a_loop_that_is_gone_does_not_end_the_thread() -> None:
    """When the loop was closed before the answer, the answer is dropped and the thread goes on."""
    worker = Worker("test")
    entered, released = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        released.wait()

    async def leave() -> None:
        task = asyncio.ensure_future(worker.run(block))
        await asyncio.to_thread(entered.wait)
        task.cancel()

    asyncio.run(leave())
    released.set()

    async def again() -> str:
        return await worker.run(lambda: "still there")

    assert asyncio.run(again()) == "still there"
    worker.end(lambda: None)
