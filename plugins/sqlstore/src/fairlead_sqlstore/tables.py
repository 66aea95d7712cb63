"""The tables of the store, as SQLModel classes that a user may query.

Write nothing to them: the kernel is the one writer. Times are integer nanoseconds UTC since the Unix epoch,
0 when it has not happened; "" stands for a text that is not there.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlmodel import Field

from fairlead.ports.row_rules import ROW_RULES
from fairlead_sqlstore.checks import condition_of
from fairlead_sqlstore.columns import FairleadTable, RowId, exact, flag, integer, metadata, text
from fairlead_sqlstore.relay_tables import DeliveryRow, NotifierRow

__all__ = [
    "AdjustmentRow",
    "AnchorRow",
    "BalanceRow",
    "ChangeRow",
    "ClosingRow",
    "CommandRow",
    "DeliveryRow",
    "EpisodeRow",
    "FairleadTable",
    "FillRow",
    "InventoryRow",
    "JournalRecord",
    "NotifierRow",
    "OrderRow",
    "OutboxEntry",
    "PositionRow",
    "PositionSnapshotRow",
    "SettingRow",
    "StoreState",
    "metadata",
]


class JournalRecord(FairleadTable, table=True):
    """Everything that ever changed state, in order; never changed."""

    __tablename__: ClassVar[Any] = "journal"

    sequence: int = Field(sa_type=RowId, primary_key=True, description="1, 2, 3, ... without a gap")
    ts_ns: int = integer("when the kernel recorded it")
    kind: str = text("the record's kind, such as order_filled")
    version: int = integer("the version of that kind's fields")
    payload: bytes = Field(sa_type=LargeBinary, description="the fields, as the kernel encoded them")
    hash: bytes = Field(
        sa_type=LargeBinary, description="SHA-256 over the previous record's hash, the header and the payload"
    )


class OutboxEntry(FairleadTable, table=True):
    """A fact owed to notifiers."""

    __tablename__: ClassVar[Any] = "outbox"
    __table_args__: ClassVar[Any] = (Index(None, "sequence"),)

    position: int = Field(sa_type=RowId, primary_key=True, description="the order in which facts are told")
    event_id: str = text("stable for ever: what a receiver knows a repetition by", unique=True)
    sequence: int = integer("the journal record whose payload it tells about")
    kind: str = text("what happened")
    subject: str = text("the order, position or kernel it is about")
    figures: str = text(
        'how that stood at its step, or ""', default="", sa_column_kwargs={"server_default": ""}
    )


class StoreState(FairleadTable, table=True):
    """Whose store it is, and how far it has come: one row."""

    __tablename__: ClassVar[Any] = "store_state"
    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(sa_type=RowId, primary_key=True, description="always 1")
    account: str = text("the account this store belongs to")
    epoch: int = integer("raised by every kernel that takes the store; a write needs the current one")
    holder: str = text("the kernel that took it last")
    head_sequence: int = integer("the last journal record")
    head_hash: bytes = Field(sa_type=LargeBinary, description="the hash of the last journal record")


class AnchorRow(FairleadTable, table=True):
    """Where the journal goes on whose older part was archived; in an archive the last is its own end."""

    __tablename__: ClassVar[Any] = "anchors"

    sequence: int = Field(sa_type=RowId, primary_key=True, description="the last record that was archived")
    hash: bytes = Field(sa_type=LargeBinary, description="its hash, which the next record follows")
    ts_ns: int = integer("when it was recorded")
    archive: str = text('the file that holds what came before, or "" in that file itself')
    digest: str = text('the SHA-256 of that file\'s bytes, in hexadecimal, or ""')
    base: bytes = Field(sa_type=LargeBinary, description="the rows at that record that stayed, as JSON")


class OrderRow(FairleadTable, table=True):
    """One order, as it stands at the head of the journal."""

    __tablename__: ClassVar[Any] = "orders"

    client_order_id: str = text("our id of the order", primary_key=True)
    owner: str = text("who asked for it")
    book: str = text("the book its fills go to")
    symbol: str = text("the instrument, such as BTC/USDT")
    side: str = text("buy or sell")
    order_type: str = text("how it finds its price")
    time_in_force: str = text("how long it may work")
    state: str = text("its phase, or why it closed")
    quantity: Decimal = exact("how much was ordered")
    limit_price: Decimal | None = exact("the limit, or NULL for a market order", default=None)
    reference_price: Decimal | None = exact("the price it was judged at, or NULL", default=None)
    reduces: bool = flag("whether it reduces a position, as the kernel computed it")
    currency: str = text("the currency of value and fees")
    idempotency_key: str = text('the key the bot gave, or ""')
    metadata_: str = text("the bot's own notes, as JSON", sa_column_kwargs={"name": "metadata"})
    pending: str = text("the request that awaits the venue's answer: none, cancel or modify")
    venue_order_id: str = text('the venue\'s id, or ""', index=True)
    detail: str = text("what the venue or the kernel said last")
    denial_code: str = text('why it was denied, or ""')
    triggered: bool = flag("whether its trigger has fired")
    filled_quantity: Decimal = exact("how much was filled")
    filled_value: Decimal = exact("the settlement value of its fills")
    fees: Decimal = exact("the fees of its fills in that currency")
    attempt: int = integer("how often it was sent")
    not_before_ns: int = integer("when it may be sent at the earliest")
    deadline_ns: int = integer("after when the venue does not take it")
    look_up_ns: int = integer("when an unresolved order may be looked up")
    pending_since_ns: int = integer("since when the pending request waits")
    pending_asked: int = integer("how often the pending request was made")
    created_ns: int = integer("when it was created")
    updated_ns: int = integer("when it changed last")
    closed_ns: int = integer("when it closed")
    live: bool = Field(description="whether it is still followed", index=True)
    trigger_price: Decimal | None = exact("the price that activates it, or NULL", default=None)
    trailing_distance: Decimal | None = exact("how far its trigger trails, in price, or NULL", default=None)
    trailing_rate: Decimal | None = exact("how far its trigger trails, as a fraction, or NULL", default=None)
    max_slippage: Decimal | None = exact("the fraction that bounds a market order, or NULL", default=None)
    leverage: Decimal | None = exact("the leverage asked for, or NULL", default=None)
    expire_ns: int = integer("when it ends by its own term, or 0")
    post_only: bool = flag("whether it may only make")
    reduce_only: bool = flag("whether the bot demanded that it only reduces")
    note: str = text("the bot's note")
    tags: str = text('the bot\'s tags, as a JSON list, or ""')
    sizing: str = text('how its quantity was computed, as JSON, or ""')
    other_fees: str = text('fees in other currencies, as JSON, or ""')
    contract: str = text('the terms of the contract it traded, as JSON, or ""')
    position_id: str = text('the hedging position it works on, or "" for the netting one')
    adopted: bool = flag("whether somebody else placed it and it was taken over")
    wish: str = text('a change in place that is not resolved, as JSON, or ""')
    replaces: str = text('the order in whose stead it was made, or ""')


class FillRow(FairleadTable, table=True):
    """One trade of one order."""

    __tablename__: ClassVar[Any] = "fills"

    client_order_id: str = text("the order", primary_key=True)
    trade_id: str = text("the venue's id of the trade", primary_key=True)
    symbol: str = text("the instrument")
    book: str = text("the book it was booked to")
    side: str = text("buy or sell")
    quantity: Decimal = exact("how much was traded")
    price: Decimal = exact("at what price")
    value: Decimal = exact("its settlement value, fixed when it was booked")
    fee: Decimal = exact("its fee")
    fee_currency: str = text("the currency of the fee")
    currency: str = text("the currency of the value")
    liquidity: str = text("maker or taker")
    digest: str = text("what a repetition of the trade must agree with")
    source: str = text("where it was learned from")
    ts_event: int = integer("when it happened at the venue")
    sequence: int = integer("the journal record that booked it")
    position_id: str = text('the hedging position it was booked to, or "" for the netting one')
    episode: int = integer("the number of the episode it belongs to; after a flip, of the one it began")
    flipped: bool = flag("whether it also belongs to the episode before, which it ended")


class PositionRow(FairleadTable, table=True):
    """One position, as the fold of its fills."""

    __tablename__: ClassVar[Any] = "positions"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    symbol: str = text("the instrument", primary_key=True)
    book: str = text("the book", primary_key=True)
    position_id: str = text('its own id where it is a hedging one, or ""', primary_key=True)
    currency: str = text("the currency of cost and PnL")
    quantity: Decimal = exact("how much is held; negative when short")
    cost: Decimal = exact("what the held quantity cost")
    realized_pnl: Decimal = exact("what was realized, fees not included")
    fees: Decimal = exact("the fees paid in its currency")
    episode: int = integer("how often it was opened")
    opened_ns: int = integer("when it was opened last")
    closed_ns: int = integer("when it was closed last")
    pending_openings: int = integer("orders under way that add to it")
    reserved_exit: Decimal = exact("how much of it orders under way will take out")
    other_fees: str = text('fees in other currencies, as JSON, or ""')
    contract: str = text('the terms of the contract that is held, as JSON, or ""')
    live: bool = Field(description="whether a kernel holds it in memory", index=True)


class EpisodeRow(FairleadTable, table=True):
    """A position's life from flat to flat; its fills name it by symbol, book, position and number."""

    __tablename__: ClassVar[Any] = "episodes"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    symbol: str = text("the instrument", primary_key=True)
    book: str = text("the book", primary_key=True)
    position_id: str = text('the hedging position, or "" for the netting one', primary_key=True)
    number: int = Field(sa_type=BigInteger, primary_key=True, description="1, 2, 3, ... of its position")
    owner: str = text("whose order opened it")
    side: str = text("long or short")
    currency: str = text("the currency of values, PnL and fees")
    peak_quantity: Decimal = exact("the most that was held")
    entry_quantity: Decimal = exact("how much its fills added")
    entry_value: Decimal = exact("what that settled for")
    exit_quantity: Decimal = exact("how much its fills took away")
    exit_value: Decimal = exact("what that settled for")
    realized_pnl: Decimal = exact("what was realized, fees not included")
    fees: Decimal = exact("the fees in its currency; of a flip's, its share")
    other_fees: str = text('fees in other currencies, as JSON, or ""')
    contract: str = text('the terms of the contract that was held, as JSON, or ""')
    note: str = text("the bot's note")
    tags: str = text('the bot\'s tags, as a JSON list, or ""')
    metadata_: str = text("the bot's own data, as JSON", sa_column_kwargs={"name": "metadata"})
    fills: int = integer("how many fills it has")
    opened_ns: int = integer("when it began")
    closed_ns: int = integer("when it ended, or 0")
    live: bool = Field(description="whether it is open", index=True)


