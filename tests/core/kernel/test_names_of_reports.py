"""Under which id a report that a client found goes on: ours, and only where it is of that order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.kernel.core.strangers import renamed
from fairlead.ports.exchange import FillReport, LookUp

ODD: Any = "odd"
NOTHING: Any = None
OURS = FillReport(
    "",
    "V1",
    "T1",
    "BTC/USDT",
    OrderSide.BUY,
    Decimal(1),
    Decimal(100),
    None,
    Decimal(0),
    "USDT",
    Liquidity.MAKER,
    1,
)


def test_fills_of_the_order_get_our_id_and_what_is_none_is_left() -> None:
    """Of another order, or nothing that can be read: as it came, for the check after it to refuse."""
    other = replace(OURS, venue_order_id="V2")
    found: Any = renamed(LookUp(None, [ODD, other, OURS], complete=False), "V1", "ours")
    assert found.fills == [ODD, other, replace(OURS, client_order_id="ours")]
    assert (found.report, found.complete) == (None, False)


@pytest.mark.parametrize("answer", [None, ODD, LookUp(None, NOTHING, complete=True)])
def test_an_answer_that_is_no_look_up_is_left(answer: object) -> None:
    """It goes on as it came, for the check after it to refuse."""
    assert renamed(answer, "V1", "ours") is answer
