"""The world of an operator: a venue that loses an order, moves a holding in, and lists one deposit of two."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from fairlead.domain.anomalies import Severity
from fairlead.domain.reconciliation import DriftedPolicy
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import (
    AdjustmentKind,
    ExchangeClient,
    LedgerEntry,
    LedgerPage,
    OrderSide,
    VenuePosition,
)
from fairlead_paper.client import PaperClient
from tests.simulation.market import ACCOUNT, SETTINGS, SYMBOL, MarketWorld

TRANSFERRED = Decimal("0.15")
TRANSFER_PRICE = Decimal(100)
DEPOSITED = Decimal("50.25")
UNLISTED = Decimal("0.07")
TOLD = frozenset({"foreign_order", "missing_at_venue", "position_drifted", "balance_drifted"})
"""What is noted until the operator has spoken; the policies say to report it and to trade on."""


class OperatedWorld(MarketWorld):
    """A market in which an order is placed by hand, one is lost by the venue, and a holding is moved in."""

    def __init__(self, seed: int) -> None:
        super().__init__(
            seed,
            settings=attrs.evolve(
                SETTINGS,
                missing_policy=Severity.NOTE,
                drifted_policy=DriftedPolicy.REPORT,
                anomalies={"balance_drifted": "note"},
            ),
        )
        self.expected_anomalies = TOLD
        self.has_transfer = False
        self.entries: list[LedgerEntry] = []

    def forget(self, client_order_id: str) -> None:
        """Let the venue lose an open order, without a word: no shelf has it any more."""
        shelves = self.venue.shelves
        for order in shelves._by_client_id.pop((ACCOUNT, client_order_id), ()):
            shelves.close_order(order)
            del shelves._by_venue_id[order.venue_order_id]
            self.forgotten.add(client_order_id)

    def net(self) -> Decimal:
        """Return what the venue holds for the account: what was traded, and what was moved in."""
        fills = self.venue.shelves._fills.get(ACCOUNT, ())
        signed = (fill.quantity if fill.side is OrderSide.BUY else -fill.quantity for fill in fills)
        return sum(signed, TRANSFERRED)

    def deposit(self) -> None:
        """Let money and coins come in, once; the ledger tells of the money. Trades moved neither."""
        if not self.entries:
            for asset, amount in (("USDT", DEPOSITED), ("BTC", UNLISTED)):
                balance = self.venue.money.balance(ACCOUNT, asset)
                balance.total += amount
                balance.opening += amount
            kind = AdjustmentKind.DEPOSIT
            self.entries.append(LedgerEntry("L1", kind, "USDT", DEPOSITED, self.venue_clock.wall_ns()))

    def total(self, asset: str) -> Decimal:
        """Return what the venue holds of the asset."""
        return self.venue.money.balances[ACCOUNT, asset].total

    def _open_venue(self, clock: Clock) -> ExchangeClient:
        client = super()._open_venue(clock)
        assert isinstance(client, PaperClient)
        client.capabilities = attrs.evolve(client.capabilities, positions=True, ledger=True)
        client.positions = self._positions  # type: ignore[attr-defined]  # a `PositionKeeper` besides
        client.ledger_since = self._ledger_since  # type: ignore[method-assign]  # a `LedgerKeeper` of its own
        return client

    async def _ledger_since(self, cursor: str) -> LedgerPage:
        begin = int(cursor or 0)
        return LedgerPage(self.entries[begin:], str(len(self.entries)), more=False)

    async def _positions(self) -> Sequence[VenuePosition]:
        """Show the net once something was moved in: before that it is spot as any other."""
        return (VenuePosition(SYMBOL, self.net()),) if self.has_transfer else ()
