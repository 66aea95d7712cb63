"""A venue that tells of its balances and its ledger, moved by hand, for tests of the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Unpack

from fairlead import AdjustmentKind, BalanceView
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.ports.exchange import LedgerEntry
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.scripted_offers import Offers
from tests.core.kernel.bench import BTC, ETH, Bench, instrument


def accountant(held: dict[str, str] | None = None, **offers: Unpack[Offers]) -> ScriptedExchange:
    """Return a venue that holds this, else 10,000 USDT and 10 BTC, and tells of balances and ledger."""
    wished: Offers = {"balances": True, "ledger": True, **offers}
    exchange = ScriptedExchange([instrument(BTC), instrument(ETH)], **wished)
    start = {"USDT": "10000", "BTC": "10"} if held is None else held
    exchange.held = {asset: Decimal(total) for asset, total in start.items()}
    return exchange


def happens(
    bench: Bench,
    amount: str,
    asset: str = "USDT",
    kind: AdjustmentKind = AdjustmentKind.DEPOSIT,
    *,
    entry_id: str = "",
    ago_ns: int = 0,
) -> LedgerEntry:
    """Let a balance of the venue move, and its ledger list that."""
    exchange = bench.exchange
    name = entry_id or f"L{len(exchange.ledger) + 1}"
    entry = LedgerEntry(name, kind, asset, Decimal(amount), bench.clock.wall_ns() - ago_ns)
    exchange.held[asset] = exchange.held.get(asset, Decimal(0)) + entry.amount
    exchange.ledger.append(entry)
    return entry


def moved_by_trade(bench: Bench, base: str, quote: str) -> None:
    """Let the venue's balances of BTC and USDT move as a trade of ours did."""
    held = bench.exchange.held
    held["BTC"] = held.get("BTC", Decimal(0)) + Decimal(base)
    held["USDT"] = held.get("USDT", Decimal(0)) + Decimal(quote)


def balance(bench: Bench, asset: str) -> BalanceView:
    """Return what we derive of an asset."""
    return next(view for view in bench.kernel.balances() if view.asset == asset)


def opened(bench: Bench) -> list[InventoryOpened]:
    """Return the openings on record: one, or none."""
    return [record for record in bench.records() if isinstance(record, InventoryOpened)]


def adjustments(bench: Bench) -> list[AdjustmentBooked]:
    """Return the adjustments on record."""
    return [record for record in bench.records() if isinstance(record, AdjustmentBooked)]
