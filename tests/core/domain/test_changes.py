"""Terms of a change: what differs from what the venue holds, and what raises nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.changes import Terms


def terms(quantity: str, limit: str | None = None, trigger: str | None = None) -> Terms:
    """Return terms."""
    prices = (None if price is None else Decimal(price) for price in (limit, trigger))
    return Terms(Decimal(quantity), *prices)


OURS = terms("2", "100", "90")


@pytest.mark.parametrize(
    ("told", "differs"),
    [
        (terms("2", "100", "90"), False),
        (terms("2.0", "100.0", "90.0"), False),
        (terms("3", "100", "90"), True),
        (terms("2", "101", "90"), True),
        (terms("2", "100", "91"), True),
        # A price that the venue does not tell is no other price.
        (terms("2", None, "90"), False),
        (terms("2", "100", None), False),
        (terms("2"), False),
        (terms("3"), True),
    ],
)
def test_only_what_the_venue_tells_can_differ(told: Terms, differs: bool) -> None:  # noqa: FBT001 - a row of the table
    """Each term by its value; a term that a report leaves out calls for no take-over."""
    assert OURS.differs_from(told) is differs


def test_a_price_that_we_do_not_have_differs() -> None:
    """The venue tells a price of an order to which we gave none."""
    assert terms("2").differs_from(terms("2", "100"))
    assert terms("2").differs_from(terms("2", None, "90"))


@pytest.mark.parametrize(
    ("wished", "nothing"),
    [
        (terms("2", "100", "90"), True),
        (terms("1", "99", "89"), True),
        (terms("2.1", "100", "90"), False),
        (terms("2", "100.1", "90"), False),
        (terms("2", "100", "90.1"), False),
        # One term that falls does not make up for one that rises.
        (terms("1", "100.1", "89"), False),
        (terms("2"), True),
    ],
)
def test_a_change_shrinks_only_when_no_term_rises(wished: Terms, nothing: bool) -> None:  # noqa: FBT001 - a row of the table
    """While trading reduces only such a change passes; the same terms raise nothing."""
    assert wished.raises_nothing_of(OURS) is nothing


def test_a_price_where_there_was_none_is_no_shrink() -> None:
    """Nobody can say that it lies below."""
    assert not terms("1", "1").raises_nothing_of(terms("2"))
    assert not terms("1", None, "1").raises_nothing_of(terms("2"))
