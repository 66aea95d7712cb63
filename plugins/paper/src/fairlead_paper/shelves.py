"""Where the venue keeps orders and fills, and how they are found again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from fairlead.ports.exchange import FillReport, OrderReport
from fairlead_paper.messages import Fills, Refused, Shelf, is_cursor
from fairlead_paper.records import VenueFill, VenueOrder

_NONE: dict[int, VenueOrder] = {}


class Shelves:
    """Open orders, all orders by either id, and fills in venue order."""

    def __init__(self) -> None:
        self._open: dict[str, dict[int, VenueOrder]] = {}
        self._by_venue_id: dict[str, VenueOrder] = {}
        self._by_client_id: dict[tuple[str, str], list[VenueOrder]] = {}
        self._fills: dict[str, list[VenueFill]] = {}
        self._fills_by_client_id: dict[tuple[str, str], list[VenueFill]] = {}

    def open_account(self, account: str) -> None:
        """Make room for an account; harmless when it has some."""
        self._open.setdefault(account, {})

    def has_account(self, account: str) -> bool:
        """Tell whether there is room for the account."""
        return account in self._open

    def keep_order(self, order: VenueOrder) -> None:
        """Put an order on its shelves, the open one only while it may trade."""
        if order.is_open:
            self._open[order.account][order.sequence] = order
        self._by_venue_id[order.venue_order_id] = order
        self._by_client_id.setdefault((order.account, order.client_order_id), []).append(order)

    def close_order(self, order: VenueOrder) -> None:
        """Take an order from the open shelf."""
        del self._open[order.account][order.sequence]

    def keep_fill(self, fill: VenueFill) -> None:
        """Put a fill behind the others."""
        self._fills.setdefault(fill.account, []).append(fill)
        self._fills_by_client_id.setdefault((fill.account, fill.client_order_id), []).append(fill)

    def id_is_taken(self, account: str, client_order_id: str, *, for_ever: bool) -> bool:
        """Tell whether an open order (or, for ever, any order) has the client order id."""
        same = self._by_client_id.get((account, client_order_id))
        return same is not None and (for_ever or any(order.is_open for order in same))

    def order(self, account: str, client_order_id: str, venue_order_id: str) -> VenueOrder | None:
        """Return the account's order with the venue's id, else the open or newest one with the client's."""
        if venue_order_id:
            found = self._by_venue_id.get(venue_order_id)
            return found if found is not None and found.account == account else None
        same = self._by_client_id.get((account, client_order_id), ())
        for order in reversed(same):
            if order.is_open:
                return order
        return same[-1] if same else None

    def find_orders(
        self, account: str, client_order_id: str, shelf: Shelf, venue_order_id: str = ""
    ) -> list[OrderReport]:
        """Return the open or the closed orders with that id, the venue's if it is given, oldest first."""
        wanted = shelf is Shelf.OPEN
        orders: Sequence[VenueOrder] = self._by_client_id.get((account, client_order_id), ())
        if venue_order_id:
            found = self.order(account, "", venue_order_id)
            orders = () if found is None else (found,)
        return [order.report() for order in orders if order.is_open is wanted]

    def find_fills(self, account: str, client_order_id: str, venue_order_id: str = "") -> list[FillReport]:
        """Return the fills of all orders with that id, the venue's if it is given."""
        if venue_order_id:
            fills = self._fills.get(account, ())
            return [fill.report() for fill in fills if fill.venue_order_id == venue_order_id]
        return [fill.report() for fill in self._fills_by_client_id.get((account, client_order_id), ())]

    def open_orders(self, account: str) -> list[OrderReport]:
        """Return the account's open orders, oldest first."""
        return [order.report() for order in self._open.get(account, _NONE).values()]

    def open_of(self, account: str) -> list[VenueOrder]:
        """Return the account's open orders themselves, oldest first."""
        return list(self._open.get(account, _NONE).values())

    def open_count(self) -> int:
        """Return how many orders are open, over all accounts."""
        return sum(len(orders) for orders in self._open.values())

    def fills_after(self, account: str, cursor: str, page_size: int) -> Fills | Refused:
        """Return one page of the account's fills after the cursor; the empty cursor is the beginning."""
        if cursor and not is_cursor(cursor):
            return Refused("bad_cursor: not a cursor of this venue", 0)
        fills = self._fills.get(account, [])
        start = bisect_right(fills, int(cursor or "0"), key=attrgetter("sequence"))
        page = fills[start : start + page_size]
        after = str(page[-1].sequence) if page else cursor
        return Fills([fill.report() for fill in page], after, start + len(page) < len(fills))
