"""Small venues and orders for tests of the venue's core."""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead.ports.exchange import (
    FillReport,
    Instrument,
    OrderReport,
    OrderSide,
    OrderType,
    SubmitRequest,
    TimeInForce,
    VenueStatus,
)
from fairlead_paper.messages import Holding, Refused, Shelf, Taken
from fairlead_paper.records import PublicTrade, VenueRules
from fairlead_paper.venue import Venue

SYMBOL = "BTC/USDT"
ACCOUNT = "main"
BUY, SELL = OrderSide.BUY, OrderSide.SELL

INSTRUMENT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    price_increment=Decimal("0.1"),
    quantity_increment=Decimal("0.001"),
    minimum_quantity=Decimal("0.001"),
    maximum_quantity=Decimal(100),
    minimum_cost=Decimal("0.5"),
    settlement_decimals=2,
    maker_fee_rate=Decimal("0.001"),
    taker_fee_rate=Decimal("0.002"),
)


@attrs.define
class Bench:
    """A venue with one account, a counter for ids, and a time that moves by one at every step."""

    venue: Venue
    now_ns: int = 1_000
    placed: int = 0

    def request(
        self,
        side: OrderSide,
        quantity: str,
        price: str | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        client_order_id: str = "",
        deadline_ns: int = 0,
        reduces: bool = False,
    ) -> SubmitRequest:
        """Return a request for a limit order, or for a market order without a price."""
        self.placed += 1
        return SubmitRequest(
            client_order_id=client_order_id or f"c{self.placed}",
            symbol=SYMBOL,
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            time_in_force=time_in_force,
            quantity=Decimal(quantity),
            limit_price=None if price is None else Decimal(price),
            reduces=reduces,
            deadline_ns=deadline_ns,
        )

    def place(
        self,
        side: OrderSide,
        quantity: str,
        price: str | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        client_order_id: str = "",
        deadline_ns: int = 0,
        reduces: bool = False,
    ) -> Taken | Refused:
        """Place such an order."""
        self.now_ns += 1
        request = self.request(
            side,
            quantity,
            price,
            time_in_force=time_in_force,
            client_order_id=client_order_id,
            deadline_ns=deadline_ns,
            reduces=reduces,
        )
        return self.venue.place(ACCOUNT, request, self.now_ns)

    def trade(self, price: str, quantity: str) -> None:
        """Let others trade."""
        self.now_ns += 1
        self.venue.trade(PublicTrade(SYMBOL, Decimal(price), Decimal(quantity), self.now_ns))

    def fills(self, client_order_id: str) -> list[tuple[str, str]]:
        """Return (quantity, price) of an order's fills."""
        found: list[FillReport] = self.venue.shelves.find_fills(ACCOUNT, client_order_id)
        return [(f"{fill.quantity.normalize():f}", f"{fill.price:f}") for fill in found]

    def status(self, client_order_id: str) -> VenueStatus:
        """Return the newest status of an order."""
        reports: list[OrderReport] = []
        for shelf in (Shelf.OPEN, Shelf.CLOSED):
            reports += self.venue.shelves.find_orders(ACCOUNT, client_order_id, shelf)
        return reports[-1].status

    def holding(self, asset: str) -> Holding:
        """Return what the account holds of an asset."""
        found = [holding for holding in self.venue.holdings(ACCOUNT) if holding.asset == asset]
        return found[0] if found else Holding(asset, Decimal(0), Decimal(0))


def a_bench(
    rules: VenueRules | None = None,
    instrument: Instrument = INSTRUMENT,
    **opening: str,
) -> Bench:
    """Return a bench; the account has 1,000,000 USDT and 10 BTC unless told otherwise."""
    venue = Venue(rules or VenueRules(), [instrument])
    balances = opening or {"USDT": "1000000", "BTC": "10"}
    venue.open_account(ACCOUNT, {asset: Decimal(total) for asset, total in balances.items()})
    return Bench(venue)
