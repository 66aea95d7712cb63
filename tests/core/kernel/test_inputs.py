"""Inputs and effects: what one does not say is no, nothing, or nobody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest

from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.values import Value
from fairlead.kernel.core.effects import Effect
from fairlead.kernel.core.inputs import AdoptOrder, ClosePosition, Input, SubmitProposal, Wish
from tests.core.kernel.bench import BTC

SAID_OTHERWISE = {"FillsRead": {"settled": True}, "LedgerRead": {"settled": True}}
"""A page that says nothing was read in one go, so nothing can have been added to the pages before it."""


@pytest.mark.parametrize("cls", [*get_args(Input), Wish, *get_args(Effect)])
def test_what_is_not_said_is_not_wanted(cls: type[Value]) -> None:
    """No power, no flag, no word and no figure comes from having been left out."""
    defaults = cls.__struct_defaults__
    names = cls.__struct_fields__[len(cls.__struct_fields__) - len(defaults) :]
    said = {
        name: default
        for name, default in zip(names, defaults, strict=True)
        if default not in (0, "", (), None)
    }
    assert said == SAID_OTHERWISE.get(cls.__name__, {})


def test_a_proposal_and_a_closing_name_their_position() -> None:
    """Symbol and book, and the hedging position's own id where there is one."""
    limit = OrderType.LIMIT
    terms = (OrderSide.BUY, limit, TimeInForce.GTC, Decimal(1), None, Decimal(100), "", "", ())
    assert SubmitProposal("x", "bot", "main", BTC, *terms).key == (BTC, "main", "")
    assert SubmitProposal("x", "bot", "main", BTC, *terms, position_id="one").key == (BTC, "main", "one")
    assert ClosePosition("k", "bot", BTC, "main").key == (BTC, "main", "")
    assert ClosePosition("k", "bot", BTC, "main", position_id="one").key == (BTC, "main", "one")
    adopted = AdoptOrder("x", "V1", "", "bot", "main", "bot", "", False, None, (), "", 5)
    assert (adopted.command_id, adopted.asked_monotonic_ns) == (0, 0)


def test_a_wish_for_an_order_is_said_by_name() -> None:
    """Owner, book and who asks are three texts: in the wrong order they would pass unnoticed."""
    wish = Wish(venue_order_id="V1", owner="bot", book="main", by="operator")
    assert (wish.owner, wish.book, wish.by) == ("bot", "main", "operator")
    positional: Any = Wish
    with pytest.raises(TypeError):
        positional("V1", "bot", "main", "operator")
