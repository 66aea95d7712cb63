"""The engine's state before anything is known, and what it tells of itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from fairlead.domain.ledger import Position
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.pace_queue import PaceCounts, PaceQueue
from fairlead.kernel.core.state import FOUND_AGAIN, MISSING, UNHEARD, CommandEntry, Dirty, EngineState
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, order


def told(thing: object) -> dict[str, object]:
    """Return the fields that are not empty, zero or false."""
    cls: Any = type(thing)
    return {field.name: value for field in attrs.fields(cls) if (value := getattr(thing, field.name))}


def test_a_state_begins_with_nothing() -> None:
    """Nothing is held, promised or known, and nothing may be traded; nothing was ever read or forgotten."""
    fields = told(EngineState("test", "00000000"))
    parts = told(fields.pop("dirty")), told(fields.pop("pace"))
    assert parts == ({}, {"counts": PaceCounts({}, {}, 0, 0, 0, 0)})
    assert fields == {
        "account": "test",
        "account_tag": "00000000",
        "trading": TradingState.DISABLED,
        "trading_reason": "the kernel has not been started",
        "read_monotonic_ns": -1,
        "forgotten_monotonic_ns": -1,
        "budget_clock": (0, 0),
        "trading_day": (0, 0),
    }
    assert told(Dirty()) == told(PaceCounts()) == {}
    assert set(told(CommandEntry("bot", "key", "", "", 0))) == {"owner", "idempotency_key"}


def test_states_share_nothing() -> None:
    """What one kernel of a process comes to know is not known to another."""
    first, second = Fold(order()).state, EngineState("test", "00000000")
    assert first.orders
    assert not second.orders
    assert PaceQueue().waiting is not PaceQueue().waiting


def test_a_position_is_made_once() -> None:
    """Flat at first, in the currency of who asked first; whoever asks again gets the same."""
    state = EngineState("test", "00000000")
    key = BTC, "main", "one"
    position = state.position_of(key, "USDT")
    assert (position.key, position.currency, position.quantity) == (key, "USDT", Decimal(0))
    assert state.position_of(key, "EUR") is position
    assert state.positions == {key: position}
    assert isinstance(position, Position)


def test_what_orders_may_still_fill_is_told_by_position_and_side() -> None:
    """Of a side or a position without orders it is nothing."""
    state = Fold(order()).state
    key = BTC, "main", ""
    assert state.leaves_of(key, OrderSide.BUY) == Decimal(3)
    assert state.leaves_of(key, OrderSide.SELL) == state.leaves_of((BTC, "other", ""), OrderSide.BUY) == 0


@pytest.mark.parametrize(
    ("since_ns", "read_ns", "forgotten_ns"), [(30, -1, -1), (-1, 30, -1), (-1, -1, 30), (30, 20, 10)]
)
def test_an_answer_knows_of_what_happened_before_it_was_asked(
    since_ns: int, read_ns: int, forgotten_ns: int
) -> None:
    """Not of what happened at the very instant, nor of what memory may have forgotten."""
    state = EngineState("test", "00000000", read_monotonic_ns=read_ns, forgotten_monotonic_ns=forgotten_ns)
    assert [state.asked_after(since_ns, asked_ns) for asked_ns in (29, 30, 31)] == [False, False, True]


def test_the_reasons_that_are_compared_are_kept_words() -> None:
    """They stand in journals: a later version that said them otherwise would not know its own again."""
    assert UNHEARD == "the venue goes unheard; reconciliation has not passed since"
    assert MISSING == "accepted earlier, but a complete look-up does not find it"
    assert FOUND_AGAIN == "it was missing, and a later reading shows it alive"
