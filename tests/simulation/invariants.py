"""What must hold after every crash and recovery, computed from the disk and the venue alone.

Records are read as plain JSON and money is summed here: nothing of the kernel's own folding, codec or
ledger is used, except `verify_journal`, which is a promise of its own (chain, fold and rows agree).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping, Sequence
from decimal import Context, Decimal, Inexact
from typing import Any, TypeVar

import attrs

from fairlead.kernel.journal.verify import verify_journal
from fairlead.ports.exchange import OrderSide, VenueStatus
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead_paper.records import VenueFill, VenueOrder
from fairlead_paper.venue import Venue
from tests.simulation.position_fold import position_problems

T = TypeVar("T")
Thing = TypeVar("Thing", VenueOrder, VenueFill)
Problems = list[str]
Record = Mapping[str, Any]
EXACT = Context(prec=96, traps=[Inexact])
ZERO = Decimal(0)
BY_HAND = "by-hand"
"""The client order id of an order of the account that no kernel sent."""

NEVER_AT_VENUE = {"denied", "not_sent", "not_placed"}
"""What the kernel calls orders that the venue never had."""

TOO_LATE = ("already_expired", "deadline_elapsed")
"""How the venue refuses an order whose date, or whose deadline, has come."""

END_AT_VENUE = {
    VenueStatus.FILLED: "filled",
    VenueStatus.CANCELED: "canceled",
    VenueStatus.EXPIRED: "expired",
    VenueStatus.REJECTED: "rejected",
}


def _total(numbers: list[Decimal]) -> Decimal:
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("the coroutine waits for something")


class Journal:
    """What is on disk, by kind, as plain data."""

    def __init__(self, disk: MemoryDisk) -> None:
        self.records: list[tuple[str, Record]] = [
            (envelope.kind, json.loads(envelope.payload)) for envelope in disk.envelopes
        ]
        store = MemoryStore(disk)

        def rows(table: str) -> Sequence[Record]:
            return at_once(store.rows(table))

        self.orders: dict[str, Record] = {row["client_order_id"]: row for row in rows("orders")}
        self.fills = rows("fills")
        self.positions = rows("positions")
        self.balances: dict[str, Decimal] = {row["asset"]: row["total"] for row in rows("balances")}
        self.besides: dict[str, Decimal] = {
            row["asset"]: EXACT.add(row["opening"], row["adjustments"]) for row in rows("inventory")
        }
        self.settings: dict[str, str] = {row["name"]: row["value"] for row in rows("settings")}

    def of(self, kind: str) -> list[Record]:
        """Return the records of one kind."""
        return [record for name, record in self.records if name == kind]


def orders_at(venue: Venue, account: str, journal: Journal) -> list[VenueOrder]:
    """Return every order that the venue ever took from the account and that is ours, under our id."""
    orders = venue.shelves._by_venue_id.values()
    return _ours([order for order in orders if order.account == account], journal)


def fills_at(venue: Venue, account: str, journal: Journal) -> list[VenueFill]:
    """Return every fill of our orders of the account, under our ids, in the venue's order."""
    return _ours(venue.shelves._fills.get(account, []), journal)


def _ours(things: Sequence[Thing], journal: Journal) -> list[Thing]:
    """Leave out what was placed by hand, and give our id to what was taken over."""
    adopted = {record["venue_order_id"]: record["client_order_id"] for record in journal.of("order_adopted")}
    return [
        attrs.evolve(thing, client_order_id=adopted.get(thing.venue_order_id, thing.client_order_id))
        for thing in things
        if thing.client_order_id != BY_HAND or thing.venue_order_id in adopted
    ]


def durable_problems(disk: MemoryDisk, venue: Venue, account: str, acknowledged: list[str]) -> Problems:
    """Return what is wrong at any instant at all, with the program dead and nothing recovered yet."""
    journal = Journal(disk)
    return [
        *_verified(disk),
        *(f"acknowledged and lost: {name}" for name in acknowledged if name not in journal.orders),
        *_intents(journal, orders_at(venue, account, journal)),
        *_bookings(journal, fills_at(venue, account, journal)),
        *_cursor(journal, fills_at(venue, account, journal)),
        *position_problems(journal.records, journal.positions),
    ]


def recovered_problems(
    disk: MemoryDisk,
    venue: Venue,
    account: str,
    acknowledged: list[str],
    expected_anomalies: frozenset[str] = frozenset(),
    forgotten: Collection[str] = (),
) -> Problems:
    """Return what is wrong once a kernel had time to recover and to come to rest.

    *forgotten* are the orders that the venue lost without a word.
    """
    journal = Journal(disk)
    fills = fills_at(venue, account, journal)
    return [
        *durable_problems(disk, venue, account, acknowledged),
        *_nothing_open(journal),
        *_same_ends(journal, orders_at(venue, account, journal), forgotten),
        *_all_booked(journal, fills),
        *_money(journal, venue, account, fills),
        *_alarms(journal, expected_anomalies),
        *_beginning(journal, account),
    ]


