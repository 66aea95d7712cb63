"""What is said between a client and the venue: requests and replies, the same in process and over a socket.

Requests of a trading account (`Place` to `ReadRules`) go through the fault plan; those of a driver
(`Advance` to `NoteFault`) do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.ports.exchange import (
    AdjustmentKind,
    Fence,
    FillReport,
    Instrument,
    LedgerEntry,
    ModifyRequest,
    OrderReport,
    Quote,
    SubmitRequest,
    Trade,
)
from fairlead_paper.records import Locking


@attrs.define(slots=True)
class Place:
    """Place an order."""

    order: SubmitRequest


@attrs.define(slots=True)
class Modify:
    """Change an open order in place, named as for a cancel."""

    change: ModifyRequest


@attrs.define(slots=True)
class Cancel:
    """Cancel an order, named by the venue's id, or by the client's when the venue's is empty."""

    client_order_id: str
    venue_order_id: str
    symbol: str


class Shelf(StrEnum):
    """The places where an order may be found; a look-up reads them in this order."""

    OPEN = "open"
    CLOSED = "closed"
    TRADES = "trades"


@attrs.define(slots=True)
class Find:
    """Find orders (or, on the shelf of trades, fills) by client order id, or by the venue's if given."""

    shelf: Shelf
    client_order_id: str
    venue_order_id: str = ""


@attrs.define(slots=True)
class ReadOpen:
    """Read every open order of the account."""


@attrs.define(slots=True)
class ReadFills:
    """Read the fills after the cursor; the empty cursor is the beginning."""

    cursor: str


@attrs.define(slots=True)
class ReadBalances:
    """Read the account's balances."""


@attrs.define(slots=True)
class ReadLedger:
    """Read what moved the balances besides trades, after the cursor; the empty cursor is the beginning."""

    cursor: str


@attrs.define(slots=True)
class ReadRules:
    """Read the instruments."""


@attrs.define(slots=True)
class Advance:
    """Play the next trades of the tape.

    With *at* (0 or more) the venue plays only when its tape stands there, so that a driver that was
    killed between asking and hearing can ask again without playing a trade twice.
    """

    count: int = 1
    at: int = -1


@attrs.define(slots=True)
class Adjust:
    """Move a balance of the account without a trade: a deposit above zero, a withdrawal below."""

    asset: str
    amount: Decimal
    kind: AdjustmentKind
    note: str = ""


@attrs.define(slots=True)
class ShowBook:
    """Show the book of others as it is now: price and quantity of each level, best first."""

    symbol: str
    bids: Sequence[tuple[Decimal, Decimal]]
    asks: Sequence[tuple[Decimal, Decimal]]


@attrs.define(slots=True)
class FeedTrade:
    """Hear a trade of the world outside, which happens in the venue's market now."""

    trade: Trade


@attrs.define(slots=True)
class FeedQuote:
    """Hear the best bid and ask of the world outside, which are the venue's book from now on."""

    quote: Quote


@attrs.define(slots=True)
class MoveTime:
    """Let a venue that lives in the tape's time grow older, though not older than the next trade.

    A driver whose clock goes on between two trades says so before anything is due there; else a
    request could reach the venue after its deadline and the venue would not notice.
    """

    now_ns: int


@attrs.define(slots=True)
class ReadTrades:
    """Read trades that were played already, from that index on: the public history of the market."""

    start: int
    count: int


@attrs.define(slots=True)
class ReadState:
    """Read how the venue stands: tape position, time, counts, faults."""


@attrs.define(slots=True)
class NoteFault:
    """Count a fault that a client's transport injected."""

    kind: str


@attrs.define(slots=True)
class Hello:
    """Begin a session: the first message of a connection."""

    token: str
    account: str
    stream: bool


@attrs.define(slots=True)
class Shutdown:
    """End the venue's process; only a server takes it."""


Request = (
    Place
    | Modify
    | Cancel
    | Find
    | ReadOpen
    | ReadFills
    | ReadBalances
    | ReadLedger
    | ReadRules
    | Advance
    | Adjust
    | ShowBook
    | FeedTrade
    | FeedQuote
    | MoveTime
    | ReadTrades
    | ReadState
    | NoteFault
    | Hello
    | Shutdown
)


@attrs.define(slots=True)
class Taken:
    """The venue took the request."""

    venue_order_id: str
    ts_event: int


@attrs.define(slots=True)
class Refused:
    """The venue refused the request, which changed nothing; *reason* begins with a code and a colon."""

    reason: str
    ts_event: int


@attrs.define(slots=True)
class Limited:
    """The venue did not look at the request: too many of them."""

    reason: str
    retry_after_ns: int


@attrs.define(slots=True)
class Orders:
    """The orders that were asked for, in the order in which they arrived at the venue."""

    orders: Sequence[OrderReport]


@attrs.define(slots=True)
class Fills:
    """The fills that were asked for, in venue order."""

    fills: Sequence[FillReport]
    cursor: str = ""
    more: bool = False


@attrs.define(slots=True)
class Holding:
    """The balance of one asset; what is free is *total* less *locked*."""

    asset: str
    total: Decimal
    locked: Decimal


@attrs.define(slots=True)
class Holdings:
    """The balances of an account."""

    holdings: Sequence[Holding]


@attrs.define(slots=True)
class Ledger:
    """Entries of the account's ledger, in its order."""

    entries: Sequence[LedgerEntry]
    cursor: str = ""
    more: bool = False


@attrs.define(slots=True)
class Rules:
    """The instruments of the venue."""

    instruments: Sequence[Instrument]


@attrs.define(slots=True)
class PlayedTrade:
    """One trade of the tape as it was played: its index there, its own time, and the venue's time."""

    index: int
    symbol: str
    price: Decimal
    quantity: Decimal
    tape_ns: int
    ts_event: int


@attrs.define(slots=True)
class Played:
    """What `Advance` played, or `ReadTrades` read.

    *position* is the index of the next trade, *length* the number of all; *next_ns* is when the next
    trade happens on the tape, 0 at its end.
    """

    trades: Sequence[PlayedTrade]
    position: int
    length: int
    next_ns: int = 0


@attrs.define(slots=True)
class State:
    """How the venue stands; *next_ns* is when the next trade happens on the tape, 0 at its end."""

    position: int
    length: int
    now_ns: int
    orders: int
    open_orders: int
    fills: int
    faults: dict[str, int]
    next_ns: int = 0


@attrs.define(slots=True)
class Welcome:
    """The answer to `Hello`; *session* counts the sessions of the venue's whole life."""

    session: int
    fence: Fence
    locking: Locking


Reply = Taken | Refused | Limited | Orders | Fills | Holdings | Ledger | Rules | Played | State | Welcome

# fixed: as long as the longest sequence
_CURSOR_DIGITS_MAX = 20


def is_cursor(text: str) -> bool:
    """Tell whether a text can be a cursor of this venue's history."""
    return text.isascii() and text.isdecimal() and len(text) <= _CURSOR_DIGITS_MAX
