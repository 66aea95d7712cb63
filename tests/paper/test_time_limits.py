"""The way to a venue in its own process: every wait on it ends after `request_timeout_ms`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.testing import SeededLoop, VirtualClock, run
from fairlead_paper.address import Address
from fairlead_paper.link import LinkFault, NoAnswer
from fairlead_paper.messages import ReadOpen
from fairlead_paper.socket_link import SocketLink
from tests.paper.silent_wire import SilentAddress, Unheard

LIMIT_NS = 250 * NANOSECONDS_PER_MILLISECOND
PATIENCE_NS = 1_000 * LIMIT_NS


def after_the_limit(what: Callable[[VirtualClock], Awaitable[object]], raised: type[LinkFault]) -> None:
    """Demand that something ends exactly when the limit is over, with this error."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        clock = VirtualClock(loop)
        began_ns = clock.monotonic_ns()
        try:
            async with clock.timeout_ns(PATIENCE_NS):
                with pytest.raises(raised):
                    await what(clock)
        except TimeoutError:
            pytest.fail("it is waited for without a limit")
        assert clock.monotonic_ns() - began_ns == LIMIT_NS

    run(main)


def link_to(address: Address, clock: VirtualClock) -> SocketLink:
    """Return a link that was not opened."""
    return SocketLink(address, "token", "main", clock, LIMIT_NS)


@pytest.mark.requirement("ERR-1")
def test_a_connection_that_is_never_made_is_given_up() -> None:
    """Nobody accepts, and nobody refuses."""
    after_the_limit(lambda clock: link_to(SilentAddress(connects=False), clock).open(Unheard()), LinkFault)


@pytest.mark.requirement("ERR-1")
def test_a_venue_that_never_says_welcome_is_given_up() -> None:
    """The connection is made and nothing comes over it; the link is closed again."""

    async def greet(clock: VirtualClock) -> None:
        link = link_to(SilentAddress(), clock)
        try:
            await link.open(Unheard())
        finally:
            assert link._writer is None

    after_the_limit(greet, LinkFault)


@pytest.mark.requirement("ERR-1")
def test_a_request_that_is_never_answered_is_given_up() -> None:
    """What became of it is not known, and nothing goes on waiting for the answer."""

    async def ask(clock: VirtualClock) -> None:
        link = link_to(SilentAddress(), clock)
        _, link._writer = await link._address.connect(1)
        try:
            await link.ask(ReadOpen())
        finally:
            assert not link._waiting
            await link.close()

    after_the_limit(ask, NoAnswer)
