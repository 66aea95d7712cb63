"""What is taken for a number, what is refused, and that the arithmetic is exact whatever the host does."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain import numbers
from fairlead.domain.numbers import (
    ZERO,
    add,
    average,
    divide,
    floor_to_step,
    is_multiple_of,
    multiply,
    nearest_multiples,
    quantise,
    share_of,
    subtract,
    text_of,
    to_decimal,
    to_fraction,
    to_positive,
    to_time_ns,
)
from fairlead.errors import InvalidInput, NumberRefused


class _Seven(IntEnum):
    SEVEN = 7


class _OwnDecimal(Decimal):
    """A subclass may override anything, so it is not taken."""


BAD: dict[str, object] = {
    "1 NaN": Decimal("NaN"),
    "1 sNaN": Decimal("sNaN"),
    "1 NaN with a long payload": Decimal("NaN" + "7" * 5_000),
    "1 NaN as text": "NaN",
    "2 infinity": Decimal("Infinity"),
    "2 minus infinity": Decimal("-Infinity"),
    "2 infinity as text": "inf",
    "7 exponent bomb": "1e999999999",
    "7 tiny exponent bomb": "1e-999999999",
    "7 exponent bomb as Decimal": Decimal("1e999999"),
    "7 tiny exponent bomb as Decimal": Decimal("1e-999999"),
    "7 just too large": Decimal("1e39"),
    "7 just too small": Decimal("1e-39"),
    "7 large in text": "1e999",
    "8 ten thousand digits as text": "9" * 10_000,
    "8 ten thousand digits as Decimal": Decimal("9." + "9" * 10_000),
    "8 ten thousand digits as int": 10**10_000,
    "8 39 digits": "1." + "0" * 37 + "1",
    "8 39 digits as int": 10**38 + 1,
    "9 float": 0.1,
    "9 float NaN": float("nan"),
    "9 float infinity": float("inf"),
    "10 bool": True,
    "10 int subclass": _Seven.SEVEN,
    "10 Decimal subclass": _OwnDecimal("1"),
    "11 full-width digits": "\uff11\uff12",
    "11 Arabic-Indic digits": "\u0661\u0662",
    "11 underscore": "1_000",
    "11 leading space": " 1",
    "11 trailing space": "1 ",
    "11 trailing newline": "1\n",
    "11 comma": "1,5",
    "11 hexadecimal": "0x10",
    "11 two points": "1.2.3",
    "11 empty": "",
    "11 point alone": ".",
    "11 sign alone": "-",
    "11 minus of another alphabet": "\u22121",
    "nothing": None,
    "bytes": b"1",
    "list": [1],
    "complex": 1j,
}


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_bad_number_is_refused_with_field_and_fix(value: object) -> None:
    """Every bad number of the list is refused; the error names field and fix and stays short."""
    with pytest.raises(NumberRefused) as caught:
        to_decimal(value, "order.quantity")
    error = caught.value
    assert error.field == "order.quantity"
    assert error.problem
    assert error.fix
    assert str(error).startswith("order.quantity: ")
    assert str(error).isprintable()
    assert len(str(error)) < 250


@pytest.mark.parametrize(
    "value", ["0", 0, Decimal(0), "-0", Decimal("-0"), "0e-50", "-1", -1, Decimal("-1e-38")]
)
def test_zero_and_below_are_no_sizes(value: object) -> None:
    """Zero, negative zero and negative numbers are refused where a size or price is due."""
    with pytest.raises(NumberRefused, match="greater than zero") as caught:
        to_positive(value, "quantity")
    assert caught.value.field == "quantity"
    assert caught.value.fix


def test_negative_zero_becomes_zero() -> None:
    """Negative zero, in text or as a Decimal of any exponent, becomes plain zero."""
    for value in ("-0", "-0.000", Decimal("-0"), Decimal("-0e-999"), "0e99", 0):
        taken = to_decimal(value, "x")
        assert (taken, taken.is_signed(), text_of(taken)) == (ZERO, False, "0")


def test_a_float_is_told_what_to_pass() -> None:
    """The error for a float shows the text to pass; a float that is no number gets no such advice."""
    with pytest.raises(NumberRefused, match=r'Pass text or Decimal: "0\.1" or Decimal\("0\.1"\)'):
        to_decimal(0.1, "x")
    for value in (float("nan"), float("inf")):
        with pytest.raises(NumberRefused) as caught:
            to_decimal(value, "x")
        assert caught.value.fix == "Pass a finite number, as text or Decimal."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", "1"),
        ("+1.50", "1.50"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("25E-1", "2.5"),
        (7, "7"),
        (-7, "-7"),
        (10**37, "1" + "0" * 37),
        (Decimal("1e38"), "1" + "0" * 38),
        (Decimal("1e-38"), "0." + "0" * 37 + "1"),
        ("9" * 38, "9" * 38),
        ("0." + "9" * 38, "0." + "9" * 38),
    ],
)
def test_good_numbers_are_taken_unchanged(value: object, text: str) -> None:
    """Plain numbers up to the limits are taken to the last digit and printed without an exponent."""
    assert text_of(to_decimal(value, "x")) == text


def test_refusing_a_decimal_never_writes_it_out() -> None:
    """A number of a million digits is refused by its digits alone, without an echo in the message."""
    with pytest.raises(NumberRefused) as caught:
        to_decimal(Decimal((0, (9,) * 1_000_000, -500_000)), "x")
    assert len(str(caught.value)) < 200


def _hostile_context() -> decimal.Context:
    """A host that wants one digit, tiny exponents, rounding up, and an exception for everything."""
    every_signal = list(decimal.Context().flags)
    return decimal.Context(
        prec=1, Emin=-1, Emax=1, rounding=decimal.ROUND_UP, capitals=0, clamp=1, traps=every_signal
    )


_A = Decimal("98765.4321")
_B = Decimal("0.00000123")
BATTERY: dict[str, Callable[[], object]] = {
    "to_decimal text": lambda: to_decimal("12345.678901", "x"),
    "to_decimal int": lambda: to_decimal(12345678901, "x"),
    "to_decimal Decimal": lambda: to_decimal(_A, "x"),
    "to_positive": lambda: to_positive("12345.678901", "x"),
    "add": lambda: add(_A, _B),
    "subtract": lambda: subtract(_A, _B),
    "multiply": lambda: multiply(_A, _B),
    "divide": lambda: divide(_A, _B),
    "average": lambda: average(_A, _B),
    "quantise": lambda: quantise(_A, 2),
    "floor_to_step": lambda: floor_to_step(_A, _B),
    "is_multiple_of": lambda: is_multiple_of(_A, _B),
    "nearest_multiples": lambda: nearest_multiples(_A, _B),
    "share_of": lambda: share_of(_A, Decimal(1), Decimal(3), 8),
    "text_of": lambda: text_of(_A),
}


@pytest.mark.parametrize("compute", BATTERY.values(), ids=BATTERY.keys())
def test_the_host_context_has_no_effect(compute: Callable[[], object]) -> None:
    """Under a host context that rounds everything to one digit and traps all, results are the same."""
    expected = compute()
    with decimal.localcontext(_hostile_context()) as host:
        found = compute()
        assert not any(host.flags.values()), "nothing of ours ran in the host's context"
    assert found == expected


def test_our_contexts_are_not_the_hosts() -> None:
    """Computing leaves the precision, rounding and flags of the host's context alone."""
    with decimal.localcontext() as host:
        host.clear_flags()
        before = repr(host)
        for compute in BATTERY.values():
            compute()
        assert repr(decimal.getcontext()) == before


