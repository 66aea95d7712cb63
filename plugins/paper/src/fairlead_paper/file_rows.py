"""The tables of the venue file, and how records become rows and rows records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from fairlead.ports.exchange import (
    AdjustmentKind,
    Instrument,
    LedgerEntry,
    Liquidity,
    OrderSide,
    OrderType,
    TimeInForce,
    VenueStatus,
)
from fairlead_paper.book import Book, Level
from fairlead_paper.exact import text_of
from fairlead_paper.market import Market
from fairlead_paper.records import Balance, VenueFill, VenueOrder

SCHEMA = (
    """CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE instruments (
        symbol TEXT PRIMARY KEY, base TEXT NOT NULL, quote TEXT NOT NULL,
        price_increment TEXT NOT NULL, quantity_increment TEXT NOT NULL, minimum_quantity TEXT NOT NULL,
        maximum_quantity TEXT, minimum_cost TEXT NOT NULL, settlement_decimals INTEGER NOT NULL,
        maker_fee_rate TEXT NOT NULL, taker_fee_rate TEXT NOT NULL,
        reductions_exempt_from_minimum INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE markets (
        symbol TEXT PRIMARY KEY, last_price TEXT NOT NULL, last_index INTEGER,
        available TEXT NOT NULL, trades INTEGER NOT NULL, recent TEXT NOT NULL, book TEXT) WITHOUT ROWID""",
    """CREATE TABLE balances (
        account TEXT NOT NULL, asset TEXT NOT NULL, opening TEXT NOT NULL, total TEXT NOT NULL,
        locked TEXT NOT NULL, PRIMARY KEY (account, asset)) WITHOUT ROWID""",
    """CREATE TABLE orders (
        sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, venue_order_id TEXT NOT NULL UNIQUE,
        client_order_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, order_type TEXT NOT NULL,
        time_in_force TEXT NOT NULL, quantity TEXT NOT NULL, limit_price TEXT, reduces INTEGER NOT NULL,
        deadline_ns INTEGER NOT NULL, crossed INTEGER NOT NULL, status TEXT NOT NULL,
        filled_quantity TEXT NOT NULL, filled_value TEXT NOT NULL, fees TEXT NOT NULL,
        lock_asset TEXT NOT NULL, lock_price TEXT NOT NULL, locked TEXT NOT NULL, reason TEXT NOT NULL,
        created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL, post_only INTEGER NOT NULL,
        trigger_price TEXT, trailing_distance TEXT, trailing_rate TEXT, expire_ns INTEGER NOT NULL,
        reduce_only INTEGER NOT NULL, triggered INTEGER NOT NULL, watermark TEXT, priority INTEGER NOT NULL,
        queue_ahead TEXT NOT NULL)""",
    """CREATE INDEX orders_by_client_order_id ON orders (account, client_order_id)""",
    """CREATE TABLE fills (
        sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, trade_id TEXT NOT NULL UNIQUE,
        client_order_id TEXT NOT NULL, venue_order_id TEXT NOT NULL REFERENCES orders (venue_order_id),
        symbol TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL,
        value TEXT NOT NULL, fee TEXT NOT NULL, fee_currency TEXT NOT NULL, liquidity TEXT NOT NULL,
        ts_event INTEGER NOT NULL, tape_index INTEGER)""",
    """CREATE TABLE adjustments (
        sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, entry_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, ts_event INTEGER NOT NULL,
        note TEXT NOT NULL)""",
    """CREATE TABLE tape (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL)""",
    """CREATE TABLE faults (kind TEXT PRIMARY KEY, fired INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE sessions (
        session INTEGER PRIMARY KEY, account TEXT NOT NULL, begun_ns INTEGER NOT NULL)""",
)

INSERT_INSTRUMENT = "INSERT INTO instruments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
REPLACE_MARKET = "INSERT OR REPLACE INTO markets VALUES (?, ?, ?, ?, ?, ?, ?)"
REPLACE_BALANCE = "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?, ?)"
REPLACE_ORDER = (
    "INSERT OR REPLACE INTO orders"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_ADJUSTMENT = (
    "INSERT INTO adjustments (account, entry_id, kind, asset, amount, ts_event, note)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
# Never a replacement: a trade id or sequence that exists already must fail.
INSERT_FILL = "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Row = tuple[Any, ...]


def _text_or_none(number: Decimal | None) -> str | None:
    return None if number is None else text_of(number)


def _decimal_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def instrument_row(instrument: Instrument) -> Row:
    """Return the row of an instrument."""
    maximum = instrument.maximum_quantity
    return (
        instrument.symbol,
        instrument.base,
        instrument.quote,
        text_of(instrument.price_increment),
        text_of(instrument.quantity_increment),
        text_of(instrument.minimum_quantity),
        _text_or_none(maximum),
        text_of(instrument.minimum_cost),
        instrument.settlement_decimals,
        text_of(instrument.maker_fee_rate),
        text_of(instrument.taker_fee_rate),
        int(instrument.reductions_exempt_from_minimum),
    )


def balance_row(balance: Balance) -> Row:
    """Return the row of a balance."""
    figures = (balance.opening, balance.total, balance.locked)
    return (balance.account, balance.asset, *map(text_of, figures))


def balance_of(row: Row) -> Balance:
    """Return the balance of a row."""
    account, asset, opening, total, locked = row
    return Balance(account, asset, Decimal(opening), Decimal(total), Decimal(locked))


def order_row(order: VenueOrder) -> Row:
    """Return the row of an order."""
    return (
        order.sequence,
        order.account,
        order.venue_order_id,
        order.client_order_id,
        order.symbol,
        order.side.value,
        order.order_type.value,
        order.time_in_force.value,
        text_of(order.quantity),
        _text_or_none(order.limit_price),
        int(order.reduces),
        order.deadline_ns,
        int(order.crossed),
        order.status.value,
        text_of(order.filled_quantity),
        text_of(order.filled_value),
        text_of(order.fees),
        order.lock_asset,
        text_of(order.lock_price),
        text_of(order.locked),
        order.reason,
        order.created_ns,
        order.updated_ns,
        int(order.post_only),
        _text_or_none(order.trigger_price),
        _text_or_none(order.trailing_distance),
        _text_or_none(order.trailing_rate),
        order.expire_ns,
        int(order.reduce_only),
        int(order.triggered),
        _text_or_none(order.watermark),
        order.priority,
        text_of(order.queue_ahead),
    )


def order_of(row: Row) -> VenueOrder:
    """Return the order of a row."""
    return VenueOrder(
        sequence=row[0],
        account=row[1],
        venue_order_id=row[2],
        client_order_id=row[3],
        symbol=row[4],
        side=OrderSide(row[5]),
        order_type=OrderType(row[6]),
        time_in_force=TimeInForce(row[7]),
        quantity=Decimal(row[8]),
        limit_price=_decimal_or_none(row[9]),
        reduces=bool(row[10]),
        deadline_ns=row[11],
        crossed=bool(row[12]),
        status=VenueStatus(row[13]),
        filled_quantity=Decimal(row[14]),
        filled_value=Decimal(row[15]),
        fees=Decimal(row[16]),
        lock_asset=row[17],
        lock_price=Decimal(row[18]),
        locked=Decimal(row[19]),
        reason=row[20],
        created_ns=row[21],
        updated_ns=row[22],
        post_only=bool(row[23]),
        trigger_price=_decimal_or_none(row[24]),
        trailing_distance=_decimal_or_none(row[25]),
        trailing_rate=_decimal_or_none(row[26]),
        expire_ns=row[27],
        reduce_only=bool(row[28]),
        triggered=bool(row[29]),
        watermark=_decimal_or_none(row[30]),
        priority=row[31],
        queue_ahead=Decimal(row[32]),
    )


def fill_row(fill: VenueFill) -> Row:
    """Return the row of a fill."""
    return (
        fill.sequence,
        fill.account,
        fill.trade_id,
        fill.client_order_id,
        fill.venue_order_id,
        fill.symbol,
        fill.side.value,
        text_of(fill.quantity),
        text_of(fill.price),
        text_of(fill.value),
        text_of(fill.fee),
        fill.fee_currency,
        fill.liquidity.value,
        fill.ts_event,
        fill.tape_index,
    )


def fill_of(row: Row) -> VenueFill:
    """Return the fill of a row."""
    return VenueFill(
        sequence=row[0],
        account=row[1],
        trade_id=row[2],
        client_order_id=row[3],
        venue_order_id=row[4],
        symbol=row[5],
        side=OrderSide(row[6]),
        quantity=Decimal(row[7]),
        price=Decimal(row[8]),
        value=Decimal(row[9]),
        fee=Decimal(row[10]),
        fee_currency=row[11],
        liquidity=Liquidity(row[12]),
        ts_event=row[13],
        tape_index=row[14],
    )


def adjustment_row(account: str, entry: LedgerEntry) -> Row:
    """Return the row of an entry of the ledger; its sequence is the table's."""
    amount = text_of(entry.amount)
    return account, entry.entry_id, entry.kind.value, entry.asset, amount, entry.ts_event, entry.note


def adjustment_of(row: Row) -> tuple[str, LedgerEntry]:
    """Return account and entry of a row."""
    _, account, entry_id, kind, asset, amount, ts_event, note = row
    entry = LedgerEntry(entry_id, AdjustmentKind(kind), asset, Decimal(amount), ts_event, note)
    return account, entry


def market_row(market: Market) -> Row:
    """Return the row of a market."""
    book = market.book
    sides = None if book is None else [_levels_text(levels) for levels in (book.bids, book.asks)]
    return (
        market.instrument.symbol,
        "" if market.last_price is None else text_of(market.last_price),
        market.last_index,
        text_of(market.available),
        market.trades,
        json.dumps([text_of(quantity) for quantity in market.recent]),
        None if sides is None else json.dumps(sides),
    )


def fill_market(market: Market, row: Row) -> None:
    """Give a market what its row says."""
    _, last_price, last_index, available, trades, recent, book = row
    market.last_price = Decimal(last_price) if last_price else None
    market.last_index = last_index
    market.available = Decimal(available)
    market.trades = trades
    market.recent = [Decimal(text) for text in json.loads(recent)]
    if book is not None:
        bids, asks = ([(Decimal(at), Decimal(there)) for at, there in side] for side in json.loads(book))
        market.book = Book(bids, asks)


def _levels_text(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(text_of(price), text_of(quantity)) for price, quantity in levels]
