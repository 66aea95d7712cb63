"""What the venue of a `ScriptedExchange` offers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.ports.exchange import ExchangeCapabilities, Fence
from fairlead.ports.pacing import PacingModel


class Offers(TypedDict, total=False):
    """What the venue offers; everything, unless a test says less."""

    order_types: Iterable[OrderType]
    times_in_force: Iterable[TimeInForce]
    post_only: bool
    reduce_only: bool
    adoption: bool
    positions: bool
    modify: bool
    balances: bool
    ledger: bool


def capabilities_of(
    offers: Offers, *, fence: Fence, horizon_ns: int, streams: bool, pacing: PacingModel | None
) -> ExchangeCapabilities:
    """Return the capabilities: everything the test does not say otherwise, but nothing of the account."""
    return ExchangeCapabilities(
        simulated=True,
        fence=fence,
        horizon_ns=horizon_ns,
        streams_reports=streams,
        order_types=frozenset(offers.get("order_types", OrderType)),
        times_in_force=frozenset(offers.get("times_in_force", TimeInForce)),
        post_only=offers.get("post_only", True),
        reduce_only=offers.get("reduce_only", True),
        modify=offers.get("modify", True),
        pacing=pacing,
        adoption=offers.get("adoption", True),
        positions=offers.get("positions", False),
        balances=offers.get("balances", False),
        ledger=offers.get("ledger", False),
    )
