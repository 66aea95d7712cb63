"""Rules E-01 to E-10: submitting and canceling."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.ports.exchange import ExchangeClient, Fence, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.conformance.exchange_rule import ExchangeRules, NotDeclared, rule
from fairlead.testing.conformance.exchange_world import (
    PATIENCE_STEP_NS,
    Ability,
    ExchangeWorld,
    connected,
    outlast,
    resting_buy,
)


async def assert_absent(world: ExchangeWorld, client: ExchangeClient, request: SubmitRequest) -> None:
    """Require that the venue has no such order and says so completely."""
    found = await client.look_up(request.client_order_id, request.symbol)
    assert found.complete, "nothing was wrong with the connection, so the look-up must be complete"
    assert found.report is None
    assert not found.fills
    assert await world.orders_at_venue(request.client_order_id) == 0


class OrderRules(ExchangeRules):
    """What submitting and canceling must do."""

    @rule()
    async def test_e01_a_taken_order_is_answered_with_the_venues_id(self, world: ExchangeWorld) -> None:
        """E-01 the answer to an order that the venue took is ACCEPTED with the id under which it is open."""
        client, _ = await connected(world)
        request = resting_buy(world)
        answer = await client.submit(request)

        assert answer.outcome is Outcome.ACCEPTED
        assert answer.venue_order_id
        [order] = await client.open_orders()
        assert order.venue_order_id == answer.venue_order_id
        assert order.client_order_id == request.client_order_id
        assert order.status is VenueStatus.LIVE
        assert await world.orders_at_venue(request.client_order_id) == 1

    @rule()
    async def test_e02_a_streaming_client_reports_the_acceptance(self, world: ExchangeWorld) -> None:
        """E-02 a client that streams puts a LIVE report with both ids and the symbol into the sink."""
        client, sink = await connected(world)
        if not client.capabilities.streams_reports:
            raise NotDeclared("the client declares that it does not stream")
        request = resting_buy(world)
        answer = await client.submit(request)
        await world.settle()

        live = [order for order in sink.orders if order.status is VenueStatus.LIVE]
        assert [(order.client_order_id, order.venue_order_id, order.symbol) for order in live] == [
            (request.client_order_id, answer.venue_order_id, world.symbol)
        ]

    @rule()
    async def test_e03_a_refusal_is_said_with_its_reason_and_leaves_nothing(
        self, world: ExchangeWorld
    ) -> None:
        """E-03 an order that the venue refuses is REFUSED, never raised, with the venue's reason."""
        client, _ = await connected(world)
        request = replace(resting_buy(world), quantity=world.unaffordable_quantity)
        answer = await client.submit(request)

        assert answer.outcome is Outcome.REFUSED
        assert answer.reason
        assert not await client.open_orders()
        await assert_absent(world, client, request)

    @rule()
    async def test_e04_without_a_connection_nothing_is_sent(self, world: ExchangeWorld) -> None:
        """E-04 NOT_SENT is the answer when there was no connection, and then nothing reached the venue."""
        client = await world.client()
        request = resting_buy(world)
        answer = await outlast(world, client.submit(request))

        assert answer.outcome is Outcome.NOT_SENT
        assert await world.orders_at_venue(request.client_order_id) == 0

    @rule()
    async def test_e05_a_live_order_can_be_canceled(self, world: ExchangeWorld) -> None:
        """E-05 a cancel that was taken is ACCEPTED, and the order's end is CANCELED in every reading."""
        client, sink = await connected(world)
        request = resting_buy(world)
        placed = await client.submit(request)
        answer = await client.cancel(request.client_order_id, placed.venue_order_id, request.symbol)
        await world.settle()

        assert answer.outcome is Outcome.ACCEPTED
        assert not await client.open_orders()
        found = await client.look_up(request.client_order_id, request.symbol)
        assert found.report is not None
        assert found.report.status is VenueStatus.CANCELED
        if client.capabilities.streams_reports:
            assert sink.orders[-1].status is VenueStatus.CANCELED

    @rule()
    async def test_e06_the_cancel_of_a_finished_order_is_refused(self, world: ExchangeWorld) -> None:
        """E-06 cancelling a canceled or filled order is REFUSED with a reason, and changes nothing."""
        client, _ = await connected(world)
        canceled, filled = resting_buy(world), resting_buy(world)
        first = await client.submit(canceled)
        await client.cancel(canceled.client_order_id, first.venue_order_id, world.symbol)
        second = await client.submit(filled)
        await world.trade(world.resting_price, world.quantity)

        for request, placed, end in (
            (canceled, first, VenueStatus.CANCELED),
            (filled, second, VenueStatus.FILLED),
        ):
            answer = await client.cancel(request.client_order_id, placed.venue_order_id, world.symbol)
            assert answer.outcome is Outcome.REFUSED
            assert answer.reason
            found = await client.look_up(request.client_order_id, world.symbol)
            assert found.report is not None
            assert found.report.status is end

    @rule()
    async def test_e07_the_cancel_of_an_unknown_order_is_refused(self, world: ExchangeWorld) -> None:
        """E-07 cancelling what the venue does not know is REFUSED with a reason, never raised."""
        client, _ = await connected(world)
        answer = await client.cancel(world.client_order_id(), "", world.symbol)

        assert answer.outcome is Outcome.REFUSED
        assert answer.reason

    @rule()
    async def test_e08_an_order_past_its_deadline_is_refused(self, world: ExchangeWorld) -> None:
        """E-08 a client with the deadline fence sends the deadline, and the venue refuses after it."""
        client, _ = await connected(world)
        if client.capabilities.fence is not Fence.DEADLINE:
            raise NotDeclared("the client declares no deadline fence")
        request = resting_buy(world, lifetime_ns=PATIENCE_STEP_NS)
        await world.advance_ns(2 * PATIENCE_STEP_NS)
        answer = await client.submit(request)

        assert answer.outcome in {Outcome.REFUSED, Outcome.NOT_SENT}
        await assert_absent(world, client, request)

    @rule(Ability.DELAY_REQUEST)
    async def test_e09_a_request_that_arrives_after_its_deadline_is_not_placed(
        self, world: ExchangeWorld
    ) -> None:
        """E-09 with the deadline fence, an order seen absent after its deadline stays absent."""
        client, _ = await connected(world)
        if client.capabilities.fence is not Fence.DEADLINE:
            raise NotDeclared("the client declares no deadline fence")
        request = resting_buy(world)
        world.inject(Ability.DELAY_REQUEST)
        answer = await outlast(world, client.submit(request))
        assert answer.outcome is Outcome.UNKNOWN

        for _ in range(10):
            await world.advance_ns(30 * PATIENCE_STEP_NS)
        await assert_absent(world, client, request)

    @rule()
    async def test_e10_a_permanent_client_id_is_taken_once(self, world: ExchangeWorld) -> None:
        """E-10 with the permanent id fence the same id is refused, also when its order has closed."""
        client, _ = await connected(world)
        if client.capabilities.fence is not Fence.PERMANENT_CLIENT_ID:
            raise NotDeclared("the client declares no permanent id fence")
        assert client.capabilities.horizon_ns > 0
        request = resting_buy(world)
        placed = await client.submit(request)
        while_open = await client.submit(request)
        await client.cancel(request.client_order_id, placed.venue_order_id, world.symbol)
        when_closed = await client.submit(request)

        assert while_open.outcome is Outcome.REFUSED
        assert when_closed.outcome is Outcome.REFUSED
        assert await world.orders_at_venue(request.client_order_id) == 1
