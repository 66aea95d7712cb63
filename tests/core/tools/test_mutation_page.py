"""The page of the mutation score: no reason outlives its mutant, and none is without a kind."""

from __future__ import annotations

from tools.mutation.page import PAGE, Score, Survivor, check_score, page_text, render
from tools.sources import ROOT

KNOWN = {("domain/orders.py", "f", "`<` becomes `<=`")}
SOUND = Survivor("domain/orders.py", "f", ("`<` becomes `<=`",), "speed", "It is only faster.")


def score(*survivors: Survivor) -> Score:
    """Return a score of ten mutants, of which two were missed."""
    room = {"name": "all", "mutants": 10, "missed": 2, "equivalent": 1}
    return Score(("Ten of them.",), (room,), survivors)


def test_a_row_is_kept_while_its_mutant_is_there() -> None:
    """A mutant that is no more, an unknown kind and an empty reason are each found."""
    assert check_score(score(SOUND), KNOWN) == []
    for wrong, words in (
        (SOUND._replace(faults=("`>` becomes `>=`",)), "no mutant is called '`>` becomes `>=`'"),
        (SOUND._replace(kind="whim"), "'whim' is none of"),
        (SOUND._replace(reason=" "), "has no reason"),
    ):
        (finding,) = check_score(score(wrong), KNOWN)
        assert words in finding.message


def test_both_scores_are_told() -> None:
    """The figure with equivalent mutants and the one without them stand side by side."""
    assert "| all | 10 | 8 | 2 | 1 | 80.0% | 88.9% |" in render(score(SOUND))
    assert "### Speed: 1" in render(score(SOUND))


def test_the_committed_page_is_current() -> None:
    """The page says what its data say now."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page_text()
