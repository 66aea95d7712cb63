"""What the demo asks of the venue beside the exchange port: to play its tape and to tell how it stands.

The framework knows no plugin, so this is said as a protocol; the paper venue's client keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from fairlead.cli.demo.bot import Tick


class PlayedTrade(Protocol):
    """One trade of the tape."""

    @property
    def index(self) -> int:
        """Return its place on the tape."""

    @property
    def price(self) -> Decimal:
        """Return its price."""

    @property
    def ts_event(self) -> int:
        """Return when it happened at the venue."""


class Played(Protocol):
    """Trades, and where the tape stands after them; *next_ns* is 0 at its end."""

    @property
    def trades(self) -> Sequence[PlayedTrade]:
        """Return the trades."""

    @property
    def position(self) -> int:
        """Return the index of the next trade."""

    @property
    def next_ns(self) -> int:
        """Return when the next trade happens."""


class VenueState(Protocol):
    """How the venue stands."""

    @property
    def position(self) -> int:
        """Return the index of the next trade."""

    @property
    def now_ns(self) -> int:
        """Return the venue's time."""

    @property
    def next_ns(self) -> int:
        """Return when the next trade happens, 0 at the end of the tape."""

    @property
    def faults(self) -> Mapping[str, int]:
        """Return how often each kind of fault was injected, over all sessions."""


class TapeVenue(Protocol):
    """An exchange client that can also drive its simulated venue."""

    async def advance(self, count: int = 1, *, at: int = -1) -> Played:
        """Play the next trades, if the tape stands at that index."""

    async def move_time(self, now_ns: int) -> None:
        """Let the venue's time go on."""

    async def read_trades(self, start: int, count: int) -> Played:
        """Return trades that were played already."""

    async def venue_state(self) -> VenueState:
        """Return how the venue stands."""


def ticks_of(played: Played) -> list[Tick]:
    """Return the trades as the bot sees them."""
    return [Tick(trade.index, trade.price, trade.ts_event) for trade in played.trades]
