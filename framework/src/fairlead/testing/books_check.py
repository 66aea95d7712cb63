"""What must hold between a kernel's disk and its venue, whatever the venue: both are asked, none is trusted.

Records are read as rows, fills are summed here, and the venue is asked over its own client: nothing of the
kernel's folding is used but `verify_journal`, which is a promise of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, Inexact

import attrs

from fairlead.kernel.journal.verify import verify_journal
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import ExchangeClient, FillReport, OrderReport, OrderSide
from fairlead.ports.store import Scalar
from fairlead.testing.kernel_world import KernelWorld
from fairlead.testing.memory_store import MemoryStore

Problems = list[str]
Rows = Sequence[Mapping[str, Scalar]]
_EXACT = Context(prec=96, traps=[Inexact])
_ASKING_NS = 10 * NANOSECONDS_PER_SECOND


@attrs.frozen
class Books:
    """Both sides: the rows of the kernel's disk, and what the venue has."""

    orders: Rows
    fills: Rows
    positions: Rows
    history: Sequence[FillReport]
    open_orders: Sequence[OrderReport]
    bases: Mapping[str, str]
    """The base of each symbol."""
    broken: Sequence[str]
    """What `verify_journal` found."""


def books_problems(world: KernelWorld) -> Problems:
    """Return what is wrong once the last kernel has come to rest: nothing may be lost, doubled or made up.

    Lets ten seconds of the world pass: what is still on the wire arrives. Orders of others at the venue are
    no problem of the books. What an operator corrected by hand is: it has no fill. An order that was sent
    twice is seen while both are open, or once both have traded.
    """
    world.pass_time_ns(_ASKING_NS)
    found: list[Books] = []

    async def ask() -> None:
        found.append(await _read(world))

    world.spawn(ask())
    world.pass_time_ns(_ASKING_NS)
    assert found, "the venue did not answer"
    return _problems(found[0], world.acknowledged)


async def _read(world: KernelWorld) -> Books:
    store = MemoryStore(world.disk)
    venue = world.wire.venue
    return Books(
        orders=await store.rows("orders"),
        fills=await store.rows("fills"),
        positions=await store.rows("positions"),
        history=await _history(venue),
        open_orders=await venue.open_orders(),
        bases={each.symbol: each.base for each in await venue.instruments()},
        broken=(await verify_journal(store)).problems,
    )


async def _history(venue: ExchangeClient) -> list[FillReport]:
    fills: list[FillReport] = []
    cursor, more = "", True
    while more:
        page = await venue.fills_since(cursor)
        fills += page.fills
        cursor, more = page.cursor, page.more
    return fills


def _problems(books: Books, acknowledged: Sequence[str]) -> Problems:
    return [
        *(f"journal: {problem}" for problem in books.broken),
        *_orders(books, acknowledged),
        *_fills(books),
        *_positions(books),
    ]


def _orders(books: Books, acknowledged: Sequence[str]) -> Problems:
    """Every order that a bot was told of is there, none has two at the venue, both agree on what is live."""
    names = {str(row["client_order_id"]) for row in books.orders}
    live = {str(row["client_order_id"]) for row in books.orders if row["live"]}
    keys = Counter(str(row["idempotency_key"]) for row in books.orders if row["idempotency_key"])
    at_venue = {(each.client_order_id, each.venue_order_id) for each in books.history}
    at_venue |= {(each.client_order_id, each.venue_order_id) for each in books.open_orders}
    counts = Counter(name for name, _ in at_venue if name in names)
    alive = {each.client_order_id for each in books.open_orders} & names
    return [
        *(f"acknowledged and lost: {name}" for name in acknowledged if name not in names),
        *(f"{count} orders for one key: {key}" for key, count in keys.items() if count > 1),
        *(
            f"{count} orders at the venue for one intent: {name}"
            for name, count in counts.items()
            if count > 1
        ),
        *(f"live here and not at the venue: {name}" for name in sorted(live - alive)),
        *(f"live at the venue and not here: {name}" for name in sorted(alive - live)),
    ]


def _fills(books: Books) -> Problems:
    """Every fill of our orders is booked once, with the venue's figures, and nothing else is."""
    names = {str(row["client_order_id"]) for row in books.orders}
    real = {
        (fill.client_order_id, fill.trade_id): (fill.quantity, fill.price, fill.fee)
        for fill in books.history
        if fill.client_order_id in names
    }
    booked = [
        ((str(row["client_order_id"]), str(row["trade_id"])), (row["quantity"], row["price"], row["fee"]))
        for row in books.fills
    ]
    counts = Counter(key for key, _ in booked)
    return [
        *(f"booked {count} times: {key}" for key, count in counts.items() if count > 1),
        *(f"at the venue and not booked: {key}" for key in real if key not in counts),
        *(f"booked and not at the venue: {key}" for key in counts if key not in real),
        *(
            f"booked with {figures}, and the venue says {real[key]}: {key}"
            for key, figures in booked
            if key in real and real[key] != figures
        ),
    ]


def _positions(books: Books) -> Problems:
    """What is held is what the fills of its book bought less what they sold, and less fees in the base."""
    held: dict[tuple[str, str], Decimal] = {}
    books_of = {str(row["client_order_id"]): str(row["book"]) for row in books.orders}
    for fill in books.history:
        if fill.client_order_id not in books_of:
            continue
        key = (fill.symbol, books_of[fill.client_order_id])
        signed = fill.quantity if fill.side is OrderSide.BUY else fill.quantity.copy_negate()
        fee = fill.fee if fill.fee_currency == books.bases.get(fill.symbol) else Decimal(0)
        held[key] = _EXACT.add(held.get(key, Decimal(0)), _EXACT.subtract(signed, fee))
    found: dict[tuple[str, str], Decimal] = {}
    for row in books.positions:
        key = (str(row["symbol"]), str(row["book"]))
        quantity = row["quantity"]
        assert isinstance(quantity, Decimal)
        found[key] = _EXACT.add(found.get(key, Decimal(0)), quantity)
    return [
        f"{book} holds {found.get((symbol, book), Decimal(0))} of {symbol}, and its fills say {quantity}"
        for symbol, book in sorted({*held, *found})
        for quantity in [held.get((symbol, book), Decimal(0))]
        if found.get((symbol, book), Decimal(0)) != quantity
    ]