def _verified(disk: MemoryDisk) -> Problems:
    report = at_once(verify_journal(MemoryStore(disk)))
    return [f"journal: {problem}" for problem in report.problems]


def _intents(journal: Journal, orders: list[VenueOrder]) -> Problems:
    """Every venue order has its intent and attempt in the journal, or was taken over; no intent has two."""
    adopted = {record["client_order_id"] for record in journal.of("order_adopted")}
    approved = adopted | {
        record["client_order_id"] for record in journal.of("order_initialized") if record["approved"]
    }
    attempted = adopted | {record["client_order_id"] for record in journal.of("attempt_started")}
    counts = Counter(order.client_order_id for order in orders)
    return [
        *(f"at the venue, no intent in the journal: {name}" for name in counts if name not in approved),
        *(f"at the venue, no attempt in the journal: {name}" for name in counts if name not in attempted),
        *(f"{count} venue orders for one intent: {name}" for name, count in counts.items() if count > 1),
    ]


def _bookings(journal: Journal, fills: list[VenueFill]) -> Problems:
    """What is booked happened at the venue, once, with the same figures, on order and row alike."""
    real = {(fill.client_order_id, fill.trade_id): fill for fill in fills}
    records = journal.of("order_filled")
    counts = Counter((record["client_order_id"], record["trade_id"]) for record in records)
    rows = {(row["client_order_id"], row["trade_id"]) for row in journal.fills}
    problems = [f"booked {count} times: {key}" for key, count in counts.items() if count > 1]
    problems += [f"booked and not at the venue: {key}" for key in counts if key not in real]
    if rows != set(counts):
        problems.append(f"rows of fills differ from the records by {rows ^ set(counts)}")
    for record in records:
        fill = real.get((record["client_order_id"], record["trade_id"]))
        figures = (record["quantity"], record["price"], record["value"], record["fee"])
        if fill is not None and tuple(map(Decimal, figures)) != (
            fill.quantity,
            fill.price,
            fill.value,
            fill.fee,
        ):
            problems.append(f"booked with other figures: {record}")
    return problems


def _cursor(journal: Journal, fills: list[VenueFill]) -> Problems:
    """The durable cursor covers nothing that is not booked, or the next start would not read it."""
    covered = int(journal.settings.get("cursor:fills") or 0)
    booked = {(row["client_order_id"], row["trade_id"]) for row in journal.fills}
    return [
        f"the cursor stands at {covered} and {fill.trade_id} is not booked"
        for fill in fills
        if fill.sequence <= covered and (fill.client_order_id, fill.trade_id) not in booked
    ]


def _nothing_open(journal: Journal) -> Problems:
    return [
        *(f"still {row['state']}: {name}" for name, row in journal.orders.items() if row["live"]),
        *(f"still reserved: {row}" for row in journal.positions if _is_reserved(row)),
    ]


def _is_reserved(row: Record) -> bool:
    return bool(row["pending_openings"] or row["reserved_exit"])


def _same_ends(journal: Journal, orders: list[VenueOrder], forgotten: Collection[str]) -> Problems:
    """Kernel and venue agree on how each order ended, and on which the venue never had.

    Of an order that showed itself after it was closed here, the cancel that went out at once is on record. A
    kernel that dies before it hears how that ended does not ask again: nothing is open, nothing was filled.
    """
    problems = []
    shown_after_all = {record["subject"] for record in journal.of("anomaly") if record["anomaly"] == "zombie"}
    at_venue = {order.client_order_id: order for order in orders}
    for name, row in journal.orders.items():
        order = at_venue.get(name)
        if order is None:
            was_refused = row["state"] == "rejected" and row["detail"].startswith(TOO_LATE)
            if (
                row["state"] not in ({"canceled"} if name in forgotten else NEVER_AT_VENUE)
                and not was_refused
            ):
                problems.append(f"{row['state']} here, never at the venue: {name}")
            continue
        ends = {END_AT_VENUE.get(order.status)}
        if name in shown_after_all and not order.is_open and not order.filled_quantity:
            ends |= NEVER_AT_VENUE
        if row["state"] not in ends:
            problems.append(f"{row['state']} here, {order.status.value} at the venue: {name}")
        booked = (row["filled_quantity"], row["filled_value"], EXACT.add(row["fees"], _other_fees(row)))
        if booked != (order.filled_quantity, order.filled_value, order.fees):
            problems.append(f"filled otherwise than at the venue: {name}: {booked}")
    return problems


def _other_fees(row: Record) -> Decimal:
    """Return what an order paid in another currency than quote; a venue here takes all fees in one."""
    return _total([Decimal(amount) for _, amount in json.loads(row["other_fees"] or "[]")])


