"""What pace makes of a change when it is asked for: it goes out, waits for how long, or is denied."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.change_records import ChangeDenied, ChangeRequested, ModifyStarted
from fairlead.domain.changes import ChangeKind
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import BudgetSpent, OrderEventNoted, OrderPaced
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.effects import PaceIn, SendCancel, SendModify
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, rules_of
from tests.core.kernel.pacing_limits import ORDERS, one_limit

D = Decimal
PACE_NS = 50 * SECOND_NS
ONE = ((ORDERS, D(1)),)
MORE, LESS = D(4), D(2)


def paced(used: str, **settings: Any) -> Deciding:  # noqa: ANN401 - settings of every type
    """Return a state with an order of 3 and a bucket of four, a quarter kept for what protects."""
    model = one_limit("4", "1", RequestKind.MODIFY, RequestKind.CANCEL)
    told = {"pacing_reserve": "0.25", "pacing_wait_max_ms": 3_000, **settings}
    deciding = Deciding(rules_of(model=model, **told))
    deciding.pace_ns = PACE_NS
    deciding.state.budgets[ORDERS] = BudgetLevel(D(used), PACE_NS)
    deciding.order("x", state=OrderState.WORKING, venue_order_id="V1")
    return deciding


def wished(quantity: Decimal, kind: ChangeKind = ChangeKind.MODIFY, **terms: Any) -> ChangeOrder:  # noqa: ANN401 - fields of several types
    """Return the command to change the quantity."""
    return ChangeOrder("change-1", kind, "x", "bot", quantity, **terms)


@pytest.mark.parametrize(("quantity", "used"), [(MORE, "2"), (LESS, "3")])
def test_a_change_that_fits_takes_its_part_and_goes_out(quantity: Decimal, used: str) -> None:
    """Growth leaves what is kept for what protects; less may take that too."""
    deciding = paced(used)
    [asked, spent, started], [sent] = deciding.on(wished(quantity))
    assert isinstance(asked, ChangeRequested)
    after = BudgetLevel(D(used) + 1, PACE_NS)
    assert spent == BudgetSpent(RequestKind.MODIFY, "x", ((ORDERS, after),))
    due_ns = NOW_NS + deciding.rules.order_deadline_ns
    assert started == ModifyStarted("x", "change-1", NOW_NS, due_ns, 1)
    assert isinstance(sent, SendModify)


@pytest.mark.parametrize(
    ("quantity", "wish", "used", "wait_s", "until_s"),
    [
        (MORE, {}, "3", 1, 3),
        (MORE, {}, "5", 3, 3),
        (MORE, {"wait_max_ns": 2 * SECOND_NS}, "4", 2, 2),
        (LESS, {}, "4", 1, 0),
        (LESS, {}, "99", 96, 0),
        (LESS, {"wait_max_ns": SECOND_NS}, "4", 1, 1),
    ],
)
def test_a_change_that_does_not_fit_waits_and_its_end_is_put_on_record(
    quantity: Decimal, wish: dict[str, Any], used: str, wait_s: int, until_s: int
) -> None:
    """Growth as long as the setting or the command says; less as long as it takes unless that is said."""
    [asked, queued], effects = paced(used).on(wished(quantity, **wish))
    assert isinstance(asked, ChangeRequested)
    lane = Lane.ENTRY if quantity == MORE else Lane.PROTECTIVE
    until_ns = PACE_NS + until_s * SECOND_NS if until_s else 0
    waits_ns = wait_s * SECOND_NS
    assert queued == OrderPaced("x", RequestKind.MODIFY, lane, BTC, ONE, PACE_NS, waits_ns, until_ns)
    assert effects == [PaceIn(waits_ns)]


@pytest.mark.parametrize(
    ("quantity", "wish", "used", "setting"),
    [
        (MORE, {}, "5.001", "wait"),
        (MORE, {"wait_max_ns": 2 * SECOND_NS}, "4.001", "wait"),
        (MORE, {"pacing": PacingPolicy.REFUSE}, "2.001", "wait"),
        (MORE, {}, "2.001", "refuse"),
        (LESS, {"wait_max_ns": SECOND_NS}, "4.001", "wait"),
        (LESS, {"pacing": PacingPolicy.REFUSE}, "3.001", "wait"),
    ],
)
def test_a_change_that_would_wait_longer_than_it_may_is_denied(
    quantity: Decimal, wish: dict[str, Any], used: str, setting: str
) -> None:
    """By a nanosecond; the order keeps its terms, and nothing is taken."""
    [denied], _ = paced(used, pacing_policy=setting).on(wished(quantity, **wish))
    assert isinstance(denied, ChangeDenied)
    assert denied.code == "PACE_EXCEEDED"


def test_the_setting_that_refuses_is_not_about_what_raises_nothing() -> None:
    """Less waits all the same; and growth waits where its command says so."""
    for given, used in ((wished(LESS), "4"), (wished(MORE, pacing=PacingPolicy.WAIT), "3")):
        [_, queued], _ = paced(used, pacing_policy="refuse").on(given)
        assert isinstance(queued, OrderPaced)


def test_a_replacement_is_paced_by_its_cancel_and_its_new_order() -> None:
    """Nothing of it is a modify: the cancel takes its part, and waits for nothing else."""
    [_, canceled, spent], effects = paced("3").on(wished(MORE, ChangeKind.REPLACE))
    assert isinstance(canceled, OrderEventNoted)
    assert spent == BudgetSpent(RequestKind.CANCEL, "x", ((ORDERS, BudgetLevel(D(4), PACE_NS)),))
    assert effects == [SendCancel("x", "V1", BTC)]
