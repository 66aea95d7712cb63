"""What is too small to be traded: one rule, for whoever asks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.dust import is_dust
from fairlead.domain.instruments import ContractKind, Instrument

LEAST = {"minimum_quantity": "0.01"}
CHEAPEST = {"minimum_cost": "5"}
EXEMPT = {"reductions_exempt_from_minimum": True}


def instrument(**changes: Any) -> Instrument:  # noqa: ANN401 - fields of several types
    """Return an instrument with lot step 0.001 and these rules."""
    given: dict[str, Any] = {
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "price_increment": "0.01",
        "quantity_increment": "0.001",
        **changes,
    }
    return Instrument(**given)


@pytest.mark.parametrize(
    ("rules", "quantity", "price", "reduces", "small"),
    [
        ({}, "0.001", None, False, False),
        ({}, "0.0009", None, False, True),  # no order is that small
        (EXEMPT, "0.0009", None, True, True),  # and none is exempt from the lot step
        (LEAST, "0.01", None, True, False),
        (LEAST, "0.009", None, True, True),
        (LEAST, "0.009", None, False, True),
        ({"minimum_quantity": "0.0105"}, "0.0108", None, False, True),  # 0.010 is what an order could say
        ({**LEAST, **EXEMPT}, "0.009", None, True, False),
        ({**LEAST, **EXEMPT}, "0.009", None, False, True),
        (CHEAPEST, "0.05", "100", True, False),
        (CHEAPEST, "0.0509", "99", False, True),  # 0.050 x 99 is 4.95, though 0.0509 x 99 is more than 5
        (CHEAPEST, "0.05", "99", True, True),
        (CHEAPEST, "0.05", None, True, False),  # nobody knows what it is worth
        ({**CHEAPEST, **EXEMPT}, "0.05", "99", True, False),
        ({**CHEAPEST, **EXEMPT}, "0.05", "99", False, True),
    ],
)
def test_what_the_venue_takes_no_order_for_is_dust(
    rules: dict[str, Any], quantity: str, price: str | None, *, reduces: bool, small: bool
) -> None:
    """Lot step for all; minimums of quantity and of cost for all but what is exempt; no price, no cost."""
    known = None if price is None else Decimal(price)
    assert is_dust(instrument(**rules), Decimal(quantity), known, reduces=reduces) is small


@pytest.mark.parametrize(
    ("kind", "quantity", "small"),
    [
        (ContractKind.LINEAR, "0.4", True),  # x 0.1 x 100 is 4
        (ContractKind.LINEAR, "0.5", False),
        (ContractKind.INVERSE, "49", True),  # x 0.1 is 4.9, whatever the price
        (ContractKind.INVERSE, "50", False),
    ],
)
def test_a_contract_costs_what_it_is_worth_in_quote(
    kind: ContractKind, quantity: str, *, small: bool
) -> None:
    """The multiplier counts, and an inverse contract's is its worth in quote."""
    rules = instrument(contract=kind, contract_multiplier="0.1", minimum_cost="5")
    assert is_dust(rules, Decimal(quantity), Decimal(100), reduces=False) is small
