"""What a check gives back is looked at before it is believed: what is refused, and with which words."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from fairlead import OrderSide
from fairlead.errors import FairleadError, NumberRefused, TextRefused
from fairlead.kernel.core.readable import TIME_MAX_NS
from fairlead.kernel.gate.judgements import judgement_problem, limits_of, value_problem
from fairlead.ports.risk import ALLOW, Deny, Lock

ODD: Any = None
NUMBER: Any = 5
TEXT: Any = "up"
LIST: Any = [("a", "1")]
NO_FIGURES = "figures that are not pairs"
NO_TEXT = "figures that are not text"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (ALLOW, ""),
        (Deny("NO", "no"), ""),
        (Deny("NO", ""), ""),
        (Deny("NO", "no", (("a", "1"), ("b", ""))), ""),
        (Deny("", "no"), "without a code"),
        (Deny(NUMBER, "no"), "without a code"),
        (Deny("N\nO", "no"), "without a code"),
        (Deny("NO", NUMBER), "a reason that is not printable text"),
        (Deny("NO", "n\to"), "a reason that is not printable text"),
        (Deny("NO", "no", LIST), NO_FIGURES),
        (Deny("NO", "no", ODD), NO_FIGURES),
        (Deny("NO", "no", (LIST,)), NO_FIGURES),
        (Deny("NO", "no", (("a", "1"), ODD)), NO_FIGURES),
        (Deny("NO", "no", (("a", "1", "2"),)), NO_FIGURES),  # type: ignore[arg-type]  # a bad check's
        (Deny("NO", "no", (("a",),)), NO_FIGURES),  # type: ignore[arg-type]  # a bad check's
        (Deny("NO", "no", ("ab",)), NO_FIGURES),  # type: ignore[arg-type]  # a bad check's
        (Deny("NO", "no", (("a", "1"), ("b", NUMBER))), NO_TEXT),
        (Deny("NO", "no", (("a", "1"), (NUMBER, "b"))), NO_TEXT),
        (Deny("NO", "no", (("a", "\x1b"),)), NO_TEXT),
        (Lock("*", None, 1, "NO", "no"), ""),
        (Lock("*", OrderSide.BUY, 0, "NO", "no"), ""),
        (Lock("", None, TIME_MAX_NS - 1, "NO", "no"), ""),
        (Lock("*", None, TIME_MAX_NS, "NO", "no"), "a lock until no time"),
        (Lock("*", None, -1, "NO", "no"), "a lock until no time"),
        (Lock("*", None, True, "NO", "no"), "a lock until no time"),
        (Lock("*", None, ODD, "NO", "no"), "a lock until no time"),
        (Lock("*", TEXT, 1, "NO", "no"), "a lock of no side"),
        (Lock(NUMBER, None, 1, "NO", "no"), "a lock of no scope"),
        (Lock("a\nb", None, 1, "NO", "no"), "a lock of no scope"),
        (Lock("*", None, 1, "", "no"), "without a code"),
        (Lock("*", None, 1, "NO", NUMBER), "a reason that is not printable text"),
        (None, "nothing; Allow, Deny or Lock is due"),
        (True, "a bool; Allow, Deny or Lock is due"),
        ("no", "a str; Allow, Deny or Lock is due"),
        (Deny, "a StructMeta; Allow, Deny or Lock is due"),
    ],
)
def test_what_is_no_judgement_is_said(answer: object, problem: str) -> None:
    """The author of a check reads in the journal what was wrong with its answer."""
    assert judgement_problem(answer) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", ""),
        ("one", ""),
        ("two\n\tlines", ""),
        ("\n", ""),
        ("a\rb", "returned text that cannot be stored"),
        ("\n\x00", "returned text that cannot be stored"),
        ("\x00\n", "returned text that cannot be stored"),
        (None, "returned a NoneType, not text"),
        (5, "returned a int, not text"),
        (b"x", "returned a bytes, not text"),
    ],
)
def test_what_cannot_be_a_checks_value_is_said(value: object, problem: str) -> None:
    """Text in lines can be stored and read back; nothing else that a check may have folded."""
    assert value_problem(value) == problem


def check(limits: object) -> object:
    """Return a check that tells these limits."""
    return SimpleNamespace(limits=limits)


@pytest.mark.parametrize("limits", [{}, {"most": 3}, {"most": Decimal("1.5"), "least": 0}])
def test_limits_are_told_as_the_check_tells_them(limits: object) -> None:
    """They stand in the journal, so that a limit which was lowered is seen."""
    assert limits_of(check(limits)) == limits


def test_a_check_that_tells_no_limits_has_none() -> None:
    """Nobody must."""
    assert limits_of(object()) == {}


@pytest.mark.parametrize(
    ("limits", "error", "words"),
    [
        ([("most", 3)], TextRefused, "limits: a list is no mapping of names to numbers"),
        (None, TextRefused, "limits: a NoneType is no mapping of names to numbers"),
        ({"a\nb": 3}, TextRefused, "limits: "),
        ({5: 3}, FairleadError, "limits: "),
        ({"least": 1, "most": 1.5}, FairleadError, "limits.most: "),
        ({"most": Decimal("NaN"), "least": 1}, NumberRefused, "limits.most: "),
        ({"most": "many"}, NumberRefused, "limits.most: "),
    ],
)
def test_limits_that_cannot_be_journaled_are_refused(
    limits: object, error: type[FairleadError], words: str
) -> None:
    """At the start, with the name of the limit."""
    with pytest.raises(error) as refused:
        limits_of(check(limits))
    assert str(refused.value).startswith(words)
