"""Rules about the last line: rows that no sound kernel writes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from fairlead.errors import CommitFailed, RowRuleBroken, StaleEpoch
from fairlead.ports.row_rules import ROW_RULES, RowRule, rules_of
from fairlead.ports.store import Row, Scalar
from fairlead.testing.conformance.store_batches import SPECS, Scribe, everything, sample_row, setting
from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.conformance.store_rule import StoreRules, rule


def breaking_rows(each: RowRule) -> Iterator[Row]:
    """Yield rows that break this rule and no other."""
    keys = {name: "k" for name in SPECS[each.table].key if name.endswith("_id")}
    kinds = {column.name: column.kind for column in SPECS[each.table].columns}
    wrong: list[dict[str, Scalar]]
    if each.live_when:
        known = [
            text
            for other in rules_of(SPECS[each.table])
            for text in other.allowed
            if other.column == each.column
        ]
        over = next(text for text in known if text not in each.live_when)
        wrong = [{each.column: each.live_when[0], "live": False}, {each.column: over, "live": True}]
    elif each.allowed:
        wrong = [{each.column: text} for text in ("", each.allowed[0].upper(), f"{each.allowed[0]} ")]
    elif kinds[each.column] is Decimal:
        wrong = [{each.column: Decimal(text)} for text in ("-1", "-0.000000000000000001", "-1E+20")]
    else:
        wrong = [{each.column: -1}]
    for values in wrong:
        yield sample_row(each.table, **{**keys, **values})


class TripwireRules(StoreRules):
    """What a store refuses although it could keep it."""

    @rule
    async def test_s36_a_row_that_cannot_be_is_refused(self, medium: StoreMedium) -> None:
        """S-36 A row that breaks a rule of its table is `RowRuleBroken`, by name; nothing is stored."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(sample_row("orders", client_order_id="a", quantity=Decimal("-0.0")))
        before = await everything(store)
        for each in ROW_RULES:
            for row in breaking_rows(each):
                with pytest.raises(RowRuleBroken, match=f"ck_{each.table}_{each.name}"):
                    await store.append(scribe.draft(setting("good"), row))
        assert await everything(store) == before
        await scribe.write(setting("good"))

    @rule
    async def test_s37_an_event_id_occurs_once(self, medium: StoreMedium) -> None:
        """S-37 An outbox row whose event id was told before is `RowRuleBroken`; nothing is stored."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        told = (await scribe.write()).outbox[0]
        before = await everything(store)
        batch = scribe.draft(setting("good"))
        twice = replace(batch, outbox=[replace(batch.outbox[0], event_id=told.event_id)])
        with pytest.raises(RowRuleBroken, match=r"outbox.*event_id"):
            await store.append(twice)
        assert await everything(store) == before
        await scribe.write()

    @rule
    async def test_s38_rows_may_come_alone(self, medium: StoreMedium) -> None:
        """S-38 A batch of rows without records is stored under the same guards, and the head stays."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("a", "1"))
        head, journal = scribe.head, list(await store.envelopes(0, 10))
        alone = scribe.alone(setting("a", "2"), sample_row("notifiers", name="n", mark=1))
        await store.append(alone)
        assert [row["value"] for row in await store.rows("settings")] == ["2"]
        assert [row["mark"] for row in await store.rows("notifiers")] == [1]
        assert list(await store.envelopes(0, 10)) == journal
        with pytest.raises(StaleEpoch):
            await store.append(replace(alone, epoch=alone.epoch + 1, rows=[setting("a", "3")]))
        with pytest.raises(CommitFailed):
            await store.append(replace(alone, previous_hash=bytes(32), head_hash=bytes(32)))
        assert [row["value"] for row in await store.rows("settings")] == ["2"]
        assert (await scribe.reopen()).head == head
        await scribe.write(setting("a", "4"))
        assert [row["value"] for row in await store.rows("settings")] == ["4"]
