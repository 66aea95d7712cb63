"""The body is documented, versioned, bounded and the same each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from fairlead.errors import InvalidInput
from fairlead_webhook.payload import ELLIPSIS, body_of, event_type, schema
from tests.webhook.deliveries import notice_of

VALIDATOR = Draft202012Validator(schema())
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=40)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def event_of(data: Mapping[str, object], bytes_max: int = 20_000, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    """Return the event in the body of a notice with these data."""
    body = body_of(notice_of(data=data, **changes), bytes_max)
    assert len(body.encode("ascii")) <= bytes_max
    event: dict[str, Any] = json.loads(body)
    VALIDATOR.validate(event)
    return event


def as_text(value: object) -> object:
    """Return a value the way a body must hold it."""
    if isinstance(value, bool) or not isinstance(value, int | dict | list):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    return [as_text(item) for item in value]


def test_a_body_is_a_cloud_event_with_a_time_of_standard_webhooks() -> None:
    """Every field of the documented envelope, and nothing else."""
    assert event_of({"quantity": "0.5", "fills": 3, "ts_event": 1_767_225_600_123_456_789}) == {
        "specversion": "1.0",
        "id": "main-17-0",
        "source": "/fairlead/accounts/main",
        "type": "fairlead.order.filled.v1",
        "subject": "order-1",
        "time": "2026-01-01T00:00:00.123456789Z",
        "timestamp": "2026-01-01T00:00:00.123456789Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:fairlead:webhook:1",
        "sequence": "17",
        "data": {"quantity": "0.5", "fills": "3", "ts_event": "1767225600123456789"},
    }


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("order_filled", 1, "fairlead.order.filled.v1"),
        ("order_partially_filled", 2, "fairlead.order.partially_filled.v2"),
        ("anomaly", 1, "fairlead.anomaly.v1"),
    ],
)
def test_a_type_names_kind_and_version(kind: str, version: int, expected: str) -> None:
    """The first word is the family, and the version is last."""
    assert event_type(kind, version) == expected


@given(st.dictionaries(st.text(max_size=10), VALUES, max_size=6))
def test_data_arrive_whole_and_exact(data: dict[str, object]) -> None:
    """What fits is what the notice said, numbers as text; the same notice makes the same bytes."""
    event = event_of(data, 1_000_000)
    assert event["data"] == as_text(data)
    assert "cut" not in event
    again = body_of(notice_of(data=dict(reversed(data.items()))), 1_000_000)
    assert again == body_of(notice_of(data=data), 1_000_000)


@given(st.dictionaries(st.text(max_size=2_000), VALUES | st.text(max_size=9_000), max_size=30))
def test_no_body_is_too_long(data: dict[str, object]) -> None:
    """Whatever a notice holds, its body fits, is valid, and says what was cut."""
    event = event_of(data, 2_000)
    assert event["data"] == as_text(data) or event["cut"]


def test_what_is_too_long_is_cut_in_steps() -> None:
    """The longest texts and lists go first; figures and ids stay."""
    data = {
        "note": "n" * 30_000,
        "reasons": [str(i) for i in range(2_000)],
        "price": "98000.5",
        "id": "f" * 32,
    }
    event = event_of(data)
    assert event["cut"] == "data.note data.reasons"
    assert event["data"]["price"] == "98000.5"
    assert event["data"]["id"] == "f" * 32
    assert event["data"]["note"] == "n" * 4_095 + ELLIPSIS
    assert len(event["data"]["reasons"]) == 256


def test_what_cannot_be_shortened_is_left_out() -> None:
    """Keys are never cut; when they alone are too long, the data are left out, and the rest is told."""
    event = event_of({"k" * 30_000: "x"})
    assert event["data"] == {}
    assert event["cut"] == "data"


def test_text_of_others_is_no_markup_and_no_control() -> None:
    """Mentions, markup and control characters of a venue arrive as the data they are."""
    text = "@everyone <b onclick='x'>&amp;</b> **bold** \x1b]0;x\x07 \u2028 \ud800 </script>"
    body = body_of(notice_of(data={"text": text}), 20_000)
    assert not set(body) & set("<>&\x1b\x07\u2028")
    assert body.isprintable()
    assert json.loads(body)["data"]["text"] == text


@pytest.mark.parametrize("value", [1.5, float("nan"), Decimal("NaN"), b"x", object(), {1: "x"}, {"a": [1.5]}])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    """A float is no figure, and bytes are no text."""
    with pytest.raises(InvalidInput):
        body_of(notice_of(data={"value": value}), 20_000)


def test_a_decimal_is_plain_text() -> None:
    """Without an exponent, as the journal has it."""
    assert event_of({"size": Decimal("1E-8")})["data"]["size"] == "0.00000001"
