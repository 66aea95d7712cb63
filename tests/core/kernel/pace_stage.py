"""A bucket of four, and what waits for it: the stage of deciding on pace."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import (
    BudgetSpent,
    OrderPaced,
)
from fairlead.domain.requests import Lane, RequestKind
from fairlead.ports.risk import RiskCheck
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import SECOND_NS, Deciding, rules_of
from tests.core.kernel.pacing_limits import ORDERS, one_limit

D = Decimal
WORKING, APPROVED = OrderState.WORKING, OrderState.APPROVED
ALL = (RequestKind.SUBMIT, RequestKind.CANCEL, RequestKind.MODIFY, RequestKind.LOOK_UP, RequestKind.FILLS)
ONE = ((ORDERS, D(1)),)
PACE_NS = 50 * SECOND_NS
"""The time of the budgets in these steps."""


def paced(used: str = "0", *, checks: Sequence[RiskCheck] = ()) -> Deciding:
    """Return a state with a bucket of four of which each request takes one a second, so much of it used."""
    told: dict[str, Any] = {
        "pacing_reserve": "0.25",
        "pacing_wait_max_ms": 3_000,
        "pacing_query_wait_max_ms": 4_000,
    }
    deciding = Deciding(rules_of(model=one_limit("4", "1", *ALL), checks=checks, **told))
    deciding.pace_ns = PACE_NS
    deciding.state.budgets[ORDERS] = BudgetLevel(D(used), PACE_NS)
    return deciding


def spent(request: RequestKind, subject: str, used: str) -> BudgetSpent:
    """Return the record of a request that went out; *used* of the bucket is then."""
    return BudgetSpent(request, subject, ((ORDERS, BudgetLevel(D(used), PACE_NS)),))


def waits(
    deciding: Deciding, name: str, request: RequestKind, lane: Lane, since_s: int = 0, until_s: int = 0
) -> None:
    """Lay out a request that began to wait so many seconds ago, and may wait until so many from now."""
    until_ns = PACE_NS + until_s * SECOND_NS if until_s else 0
    record = OrderPaced(name, request, lane, BTC, ONE, PACE_NS - since_s * SECOND_NS, 1, until_ns)
    deciding.state.pace.order_paced(record)


def queue(deciding: Deciding, *names: str, request: RequestKind = RequestKind.SUBMIT, **facts: Any) -> None:  # noqa: ANN401 - facts of several types
    """Lay out approved orders that wait, the first the longest."""
    for place, name in enumerate(names):
        deciding.order(name, **{"state": APPROVED, **facts})
        waits(deciding, name, request, Lane.ENTRY, since_s=len(names) - place)
