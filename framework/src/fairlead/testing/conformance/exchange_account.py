"""Rules E-42 to E-44: the venue's ledger, and what of a balance is locked, where the client declares them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import cast

from fairlead.ports.exchange import ExchangeClient, LedgerEntry, LedgerKeeper
from fairlead.testing.conformance.exchange_evidence import filled_in_parts, held, history
from fairlead.testing.conformance.exchange_rule import ExchangeRules, NotDeclared, rule
from fairlead.testing.conformance.exchange_world import Ability, ExchangeWorld, connected, resting_buy

# fixed: more than two pages of any page size that a venue in a test has
ENTRIES = 5


async def keeping(world: ExchangeWorld) -> ExchangeClient:
    """Return a connected client that tells the venue's ledger."""
    client, _ = await connected(world)
    if not client.capabilities.ledger:
        raise NotDeclared("the client declares no ledger")
    return client


async def ledger(client: ExchangeClient, cursor: str = "") -> tuple[list[LedgerEntry], str]:
    """Return every entry after the cursor, and the cursor behind them."""
    keeper = cast("LedgerKeeper", client)
    entries: list[LedgerEntry] = []
    more = True
    while more:
        page = await keeper.ledger_since(cursor)
        entries += page.entries
        assert not page.more or page.cursor != cursor, "there is more, and the cursor does not move"
        cursor, more = page.cursor, page.more
    return entries, cursor


async def adjusted(world: ExchangeWorld, client: ExchangeClient) -> list[tuple[str, Decimal]]:
    """Have balances moved without a trade, up and down; return by how much, in order."""
    instrument = {known.symbol: known for known in await client.instruments()}[world.symbol]
    assets = [instrument.quote, instrument.base]
    moves = [
        (assets[number % 2], (-1) ** number * world.quantity * (number + 1)) for number in range(ENTRIES)
    ]
    moves.append((instrument.quote, world.quantity))
    for asset, amount in moves:
        await world.adjust(asset, amount)
    await world.settle()
    return moves


class AccountRules(ExchangeRules):
    """What moves balances besides trades."""

    @rule(Ability.ADJUST)
    async def test_e42_the_ledger_lists_each_movement_once(self, world: ExchangeWorld) -> None:
        """E-42 what moved a balance besides trades is listed once, in order, exact, under a lasting id."""
        client = await keeping(world)
        before, cursor = await ledger(client)
        moves = await adjusted(world, client)
        await filled_in_parts(world, client, 2)
        since, end = await ledger(client, cursor)
        whole, _ = await ledger(await keeping(world))

        assert [(entry.asset, entry.amount) for entry in since] == moves, "and no trade is among them"
        assert whole == [*before, *since], "another client tells the same, under the same ids"
        assert len({entry.entry_id for entry in whole}) == len(whole)
        assert (await ledger(client, end))[0] == [], "nothing is told again behind the cursor"

    @rule(Ability.ADJUST)
    async def test_e43_fills_and_ledger_explain_the_balances(self, world: ExchangeWorld) -> None:
        """E-43 balances change by what the fills and the ledger's entries say, and by nothing else."""
        client = await keeping(world)
        expected: defaultdict[str, Decimal] = defaultdict(Decimal, await held(client))
        instrument = {known.symbol: known for known in await client.instruments()}[world.symbol]
        _, cursor = await ledger(client)
        await adjusted(world, client)
        await filled_in_parts(world, client, 2)
        for entry in (await ledger(client, cursor))[0]:
            expected[entry.asset] += entry.amount
        for fill in await history(client):
            value = fill.quantity * fill.price if fill.value is None else fill.value
            expected[instrument.base] += fill.quantity
            expected[instrument.quote] -= value
            expected[fill.fee_currency] -= fill.fee
        assert await held(client) == {asset: total for asset, total in expected.items() if total}

    @rule()
    async def test_e44_what_open_orders_hold_is_locked(self, world: ExchangeWorld) -> None:
        """E-44 an open order raises what is locked by at least its cost, and gives it back when it ends."""
        client, _ = await connected(world)
        if not client.capabilities.balances:
            raise NotDeclared("the client declares no balances")
        if not client.capabilities.locks_balance:
            raise NotDeclared("the client declares that open orders lock nothing")
        quote = {known.symbol: known for known in await client.instruments()}[world.symbol].quote
        before = (await client.balances())[quote]
        request = resting_buy(world)
        answer = await client.submit(request)
        during = (await client.balances())[quote]
        await client.cancel(request.client_order_id, answer.venue_order_id, request.symbol)
        await world.settle()

        assert during.total == before.total
        assert during.locked - before.locked >= world.quantity * world.resting_price
        assert (await client.balances())[quote] == before
