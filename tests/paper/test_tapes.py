"""The venue and the oracle say about every tape what was written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.paper.tape_script import FOLDER, OracleSide, TapeScript, VenueSide, read_tape

TAPES = [read_tape(path) for path in sorted(FOLDER.glob("*.tape"))]
every_tape = pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.name)
TAPES_MIN = 30


def compare(tape: TapeScript, side: VenueSide | OracleSide) -> None:
    """Do every step, and compare all that was said and held with what was written."""
    for number, step in enumerate(tape.steps, start=1):
        where = f"{tape.name}, step {number}: {' '.join(step.words)}"
        assert side.do(step.words) == step.said, where
        if step.held:
            assert side.held() == step.held, where
    assert tape.steps[-1].held, f"{tape.name} does not say what is held at its end"


@every_tape
def test_the_venue_does_what_was_written(tape: TapeScript) -> None:
    """Reports, fills, fees, refusals and balances are those of the tape, in that order, and no others."""
    compare(tape, VenueSide(tape))


@every_tape
def test_a_venue_that_restarts_before_every_step_does_the_same(tape: TapeScript, tmp_path: Path) -> None:
    """Queue, watermarks, triggers, books and ledger are in the file: nothing is lost between two steps."""
    side = VenueSide(tape, tmp_path / "venue.sqlite")
    compare(tape, side)
    side.close()


@every_tape
def test_the_oracle_does_what_was_written(tape: TapeScript) -> None:
    """The oracle is held to the same tapes, so that what it says of others can be believed."""
    compare(tape, OracleSide(tape))


def test_there_are_enough_tapes() -> None:
    """None was lost on the way."""
    assert len(TAPES) >= TAPES_MIN
