"""What notices hold is a contract: the catalogue, the records and what a kernel tells agree, both ways."""

from __future__ import annotations

import json
import re
import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest

from fairlead.domain.ledger import PositionChange
from fairlead.domain.records import RECORD_CLASSES, Record
from fairlead.kernel.journal.outputs import _SILENT
from fairlead.kernel.outbox.catalogue import (
    FORMS,
    HIDDEN,
    NOTICES,
    ORDER_FIELDS,
    POSITION_FIELDS,
    RECORD_NOTICES,
    VERSION,
    NoticeField,
    schema_of,
)
from fairlead.ports.notices import DeliveryOutcome, Notice
from fairlead.testing.scripted_notifier import AGAIN, ScriptedNotifier
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.checks import MostPositions

TOLD = {cls.KIND: cls for cls in RECORD_CLASSES if cls not in _SILENT}


def form_of(hint: Any) -> tuple[str, bool]:  # noqa: ANN401 - an annotation has no type of its own
    """Return the form of a record's field and whether it may be null; an unknown type raises."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        assert arguments[1:] == (types.NoneType,)
        return form_of(arguments[0])[0], True
    if typing.get_origin(hint) is tuple:
        if arguments[0] is str:
            return "texts", False
        return ("pairs" if typing.get_origin(arguments[0]) is tuple else "objects"), False
    for cls, form in ((bool, "flag"), (int, "whole"), (Decimal, "decimal"), (str, "text"), (Enum, "text")):
        if issubclass(hint, cls):
            return form, False
    assert issubclass(hint, msgspec.Struct)
    return "object", False


def fields_of(cls: type[Record]) -> dict[str, NoticeField]:
    """Return the fields that a notice of a record has, from the record's class alone."""
    fields = {}
    for field in msgspec.structs.fields(cls):
        if field.encode_name not in HIDDEN:
            form, nullable = form_of(field.type)
            always = field.required or not cls.__struct_config__.omit_defaults
            fields[field.encode_name] = NoticeField(field.encode_name, form, nullable, always)
    return fields


def test_every_kind_that_is_told_is_in_the_catalogue_and_no_other() -> None:
    """A record kind without an entry fails here, and so does an entry that nothing produces."""
    assert set(RECORD_NOTICES) == set(TOLD)
    assert set(NOTICES) - set(TOLD) == {f"position_{change.value}" for change in PositionChange}
    assert all(kind.meaning.endswith(".") for kind in NOTICES.values())


@pytest.mark.parametrize("kind", sorted(TOLD))
def test_every_field_of_a_record_is_in_its_entry_and_no_other(kind: str) -> None:
    """Name, form, null and presence are those of the record: a field that changes changes the contract."""
    assert dict(RECORD_NOTICES[kind].fields) == fields_of(TOLD[kind])


@pytest.mark.parametrize("kind", sorted(NOTICES))
def test_every_kind_has_a_schema_that_allows_more_fields(kind: str) -> None:
    """A schema of fields of known forms, which demands no field it does not have; later ones break nobody."""
    schema = schema_of(kind)
    assert (schema["title"], schema["type"]) == (kind, "object")
    assert set(schema["required"]) <= set(schema["properties"])
    assert {field.form for field in NOTICES[kind].fields.values()} <= set(FORMS)
    assert "additionalProperties" not in schema


JSON_TYPES: dict[str, type] = {
    "string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": types.NoneType
}  # fmt: skip


def fits(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - any value of JSON
    """Tell whether a value fits a schema, for the words that the catalogue's schemas use."""
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if type(value) is not JSON_TYPES[schema["type"]]:
        return False
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        bounds = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return bounds and all(fits(each, schema["items"]) for each in value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        there = set(schema.get("required", ())) <= set(value)
        return there and all(fits(value[name], properties[name]) for name in properties.keys() & value.keys())
    return True


def test_what_does_not_fit_a_schema_is_seen() -> None:
    """The check itself refuses a missing field, a number where text belongs, and null where none may be."""
    good = {"state": "active", "reason": "", "by": "operator"}
    schema = schema_of("trading_state_changed")
    assert fits(good, schema)
    for bad in ({"state": "active", "reason": ""}, good | {"by": 7}, good | {"reason": None}):
        assert not fits(bad, schema)


def check(notice: Notice) -> None:
    """Demand that a notice holds what the catalogue says, and nothing else."""
    assert notice.version == VERSION
    known = set(NOTICES[notice.kind].fields)
    assert set(notice.data) - {"order"} <= known
    data: dict[str, Any] = json.loads(json.dumps(notice.data))
    assert set(data.get("order", {})) <= set(ORDER_FIELDS)
    assert set(data.get("position", {})) <= set(POSITION_FIELDS)
    assert fits(data, schema_of(notice.kind)), (notice.kind, data)


def test_what_a_kernel_tells_is_what_the_catalogue_says() -> None:
    """Fills, a denial, a position opened: every notice fits, and says what people ask."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bench.exchange.trade(name, "0.5", "100", fee="0.1")
        await bench.pass_ms(1_000)
        bench.exchange.trade(name, "1.5", "100")
        await bench.pass_ms(1_000)
        denied = await bench.execute(symbol=ETH)
        assert denied.denied
        await bench.pass_ms(3_000)

    on_bench(main, notifiers=[notifier], checks=[MostPositions(1, 1)])
    for notice in notifier.told:
        check(notice)
    kinds = {notice.kind for notice in notifier.told}
    assert {"order_initialized", "order_accepted", "order_filled", "position_opened"} <= kinds
    fill = next(notice.data for notice in notifier.told if notice.kind == "order_filled")
    assert (fill["quantity"], fill["price"], fill["fee"], fill["side"]) == ("0.5", "100", "0.1", "buy")
    order = typing.cast("dict[str, Any]", fill["order"])
    assert (order["symbol"], order["state"], order["leaves_quantity"]) == (BTC, "working", "1.5")
    denial = next(notice.data for notice in notifier.told if notice.data.get("approved") is False)
    assert typing.cast("dict[str, Any]", denial["order"])["symbol"] == ETH
    (verdict,) = typing.cast("list[dict[str, Any]]", denial["verdicts"])
    assert (denial["denial_code"], verdict["reason"]) == ("POSITIONS_TOTAL", "Too many positions.")
    assert verdict["figures"] == [["limit", "1"], ["exposed", "1"]]
    opened = next(notice.data for notice in notifier.told if notice.kind == "position_opened")
    assert set(typing.cast("dict[str, Any]", opened["position"])) == set(POSITION_FIELDS)


def test_a_notice_is_the_same_at_each_attempt_and_after_a_restart() -> None:
    """Byte for byte, although the order moved on and the kernel was started anew in between."""
    seen: dict[str, set[str]] = {}

    async def script(notice: Notice, _attempt: int) -> DeliveryOutcome:
        seen.setdefault(notice.event_id, set()).add(json.dumps(notice.data))
        return AGAIN

    notifier = ScriptedNotifier(script=script)

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms(1_000)
        before = len(notifier.attempts)
        bench.exchange.trade(name, "1.5", "100")
        await bench.restart()
        await bench.pass_ms(400_000)
        again = {notice.event_id for notice, _ in notifier.attempts[before:]}
        early = {notice.event_id for notice, _ in notifier.attempts[:before]}
        assert again & early

    on_bench(main, notifiers=[notifier])
    assert seen
    assert all(len(texts) == 1 for texts in seen.values())
