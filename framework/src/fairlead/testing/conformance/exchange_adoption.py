"""Rules E-38 to E-40: orders that somebody else placed, for clients that declare *adoption*."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from msgspec.structs import replace

from fairlead.ports.exchange import (
    ExchangeClient,
    OrderFinder,
    OrderTerms,
    Outcome,
    SubmitRequest,
    VenueStatus,
)
from fairlead.testing.conformance.exchange_rule import ExchangeRules, NotDeclared, rule
from fairlead.testing.conformance.exchange_world import ExchangeWorld, connected, resting_buy


async def adopting(world: ExchangeWorld) -> tuple[ExchangeClient, OrderFinder]:
    """Return a connected client that can take orders over, under both of its protocols."""
    client, _ = await connected(world)
    if not client.capabilities.adoption:
        raise NotDeclared("the client declares no adoption")
    return client, cast("OrderFinder", client)


async def placed_by_other(world: ExchangeWorld, request: SubmitRequest) -> str:
    """Have another client of the account place the order, and return the venue's id of it."""
    other, _ = await connected(world)
    answer = await other.submit(request)
    assert answer.venue_order_id
    return answer.venue_order_id


def assert_terms(terms: OrderTerms | None, request: SubmitRequest) -> None:
    """Require the terms to be those of the request."""
    assert terms is not None
    assert (terms.side, terms.order_type, terms.time_in_force) == (
        request.side,
        request.order_type,
        request.time_in_force,
    )
    assert (terms.quantity, terms.limit_price) == (request.quantity, request.limit_price)


class AdoptionRules(ExchangeRules):
    """What is needed to take over an order that the kernel did not send."""

    @rule()
    async def test_e38_reports_carry_the_orders_terms(self, world: ExchangeWorld) -> None:
        """E-38 open orders and look-ups tell the terms of an order, whoever placed it, as they were sent."""
        client, finder = await adopting(world)
        request = replace(resting_buy(world), quantity=Decimal(2) * world.quantity)
        venue_order_id = await placed_by_other(world, request)
        await world.trade(world.resting_price, world.quantity)
        await world.settle()

        [listed] = await client.open_orders()
        found = await client.look_up(request.client_order_id, request.symbol)
        by_venue_id = await finder.find(venue_order_id, request.symbol)
        for report in (listed, found.report, by_venue_id.report):
            assert report is not None
            assert_terms(report.terms, request)

    @rule()
    async def test_e39_any_order_is_found_by_the_venues_id(self, world: ExchangeWorld) -> None:
        """E-39 by the venue's id an order is found open and finished, with all its fills and no others."""
        client, finder = await adopting(world)
        request = replace(resting_buy(world), quantity=Decimal(2) * world.quantity)
        venue_order_id = await placed_by_other(world, request)
        await world.trade(world.resting_price, world.quantity)
        await world.settle()
        open_one = await finder.find(venue_order_id, request.symbol)
        await world.trade(world.resting_price, world.quantity)
        await client.submit(resting_buy(world))
        await world.trade(world.resting_price, world.quantity)
        await world.settle()
        finished = await finder.find(venue_order_id, request.symbol)

        for found, status, fills in ((open_one, VenueStatus.LIVE, 1), (finished, VenueStatus.FILLED, 2)):
            assert found.complete
            assert found.report is not None
            assert (found.report.status, found.report.venue_order_id) == (status, venue_order_id)
            assert len(found.fills) == fills
            assert {fill.venue_order_id for fill in found.fills} == {venue_order_id}
        nobody = await finder.find(f"{venue_order_id}0", request.symbol)
        assert (nobody.report, list(nobody.fills), nobody.complete) == (None, [], True)

    @rule()
    async def test_e40_the_venues_id_alone_cancels(self, world: ExchangeWorld) -> None:
        """E-40 a cancel with the venue's id and no client order id ends that order and no other."""
        client, _ = await adopting(world)
        request, mine = resting_buy(world), resting_buy(world)
        venue_order_id = await placed_by_other(world, request)
        await client.submit(mine)
        answer = await client.cancel("", venue_order_id, request.symbol)
        await world.settle()

        assert answer.outcome is Outcome.ACCEPTED
        assert [order.client_order_id for order in await client.open_orders()] == [mine.client_order_id]
