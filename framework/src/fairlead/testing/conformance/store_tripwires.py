"""Rules about the last line: rows that no sound kernel writes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from fairlead.errors import RowRuleBroken
from fairlead.ports.row_rules import ROW_RULES, RowRule
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
        state = each.live_when[0]
        wrong = [{"state": state, "live": False}, {"state": "filled", "live": True}]
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
