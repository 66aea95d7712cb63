"""A booked fill as a row, with the digest by which a repeated trade id is compared; a snapshot as a row."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.ledger import PositionChange
from fairlead.domain.numbers import EXACT, text_of
from fairlead.domain.orders import Order
from fairlead.domain.records import OrderFilled
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.ports.exchange import FillReport
from fairlead.ports.store import Row


def fill_digest(fill: OrderFilled | FillReport) -> str:
    """Return the figures of a trade in one word: side, quantity, price, fee and its currency, normalised."""
    fee = f"{_plain(fill.fee)}{_fee_currency(fill)}" if fill.fee else "0"
    return f"{fill.side._value_}:{_plain(fill.quantity)}@{_plain(fill.price)}-{fee}"


def _fee_currency(fill: OrderFilled | FillReport) -> str:
    if type(fill) is OrderFilled:
        return fill.fee_currency or fill.quote
    return fill.fee_currency


def _plain(number: Decimal) -> str:
    return text_of(EXACT.normalize(number))


def fill_row(record: OrderFilled, order: Order, sequence: int, episode: int, change: PositionChange) -> Row:
    """Return the row of the fills table; rows of fills never change once written.

    *episode* is the number of the one it belongs to, or of the one it began when it flipped the position.
    """
    return Row.of(
        "fills",
        {
            "client_order_id": record.client_order_id,
            "trade_id": record.trade_id,
            "symbol": order.symbol,
            "book": order.book,
            "side": record.side._value_,
            "quantity": record.quantity,
            "price": record.price,
            "value": record.value,
            "fee": record.fee,
            "fee_currency": record.fee_currency or record.quote,
            "currency": record.quote,
            "liquidity": record.liquidity._value_,
            "digest": order.trades[record.trade_id],
            "source": record.source,
            "ts_event": record.ts_event,
            "sequence": sequence,
            "position_id": order.position_id,
            "episode": episode,
            "flipped": change is PositionChange.FLIPPED,
        },
    )


def snapshot_row(snapshot: PositionSnapshot, sequence: int) -> Row:
    """Return the row of a snapshot of a position; it never changes once written."""
    values = {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
    return Row.of("position_snapshots", {**values, "sequence": sequence})