class PositionSnapshotRow(FairleadTable, table=True):
    """An open position as it stood at one moment, marked to the market where there was a price."""

    __tablename__: ClassVar[Any] = "position_snapshots"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    symbol: str = text("the instrument", primary_key=True)
    book: str = text("the book", primary_key=True)
    position_id: str = text('the hedging position, or "" for the netting one', primary_key=True)
    ts_ns: int = Field(sa_type=BigInteger, primary_key=True, description="when it was taken")
    episode: int = integer("the number of the open episode")
    currency: str = text("the currency of cost and PnL")
    quantity: Decimal = exact("how much was held; negative when short")
    cost: Decimal = exact("what the held quantity cost")
    realized_pnl: Decimal = exact("what the position had realized, fees not included")
    fees: Decimal = exact("the fees paid in its currency")
    price: Decimal | None = exact("the price it was marked at, or NULL", default=None)
    unrealized_pnl: Decimal | None = exact("what closing at that price would have realized", default=None)
    price_age_ns: int = integer("how old the price was")
    price_usable: bool = flag("whether the price was fresh and no jump was open")
    sequence: int = integer("the journal record that holds it")


class BalanceRow(FairleadTable, table=True):
    """One asset, as opening inventory, fills and adjustments make it."""

    __tablename__: ClassVar[Any] = "balances"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    asset: str = text("the asset, such as BTC", primary_key=True)
    total: Decimal = exact("how much of it there is")


