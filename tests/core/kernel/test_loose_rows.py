"""Rows that no record stands for: which are under way, which wait again, and which are dropped."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fairlead.kernel.journal.loose_rows import LooseRows
from fairlead.ports.store import Row
from fairlead.testing.conformance.store_batches import sample_row


def mark(name: str, at: int = 0) -> Row:
    """Return a notifier's row, which says up to where it was told."""
    return sample_row("notifiers", name=name, mark=at)


def delivery(name: str, sequence: int, attempts: int = 0) -> Row:
    """Return a row of one delivery."""
    return sample_row("deliveries", notifier=name, sequence=sequence, event_id="e", attempts=attempts)


def test_the_newest_row_of_a_key_is_written_once() -> None:
    """In the order in which the keys came; what comes while a batch is under way waits for the next."""
    loose, heard = LooseRows(), list[Sequence[Row]]()
    assert not loose
    loose.add([delivery("a", 1), mark("a"), delivery("a", 2)])
    loose.add([delivery("a", 1, 5)], heard.append)
    assert loose
    assert loose.take() == [delivery("a", 1, 5), mark("a"), delivery("a", 2)]
    assert not loose
    loose.add([mark("a", 9)], heard.append)
    assert heard == []
    loose.done()
    assert heard == [[]]
    assert loose.take() == [mark("a", 9)]
    loose.done()
    assert (heard, bool(loose)) == ([[], []], False)


def test_what_may_have_failed_waits_again_unless_something_newer_came() -> None:
    """Written twice it does no harm; whoever wanted to know is told once, after those of before."""
    loose, heard = LooseRows(), list[str]()
    loose.add([mark("a"), mark("b")], lambda _refused: heard.append("first"))
    assert loose.take() == [mark("a"), mark("b")]
    loose.add([mark("b", 7), mark("c")], lambda _refused: heard.append("second"))
    loose.put_back()
    assert loose.take() == [mark("a"), mark("b", 7), mark("c")]
    assert heard == []
    loose.done()
    assert heard == ["first", "second"]
    assert loose.take() == []


def test_somebody_who_waits_for_no_row_is_told_as_well() -> None:
    """That everything before is stored is news in itself."""
    loose, heard = LooseRows(), list[Sequence[Row]]()
    loose.add([], heard.append)
    assert loose
    assert loose.take() == []
    loose.done()
    assert heard == [[]]
    assert not loose


def test_a_single_row_that_is_refused_is_dropped_and_told() -> None:
    """There is no other that could be at fault."""
    loose, heard = LooseRows(), list[Sequence[Row]]()
    loose.add([mark("a")], heard.append)
    loose.take()
    loose.refused()
    assert (heard, bool(loose), loose.take()) == ([[mark("a")]], False, [])


@pytest.mark.parametrize("at_fault", [0, 1])
def test_of_two_rows_only_the_one_at_fault_is_dropped(at_fault: int) -> None:
    """Each comes in a batch of its own, and the other is stored."""
    loose, heard = LooseRows(), list[Sequence[Row]]()
    rows = [delivery("a", 1), delivery("b", 1)]
    loose.add(rows, heard.append)
    assert loose.take() == rows
    loose.refused()
    for number, row in enumerate(rows):
        assert loose
        assert loose.take() == [row]
        assert heard == []
        if number == at_fault:
            loose.refused()
        else:
            loose.done()
    assert heard == [[rows[at_fault]]]
    assert not loose


def test_a_mark_comes_last_and_goes_with_the_first_row_of_its_notifier() -> None:
    """It says that those rows are stored; that of another notifier is stored all the same."""
    loose, heard = LooseRows(), list[Sequence[Row]]()
    loose.add([mark("a"), delivery("a", 1), mark("b"), delivery("b", 1)], heard.append)
    loose.take()
    loose.refused()
    assert loose.take() == [delivery("a", 1)]
    loose.refused()
    assert loose.take() == [delivery("b", 1)]
    loose.done()
    assert loose.take() == [mark("b")]
    loose.done()
    assert heard == [[delivery("a", 1)]]
    assert not loose


def test_suspects_that_may_have_failed_wait_again_together() -> None:
    """After a recovery they are rows like others; what was stored of them by then is not written again."""
    loose = LooseRows()
    loose.add([delivery("a", 1), delivery("a", 2), delivery("a", 3)])
    loose.take()
    loose.refused()
    assert loose.take() == [delivery("a", 1)]
    loose.done()
    loose.add([delivery("a", 3, 5)])
    loose.put_back()
    assert loose.take() == [delivery("a", 2), delivery("a", 3, 5)]
