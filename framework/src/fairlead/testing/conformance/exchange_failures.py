"""Rules E-23 to E-29: what the client does when things go wrong, and around its connection."""

from __future__ import annotations

from fairlead.ports.exchange import Answer, ExchangeClient, Fence, Outcome, SubmitRequest
from fairlead.testing.conformance.exchange_evidence import PARTS, filled_in_parts, history
from fairlead.testing.conformance.exchange_rule import ExchangeRules, NotDeclared, rule
from fairlead.testing.conformance.exchange_world import (
    PATIENCE_STEP_NS,
    Ability,
    ExchangeWorld,
    connected,
    outlast,
    resting_buy,
)

AGES = 600
"""Seconds after which a request that was going to be repeated would have been."""


async def submitted(world: ExchangeWorld, client: ExchangeClient, request: SubmitRequest) -> Outcome:
    """Submit; whatever is raised counts as unknown, as it does in the kernel."""
    try:
        answer: Answer = await outlast(world, client.submit(request))
    except AssertionError:
        raise
    except Exception:  # isolation point: the port says that whatever submit raises counts as unknown
        return Outcome.UNKNOWN
    return answer.outcome


class FailureRules(ExchangeRules):
    """What must hold when requests, answers and connections are lost."""

    @rule(Ability.LOSE_REQUEST)
    async def test_e23_a_lost_request_is_unknown_and_not_repeated(self, world: ExchangeWorld) -> None:
        """E-23 no answer is UNKNOWN, not REFUSED or NOT_SENT; and the client never sends again by itself."""
        client, _ = await connected(world)
        request = resting_buy(world)
        world.inject(Ability.LOSE_REQUEST)
        assert await submitted(world, client, request) is Outcome.UNKNOWN
        await world.advance_ns(AGES * PATIENCE_STEP_NS)
        await world.settle()
        assert await world.orders_at_venue(request.client_order_id) == 0

    @rule(Ability.LOSE_ANSWER)
    async def test_e24_a_lost_answer_is_unknown_and_the_order_exists_once(self, world: ExchangeWorld) -> None:
        """E-24 an order whose answer was lost is UNKNOWN, is found, and was placed once."""
        client, _ = await connected(world)
        request = resting_buy(world)
        world.inject(Ability.LOSE_ANSWER)
        assert await submitted(world, client, request) is Outcome.UNKNOWN
        # Filled meanwhile: a venue that checks ids among open orders only would take a repetition now.
        await world.trade(world.resting_price, world.quantity)
        await world.advance_ns(AGES * PATIENCE_STEP_NS)
        await world.settle()
        assert await world.orders_at_venue(request.client_order_id) == 1
        found = await client.look_up(request.client_order_id, request.symbol)
        assert found.report is not None

    @rule(Ability.GARBLE_ANSWER)
    async def test_e25_an_unreadable_answer_is_unknown(self, world: ExchangeWorld) -> None:
        """E-25 an answer that makes no sense is UNKNOWN, for orders and for cancels."""
        client, _ = await connected(world)
        request = resting_buy(world)
        world.inject(Ability.GARBLE_ANSWER)
        assert await submitted(world, client, request) is Outcome.UNKNOWN
        assert await world.orders_at_venue(request.client_order_id) == 1
        world.inject(Ability.GARBLE_ANSWER)
        answer = await outlast(world, client.cancel(request.client_order_id, "", request.symbol))
        assert answer.outcome is Outcome.UNKNOWN

    @rule(Ability.LIMIT)
    async def test_e26_too_many_requests_is_limited_and_places_nothing(self, world: ExchangeWorld) -> None:
        """E-26 LIMITED says that the venue did not look at the request; the client does not try again."""
        client, _ = await connected(world)
        request = resting_buy(world)
        world.inject(Ability.LIMIT)
        answer = await outlast(world, client.submit(request))

        assert answer.outcome is Outcome.LIMITED
        assert answer.retry_after_ns >= 0
        await world.advance_ns(AGES * PATIENCE_STEP_NS)
        assert await world.orders_at_venue(request.client_order_id) == 0

    @rule(Ability.BREAK_STREAM)
    async def test_e27_a_broken_stream_is_said_and_mended(self, world: ExchangeWorld) -> None:
        """E-27 the sink hears of the break and of its end; history has what the stream missed."""
        client, sink = await connected(world)
        if not client.capabilities.streams_reports:
            raise NotDeclared("the client declares that it does not stream")
        world.inject(Ability.BREAK_STREAM)
        await filled_in_parts(world, client, PARTS)
        for _ in range(20):
            await world.advance_ns(PATIENCE_STEP_NS)
            await world.settle()

        assert sink.breaks == ["disconnected", "reconnected"]
        assert len(await history(client)) == PARTS
        told = len(sink.fills)
        await filled_in_parts(world, client, 1)
        assert len(sink.fills) == told + 1, "after the break the stream must flow again"

    @rule()
    async def test_e28_nothing_is_put_after_disconnecting(self, world: ExchangeWorld) -> None:
        """E-28 after `disconnect` the sink stays as it is; it may be called again, and so may `connect`."""
        client, sink = await connected(world)
        other, _ = await connected(world)
        request = resting_buy(world)
        await client.submit(request)
        await client.disconnect()
        told, breaks = list(sink.reports), list(sink.breaks)
        await world.trade(world.resting_price, world.quantity)
        await filled_in_parts(world, other, 1)
        await world.advance_ns(AGES * PATIENCE_STEP_NS)
        await world.settle()

        assert sink.reports == told
        assert sink.breaks == breaks
        await client.disconnect()
        await client.connect(sink)
        assert [fill.client_order_id for fill in await history(client)][:1] == [request.client_order_id]

    @rule()
    async def test_e29_capabilities_and_instruments_hold_together(self, world: ExchangeWorld) -> None:
        """E-29 the symbol's rules can be read, and a permanent id fence names its horizon."""
        client, sink = await connected(world)
        instruments = await client.instruments()
        symbols = [instrument.symbol for instrument in instruments]

        assert world.symbol in symbols
        assert len(set(symbols)) == len(symbols)
        assert client.name
        assert isinstance(client.capabilities.fence, Fence)
        if client.capabilities.fence is Fence.PERMANENT_CLIENT_ID:
            assert client.capabilities.horizon_ns > 0
        await world.trade(world.resting_price, world.quantity)
        await world.settle()
        assert bool(sink.trades) is client.capabilities.price_source
