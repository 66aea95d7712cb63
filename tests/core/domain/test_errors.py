"""Errors say what happened, what was not done and what to do, and survive pickling."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from fairlead import errors
from fairlead.errors import (
    FairleadError,
    InvalidInput,
    InvariantBroken,
    JournalDamaged,
    NumberRefused,
    RowRuleBroken,
    SettingRefused,
    StoreHeld,
    SymbolHeld,
    TextRefused,
    UnknownName,
    invariant,
)

EVERY_KIND = sorted(
    (
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, FairleadError) and kind.__module__ == errors.__name__
    ),
    key=lambda kind: kind.__name__,
)

MADE: dict[type[FairleadError], FairleadError] = {
    InvalidInput: InvalidInput("side", "'up' is not a side", fix="Use buy or sell."),
    NumberRefused: NumberRefused("quantity", "NaN is not a finite number", fix="Pass a finite decimal."),
    TextRefused: TextRefused("owner", "a bytes is not text"),
    SymbolHeld: SymbolHeld("BTC/USDT", "exchange"),
    UnknownName: UnknownName("symbol", "BTC/USD", ("BTC/USDT", "ETH/USDT")),
    SettingRefused: SettingRefused("mine.path", "'' is not a file path", fix="Write a path."),
    StoreHeld: StoreHeld("process 4711"),
    RowRuleBroken: RowRuleBroken("ck_orders_state_known"),
    JournalDamaged: JournalDamaged(17, "its hash does not fit"),
}


def _example(kind: type[FairleadError]) -> FairleadError:
    return MADE.get(kind) or kind("It happened.", not_done="Nothing was sent.", fix="Look.")


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickle_and_copy(kind: type[FairleadError]) -> None:
    """Type, message, parts and own attributes come back, also from another process; notes too."""
    error = _example(kind)
    error.add_note("while starting")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(twin) is kind
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_the_message_is_made_of_its_parts(kind: type[FairleadError]) -> None:
    """What happened, what was not done and the fix stand in the message, in this order."""
    error = _example(kind)
    assert error.what
    assert str(error) == " ".join(part for part in (error.what, error.not_done, error.fix) if part)


def test_what_alone_is_a_whole_message() -> None:
    """The other parts may be missing without a trace of them."""
    assert str(FairleadError("It happened.")) == "It happened."


def test_special_errors_keep_their_figures() -> None:
    """The holder, the damaged sequence, the field and the unknown name can be read by programs."""
    assert StoreHeld("process 4711").holder == "process 4711"
    assert "process 4711" in str(StoreHeld("process 4711"))
    assert JournalDamaged(17, "x").sequence == 17
    assert str(JournalDamaged(17, "its hash does not fit")).startswith(
        "Journal record 17: its hash does not fit."
    )
    refused = InvalidInput("side", "'up' is not a side", fix="Use buy or sell.")
    assert (refused.field, refused.problem, refused.fix) == ("side", "'up' is not a side", "Use buy or sell.")
    assert str(refused) == "side: 'up' is not a side. Use buy or sell."


def test_input_errors_are_value_errors() -> None:
    """Whoever catches ValueError catches a refused input."""
    with pytest.raises(ValueError, match="quantity"):
        raise MADE[NumberRefused]


def test_an_unknown_name_is_told_the_nearest() -> None:
    """The error names the field, the name, the nearest known one and the list."""
    error = UnknownName("symbol", "BTC/USD", ("ETH/USDT", "BTC/USDT"))
    assert (error.field, error.name, error.known) == ("symbol", "BTC/USD", ("ETH/USDT", "BTC/USDT"))
    assert str(error) == (
        "symbol: 'BTC/USD' is not known. Did you mean 'BTC/USDT'? Known are BTC/USDT, ETH/USDT."
    )


def test_an_unknown_name_without_a_near_one_is_told_the_list() -> None:
    """No guess is made when nothing is near; a long list is cut; a fix of the caller's own is kept."""
    assert UnknownName("plugin", "zzz", ("paper",)).fix == "Known are paper."
    assert UnknownName("plugin", "zzz").fix == ""
    assert UnknownName("plugin", "zzz", ("paper",), fix="Install it.").fix == "Install it."
    many = tuple(f"A{index:02}" for index in range(13))
    assert UnknownName("plugin", "zzz", many).fix == f"Known are {', '.join(many[:12])} and 1 more."
    assert UnknownName("plugin", "zzz", many[:12]).fix == f"Known are {', '.join(many[:12])}."


def test_an_unknown_name_is_escaped_and_cut() -> None:
    """A name of a megabyte with control characters makes one short printable line."""
    error = UnknownName("symbol", "\x1b[31m\n" + "x" * 10**6, ("BTC/USDT",))
    assert str(error).isprintable()
    assert len(str(error)) < 200


def test_an_invariant_that_holds_is_silent_and_a_broken_one_is_not() -> None:
    """A broken invariant raises under its own type, also where assertions are switched off."""
    invariant(holds=True, what="one is one")
    with pytest.raises(InvariantBroken, match="Invariant broken: a position has one key") as caught:
        invariant(holds=False, what="a position has one key")
    assert caught.value.not_done


def test_the_drawing_shows_every_error_under_its_parent() -> None:
    """The tree in the module's docstring names every error, indented below its base."""
    drawing = errors.__doc__ or ""
    indents = {
        match["name"]: len(match["lead"])
        for match in re.finditer(r"^(?P<lead>[ │├└─]*)(?P<name>[A-Z]\w+)", drawing, re.MULTILINE)
    }
    indents.pop("Every")
    assert set(indents) == {kind.__name__ for kind in EVERY_KIND}
    for kind in EVERY_KIND:
        assert indents[kind.__name__] == 4 * len(
            [base for base in kind.__mro__ if issubclass(base, FairleadError)]
        )
