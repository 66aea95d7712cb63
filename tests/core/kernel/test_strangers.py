"""Under which name an order is held that the venue speaks of: ours, one made from the venue's, or none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.identifiers import adopted_order_id
from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.strangers import ADOPTION, is_ours, name_in, name_of_report, our_name, renamed
from fairlead.ports.exchange import FillReport, LookUp, OrderReport, VenueStatus
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, order

TAG = "0a0a0a0a"
OURS = TAG + "b" * 24
ADOPTED = adopted_order_id(TAG, BTC, "V1")
D = Decimal
NOTHING: Any = None
FILL = FillReport("", "V1", "T1", BTC, OrderSide.BUY, D(1), D(100), None, D(0), "USDT", Liquidity.MAKER, 1)
REPORT = OrderReport("", "V1", BTC, VenueStatus.LIVE, D(0), 1)


@pytest.mark.parametrize(
    ("name", "venue_order_id", "called"),
    [
        (OURS, "V1", OURS),
        (OURS, "", OURS),
        ("by-hand", "V1", ADOPTED),
        ("", "V1", ADOPTED),
        ("by-hand", "", "by-hand"),
        ("", "", ""),
    ],
)
def test_what_we_call_an_order(name: str, venue_order_id: str, called: str) -> None:
    """Our own id where it has one; else an id made from the venue's, whatever others called it."""
    assert our_name(name, venue_order_id, BTC, TAG) == called
    for report in (FILL, REPORT):
        assert (
            name_of_report(replace(report, client_order_id=name, venue_order_id=venue_order_id), TAG)
            == called
        )


def test_an_id_is_ours_by_its_shape_and_the_accounts_tag() -> None:
    """Another account's id is a stranger's here."""
    assert is_ours(OURS, TAG)
    assert not is_ours(OURS, "0b0b0b0b")
    assert not is_ours("", TAG)


@pytest.mark.parametrize("field", ["client_order_id", "venue_order_id", "symbol"])
def test_what_cannot_be_read_names_no_order(field: str) -> None:
    """Whatever came from outside: it is looked at further, and refused there."""
    for report in (FILL, REPORT):
        assert name_of_report(replace(report, **{"client_order_id": OURS, field: 7}), TAG) == ""
    for odd in (None, "x", LookUp(None, (), complete=True)):
        assert name_of_report(odd, TAG) == ""


def test_a_report_is_about_an_order_that_was_taken_over_only_when_there_are_such() -> None:
    """Ours come first; where none was ever taken over the venue's own id says nothing."""
    state = Fold(order("by-hand")).state
    state.account_tag = TAG
    assert name_in(state, replace(REPORT, client_order_id="by-hand")) == "by-hand"
    assert name_in(state, replace(FILL, client_order_id="other")) == "other"
    state.adopts = True
    assert name_in(state, replace(REPORT, client_order_id="by-hand")) == "by-hand"
    assert name_in(state, replace(FILL, client_order_id="other")) == ADOPTED
    assert name_in(EngineState("test", TAG), REPORT) == ""


@pytest.mark.parametrize(
    ("report", "renamed_to"),
    [
        (REPORT, replace(REPORT, client_order_id="ours")),
        (replace(REPORT, venue_order_id="V2"), replace(REPORT, venue_order_id="V2")),
        (NOTHING, NOTHING),
        (FILL, FILL),  # a fill where a report should be: as it came, for the check after it to refuse
    ],
)
def test_a_look_up_goes_on_under_our_name(report: Any, renamed_to: Any) -> None:  # noqa: ANN401 - that is the point
    """Only what is of that order, and what can be read; whether it was complete stays."""
    for complete in (True, False):
        found = renamed(LookUp(report, (FILL, REPORT), complete), "V1", "ours")  # type: ignore[arg-type]  # odd on purpose
        assert found == LookUp(renamed_to, [replace(FILL, client_order_id="ours"), REPORT], complete)  # type: ignore[list-item]  # same


def test_the_source_of_an_adoption_is_a_kept_word() -> None:
    """It stands in the rows of fills and in the journal."""
    assert name_of_report(REPORT, TAG) == ADOPTED
    assert ADOPTION == "adoption"
