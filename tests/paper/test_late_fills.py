"""A fill that is told only after its order was canceled: late everywhere, lost nowhere, counted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fairlead.ports.exchange import ExchangeClient, FillReport, OrderReport, VenueStatus
from fairlead.testing import run
from fairlead.testing.conformance.exchange_evidence import history
from fairlead.testing.conformance.exchange_world import RecordingSink, connected, resting_buy
from fairlead_paper.client import PaperClient
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.fault_link import FaultyLink
from fairlead_paper.fault_plan import FaultPlan
from fairlead_paper.link import InProcessLink, Link
from fairlead_paper.settings import FaultSettings
from tests.paper.paper_world import TIMEOUT_NS, PaperWorld


class LateWorld(PaperWorld):
    """A world in which every fill is told late."""

    def link(self) -> Link:
        """Return a link whose plan has this one fault, always."""
        faults = FaultSettings(seed=5, rates={FaultKind.LATE_FILL: Decimal(1)})
        inner = InProcessLink(self.desk, "main")
        return FaultyLink(inner, lambda session: FaultPlan(faults, session), self.clock, TIMEOUT_NS)


async def partly_filled(world: PaperWorld) -> tuple[PaperClient, RecordingSink, str]:
    """Return a client whose order was filled to a half, and the order's id."""
    client, sink = await connected(world)
    assert isinstance(client, PaperClient)
    request = resting_buy(world)
    await client.submit(request)
    await world.trade(world.resting_price, world.quantity / 2)
    return client, sink, request.client_order_id


async def fills_of(client: ExchangeClient, name: str) -> Sequence[FillReport]:
    """Return the fills that a look-up shows."""
    return (await client.look_up(name, PaperWorld.symbol)).fills


def test_a_fill_comes_after_the_cancel_of_its_order() -> None:
    """Stream, look-up and history know nothing of it until the order has ended; then all tell it, once."""

    async def main() -> None:
        world = LateWorld()
        client, sink, name = await partly_filled(world)
        assert not sink.fills
        assert not await history(client)
        assert not await fills_of(client, name)
        await client.cancel(name, "", world.symbol)
        assert [report.status for report in sink.orders][-1] is VenueStatus.CANCELED
        assert not sink.fills
        assert sink.orders[-1].filled_quantity == world.quantity / 2, "the order says what its fills do not"
        await world.advance_ns(TIMEOUT_NS)
        assert isinstance(sink.reports[-1], FillReport), "it comes last"
        [told] = sink.fills
        assert [fill.trade_id for fill in await history(client)] == [told.trade_id]
        assert [fill.trade_id for fill in await fills_of(client, name)] == [told.trade_id]
        assert client.faults_fired == {"late_fill": 1}
        assert (await client.venue_state()).faults == {"late_fill": 1}
        await world.close()

    run(main)


def test_a_fill_of_an_order_that_lives_is_late_by_the_timeout_at_most() -> None:
    """Nothing is held back for ever: the bound is the request timeout."""

    async def main() -> None:
        world = LateWorld()
        client, sink, _ = await partly_filled(world)
        await world.advance_ns(TIMEOUT_NS - 2_000)
        assert not sink.fills
        await world.advance_ns(4_000)
        assert len(sink.fills) == len(await history(client)) == 1
        await world.close()

    run(main)


def test_the_history_ends_before_a_fill_that_is_late() -> None:
    """A reader's cursor never passes a fill that was not told: what comes later waits with it."""

    async def main() -> None:
        world = LateWorld()
        client, sink, _ = await partly_filled(world)
        page = await client.fills_since("")
        assert (page.fills, page.cursor, page.more) == ([], "", False)
        await world.advance_ns(TIMEOUT_NS + 2_000)
        client.stop_faults()
        await world.trade(world.resting_price, world.quantity)
        assert len(sink.fills) == 2
        cursor = (await client.fills_since("")).cursor
        assert [fill.trade_id for fill in await history(client)] == [fill.trade_id for fill in sink.fills]
        assert not (await client.fills_since(cursor)).fills
        await world.close()

    run(main)


def test_a_break_of_the_connection_lets_the_history_tell_all() -> None:
    """What was held back when the client left is not told by the stream, and is in the history at once."""

    async def main() -> None:
        world = LateWorld()
        client, sink, _ = await partly_filled(world)
        await client.disconnect()
        await client.connect(sink)
        assert not sink.fills
        assert len(await history(client)) == 1
        assert not [report for report in sink.reports if isinstance(report, OrderReport) and report.reason]
        await world.close()

    run(main)
