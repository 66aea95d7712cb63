"""Rules E-30 and E-41: an order never goes out as something else, and a broken rule is called one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from fairlead.domain.numbers import add, multiply
from fairlead.ports.exchange import (
    ExchangeCapabilities,
    OrderType,
    Outcome,
    SubmitRequest,
    TimeInForce,
)
from fairlead.testing.conformance.exchange_rule import ExchangeRules, NotDeclared, rule
from fairlead.testing.conformance.exchange_world import ExchangeWorld, connected, resting_buy

_LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
TENTH = Decimal("0.1")  # fixed: whatever is finer than a step breaks the rule
_PLAIN = (OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP)


def undeclared(world: ExchangeWorld, capabilities: ExchangeCapabilities) -> Iterator[SubmitRequest]:
    """Make one order for every term that the client does not declare."""
    for order_type in sorted(set(OrderType) - capabilities.order_types):
        request = resting_buy(world)
        yield replace(
            request,
            order_type=order_type,
            limit_price=request.limit_price if order_type in _LIMITED else None,
            trigger_price=None if order_type in _PLAIN else request.limit_price,
            trailing_distance=request.limit_price if order_type is OrderType.TRAILING_STOP else None,
        )
    for force in sorted(set(TimeInForce) - capabilities.times_in_force):
        request = resting_buy(world)
        expire_ns = request.deadline_ns if force is TimeInForce.GTD else 0
        yield replace(request, time_in_force=force, expire_ns=expire_ns)
    if not capabilities.post_only:
        yield replace(resting_buy(world), post_only=True)
    if not capabilities.reduce_only:
        yield replace(resting_buy(world), reduce_only=True)


class TermRules(ExchangeRules):
    """What a client does with terms of an order that it does not declare."""

    @rule()
    async def test_e30_an_order_never_goes_out_as_something_else(self, world: ExchangeWorld) -> None:
        """E-30 an order with a term that the client does not declare is REFUSED or NOT_SENT, and says why."""
        client, _ = await connected(world)
        requests = list(undeclared(world, client.capabilities))
        if not requests:
            raise NotDeclared("the client declares everything")
        for request in requests:
            answer = await client.submit(request)
            assert answer.outcome in {Outcome.REFUSED, Outcome.NOT_SENT}, request
            assert answer.reason
            assert await world.orders_at_venue(request.client_order_id) == 0, request
        assert not await client.open_orders()

    @rule()
    async def test_e41_a_refusal_for_a_rule_of_the_symbol_says_so(self, world: ExchangeWorld) -> None:
        """E-41 a refusal for a rule of the symbol, its step for one, has *names_rules*; others do not."""
        client, _ = await connected(world)
        instrument = {known.symbol: known for known in await client.instruments()}[world.symbol]
        request = resting_buy(world)
        finer = multiply(instrument.quantity_increment, TENTH)
        answer = await client.submit(replace(request, quantity=add(request.quantity, finer)))
        assert answer.outcome is Outcome.REFUSED
        assert answer.names_rules

        answer = await client.submit(replace(resting_buy(world), quantity=world.unaffordable_quantity))
        assert answer.outcome is Outcome.REFUSED
        assert not answer.names_rules
