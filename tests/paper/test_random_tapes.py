"""On tapes that nobody wrote the venue and the oracle say the same, step by step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.campaign import campaign_size
from tests.paper.random_tapes import tapes
from tests.paper.tape_script import OracleSide, TapeScript, VenueSide


def agree(tape: TapeScript, venue: VenueSide) -> None:
    """Compare everything said and held after every step."""
    oracle = OracleSide(tape)
    for number, step in enumerate(tape.steps, start=1):
        where = f"step {number}: {' '.join(step.words)}"
        said = venue.do(step.words)
        assert said == oracle.do(step.words), where
        assert venue.held() == oracle.held(), where


@settings(max_examples=250, deadline=None)
@given(tape=tapes(with_books=False))
def test_venue_and_oracle_agree_without_a_book(tape: TapeScript) -> None:
    """Every type, both ways of locking, every kind of fee, queue, slippage: the same fills and balances."""
    agree(tape, VenueSide(tape))


@settings(max_examples=150, deadline=None)
@given(tape=tapes(with_books=True))
def test_venue_and_oracle_agree_with_books(tape: TapeScript) -> None:
    """The same where books come and go between the trades."""
    agree(tape, VenueSide(tape))


@pytest.mark.campaign
def test_venue_and_oracle_agree_for_long() -> None:
    """A campaign of the same; its size is the number of tapes."""

    @settings(max_examples=campaign_size("TAPES", 4_000), deadline=None, database=None)
    @given(tape=tapes(with_books=True))
    def compare(tape: TapeScript) -> None:
        agree(tape, VenueSide(tape))

    compare()


@settings(max_examples=25, deadline=None)
@given(tape=tapes(with_books=True))
def test_restarts_change_nothing(tape: TapeScript) -> None:
    """A venue that is closed and opened from its file before each step says the same as the oracle."""
    with tempfile.TemporaryDirectory() as folder:
        venue = VenueSide(tape, Path(folder) / "venue.sqlite")
        agree(tape, venue)
        venue.close()
