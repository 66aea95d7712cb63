"""How an order or a position stood at the step of a fact: a short text beside the fact, and back.

A row of the outbox keeps it, because the order's own row moves on. It is written with every fact of every
order, hence words with a blank between them and nothing that has to be encoded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO, subtract, text_of
from fairlead.domain.orders import Order

ORDER_FIGURES = ("state", "quantity", "filled_quantity", "filled_value")
_POSITION_AMOUNTS = 5  # fixed: the episode and four amounts stand before the key
POSITION_FIGURES = ("symbol", "book", "position_id", "quantity", "cost", "realized_pnl", "fees", "episode")


def order_figures(order: Order) -> str:
    """Return state, quantity, filled quantity, filled value, and the tags where there are any."""
    figures = f"{order.state._value_} {order.quantity} {order.filled_quantity} {order.filled_value}"
    return f"{figures} {order.tags_text}" if order.tags else figures


def position_figures(position: Position) -> str:
    """Return the episode, quantity, cost, realized P&L and fees, and the key as JSON."""
    key = msgspec.json.encode(position.key).decode()
    return (
        f"{position.episode} {position.quantity} {position.cost} {position.realized_pnl} "
        f"{position.fees} {key}"
    )


def read_order_figures(figures: str) -> dict[str, Any]:
    """Return the figures of an order by name; empty where none were written."""
    if not figures:
        return {}
    state, *amounts, tags = [*figures.split(" ", len(ORDER_FIGURES)), ""][: len(ORDER_FIGURES) + 1]
    named = dict(zip(ORDER_FIGURES[1:], map(_plain, amounts), strict=True))
    leaves = text_of(max(ZERO, subtract(Decimal(named["quantity"]), Decimal(named["filled_quantity"]))))
    return {
        "state": state,
        **named,
        "leaves_quantity": leaves,
        "tags": msgspec.json.decode(tags) if tags else [],
    }


def read_position_figures(figures: str) -> dict[str, Any]:
    """Return the figures of a position by name; empty where none were written."""
    if not figures:
        return {}
    episode, *amounts, key = figures.split(" ", _POSITION_AMOUNTS)
    values = [*msgspec.json.decode(key), *map(_plain, amounts), int(episode)]
    return dict(zip(POSITION_FIGURES, values, strict=True))


def _plain(text: str) -> str:
    return text_of(Decimal(text))
