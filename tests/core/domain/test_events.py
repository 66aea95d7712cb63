"""What a bot is told cannot be changed by whoever is told first."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from fairlead.domain.events import EventsMissed, KernelChanged
from fairlead.domain.records import TradingStateChanged
from fairlead.domain.trading_state import TradingState


def test_an_event_is_frozen() -> None:
    """An event handed to several readers is the same for all of them."""
    record = TradingStateChanged(TradingState.HALTED, "asked to", "operator")
    event: Any = KernelChanged(7, 1, record)
    missed: Any = EventsMissed(3, 7)
    for given, field in ((event, "record"), (missed, "count")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(given, field, None)
    assert (event.sequence, event.record, missed.after_sequence) == (7, record, 7)
