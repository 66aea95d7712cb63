"""How an order stood at the step of a fact: written beside the fact, and read back for a notice."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from fairlead.domain.orders import Order
from fairlead.kernel.journal.figures import order_figures, read_order_figures
from fairlead.kernel.journal.rows import order_from_row
from fairlead.testing.conformance.store_batches import sample_row


def order(filled: str = "0", tags: str = "") -> Order:
    """Return a working order of 2.50 with so much filled."""
    row = sample_row(
        "orders",
        client_order_id="a",
        state="working",
        quantity=Decimal("2.50"),
        filled_quantity=Decimal(filled),
        filled_value=Decimal(filled) * 100,
        tags=tags,
    )
    return order_from_row(row.named(), ())


@pytest.mark.parametrize(
    ("filled", "value", "leaves"),
    [("0", "0", "2.50"), ("1", "100", "1.50"), ("2.50", "250.00", "0"), ("3", "300", "0")],
)
def test_figures_of_an_order_come_back_by_name(filled: str, value: str, leaves: str) -> None:
    """A notice says what is filled and what is left as plain numbers; more than all leaves nothing."""
    assert read_order_figures(order_figures(order(filled))) == {
        "state": "working",
        "quantity": "2.50",
        "filled_quantity": filled,
        "filled_value": value,
        "leaves_quantity": leaves,
        "tags": [],
    }


@pytest.mark.parametrize("tags", [["one"], ["two words", 'a "quote"', "ü"], ["a", "b", "c d e f g"]])
def test_tags_come_back_whatever_stands_in_them(tags: list[str]) -> None:
    """The figures are parted by blanks; a tag may have some, and is still one tag."""
    figures = order_figures(order(tags=json.dumps(tags, ensure_ascii=False)))
    assert read_order_figures(figures)["tags"] == tags
    assert read_order_figures(figures)["quantity"] == "2.50"


def test_without_tags_nothing_is_written_for_them() -> None:
    """The text is written with every fact of every order: four words, and no more."""
    assert order_figures(order("1")) == "working 2.50 1 100"


def test_an_order_that_was_not_known_has_no_figures() -> None:
    """Such a fact tells nothing of how things stood."""
    assert read_order_figures("") == {}


def test_figures_that_are_not_whole_are_refused() -> None:
    """Nothing is guessed: each name has its value, or reading ends."""
    with pytest.raises(ValueError, match="argument"):
        read_order_figures("working 1 2")
