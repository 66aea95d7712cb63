"""The paper client keeps every rule of the exchange port, with each fence, in process and over a socket."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fairlead.ports.exchange import Fence
from fairlead.testing import run
from fairlead.testing.conformance.exchange import ExchangeConformance, exchange_rules
from fairlead_paper.records import FeeIn, Locking
from tests.paper.paper_world import DistantWorld, PaperWorld, SocketWorld


class InProcess(ExchangeConformance):
    """Runs the rules on virtual time."""

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run on the seeded loop."""
        run(main)


class TestDeadlineFence(InProcess):
    """Kraken-like: ids are unique among open orders only, requests carry a deadline."""

    async def make_world(self) -> PaperWorld:
        """Return a world with the deadline fence."""
        return PaperWorld(Fence.DEADLINE)


class TestPermanentIdFence(InProcess):
    """A venue that never takes an id twice."""

    async def make_world(self) -> PaperWorld:
        """Return a world with the permanent id fence, and a client that is no price source."""
        return PaperWorld(Fence.PERMANENT_CLIENT_ID, price_source=False)


class TestNoFence(InProcess):
    """A venue that looks at neither ids nor deadlines."""

    async def make_world(self) -> PaperWorld:
        """Return a world without a fence."""
        return PaperWorld(Fence.NONE)


class TestNothingLocked(InProcess):
    """Margin-like: orders share what is held, and fees are paid in what a fill brings."""

    async def make_world(self) -> PaperWorld:
        """Return a world in which no order locks anything."""
        return PaperWorld(Fence.DEADLINE, locking=Locking.NONE, fee_in=FeeIn.RECEIVED)


class TestFeesInBase(InProcess):
    """Spot, with fees in base."""

    async def make_world(self) -> PaperWorld:
        """Return a world in which fees are taken in base."""
        return PaperWorld(Fence.DEADLINE, fee_in=FeeIn.BASE)


class TestFarAway(InProcess):
    """A way that takes time, with jitter."""

    async def make_world(self) -> DistantWorld:
        """Return a world whose venue is far away."""
        return DistantWorld()


class TestOverSocket(ExchangeConformance):
    """The same client over a real connection; faults are the link's and are proven in process."""

    async def make_world(self) -> SocketWorld:
        """Return a world behind a socket."""
        world = SocketWorld()
        await world.start()
        return world


def test_the_rules_are_numbered_without_a_gap() -> None:
    """Every test of the class is a rule, and the numbers leave none out."""
    numbers = list(exchange_rules())
    tests = [name for name in dir(ExchangeConformance) if name.startswith("test_")]

    assert numbers == [f"E-{number:02d}" for number in range(1, len(tests) + 1)]


SHIPPED = (
    TestDeadlineFence,
    TestPermanentIdFence,
    TestNoFence,
    TestNothingLocked,
    TestFeesInBase,
    TestFarAway,
)


@pytest.mark.parametrize("kind", SHIPPED)
def test_no_shipped_suite_replaces_a_rule(kind: type[ExchangeConformance]) -> None:
    """The shipped client is held to the rules as they are."""
    replaced = [name for name in vars(kind) if name.startswith("test_")]
    assert not replaced
