"""Rules about opening a store and about what an append is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from fairlead.errors import CommitFailed, ConfigurationRefused, StaleEpoch, StoreHeld
from fairlead.ports.store import GENESIS_HASH, Batch, JournalHead, Row
from fairlead.testing.conformance.store_batches import Scribe, everything, head_after, sample_row, setting
from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.conformance.store_rule import StoreRules, rule

_TORN: dict[str, Callable[[Batch], Batch]] = {
    "a gap": lambda batch: replace(
        batch, first_sequence=batch.first_sequence + 1, last_sequence=batch.last_sequence + 1
    ),
    "a repetition": lambda batch: replace(
        batch, first_sequence=batch.first_sequence - 1, last_sequence=batch.last_sequence - 1
    ),
    "another past": lambda batch: replace(batch, previous_hash=bytes(reversed(batch.head_hash))),
    "a missing record": lambda batch: replace(batch, envelopes=batch.envelopes[:-1]),
    "another end": lambda batch: replace(batch, head_hash=bytes(reversed(batch.head_hash))),
}


class WritingRules(StoreRules):
    """Opening, appending, and what is refused."""

    @rule
    async def test_s01_a_fresh_store_is_empty(self, medium: StoreMedium) -> None:
        """S-01 A fresh store opens under epoch 1 at sequence 0 with an all-zero hash, and holds nothing."""
        store = medium.store()
        opened = await store.open("acc", "kernel one")
        assert opened.epoch == 1
        assert opened.head == JournalHead(0, GENESIS_HASH)
        assert not any((await everything(store)).values())

    @rule
    async def test_s02_every_open_raises_the_epoch(self, medium: StoreMedium) -> None:
        """S-02 Every open raises the epoch by one and answers with the head of what is stored."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        batch = await scribe.write()
        await store.close()
        for expected in (2, 3):
            again = medium.store()
            opened = await again.open("acc", f"kernel {expected}")
            assert opened.epoch == expected
            assert opened.head == head_after(batch)
            await again.close()

    @rule
    async def test_s03_an_append_is_whole(self, medium: StoreMedium) -> None:
        """S-03 When an append returns, its records, its rows and its outbox rows can all be read."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        order = sample_row("orders", client_order_id="a1", quantity=Decimal("1.5"), live=True)
        batch = await scribe.write(order, setting("trading", "active"), payloads=[b"one", b"two"])
        assert await store.envelopes(0, 10) == batch.envelopes
        assert await store.outbox(0, 10) == batch.outbox
        assert await store.rows("orders") == [order.named()]
        assert await store.rows("settings") == [{"name": "trading", "value": "active"}]

    @rule
    async def test_s04_a_batch_continues_the_head(self, medium: StoreMedium) -> None:
        """S-04 A batch that leaves a gap, repeats, has another past or misses a record is `CommitFailed`."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(payloads=[b"one", b"two"])
        before = await everything(store)
        for torn in _TORN.values():
            with pytest.raises(CommitFailed):
                await store.append(torn(scribe.draft(setting("torn"), payloads=[b"three", b"four"])))
            assert await everything(store) == before
        await scribe.write()

    @rule
    async def test_s05_only_the_current_epoch_writes(self, medium: StoreMedium) -> None:
        """S-05 A batch of an older or of a later epoch is `StaleEpoch`, and nothing of it is stored."""
        first = medium.store()
        await Scribe.opened(first)
        await first.close()
        store = medium.store()
        scribe = await Scribe.opened(store)
        before = await everything(store)
        for epoch in (scribe.epoch - 1, scribe.epoch + 1):
            with pytest.raises(StaleEpoch):
                await store.append(replace(scribe.draft(setting("stale")), epoch=epoch))
            assert await everything(store) == before
        await scribe.write()

    @rule
    async def test_s06_a_batch_is_stored_whole_or_not_at_all(self, medium: StoreMedium) -> None:
        """S-06 When any row of a batch cannot be stored, it is `CommitFailed` and nothing of it is stored."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("kept", "old"))
        before = await everything(store)
        good = (setting("kept", "new"), sample_row("balances", asset="BTC"))
        for bad in (
            Row("no_such_table", (1,)),
            Row("balances", ("ETH",)),
            Row("balances", ("ETH", Decimal(1), "red")),
            Row("balances", ("ETH", None)),
            sample_row("orders", client_order_id="a", attempt="three"),
            sample_row("orders", client_order_id="a", live=1),
            sample_row("orders", client_order_id="a", owner=7),
        ):
            with pytest.raises(CommitFailed):
                await store.append(scribe.draft(*good, bad, payloads=[b"1", b"2"]))
            assert await everything(store) == before
        await scribe.write(*good)

    @rule
    async def test_s07_inexact_numbers_are_refused(self, medium: StoreMedium) -> None:
        """S-07 A float, an integer, text, NaN or an infinity in a decimal column is `CommitFailed`."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        for number in (
            0.1,
            1,
            "1",
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("Infinity"),
            Decimal("-Infinity"),
        ):
            row = Row("balances", ("BTC", number))  # type: ignore[arg-type] # on purpose
            with pytest.raises(CommitFailed):
                await store.append(scribe.draft(row))
        assert await store.rows("balances") == []
        assert await store.envelopes(0, 1) == []
        await scribe.write(Row("balances", ("BTC", Decimal("0.1"))))

    @rule
    async def test_s08_a_second_holder_is_refused(self, medium: StoreMedium) -> None:
        """S-08 While a holder lives a second one is `StoreHeld`, which names the first; that one goes on."""
        store = medium.store()
        scribe = await Scribe.opened(store, holder="host-a pid 17")
        with pytest.raises(StoreHeld) as refusal:
            await medium.store().open("acc", "host-a pid 18")
        assert "host-a pid 17" in refusal.value.holder
        with pytest.raises(StoreHeld):
            await store.open("acc", "host-a pid 17")
        await scribe.write()
        await store.close()
        await medium.store().open("acc", "host-a pid 18")

    @rule
    async def test_s09_a_store_belongs_to_one_account(self, medium: StoreMedium) -> None:
        """S-09 Another account is `ConfigurationRefused`, changes nothing, and does not keep the hold."""
        store = medium.store()
        scribe = await Scribe.opened(store, account="acc")
        await scribe.write()
        await store.close()
        with pytest.raises(ConfigurationRefused):
            await medium.store().open("other", "kernel two")
        opened = await medium.store().open("acc", "kernel three")
        assert opened.epoch == scribe.epoch + 1
        assert opened.head == scribe.head

    @rule
    async def test_s10_a_closed_store_takes_nothing(self, medium: StoreMedium) -> None:
        """S-10 Close is harmless before an open and when repeated; a closed store refuses every append."""
        store = medium.store()
        await store.close()
        scribe = await Scribe.opened(store)
        await scribe.write()
        await store.close()
        await store.close()
        with pytest.raises((CommitFailed, StaleEpoch)):
            await store.append(scribe.draft())
        assert (await medium.store().open("acc", "kernel two")).head == scribe.head