_LONG = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=17)


@given(_LONG, _LONG)
def test_sums_and_products_are_exact(first: Decimal, second: Decimal) -> None:
    """Sums and products of 38-digit numbers equal the same in whole numbers of the last digit."""

    def whole(number: Decimal, scale: int) -> int:
        sign, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        magnitude: int = int("".join(map(str, digits))) * 10 ** (scale + exponent)
        return -magnitude if sign else magnitude

    a, b = whole(first, 17), whole(second, 17)
    assert whole(add(first, second), 17) == a + b
    assert whole(subtract(first, second), 17) == a - b
    assert whole(multiply(first, second), 34) == a * b


def test_a_million_tiny_fills_sum_exactly() -> None:
    """A million times 1e-18 on top of a large number is exact: the default context would lose them."""
    total = Decimal(123456789012345678)
    tiny = Decimal("1e-18")
    for _ in range(1_000_000):
        total = add(total, tiny)
    assert text_of(total) == "123456789012345678.000000000001000000"


def test_rounding_where_exactness_is_promised_raises() -> None:
    """A sum that cannot be held exactly raises instead of losing digits in silence."""
    with pytest.raises(decimal.Inexact):
        add(Decimal("1e60"), Decimal("1e-60"))
    with pytest.raises(decimal.DivisionByZero):
        divide(Decimal(1), ZERO)


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        ("2.5", 0, "2"),
        ("3.5", 0, "4"),
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        ("-0.125", 2, "-0.12"),
        ("1", 3, "1.000"),
    ],
)
def test_quantise_rounds_half_to_even(number: str, decimals: int, text: str) -> None:
    """Ties go to the even digit, so that many roundings do not drift."""
    assert text_of(quantise(Decimal(number), decimals)) == text


