"""The minimum-size check at, just below and just above every limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.instruments import ContractKind
from fairlead.errors import NumberRefused
from fairlead.ports.risk import ALLOW
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.minimum_size import MinimumSize, MinimumSizeSettings, SizeLimits
from tests.riskhooks.orders import code_of, denial, instrument_of, order

VIEW = FakeRiskView()


def check_with(**limits: Any) -> MinimumSize:  # noqa: ANN401 - limits as a user may write them
    """Return the check with limits configured for BTC/USDT."""
    return MinimumSize(MinimumSizeSettings(symbols={"BTC/USDT": SizeLimits(**limits)}))


# Venue's rules, configured limits, quantity, price, and the code of the denial or the empty string.
BOUNDARIES: tuple[tuple[dict[str, Any], dict[str, Any], str, str | None, str], ...] = (
    ({"minimum_quantity": "0.001"}, {}, "0.001", "100", ""),
    ({"minimum_quantity": "0.001"}, {}, "0.00099", "100", "QUANTITY_BELOW_MINIMUM"),
    ({"minimum_quantity": "0.001"}, {"minimum_quantity": "0.01"}, "0.01", "100", ""),
    ({"minimum_quantity": "0.001"}, {"minimum_quantity": "0.01"}, "0.00999", "100", "QUANTITY_BELOW_MINIMUM"),
    (
        {"minimum_quantity": "0.001"},
        {"minimum_quantity": "0.0001"},
        "0.0005",
        "100",
        "QUANTITY_BELOW_MINIMUM",
    ),
    ({"maximum_quantity": "5"}, {}, "5", "100", ""),
    ({"maximum_quantity": "5"}, {}, "5.00001", "100", "QUANTITY_ABOVE_MAXIMUM"),
    ({"maximum_quantity": "5"}, {"maximum_quantity": "2"}, "2", "100", ""),
    ({"maximum_quantity": "5"}, {"maximum_quantity": "2"}, "2.00001", "100", "QUANTITY_ABOVE_MAXIMUM"),
    ({"maximum_quantity": "5"}, {"maximum_quantity": "9"}, "6", "100", "QUANTITY_ABOVE_MAXIMUM"),
    ({}, {"maximum_quantity": "2"}, "3", "100", "QUANTITY_ABOVE_MAXIMUM"),
    ({"quantity_increment": "0.25"}, {}, "0.75", "100", ""),
    ({"quantity_increment": "0.25"}, {}, "0.7", "100", "QUANTITY_OFF_STEP"),
    ({"quantity_increment": "0.25"}, {"quantity_step": "0.5"}, "1.5", "100", ""),
    ({"quantity_increment": "0.25"}, {"quantity_step": "0.5"}, "1.25", "100", "QUANTITY_OFF_STEP"),
    ({"quantity_increment": "0.25"}, {"quantity_step": "0.1"}, "0.1", "100", "QUANTITY_OFF_STEP"),
    ({"minimum_cost": "10"}, {}, "0.1", "100", ""),
    ({"minimum_cost": "10"}, {}, "0.1", "99.9", "COST_BELOW_MINIMUM"),
    ({"minimum_cost": "10"}, {"minimum_cost": "20"}, "0.2", "100", ""),
    ({"minimum_cost": "10"}, {"minimum_cost": "20"}, "0.19999", "100", "COST_BELOW_MINIMUM"),
    ({"minimum_cost": "10"}, {"minimum_cost": "5"}, "0.06", "100", "COST_BELOW_MINIMUM"),
    ({"minimum_cost": "10"}, {}, "0.1", None, "NO_FRESH_PRICE"),
    ({}, {"minimum_cost": "10"}, "0.1", None, "NO_FRESH_PRICE"),
    ({}, {}, "0.00001", None, ""),
)


@pytest.mark.requirement("P1-3")
@pytest.mark.parametrize(("venue", "configured", "quantity", "price", "code"), BOUNDARIES)
def test_boundary(
    venue: dict[str, Any], configured: dict[str, Any], quantity: str, price: str | None, code: str
) -> None:
    """On the limit passes, one step beyond is denied, and the stricter of venue and configuration holds."""
    request = order(quantity, price, instrument=instrument_of(**venue))

    judgement = check_with(**configured).judge(request, VIEW, "")

    assert judgement == ALLOW if not code else denial(judgement).code == code


@pytest.mark.requirement("P1-3")
@pytest.mark.parametrize(
    ("contract", "multiplier", "quantity", "price", "code"),
    [
        ("linear", "0.01", "10", "100", ""),
        ("linear", "0.01", "9.99999", "100", "COST_BELOW_MINIMUM"),
        ("linear", "0.01", "10.00001", "100", ""),
        ("linear", "100", "0.001", "100", ""),
        ("linear", "100", "0.00099", "100", "COST_BELOW_MINIMUM"),
        ("inverse", "10", "1", "0.5", ""),
        ("inverse", "10", "0.99999", "90000", "COST_BELOW_MINIMUM"),
        ("inverse", "10", "1", None, ""),
        ("linear", "10", "1", None, "NO_FRESH_PRICE"),
    ],
)
def test_cost_counts_the_contracts_multiplier(
    contract: str, multiplier: str, quantity: str, price: str | None, code: str
) -> None:
    """Ten contracts of 0.01 BTC are 0.1 BTC; an inverse one of 10 USDT costs 10, at any price."""
    rules = instrument_of(minimum_cost="10", contract=ContractKind(contract), contract_multiplier=multiplier)

    assert code_of(MinimumSize().judge(order(quantity, price, instrument=rules), VIEW, "")) == code


@pytest.mark.requirement("P1-3")
def test_denials_name_figure_limit_and_source() -> None:
    """A trader can read what was compared, and who set the limit."""
    rules = instrument_of(minimum_quantity="0.001", quantity_increment="0.0001", minimum_cost="10")

    below = denial(MinimumSize().judge(order("0.0005", instrument=rules), VIEW, ""))
    off = denial(MinimumSize().judge(order("0.00105", instrument=rules), VIEW, ""))
    cheap = denial(check_with(minimum_cost="50").judge(order("0.3", instrument=rules), VIEW, ""))
    large = denial(check_with(maximum_quantity="2").judge(order("3", instrument=rules), VIEW, ""))
    blind = denial(MinimumSize().judge(order("1", None, instrument=rules), VIEW, ""))

    assert below.reason == "0.0005 BTC is below the minimum of 0.001 (venue)."
    assert below.figures == (("quantity", "0.0005"), ("minimum_quantity", "0.001"), ("source", "venue"))
    assert (
        off.reason == "0.00105 BTC is no multiple of the lot step 0.0001 (venue); nearest: 0.0010 and 0.0011."
    )
    assert dict(off.figures) == {
        "quantity": "0.00105",
        "quantity_step": "0.0001",
        "source": "venue",
        "nearest_below": "0.0010",
        "nearest_above": "0.0011",
    }
    assert cheap.reason == "0.3 BTC at 100 costs 30.0 USDT, below the minimum of 50 USDT (configuration)."
    assert dict(cheap.figures)["cost"] == "30.0"
    assert large.reason == "3 BTC is above the maximum of 2 (configuration)."
    assert blind.reason.startswith(
        "A minimum cost of 10 USDT (venue) applies to BTC/USDT, and there is no fresh"
    )


@pytest.mark.requirement("P1-3")
@pytest.mark.parametrize(
    ("exempt", "reduces", "denied"), [(True, True, False), (True, False, True), (False, True, True)]
)
@pytest.mark.parametrize("rules", [{"minimum_quantity": "1"}, {"minimum_cost": "1000"}])
def test_reducing_order_is_exempt_from_minimums_where_the_venue_allows_it(
    rules: dict[str, Any], *, exempt: bool, reduces: bool, denied: bool
) -> None:
    """The kernel's own finding counts, and only together with the venue's permission."""
    instrument = instrument_of(reductions_exempt_from_minimum=exempt, **rules)

    judgement = MinimumSize().judge(order("0.5", instrument=instrument, reduces=reduces), VIEW, "")

    assert (judgement != ALLOW) is denied


@pytest.mark.parametrize("quantity", ["6", "1.5"])
def test_exempt_reduction_still_keeps_step_and_maximum(quantity: str) -> None:
    """The exemption is from minimums; the venue refuses anything off the grid all the same."""
    rules = instrument_of(maximum_quantity="5", quantity_increment="1", reductions_exempt_from_minimum=True)

    assert MinimumSize().judge(order(quantity, instrument=rules, reduces=True), VIEW, "") != ALLOW


def test_limits_of_one_symbol_do_not_touch_another() -> None:
    """Limits are per symbol."""
    request = order("0.5", instrument=instrument_of("ETH/USDT"))

    assert check_with(minimum_quantity="1").judge(request, VIEW, "") == ALLOW


def test_step_below_the_first_multiple_names_only_the_one_above() -> None:
    """Zero is no quantity to advise."""
    found = denial(
        MinimumSize().judge(order("0.3", instrument=instrument_of(quantity_increment="1")), VIEW, "")
    )

    assert found.reason == "0.3 BTC is no multiple of the lot step 1 (venue); nearest: 1."


def test_step_absurdly_finer_than_the_quantity_denies_without_neighbours() -> None:
    """Figures beyond exact arithmetic deny; they do not raise."""
    rules = instrument_of(quantity_increment=Decimal("12345678901234567890123456789012345678e-75"))

    found = denial(MinimumSize().judge(order("9e37", instrument=rules), VIEW, ""))

    assert found.code == "QUANTITY_OFF_STEP"
    assert [name for name, _ in found.figures] == ["quantity", "quantity_step", "source"]


@pytest.mark.parametrize("limit", ["0", "-1", 0.5, "NaN", True])
def test_limit_that_is_no_positive_number_is_refused(limit: Any) -> None:  # noqa: ANN401 - wrong types, too
    """A limit of zero would read as a limit and hold nothing."""
    with pytest.raises(NumberRefused):
        SizeLimits(minimum_quantity=limit)
