"""What is to change about remarks is checked, and what is refused bears the name of its argument."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.domain.remarks import (
    Annotation,
    Remarks,
    annotated,
    remarks_problem,
    to_annotation,
)
from fairlead.errors import InvalidInput

NAMES = tuple(f"n{number:02}" for number in range(33))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"note": "two\nlines"}, "note"),
        ({"note": 7}, "note"),
        ({"add_tags": "night"}, "add_tags"),
        ({"remove_tags": 7}, "remove_tags"),
        ({"metadata": 7}, "metadata"),
        ({"metadata": {"signal": "a\nb"}}, "metadata.signal"),
        ({"remove_metadata": "signal"}, "remove_metadata"),
        ({"remove_metadata": [7]}, "remove_metadata"),
        ({}, "annotation"),
        ({"add_tags": ["a", "b"], "remove_tags": ["b"]}, "annotation"),
        ({"metadata": {"a": "1", "b": "2"}, "remove_metadata": ["b"]}, "annotation"),
    ],
)
def test_what_is_refused_is_named(given: dict[str, Any], field: str) -> None:
    """A bot reads from the error which of its arguments is wrong."""
    with pytest.raises(InvalidInput) as caught:
        to_annotation(**given)
    assert caught.value.field == field


def test_what_is_left_out_stays_and_the_rest_is_done() -> None:
    """No note leaves the note, an empty one takes it away; tags and metadata come out sorted."""
    before = Remarks("old", ("b", "c"), (("m", "1"), ("x", "2")))
    assert annotated(before, to_annotation(add_tags=["a"])) == Remarks(
        "old", ("a", "b", "c"), before.metadata
    )
    assert annotated(before, to_annotation(note="")).note == ""
    wanted = to_annotation(remove_tags=["b"], metadata={"a": "0", "m": "9"}, remove_metadata=["x"])
    after = annotated(before, wanted)
    assert after == Remarks("old", ("c",), (("a", "0"), ("m", "9")))
    assert annotated(after, wanted) == after
    assert annotated(before, Annotation()) == before


def test_as_many_remarks_as_are_kept_are_no_problem_and_one_more_is() -> None:
    """32 tags and 32 entries, counted after the annotation."""
    pairs = tuple((name, "") for name in NAMES)
    assert remarks_problem(Remarks("", NAMES[:32], pairs[:32])) == ""
    assert remarks_problem(Remarks("", NAMES, ())) == "33 tags, and at most 32 are kept"
    assert remarks_problem(Remarks("", (), pairs)) == "33 entries of metadata, and at most 32 are kept"