def _all_booked(journal: Journal, fills: list[VenueFill]) -> Problems:
    rows = {(row["client_order_id"], row["trade_id"]) for row in journal.fills}
    return [
        f"at the venue, not booked: {fill.trade_id} of {fill.client_order_id}"
        for fill in fills
        if (fill.client_order_id, fill.trade_id) not in rows
    ]


def _money(journal: Journal, venue: Venue, account: str, fills: list[VenueFill]) -> Problems:
    """Realized - cost - fees is the cash that moved, at the venue and in our own balances.

    An operator's correction is in our books as a trade would be, and nothing moved at the venue for it.
    """
    ledger = _total(
        [
            EXACT.subtract(EXACT.subtract(row["realized_pnl"], row["cost"]), row["fees"])
            for row in journal.positions
        ]
    )
    cash = _total([_paid(fill) for fill in fills])
    bought, paid = _corrected(journal)
    booked = EXACT.subtract(cash, paid)
    moved = {
        balance.asset: EXACT.subtract(balance.total, balance.opening)
        for balance in venue.money.balances.values()
        if balance.account == account
    }
    figures = [
        ("the ledger", ledger, booked),
        ("the venue's quote balance", moved.get("USDT", ZERO), cash),
        ("our quote balance", _moved(journal, "USDT"), booked),
    ]
    bases = {symbol.partition("/")[0] for symbol in venue.markets}
    for base in sorted(bases):
        held = _total([row["quantity"] for row in journal.positions if row["symbol"].startswith(f"{base}/")])
        at_venue = EXACT.subtract(held, bought if base == "BTC" else ZERO)
        figures.append((f"the venue's {base} balance", moved.get(base, ZERO), at_venue))
        figures.append((f"our {base} balance", _moved(journal, base), held))
    for asset in sorted({fill.fee_currency for fill in fills} - {*bases, "USDT"}):
        fees = _total([fill.fee for fill in fills if fill.fee_currency == asset])
        figures.append((f"the venue's {asset} balance", moved.get(asset, ZERO), fees.copy_negate()))
        figures.append((f"our {asset} balance", _moved(journal, asset), fees.copy_negate()))
    return [
        f"{what} moved by {figure}, the fills say {expected}"
        for what, figure, expected in figures
        if figure != expected
    ]


def _paid(fill: VenueFill) -> Decimal:
    """Return what a fill moved of quote."""
    value = fill.value if fill.side is OrderSide.SELL else fill.value.copy_negate()
    return EXACT.subtract(value, fill.fee) if fill.fee_currency == "USDT" else value


def _corrected(journal: Journal) -> tuple[Decimal, Decimal]:
    """Return what operators booked as held, and its value: both positive when it is more than before."""
    records = journal.of("position_corrected")
    signs = [1 if record["side"] == "buy" else -1 for record in records]
    quantities = [sign * Decimal(record["quantity"]) for sign, record in zip(signs, records, strict=True)]
    values = [sign * Decimal(record["value"]) for sign, record in zip(signs, records, strict=True)]
    return _total(quantities), _total(values)


def _moved(journal: Journal, asset: str) -> Decimal:
    """Return what fills, and corrections of positions, moved of our balance of an asset."""
    return EXACT.subtract(journal.balances.get(asset, ZERO), journal.besides.get(asset, ZERO))


def _alarms(journal: Journal, expected: frozenset[str]) -> Problems:
    """A crash is no anomaly, and nothing here did what it should not: nothing is noted, trading goes on."""
    problems = [
        f"an anomaly: {record['anomaly']} about {record['subject']}: {record['detail']}"
        for record in journal.of("anomaly")
        if record["anomaly"] not in expected
    ]
    if journal.settings.get("trading_state") != "active":
        problems.append(f"trading is {journal.settings.get('trading_state')}")
    return problems


def paced_problems(disk: MemoryDisk) -> Problems:
    """Every attempt was paid for first, what waited went out or ended with a reason, in that order."""
    problems: Problems = []
    paid: Counter[str] = Counter()
    waiting: set[str] = set()
    journal = Journal(disk)
    for kind, record in journal.records:
        name = str(record.get("client_order_id", ""))
        if kind == "budget_spent" and record["request"] == "submit" and not record["refused"]:
            paid[record["subject"]] += 1
        elif kind == "order_paced" and record["request"] == "submit":
            waiting.add(name)
        elif kind == "attempt_started":
            paid[name] -= 1
            if paid[name] < 0:
                problems.append(f"an attempt that was not paid for: {name}")
            waiting.discard(name)
        elif kind == "order_event" and record["event"] in ("not_sent", "cancel_requested"):
            waiting.discard(name)
            if not record["cause"]:
                problems.append(f"ended without a reason: {name}")
    return [*problems, *(f"waited and was dropped: {name}" for name in waiting)]


def _beginning(journal: Journal, account: str) -> Problems:
    """Whoever traded said so first: which account, which version, which settings."""
    if journal.of("kernel_started") and journal.settings.get("account") == account:
        return []
    return ["the journal does not say that a kernel started"]