class InventoryRow(FairleadTable, table=True):
    """What of an asset's balance did not come from fills."""

    __tablename__: ClassVar[Any] = "inventory"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    asset: str = text("the asset", primary_key=True)
    opening: Decimal = exact("what was there before there was a kernel")
    adjustments: Decimal = exact("what all adjustments of it come to")


class AdjustmentRow(FairleadTable, table=True):
    """An entry of the venue's ledger that is no fill of ours."""

    __tablename__: ClassVar[Any] = "adjustments"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    entry_id: str = text("the venue's id of it", primary_key=True)
    kind: str = text("why the balance changed")
    asset: str = text("the asset")
    amount: Decimal = exact("by how much; negative when it went down")
    ts_event: int = integer("when, as the venue says")
    note: str = text("what was said about it")
    sequence: int = integer("the journal record that holds it")


class CommandRow(FairleadTable, table=True):
    """A command given with an idempotency key: a repetition gets the first one's answer."""

    __tablename__: ClassVar[Any] = "commands"
    __table_args__: ClassVar[Any] = (Index(None, "idempotency_key"), {"sqlite_with_rowid": False})

    owner: str = text("who gave it", primary_key=True)
    idempotency_key: str = text("the key", primary_key=True)
    command_digest: str = text("what a repetition must agree with")
    client_order_id: str = text("the order, closing or change that came of it")
    created_ns: int = integer("when it was given")
    answer: str = text('what it was answered with, as JSON; "" when what came of it is the answer')


