"""The way to the venue takes the time that the settings say, on the clock port."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.ports.exchange import FillReport, OrderReport, Outcome, VenueStatus
from fairlead.testing import run
from fairlead.testing.conformance.exchange_world import connected, resting_buy
from fairlead_paper.latency_link import LatencyLink
from fairlead_paper.link import Link
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import LatencySettings, paper_settings
from tests.paper.paper_world import PaperWorld

MS = 1_000_000


class DistantWorld(PaperWorld):
    """A world whose venue is far away."""

    latency = LatencySettings(request_ms=30, answer_ms=20, stream_ms=45)

    def link(self) -> Link:
        """Return a slow link."""
        return LatencyLink(super().link(), self.latency, self.clock)


class JitteryWorld(DistantWorld):
    """A world whose way takes a different time each time."""

    latency = LatencySettings(request_ms=30, answer_ms=20, stream_ms=5, jitter_ms=400, seed=3)


def test_request_answer_and_stream_take_their_time() -> None:
    """The venue hears the order after 30 ms, the answer comes after 50, its report after 75."""

    async def main() -> None:
        world = DistantWorld()
        client, sink = await connected(world)
        began_ns = world.now_ns()
        answer = await client.submit(resting_buy(world))
        assert answer.outcome is Outcome.ACCEPTED
        assert 50 * MS <= world.now_ns() - began_ns < 51 * MS
        assert 30 * MS <= answer.ts_event - began_ns < 31 * MS, "that is when the venue took it"
        assert not sink.orders, "the report is still on its way"
        await world.advance_ns(25 * MS)
        assert [report.status for report in sink.orders] == [VenueStatus.LIVE]
        await world.close()

    run(main)


def test_a_deadline_that_passes_on_the_way_is_missed() -> None:
    """The venue judges by the time at which the request arrives, not by when it was sent."""

    async def main() -> None:
        world = DistantWorld()
        client, _ = await connected(world)
        answer = await client.submit(resting_buy(world, lifetime_ns=29 * MS))
        assert answer.outcome is Outcome.REFUSED
        assert answer.reason.startswith("deadline_elapsed")
        assert (await client.submit(resting_buy(world, lifetime_ns=32 * MS))).outcome is Outcome.ACCEPTED
        await world.close()

    run(main)


def arrivals(seed: int) -> list[int]:
    """Return how long each of some submits took, over a way with jitter, and check the stream's order."""
    took: list[int] = []

    async def main() -> None:
        world = JitteryWorld()
        world.latency = LatencySettings(request_ms=30, answer_ms=20, stream_ms=5, jitter_ms=400, seed=seed)
        client, sink = await connected(world)
        for _ in range(8):
            began_ns = world.now_ns()
            await client.submit(resting_buy(world))
            took.append(world.now_ns() - began_ns)
        await world.trade(Decimal("98000.0"), Decimal(1))
        await world.advance_ns(1_000 * MS)
        sequence = [report for report in sink.reports if isinstance(report, OrderReport | FillReport)]
        assert len(sequence) == 24, "eight times alive, filled in part, filled"
        ids = [report.venue_order_id for report in sequence[:8]]
        assert ids == sorted(ids), "reports arrive in the order in which they were made"
        assert [report.venue_order_id for report in sequence[8:]] == [name for name in ids for _ in (1, 2)]
        await world.close()

    run(main)
    return took


def test_jitter_comes_from_the_seed() -> None:
    """The same seed takes the same time, another takes another; never less than the base, or out of order."""
    took = arrivals(3)
    assert took == arrivals(3)
    assert took != arrivals(4)
    assert len(set(took)) > 4
    assert all(50 * MS <= each <= 851 * MS for each in took)


def test_what_is_on_its_way_when_the_client_leaves_is_gone() -> None:
    """No report arrives after a disconnect."""

    async def main() -> None:
        world = DistantWorld()
        client, sink = await connected(world)
        await client.submit(resting_buy(world))
        await client.disconnect()
        await world.advance_ns(1_000 * MS)
        assert not sink.orders
        await world.close()

    run(main)


def test_the_plugin_makes_a_slow_client_and_refuses_one_that_never_answers() -> None:
    """`latency` in the table is enough; as long as the request timeout it cannot work, nor below zero."""

    async def main() -> None:
        world = PaperWorld()
        settings = paper_settings({"latency": {"request_ms": 40, "stream_ms": 1}})
        client = paper_client(settings, world.clock)
        await client.connect(_Deaf())
        began_ns = world.now_ns()
        await client.open_orders()
        assert 40 * MS <= world.now_ns() - began_ns < 41 * MS
        await client.disconnect()
        await world.close()

    run(main)
    for table in ({"answer_ms": 5_000}, {"jitter_ms": 2_500}, {"request_ms": -1}):
        with pytest.raises(ConfigurationRefused, match="latency"):
            paper_settings({"latency": table})


class _Deaf:
    """A sink that remembers nothing."""

    def put(self, report: object) -> None:
        """Forget."""

    def disconnected(self, reason: str) -> None:
        """Forget."""

    def reconnected(self) -> None:
        """Forget."""
