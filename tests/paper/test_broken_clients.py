"""Each rule of the exchange port can fail: a client with one fault is caught by the rule that claims it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fairlead.errors import ExchangeFault
from fairlead.ports.exchange import Fence
from fairlead.testing import run
from fairlead.testing.conformance.exchange import ExchangeConformance, exchange_rules
from fairlead.testing.conformance.rules import method_of
from fairlead_paper.client import PaperClient
from tests.paper import broken_clients as broken
from tests.paper.paper_world import PaperWorld

FAULTS: tuple[tuple[str, type[PaperClient]], ...] = (
    ("E-01", broken.NoVenueId),
    ("E-02", broken.SilentAcceptance),
    ("E-03", broken.RaisesRefusals),
    ("E-04", broken.RefusedWithoutConnection),
    ("E-05", broken.PretendsToCancel),
    ("E-06", broken.CancelRefusalIsAnError),
    ("E-07", broken.CancelsTheUnknown),
    ("E-08", broken.ForgetsTheDeadline),
    ("E-09", broken.ForgetsTheDeadline),
    ("E-10", broken.FreshIdEachTime),
    ("E-11", broken.SkipsOpenOrders),
    ("E-12", broken.SkipsClosedOrders),
    ("E-13", broken.SkipsTrades),
    ("E-14", broken.NeverSure),
    ("E-15", broken.AlwaysSure),
    ("E-16", broken.ListsOnlyItsOwn),
    ("E-17", broken.NewTradeIds),
    ("E-18", broken.CountsTwice),
    ("E-19", broken.SkipsAtPageEdges),
    ("E-20", broken.TellsWhatIsFree),
    ("E-21", broken.Floats),
    ("E-22", broken.EmptyOnFailure),
    ("E-23", broken.Repeats),
    ("E-23", broken.TimeoutMeansRefused),
    ("E-24", broken.Repeats),
    ("E-25", broken.BelievesGarbage),
    ("E-25", broken.AnswersGarbage),
    ("E-26", broken.PushesThroughLimits),
    ("E-27", broken.HidesBreaks),
    ("E-28", broken.TalksAfterwards),
    ("E-29", broken.HasNoInstruments),
    ("E-30", broken.SendsWhatItCan),
    ("E-31", broken.PretendsToModify),
    ("E-32", broken.ChangesTheRest),
    ("E-33", broken.ReplacesTheUnknown),
    ("E-34", broken.AsksForTheRest),
    ("E-35", broken.ForgetsTheChangesDeadline),
    ("E-36", broken.SilenceMeansUnchanged),
    ("E-37", broken.InsistsOnTheChange),
    ("E-38", broken.TellsNoTerms),
    ("E-39", broken.FindsOpenOrdersOnly),
    ("E-40", broken.CancelsByItsOwnIdAlone),
    ("E-41", broken.SaysNothingOfRules),
    ("E-19", broken.GoesOnAfterTheInstant),
    ("E-42", broken.TellsTradesAsEntries),
    ("E-42", broken.NumbersEntriesAnew),
    ("E-43", broken.LeavesCostsOut),
    ("E-44", broken.LocksNothing),
)


def suite_of(kind: type[PaperClient], fence: Fence) -> ExchangeConformance:
    """Return the rules over a world of such clients."""

    class Suite(ExchangeConformance):
        async def make_world(self) -> PaperWorld:
            return PaperWorld(fence, kind)

        def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
            run(main)

    return Suite()


@pytest.mark.parametrize(("number", "kind"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_the_rule_catches_the_fault(number: str, kind: type[PaperClient]) -> None:
    """The rule fails for the broken client, and holds for the same client without its fault."""
    fence = Fence.PERMANENT_CLIENT_ID if number == "E-10" else Fence.DEADLINE
    method = method_of(ExchangeConformance, number)
    try:
        getattr(suite_of(PaperClient, fence), method)()
    except pytest.skip.Exception as skipped:  # then nothing would be proven
        pytest.fail(f"{number} was not run: {skipped}")

    with pytest.raises((AssertionError, ExchangeFault, pytest.fail.Exception)):
        getattr(suite_of(kind, fence), method)()


def test_every_rule_has_a_client_that_breaks_it() -> None:
    """No rule is without the proof that it can fail."""
    assert {number for number, _ in FAULTS} == set(exchange_rules())