def test_quantise_takes_another_rounding_and_refuses_odd_decimals() -> None:
    """A stated rounding is used; a negative number of decimals is an error, not a wrap-around."""
    assert quantise(Decimal("0.129"), 2, decimal.ROUND_DOWN) == Decimal("0.12")
    with pytest.raises(KeyError):
        quantise(Decimal(1), -1)


_STEP = st.sampled_from(
    [Decimal(text) for text in ("0.1", "0.01", "0.00000001", "0.05", "0.25", "3", "10", "1e-18")]
)


@given(st.integers(1, 10**12), st.integers(0, 8), _STEP)
def test_grid_points_lie_around_the_number(units: int, places: int, step: Decimal) -> None:
    """The floor is the largest grid point not above; the neighbours are one step apart."""
    number = Decimal(units).scaleb(-places)
    below, above = nearest_multiples(number, step)
    assert below <= number < above
    assert above - below == step
    assert is_multiple_of(below, step)
    assert is_multiple_of(above, step)
    assert floor_to_step(number, step) == below
    assert is_multiple_of(number, step) == (below == number)


@given(st.integers(0, 10**15), st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 12))
def test_a_share_is_within_half_a_digit(total: int, first: int, second: int, decimals: int) -> None:
    """A share differs from the true fraction by at most half a last digit, and is never beyond."""
    part, whole = sorted((first, second))
    share = share_of(Decimal(total), Decimal(part), Decimal(whole), decimals)
    distance = abs(multiply(share, Decimal(whole)) - multiply(Decimal(total), Decimal(part)))
    assert 2 * distance <= Decimal(whole).scaleb(-decimals)
    assert ZERO <= share <= total


def test_an_average_can_be_passed_back() -> None:
    """What is shown as an average has at most 38 digits, so it is taken as a number again."""
    third = average(Decimal(100), Decimal(3))
    assert text_of(third) == "33." + "3" * 36
    assert to_decimal(third, "limit_price") == third
    assert to_decimal(text_of(third), "limit_price") == third


def test_a_refused_number_is_an_invalid_input_and_a_value_error() -> None:
    """Callers may catch the family or the built-in kind."""
    assert issubclass(NumberRefused, InvalidInput)
    assert issubclass(NumberRefused, ValueError)


def test_what_the_module_offers_exists() -> None:
    """Every name in __all__ is there."""
    assert all(hasattr(numbers, name) for name in numbers.__all__)


def test_a_refusal_says_which_limits_hold_and_whether_its_text_was_shortened() -> None:
    """The limits of a signed fraction are other ones; an excerpt of the longest length is whole."""
    with pytest.raises(NumberRefused, match="is not above 0 and below 1"):
        to_fraction("-0.5", "rate")
    with pytest.raises(NumberRefused, match="is not between -1 and 1, and not 0"):
        to_fraction("-1", "rate", signed=True)
    with pytest.raises(NumberRefused, match=r"'x{24}' is not a plain"):
        to_decimal("x" * 24, "quantity")
    with pytest.raises(NumberRefused, match=r"'x{24}' \(shortened\) is not a plain"):
        to_decimal("x" * 25, "quantity")


@pytest.mark.parametrize(
    ("value", "signed", "fraction"),
    [
        ("99.9%", False, "0.999"),
        ("-99.9%", True, "-0.999"),
        ("100%", False, None),
        ("0%", True, None),
        ("-1", True, None),
        ("-0.1", False, None),
    ],
)
def test_a_fraction_lies_strictly_between_its_limits(value: str, signed: bool, fraction: str | None) -> None:  # noqa: FBT001 - a row of the table
    """All of it and nothing of it are no fractions; below zero only where a sign is due."""
    if fraction is not None:
        assert to_fraction(value, "rate", signed=signed) == Decimal(fraction)
        return
    with pytest.raises(NumberRefused):
        to_fraction(value, "rate", signed=signed)


def test_as_many_decimals_as_a_number_has_can_be_asked_for() -> None:
    """Rounding takes up to 38 decimals."""
    assert quantise(Decimal("1e-38"), 38) == Decimal("1e-38")


@pytest.mark.parametrize("value", [1, 2**63 - 1])
def test_the_first_and_the_last_moment_are_taken(value: int) -> None:
    """What a signed integer of 64 bits holds, without the epoch itself; one beyond either end is refused."""
    assert to_time_ns(value, "expire_ns") == value
    for bad in (0, 2**63):
        with pytest.raises(NumberRefused):
            to_time_ns(bad, "expire_ns")
