"""Rules about restarts, failed appends and late writers."""

from __future__ import annotations

import asyncio

import pytest

from fairlead.errors import CommitFailed, CommitUncertain, StaleEpoch, StoreFault
from fairlead.ports.store import Batch, Store
from fairlead.testing.conformance.store_batches import Scribe, everything, head_after, setting
from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.conformance.store_rule import StoreRules, rule
from fairlead.testing.memory_store import AppendFault, yield_to_loop

_TURNS = 12
"""How many different instants of an append a `reopen` is tried at."""


async def attempt(store: Store, batch: Batch) -> bool:
    """Append; tell whether it was confirmed, and let pass what a store may answer when it was not."""
    try:
        await store.append(batch)
    except (StoreFault, asyncio.CancelledError):
        return False
    return True


async def let_turns_pass(turns: int) -> None:
    """Let the other tasks run that many times."""
    for _ in range(turns):
        await yield_to_loop()


class RecoveryRules(StoreRules):
    """What a restart finds, and what `reopen` makes sure of."""

    @rule
    async def test_s23_a_restart_finds_everything(self, medium: StoreMedium) -> None:
        """S-23 After a close the next kernel finds every record, row and outbox row."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        for number in range(5):
            await scribe.write(setting("counter", str(number)), payloads=[b"a", b"b"])
        before = await everything(store)
        await store.close()
        again = medium.store()
        assert (await again.open("acc", "kernel two")).head == scribe.head
        assert await everything(again) == before

    @rule
    async def test_s24_a_kill_loses_nothing_confirmed(self, medium: StoreMedium) -> None:
        """S-24 After its process died the store opens at once, and has every append that was confirmed."""
        self.needs_kill()
        store = medium.store()
        scribe = await Scribe.opened(store)
        for number in range(5):
            await scribe.write(setting("counter", str(number)))
        before = await everything(store)
        await medium.kill(store)
        again = medium.store()
        opened = await again.open("acc", "kernel two")
        assert opened.head == scribe.head
        assert opened.epoch == scribe.epoch + 1
        assert await everything(again) == before

    @rule
    async def test_s25_the_dead_write_no_more(self, medium: StoreMedium) -> None:
        """S-25 What a dead process had still to write cannot become durable under its successor."""
        self.needs_kill()
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write()
        await medium.kill(store)
        again = medium.store()
        successor = await Scribe.opened(again, holder="kernel two")
        assert not await attempt(store, scribe.draft(setting("late")))
        await successor.write(setting("counter", "1"))
        assert await again.rows("settings") == [{"name": "counter", "value": "1"}]

    @rule
    async def test_s26_reopen_raises_the_epoch(self, medium: StoreMedium) -> None:
        """S-26 Reopen raises the epoch by one, answers with the head, and refuses what was drafted before."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("counter", "1"))
        late = scribe.draft(setting("late"))
        epoch, head = scribe.epoch, scribe.head
        opened = await scribe.reopen()
        assert (opened.epoch, opened.head) == (epoch + 1, head)
        with pytest.raises(StaleEpoch):
            await store.append(late)
        await scribe.write(setting("counter", "2"))
        assert await store.rows("settings") == [{"name": "counter", "value": "2"}]

    @rule
    async def test_s27_what_reopen_answers_is_final(self, medium: StoreMedium) -> None:
        """S-27 A reopen during an append, also a canceled one, tells its fate: nothing changes afterwards."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        for turns in range(_TURNS):
            for cancel in (False, True):
                batch = scribe.draft(setting("counter", f"{turns} {cancel}"))
                task = asyncio.ensure_future(attempt(store, batch))
                await let_turns_pass(turns)
                if cancel:
                    task.cancel()
                opened = await scribe.reopen()
                await asyncio.wait([task])
                confirmed = not task.cancelled() and task.result()
                assert opened.head == head_after(batch) or not confirmed
                stored = await store.envelopes(0, 10_000)
                assert len(stored) == opened.head.sequence
                await scribe.write(setting("after", f"{turns} {cancel}"))
                assert len(await store.envelopes(0, 10_000)) == opened.head.sequence + 1

    @rule
    async def test_s28_look_ups_beside_an_append(self, medium: StoreMedium) -> None:
        """S-28 A look-up beside an append sees all of it or nothing of it."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("a", "0"), setting("b", "0"))
        for number in range(1, 6):
            batch = scribe.draft(setting("a", str(number)), setting("b", str(number)))
            task = asyncio.ensure_future(store.append(batch))
            await yield_to_loop()
            for _ in range(3):
                rows = await store.rows("settings")
                assert len({row["value"] for row in rows}) == 1
            await task
            scribe.head = head_after(batch)

    @rule
    async def test_s29_a_failed_append_stores_nothing(self, medium: StoreMedium) -> None:
        """S-29 `CommitFailed` means that nothing is stored; after a reopen the journal goes on from there."""
        self.needs(AppendFault.FAILS)
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("counter", "1"))
        before = await everything(store)
        medium.plan_fault(store, AppendFault.FAILS)
        with pytest.raises(CommitFailed):
            await store.append(scribe.draft(setting("counter", "2")))
        assert await everything(store) == before
        head = scribe.head
        assert (await scribe.reopen()).head == head
        await scribe.write(setting("counter", "2"))
        assert await store.rows("settings") == [{"name": "counter", "value": "2"}]

    @rule
    async def test_s30_an_uncertain_append_is_settled_by_reopen(self, medium: StoreMedium) -> None:
        """S-30 After `CommitUncertain` nothing is taken until a reopen, whose head says what became of it."""
        for fault in (AppendFault.UNCERTAIN_LOST, AppendFault.UNCERTAIN_STORED):
            self.needs(fault)
        store = medium.store()
        scribe = await Scribe.opened(store)
        for fault in (AppendFault.UNCERTAIN_LOST, AppendFault.UNCERTAIN_STORED):
            head = scribe.head
            batch = scribe.draft(setting("fault", fault.value))
            medium.plan_fault(store, fault)
            with pytest.raises(CommitUncertain):
                await store.append(batch)
            with pytest.raises(CommitFailed):
                await store.append(batch)
            opened = await scribe.reopen()
            assert opened.head == (head if fault is AppendFault.UNCERTAIN_LOST else head_after(batch))
            assert len(await store.envelopes(0, 10)) == opened.head.sequence
            await scribe.write()

    @rule
    async def test_s31_a_hanging_append_is_left_behind(self, medium: StoreMedium) -> None:
        """S-31 Reopen does not wait for an append that hangs; when that goes on, nothing more is stored."""
        self.needs(AppendFault.HANGS)
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("counter", "1"))
        hanging = medium.plan_fault(store, AppendFault.HANGS)
        late = asyncio.ensure_future(attempt(store, scribe.draft(setting("late"))))
        await hanging.reached()
        assert not late.done()
        head = scribe.head
        assert (await scribe.reopen()).head == head
        hanging.release()
        assert not await late
        await scribe.write(setting("counter", "2"))
        assert await store.rows("settings") == [{"name": "counter", "value": "2"}]
        assert len(await store.envelopes(0, 10)) == scribe.head.sequence
