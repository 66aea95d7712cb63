"""Asking a client about one order: by our client order id, or by the venue's own for one taken over."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from fairlead.domain.orders import Order
from fairlead.kernel.core.strangers import renamed
from fairlead.ports.exchange import Answer, ExchangeClient, OrderFinder


async def look_up(client: ExchangeClient, name: str, symbol: str, order: Order | None) -> object:
    """Return what the client finds about the order, under our id; memory may not hold it any more."""
    if order is None or not order.adopted:
        return await client.look_up(name, symbol)
    finder = cast("OrderFinder", client)  # it could take the order over
    return renamed(await finder.find(order.venue_order_id, symbol), order.venue_order_id, name)


def cancel(
    client: ExchangeClient, name: str, venue_order_id: str, symbol: str, order: Order | None
) -> Awaitable[Answer]:
    """Ask the client to cancel the order."""
    known_as = "" if order is not None and order.adopted else name
    return client.cancel(known_as, venue_order_id, symbol)