class ClosingRow(FairleadTable, table=True):
    """The wish that a position ends, from request to end; one that is live goes on after a restart."""

    __tablename__: ClassVar[Any] = "closings"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    closing_id: str = text("our id of the closing", primary_key=True)
    asked_by: str = text("who asked for it first")
    symbol: str = text("the instrument")
    book: str = text("the book")
    operator: bool = flag("whether orders of any owner are canceled")
    cancel_entries: bool = flag("whether orders that add to the position are canceled")
    cancel_exits: bool = flag("whether other exits are canceled")
    limit_price: Decimal | None = exact("the limit of its exits, or NULL for the market", default=None)
    held: Decimal = exact("what was held when it began")
    exit_order_id: str = text('the exit order made last, or ""')
    code: str = text('how it ended, or "" while it has not')
    detail: str = text("why it ended so")
    quantity_left: Decimal = exact("what was still held at its end")
    realized_pnl: Decimal = exact("what the position had realized by then")
    fees: Decimal = exact("the fees of the position by then")
    exits: int = integer("how many exit orders were made")
    due_ns: int = integer("when another exit may be made")
    episode: int = integer("how often the position had been opened")
    created_ns: int = integer("when it was asked for")
    closed_ns: int = integer("when the position was closed last")
    live: bool = Field(description="whether it is still under way", index=True)
    position_id: str = text('the hedging position that is closed, or "" for the netting one')


class ChangeRow(FairleadTable, table=True):
    """The wish that an order changes, in place or by another; one that is live goes on after a restart."""

    __tablename__: ClassVar[Any] = "changes"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    change_id: str = text("our id of the change", primary_key=True)
    kind: str = text("modify or replace")
    client_order_id: str = text("the order that it is about")
    asked_by: str = text("who asked for it")
    quantity: Decimal = exact("the quantity wished for, what was filled included")
    limit_price: Decimal | None = exact("the limit price wished for, or NULL", default=None)
    trigger_price: Decimal | None = exact("the trigger price wished for, or NULL", default=None)
    shrinks: bool = flag("whether it raised neither quantity nor a price")
    new_order_id: str = text('the order that a replacement made, or ""')
    unresolved: bool = flag("whether no answer to it came")
    code: str = text('what came of it, or "" while that is not known')
    detail: str = text("why that came of it")
    created_ns: int = integer("when it was asked for")
    closed_ns: int = integer("when it was known what came of it")
    live: bool = Field(description="whether it is still under way", index=True)


class SettingRow(FairleadTable, table=True):
    """A fact of the kernel by name: trading state, cursors, values and locks of risk checks."""

    __tablename__: ClassVar[Any] = "settings"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    name: str = text("the fact", primary_key=True)
    value: str = text("its value")


def _add_checks() -> None:
    """State the port's rules of rows as constraints; a migration makes the same ones."""
    for rule in ROW_RULES:
        table = metadata.tables[rule.table]
        table.append_constraint(CheckConstraint(condition_of(rule), name=rule.name).ddl_if(dialect="sqlite"))


_add_checks()
