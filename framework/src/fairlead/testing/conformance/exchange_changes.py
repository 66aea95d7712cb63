"""Rules E-31 to E-37: changing an order in place."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.ports.exchange import (
    Answer,
    ExchangeClient,
    Fence,
    ModifyRequest,
    Outcome,
    SubmitRequest,
    Terms,
    VenueStatus,
)
from fairlead.testing.conformance.exchange_rule import ExchangeRules, NotDeclared, rule
from fairlead.testing.conformance.exchange_world import (
    PATIENCE_STEP_NS,
    Ability,
    ExchangeWorld,
    connected,
    outlast,
    resting_buy,
)


def doubled(request: SubmitRequest, venue_order_id: str) -> ModifyRequest:
    """Return the change of a resting order to twice its quantity."""
    return ModifyRequest(
        request.client_order_id,
        venue_order_id,
        request.symbol,
        request.side,
        request.order_type,
        Terms(request.quantity * 2, request.limit_price),
        request.deadline_ns,
    )


async def resting(world: ExchangeWorld) -> tuple[ExchangeClient, SubmitRequest, ModifyRequest]:
    """Return a client, a resting order of it, and the change of that order to twice its quantity."""
    client, _ = await connected(world)
    if not client.capabilities.modify:
        raise NotDeclared("the client does not change orders in place")
    request = resting_buy(world)
    placed = await client.submit(request)
    return client, request, doubled(request, placed.venue_order_id)


async def modified(world: ExchangeWorld, client: ExchangeClient, change: ModifyRequest) -> Outcome:
    """Modify; whatever is raised counts as unknown, as it does in the kernel."""
    try:
        answer: Answer = await outlast(world, client.modify(change))
    except AssertionError:
        raise
    except Exception:  # isolation point: the port says that whatever modify raises counts as unknown
        return Outcome.UNKNOWN
    return answer.outcome


async def terms_of(client: ExchangeClient, request: SubmitRequest) -> Terms | None:
    """Return the terms under which a look-up shows the order alive; open orders must show the same."""
    found = await client.look_up(request.client_order_id, request.symbol)
    assert found.report is not None
    assert found.report.status is VenueStatus.LIVE
    [listed] = await client.open_orders()
    assert listed.terms == found.report.terms
    said = found.report.terms
    return None if said is None else Terms(said.quantity, said.limit_price, said.trigger_price)


class ChangeRules(ExchangeRules):
    """What changing an order in place must do."""

    @rule()
    async def test_e31_a_change_that_was_taken_is_what_every_reading_shows(
        self, world: ExchangeWorld
    ) -> None:
        """E-31 a modify that was taken is ACCEPTED; every reading shows the new terms, and the order once."""
        client, request, change = await resting(world)
        before = await terms_of(client, request)
        assert before == Terms(request.quantity, request.limit_price)
        answer = await client.modify(change)

        assert answer.outcome is Outcome.ACCEPTED
        assert await terms_of(client, request) == change.terms
        await world.trade(world.resting_price, request.quantity * 3)
        found = await client.look_up(request.client_order_id, request.symbol)
        assert found.report is not None
        assert found.report.filled_quantity == change.terms.quantity
        assert await world.orders_at_venue(request.client_order_id) == 1

    @rule()
    async def test_e32_a_refused_change_leaves_the_order_as_it_was(self, world: ExchangeWorld) -> None:
        """E-32 a modify that the venue refuses is REFUSED with its reason, and the order keeps its terms."""
        client, request, change = await resting(world)
        before = await terms_of(client, request)
        beyond = replace(change, terms=replace(change.terms, quantity=world.unaffordable_quantity))
        answer = await client.modify(beyond)

        assert answer.outcome is Outcome.REFUSED
        assert answer.reason
        assert await terms_of(client, request) == before

    @rule()
    async def test_e33_the_change_of_a_finished_or_unknown_order_is_refused(
        self, world: ExchangeWorld
    ) -> None:
        """E-33 modifying what is over, or never was, is REFUSED with a reason, and places nothing."""
        client, request, change = await resting(world)
        await client.cancel(request.client_order_id, change.venue_order_id, request.symbol)
        unknown = replace(change, client_order_id=world.client_order_id(), venue_order_id="")
        for each in (change, unknown):
            answer = await client.modify(each)
            assert answer.outcome is Outcome.REFUSED
            assert answer.reason
        assert not await client.open_orders()

    @rule()
    async def test_e34_a_quantity_that_is_filled_already_is_not_taken(self, world: ExchangeWorld) -> None:
        """E-34 a modify to less than is filled never makes the order fill more: it is REFUSED, or ends it."""
        client, request, change = await resting(world)
        await client.modify(change)
        await world.trade(world.resting_price, request.quantity)
        below = replace(change, terms=replace(change.terms, quantity=request.quantity))
        answer = await client.modify(below)
        await world.trade(world.resting_price, request.quantity)
        found = await client.look_up(request.client_order_id, request.symbol)

        assert found.report is not None
        if answer.outcome is Outcome.ACCEPTED:
            assert found.report.filled_quantity == request.quantity
        else:
            assert answer.outcome is Outcome.REFUSED
            assert found.report.filled_quantity == change.terms.quantity

    @rule()
    async def test_e35_a_change_past_its_deadline_is_refused(self, world: ExchangeWorld) -> None:
        """E-35 with the deadline fence a modify carries its deadline, and the venue refuses after it."""
        client, request, change = await resting(world)
        if client.capabilities.fence is not Fence.DEADLINE:
            raise NotDeclared("the client declares no deadline fence")
        late = replace(change, deadline_ns=world.now_ns() + PATIENCE_STEP_NS)
        await world.advance_ns(2 * PATIENCE_STEP_NS)
        answer = await client.modify(late)

        assert answer.outcome in {Outcome.REFUSED, Outcome.NOT_SENT}
        assert await terms_of(client, request) == Terms(request.quantity, request.limit_price)

    @rule(Ability.LOSE_REQUEST, Ability.LOSE_ANSWER, Ability.GARBLE_ANSWER)
    async def test_e36_a_change_without_a_readable_answer_is_unknown_and_not_repeated(
        self, world: ExchangeWorld
    ) -> None:
        """E-36 a lost or unreadable answer to a modify is UNKNOWN; the client never sends it again."""
        client, request, change = await resting(world)
        world.inject(Ability.LOSE_REQUEST)
        assert await modified(world, client, change) is Outcome.UNKNOWN
        await world.advance_ns(PATIENCE_STEP_NS)
        assert await terms_of(client, request) == Terms(request.quantity, request.limit_price)

        later = replace(change, deadline_ns=world.now_ns() + 60 * PATIENCE_STEP_NS)
        for ability, factor in ((Ability.LOSE_ANSWER, 2), (Ability.GARBLE_ANSWER, 3)):
            terms = Terms(request.quantity * factor, request.limit_price)
            world.inject(ability)
            assert await modified(world, client, replace(later, terms=terms)) is Outcome.UNKNOWN
            assert await terms_of(client, request) == terms

    @rule(Ability.LIMIT)
    async def test_e37_a_change_that_is_one_too_many_is_limited(self, world: ExchangeWorld) -> None:
        """E-37 a modify that the venue did not look at is LIMITED, and changes nothing."""
        client, request, change = await resting(world)
        world.inject(Ability.LIMIT)
        answer = await outlast(world, client.modify(change))

        assert answer.outcome is Outcome.LIMITED
        assert answer.retry_after_ns >= 0
        assert await terms_of(client, request) == Terms(request.quantity, request.limit_price)
