"""Values never change: records, events, views, inputs, effects and what the ports exchange."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import fields, replace

import fairlead.kernel.core.effects
import fairlead.kernel.core.inputs
import fairlead.ports.exchange
import fairlead.ports.store
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.events import Event, EventsMissed
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.reconcile_records import OrderAdopted, PositionCorrected
from fairlead.domain.records import RECORD_CLASSES, OrderEventNoted, OrderFilled, OrderInitialized
from fairlead.domain.values import Value
from fairlead.domain.verdicts import ALLOW, Allow, Deny, Lock, Verdict


def kinds(base: type[Value] = Value) -> list[type[Value]]:
    """Return every class of values that the framework has."""
    found = [kind for kind in base.__subclasses__() if kind.__module__.startswith("fairlead.")]
    return sorted(found, key=lambda kind: kind.__qualname__)


def unmade(kind: type[Value]) -> Any:  # noqa: ANN401 - of any kind, with anything in its fields
    """Return a value with text in every field."""
    return kind(**{field.name: field.name for field in fields(kind)})


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_a_value_refuses_every_change(kind: type[Value]) -> None:
    """No field can be set or deleted and none added, whatever the type checker does not see."""
    value = unmade(kind)
    for name in [*(field.name for field in fields(kind)), "another"]:
        with pytest.raises(AttributeError):
            setattr(value, name, "changed")
        with pytest.raises(AttributeError):
            delattr(value, name)
    assert value == unmade(kind)
    for field in fields(kind):
        other = replace(value, **{field.name: "changed"})
        assert other != value
        assert getattr(value, field.name) == field.name


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_the_garbage_collector_leaves_values_alone(kind: type[Value]) -> None:
    """A value is nothing that the collector walks: what lives long costs it nothing."""
    assert not gc.is_tracked(unmade(kind))


def test_every_kind_of_value_is_tried() -> None:
    """The list of kinds holds the records, the views, and what the kernel and its ports exchange."""
    found = set(kinds())
    assert set(RECORD_CLASSES) <= found
    assert {*Event.__args__, EventsMissed, OrderView, PositionView, Verdict, Deny, Lock} <= found
    for module in (
        fairlead.kernel.core.inputs,
        fairlead.kernel.core.effects,
        fairlead.ports.exchange,
        fairlead.ports.store,
    ):
        assert any(kind.__module__ == module.__name__ for kind in found), module.__name__


@pytest.mark.parametrize("kind", RECORD_CLASSES, ids=lambda kind: kind.__name__)
def test_records_are_named_and_versioned(kind: type) -> None:
    """A record has a kind of its own and a version."""
    assert [each.KIND for each in RECORD_CLASSES].count(vars(kind)["KIND"]) == 1
    assert vars(kind)["VERSION"] >= 1


def test_equal_records_are_equal() -> None:
    """Two records of the same figures are equal, and one figure makes the difference."""
    first = OrderEventNoted("0" * 32, OrderEvent.CANCELED, "stream")
    assert first == OrderEventNoted("0" * 32, OrderEvent.CANCELED, "stream")
    assert first != OrderEventNoted("0" * 32, OrderEvent.CANCELED, "history")


def test_a_verdict_has_its_defaults() -> None:
    """An allowing verdict needs no words; an allowing answer is equal to any other."""
    assert Allow() == ALLOW
    assert Verdict("minimum", "1", allowed=True) == Verdict("minimum", "1", True, "", "", ())


BRIEF = (InventoryOpened, AdjustmentBooked, OrderAdopted, PositionCorrected, OrderInitialized, OrderFilled)


@pytest.mark.parametrize("kind", RECORD_CLASSES, ids=lambda kind: kind.__name__)
def test_what_a_record_has_nothing_of_takes_no_room_in_the_journal_where_there_are_many(
    kind: type[Value],
) -> None:
    """A fill of a spot order says nothing of contracts; the other records are written with every field."""
    due = {field.name: field.name for field in fields(kind) if field.required}
    has_more = len(due) < len(fields(kind))
    assert (to_builtins(kind(**due)).keys() == due.keys()) is (kind in BRIEF or not has_more)
