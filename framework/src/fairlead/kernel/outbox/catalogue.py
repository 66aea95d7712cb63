"""What every kind of notice holds in `data`: the contract with whoever is told.

Within a version fields are only added: none is removed, renamed or given another form, so a receiver
ignores what it does not know. A kind that has to break this gets a new version. The tests hold this table
against the records, both ways, and against what a kernel really tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from fairlead.domain.ledger import PositionChange

VERSION = 1
"""The version of what `data` holds; within one, fields are only added."""

HIDDEN = frozenset({"command_digest", "idempotency_key", "configuration_digest"})
"""Fields of records that are of use to the kernel alone."""

FORMS: Mapping[str, str] = {
    "text": "text",
    "whole": "whole number; a name in `_ns` is nanoseconds (UTC when it is a time, 0 when there is none)",
    "flag": "true or false",
    "decimal": "exact number as text in plain notation",
    "texts": "list of texts",
    "pairs": "list of pairs of name and value, both as text",
    "object": "mapping of names to values",
    "objects": "list of such mappings",
}
"""Every form that a field may have, with its meaning."""

_TEXT: Mapping[str, Any] = {"type": "string"}
_DECIMAL: Mapping[str, Any] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_PAIR: Mapping[str, Any] = {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "text": _TEXT,
    "whole": {"type": "integer"},
    "flag": {"type": "boolean"},
    "decimal": _DECIMAL,
    "texts": {"type": "array", "items": _TEXT},
    "pairs": {"type": "array", "items": _PAIR},
    "object": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object"}},
}


@attrs.frozen
class NoticeField:
    """One field: its form, whether it may be null, and whether it is there each time."""

    name: str
    form: str
    nullable: bool = False
    always: bool = True


@attrs.frozen
class NoticeKind:
    """One kind of notice: what happened, and its fields by name."""

    meaning: str
    fields: Mapping[str, NoticeField]


def _fields(text: str) -> dict[str, NoticeField]:
    """Read fields written ``name:form``, with ``|null`` and ``?`` for those that are not always there."""
    found = {}
    for word in text.split():
        name, _, form = word.partition(":")
        plain = form.removesuffix("?")
        nullable = plain.endswith("|null")
        found[name] = NoticeField(name, plain.removesuffix("|null"), nullable, not form.endswith("?"))
    return found


def _kind(meaning: str, text: str) -> NoticeKind:
    return NoticeKind(meaning, _fields(text))


ORDER_FIELDS = _fields(
    "client_order_id:text owner:text book:text position_id:text symbol:text side:text order_type:text "
    "time_in_force:text currency:text state:text? quantity:decimal? filled_quantity:decimal? "
    "filled_value:decimal? leaves_quantity:decimal? tags:texts?"
)
"""What `order` holds: what never changes of it, and, in notices of an order, how it stood at that step."""

POSITION_FIELDS = _fields(
    "symbol:text book:text position_id:text quantity:decimal cost:decimal realized_pnl:decimal fees:decimal "
    "episode:whole"
)
"""What `position` holds: how the position stood after that step."""

RECORD_NOTICES: Mapping[str, NoticeKind] = {
    "kernel_started": _kind(
        "A kernel took the store: who it is and with what it runs.",
        "account:text epoch:whole holder:text version:text plugins:pairs limits:pairs network:text",
    ),
    "trading_state_changed": _kind(
        "Trading was enabled, reduced, halted or disabled.",
        "state:text reason:text by:text",
    ),
    "order_initialized": _kind(
        "A proposal became an order, approved or denied, with every verdict.",
        "client_order_id:text owner:text book:text symbol:text side:text order_type:text "
        "time_in_force:text quantity:decimal limit_price:decimal|null reference_price:decimal|null "
        "reduces:flag currency:text metadata:pairs approved:flag denial_code:text verdicts:objects "
        "trigger_price:decimal|null? trailing_distance:decimal|null? trailing_rate:decimal|null? "
        "max_slippage:decimal|null? leverage:decimal|null? expire_ns:whole? post_only:flag? "
        "reduce_only:flag? note:text? tags:texts? sizing:object|null? contract:object|null? "
        "position_id:text? replaces:text?",
    ),
    "order_event": _kind(
        "An event of the order table that carries no figures: a phase or a pending request changed.",
        "client_order_id:text event:text cause:text by:text look_up_ns:whole ts_event:whole",
    ),
    "order_accepted": _kind(
        "The venue knows the order under this id.",
        "client_order_id:text venue_order_id:text event:text ts_event:whole source:text",
    ),
    "order_filled": _kind(
        "One trade of the order, booked on order, position and balances together.",
        "client_order_id:text venue_order_id:text trade_id:text side:text quantity:decimal price:decimal "
        "value:decimal fee:decimal base:text quote:text settlement_decimals:whole liquidity:text "
        "ts_event:whole source:text fee_currency:text?",
    ),
    "command_refused": _kind(
        "A command that was not carried out: foreign owner, finished order, wrong trading state.",
        "command:text by:text subject:text code:text reason:text",
    ),
    "anomaly": _kind(
        "What must not happen but did; its severity was applied in the same step.",
        "anomaly:text severity:text subject:text detail:text",
    ),
    "reconciled": _kind(
        "A reconciliation ended; counts by class.",
        "reason:text counts:object fills_booked:whole",
    ),
    "foreign_cancel_requested": _kind(
        "The policy wants an order of the account canceled that is not ours; goes out once this is durable.",
        "venue_order_id:text venue_client_order_id:text symbol:text",
    ),
    "order_adopted": _kind(
        "An order of the account that we did not send is ours from here on, with the venue's terms.",
        "client_order_id:text venue_order_id:text venue_client_order_id:text owner:text book:text "
        "symbol:text side:text order_type:text time_in_force:text quantity:decimal "
        "limit_price:decimal|null reduces:flag currency:text by:text note:text "
        "trigger_price:decimal|null? trailing_distance:decimal|null? trailing_rate:decimal|null? "
        "leverage:decimal|null? expire_ns:whole? post_only:flag? reduce_only:flag? contract:object|null?",
    ),
    "position_corrected": _kind(
        "An operator accepts that the venue holds something else than our books; the difference is booked.",
        "symbol:text book:text side:text quantity:decimal price:decimal value:decimal base:text "
        "quote:text settlement_decimals:whole ours:decimal at_venue:decimal owner:text note:text "
        "ts_event:whole contract:object|null?",
    ),
    "lock_placed": _kind(
        "A risk check locked new exposure until a wall time.",
        "check:text scope:text side:text|null until_ns:whole code:text reason:text",
    ),
    "command_taken": _kind(
        "A command was carried out at once: who asked, about what, and the names it was answered with.",
        "command:text by:text subject:text names:texts",
    ),
    "order_annotated": _kind(
        "Somebody said something about an order: its remarks are these from now on.",
        "client_order_id:text by:text note:text tags:texts metadata:pairs",
    ),
    "episode_annotated": _kind(
        "Somebody said something about an episode of a position: its remarks are these from now on.",
        "symbol:text book:text position_id:text number:whole by:text note:text tags:texts metadata:pairs",
    ),
    "closing_requested": _kind(
        "Somebody wants a position closed; joins names the closing under way that this one is now part of.",
        "closing_id:text by:text symbol:text book:text operator:flag cancel_entries:flag "
        "cancel_exits:flag limit_price:decimal|null held:decimal joins:text position_id:text",
    ),
    "closing_moved": _kind(
        "A closing made its next exit order; another one is made not before due_ns.",
        "closing_id:text exit_order_id:text due_ns:whole",
    ),
    "closing_ended": _kind(
        "A closing is over, with the position's figures at that moment.",
        "closing_id:text code:text detail:text quantity_left:decimal realized_pnl:decimal fees:decimal "
        "episode:whole closed_ns:whole",
    ),
    "order_paced": _kind(
        "A request about an order waits for its pace; wait_ns is the wait to be expected.",
        "client_order_id:text request:text lane:text symbol:text costs:pairs since_ns:whole wait_ns:whole "
        "until_ns:whole",
    ),
    "order_judged_again": _kind(
        "An order waited so long that the gate was asked again before it was sent, with every verdict.",
        "client_order_id:text allowed:flag verdicts:objects",
    ),
    "inventory_opened": _kind(
        "What an account held before this kernel moved anything in it; recorded once in its life.",
        "amounts:pairs asked_ns:whole listed:texts|null?",
    ),
    "adjustment_booked": _kind(
        "An entry of the venue's ledger that is no fill of ours; each entry_id counts once, for ever.",
        "entry_id:text kind:text asset:text amount:decimal ts_event:whole note:text by:text?",
    ),
    "instruments_changed": _kind(
        "The venue's rules were read again and differ. The rules themselves are not journaled.",
        "reason:text changes:objects",
    ),
    "notifier_decided": _kind(
        "An operator's word about a notifier; without event_ids a replay is of its dead letters.",
        "action:text notifier:text event_ids:texts by:text note:text",
    ),
    "change_requested": _kind(
        "Somebody wants an order changed, and nothing stood against it.",
        "change_id:text change:text client_order_id:text by:text terms:object shrinks:flag verdicts:objects",
    ),
    "change_denied": _kind(
        "A change that the gate or the kernel denied, with every verdict; nothing was reserved or sent.",
        "change_id:text change:text client_order_id:text by:text terms:object code:text verdicts:objects",
    ),
    "modify_started": _kind(
        "The modify goes to the wire next; times are venue wall nanoseconds, deadline 0 when none.",
        "client_order_id:text change_id:text not_before_ns:whole deadline_ns:whole number:whole",
    ),
    "modify_limited": _kind(
        "The venue turned the modify away for its rate limit: it is not there, and is tried again.",
        "client_order_id:text change_id:text reason:text retry_ns:whole",
    ),
    "change_unresolved": _kind(
        "No answer came to a modify, or to the order that takes another's place; or a restart came between.",
        "client_order_id:text change_id:text cause:text look_up_ns:whole",
    ),
    "order_updated": _kind(
        "The venue holds the order under these terms; change_id is empty when nobody here asked for that.",
        "client_order_id:text change_id:text terms:object venue_order_id:text ts_event:whole source:text",
    ),
    "modify_rejected": _kind(
        "The modify was not done: the venue refused it, it never left, or evidence says so; code tells.",
        "client_order_id:text change_id:text code:text reason:text ts_event:whole",
    ),
    "replace_moved": _kind(
        "The old order is over with proof of what is left; the new one is made next, under this id.",
        "client_order_id:text change_id:text new_order_id:text",
    ),
    "change_ended": _kind(
        "A change is over that no answer of the venue ended: a replacement, or one whose order ended.",
        "client_order_id:text change_id:text code:text reason:text",
    ),
}
"""The kinds that are named like their record, whose fields they hold."""

_POSITION_CAUSES = ("order_filled", "position_corrected")
_POSITION_MEANINGS = {
    PositionChange.OPENED: "A position was opened.",
    PositionChange.CHANGED: "A position grew or shrank.",
    PositionChange.CLOSED: "A position became flat.",
    PositionChange.FLIPPED: "A position changed its side in one trade.",
}


def _position_fields() -> dict[str, NoticeField]:
    """Return the fields of both records that move a position; what only one has is not always there."""
    fields: dict[str, NoticeField] = {}
    causes = [RECORD_NOTICES[kind].fields for kind in _POSITION_CAUSES]
    for each in (field for cause in causes for field in cause.values()):
        always = all(each.name in cause and cause[each.name].always for cause in causes)
        fields[each.name] = attrs.evolve(each, always=always)
    return fields | _fields("position:object")


NOTICES: Mapping[str, NoticeKind] = {
    **RECORD_NOTICES,
    **{
        f"position_{change.value}": NoticeKind(meaning, _position_fields())
        for change, meaning in _POSITION_MEANINGS.items()
    },
}
"""Every kind of notice. Each may also hold `order`, when it is about one."""


def schema_of(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of *data* in notices of a kind; `KeyError` when unknown."""
    described = NOTICES[kind]
    schema = _object(described.fields)
    schema["properties"]["order"] = _object(ORDER_FIELDS)
    if "position" in described.fields:
        schema["properties"]["position"] = _object(POSITION_FIELDS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": described.meaning,
        **schema,
    }


def _object(fields: Mapping[str, NoticeField]) -> dict[str, Any]:
    """Return the schema of a mapping; more fields are allowed, for later ones are added."""
    return {
        "type": "object",
        "properties": {field.name: _schema(field) for field in fields.values()},
        "required": [field.name for field in fields.values() if field.always],
    }


def _schema(field: NoticeField) -> dict[str, Any]:
    schema = dict(_SCHEMAS[field.form])
    return {"anyOf": [schema, {"type": "null"}]} if field.nullable else schema
