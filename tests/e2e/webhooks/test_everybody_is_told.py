"""A kernel that is killed, and a receiver that fails: everything is told, in order, with sound signatures."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.kernel.system_clock import SystemClock
from fairlead.testing.seed_streams import SeedStreams
from tests.campaign import campaign_size
from tests.e2e.webhooks.failing_receiver import WAYS, Told, receiving
from tests.e2e.webhooks.owed import deliveries_by_state, misheard, owed_by
from tests.e2e.webhooks.teller import NOTIFIER, SECRET_VARIABLE, STORE

PATIENCE_NS = 600_000_000_000
BEFORE_THE_FIRST = 12
"""Records of the first start, before the notifier was known: it is told what comes after."""

RECORDS_PER_EVENT = (3, 2)
"""Some records are nobody's news, so the journal is to be longer than what is told."""

Record = Callable[[str, object], None]


class Story:
    """A teller that is started again whenever it was killed, and the receiver that it tells."""

    def __init__(self, folder: Path, events: int, kills: int) -> None:
        self.folder = folder
        self.events = events
        self.kills = kills
        streams = SeedStreams(kills)
        self.stream = streams.of("kills")
        self.told = Told(
            "whsec_" + b64encode(bytes(range(32))).decode("ascii"), streams.of("failing").randrange
        )

    async def tell(self) -> None:
        """Run it to the end: every kill done, and everything that the store holds heard."""
        async with receiving(self.told), SystemClock().timeout_ns(PATIENCE_NS):
            for number in range(self.kills):
                teller = await self._teller()
                await self._heard((number + 1) * self.events // (self.kills + 2))
                await SystemClock().sleep_ns(self.stream.randrange(300_000_000))
                teller.send_signal(signal.SIGKILL)
                assert await teller.wait() == -signal.SIGKILL
            teller = await self._teller()
            await self._heard(self.events)
            while self._missing() and teller.returncode is None:
                self.told.more.clear()
                await self.told.more.wait()
            teller.send_signal(signal.SIGKILL)
            await teller.wait()

    async def _teller(self) -> asyncio.subprocess.Process:
        records = self.events * RECORDS_PER_EVENT[0] // RECORDS_PER_EVENT[1]
        command = ["-m", "tests.e2e.webhooks.teller", str(self.folder), str(self.told.port), str(records)]
        return await asyncio.create_subprocess_exec(
            sys.executable, *command, env={**os.environ, SECRET_VARIABLE: self.told.secret}
        )

    async def _heard(self, count: int) -> None:
        while len(self.told.first) < count:
            self.told.more.clear()
            await self.told.more.wait()

    def _missing(self) -> set[str]:
        owed = owed_by(self.folder / STORE)
        return {name for name, (_, at) in owed.items() if at > BEFORE_THE_FIRST} - set(self.told.first)


def judge(story: Story, record_property: Record) -> None:
    """Demand that all was told, as it happened, and have it printed."""
    told, owed = story.told, owed_by(story.folder / STORE)
    assert misheard(told, owed) == []
    assert len(told.first) >= story.events
    assert min(sequence for _, sequence in told.first.values()) <= BEFORE_THE_FIRST
    assert set(told.ways) == set(WAYS)
    assert "dead" not in deliveries_by_state(story.folder / STORE, NOTIFIER)
    subjects = {subject for subject, _ in told.first.values()}
    failed = sum(told.ways.values())
    record_property(
        "kills",
        f"{len(told.first)} events of {len(subjects)} subjects told by {told.requests} requests, {failed} of "
        f"them failed in {len(told.ways)} ways, {story.kills} kills: none missing, in order, signed",
    )


@pytest.mark.requirement("P3-4")
def test_kills_and_failures_cost_nobody_a_notice(short_folder: Path, record_property: Record) -> None:
    """Every id that the store owes arrives, first in the order of its subject, signed, with one content."""
    story = Story(short_folder, events=600, kills=3)
    asyncio.run(story.tell())
    judge(story, record_property)


@pytest.mark.campaign
def test_ten_thousand_events_and_twenty_kills(short_folder: Path, record_property: Record) -> None:
    """The same, long enough for rare meetings of a kill and a failure."""
    events = campaign_size("WEBHOOK_EVENTS", 10_000)
    story = Story(short_folder, events, campaign_size("WEBHOOK_KILLS", 20))
    asyncio.run(story.tell())
    judge(story, record_property)
