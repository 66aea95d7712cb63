"""A venue that tells of its balances and its ledger, moved by hand, for tests of the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Unpack

from fairlead import AdjustmentKind, BalanceView, OrderSide
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.ports.exchange import FillReport, LedgerEntry
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.scripted_offers import Offers
from tests.core.kernel.bench import BTC, ETH, Bench, instrument


class Accountant(ScriptedExchange):
    """A venue whose balances move with every trade of a spot symbol."""

    def trade(self, name: str, quantity: str, price: str, **wishes: Any) -> FillReport:  # noqa: ANN401 - as there
        """See `ScriptedExchange.trade`."""
        said = wishes.pop("said", True)
        fill = super().trade(name, quantity, price, said=False, **wishes)
        base, _, quote = fill.symbol.partition("/")
        value = fill.quantity * fill.price if fill.value is None else fill.value
        sign = 1 if fill.side is OrderSide.BUY else -1
        for asset, change in (
            (base, sign * fill.quantity),
            (quote, -sign * value),
            (fill.fee_currency, -fill.fee),
        ):
            self.held[asset] = self.held.get(asset, Decimal(0)) + change
        if said:
            self.say(fill)
        return fill


def accountant(held: dict[str, str] | None = None, **offers: Unpack[Offers]) -> ScriptedExchange:
    """Return a venue that holds this, else 10,000 USDT and 10 BTC, and tells of balances and ledger."""
    wished: Offers = {"balances": True, "ledger": True, **offers}
    exchange = Accountant([instrument(BTC), instrument(ETH)], **wished)
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


def balance(bench: Bench, asset: str) -> BalanceView:
    """Return what we derive of an asset."""
    return next(view for view in bench.kernel.balances() if view.asset == asset)


def parts(bench: Bench, asset: str) -> tuple[Decimal, Decimal, Decimal]:
    """Return opening, adjustments and their sum with the fills."""
    view = balance(bench, asset)
    return view.opening, view.adjustments, view.derived


def opened(bench: Bench) -> list[InventoryOpened]:
    """Return the openings on record: one, or none."""
    return [record for record in bench.records() if isinstance(record, InventoryOpened)]


def adjustments(bench: Bench) -> list[AdjustmentBooked]:
    """Return the adjustments on record."""
    return [record for record in bench.records() if isinstance(record, AdjustmentBooked)]
