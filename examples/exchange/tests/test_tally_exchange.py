"""The client keeps the rules for exchange clients, against a venue in a process of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

from fairlead.ports.exchange import Outcome
from fairlead.testing.conformance.exchange import Ability, ExchangeConformance, ExchangeWorld, RecordingSink
from fairlead.testing.conformance.exchange_world import resting_buy
from tally_exchange.client import TallyClient

TIMEOUT_S = 5.0


class VenueProcess:
    """The venue, started for one test."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tally_exchange.venue", "--port", "0", "--page", "2", "--playground"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def play(self, command: str, **asked: object) -> dict[str, Any]:
        """Use a power over the venue."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", f"/play/{command}", json.dumps(asked).encode())
            told: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return told

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


class TallyWorld:
    """The venue as the rules drive it."""

    symbol = "BTC/USDT"
    resting_price = Decimal("99000.0")
    quantity = Decimal("0.001")
    unaffordable_quantity = Decimal(1_000)
    abilities = frozenset(
        {
            Ability.LOSE_REQUEST,
            Ability.LOSE_ANSWER,
            Ability.GARBLE_ANSWER,
            Ability.DELAY_REQUEST,
            Ability.FAIL_READ,
            Ability.LIMIT,
        }
    )
    look_up_reads = 2

    def __init__(self) -> None:
        self.venue = VenueProcess()
        self.ids = 0

    async def client(self) -> TallyClient:
        """Return a new client."""
        return TallyClient("127.0.0.1", self.venue.port, TIMEOUT_S)

    def client_order_id(self) -> str:
        """Return a fresh id."""
        self.ids += 1
        return f"{self.ids:032x}"

    def now_ns(self) -> int:
        """Return the venue's time."""
        return int(self.venue.play("look")["now_ms"]) * 1_000_000

    async def trade(self, price: Decimal, quantity: Decimal) -> None:
        """Let others trade."""
        self.venue.play("trade", price=f"{price:f}", amount=f"{quantity:f}")

    async def orders_at_venue(self, client_order_id: str) -> int:
        """Return how many tickets the venue took."""
        return int(self.venue.play("look", ref=client_order_id)["taken"])

    def inject(self, ability: Ability, after: int = 0) -> None:
        """Plan it."""
        self.venue.play("plan", fault=ability.value, after=after)

    async def adjust(self, asset: str, amount: Decimal) -> None:
        """Not among the abilities."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Nothing is on its way: the venue has done what it answered."""
        await asyncio.to_thread(self.venue.play, "look")

    async def advance_ns(self, duration_ns: int) -> None:
        """Let the venue grow older."""
        await asyncio.to_thread(self.venue.play, "pass", ms=duration_ns // 1_000_000)

    async def close(self) -> None:
        """End the venue."""
        self.venue.end()


class TestTally(ExchangeConformance):
    """The rules; those about streams, changes, adoption and the ledger are not declared."""

    async def make_world(self) -> ExchangeWorld:
        """Return a venue of its own."""
        return TallyWorld()


def test_a_venue_that_is_gone_is_not_sent_to() -> None:
    """A connection that was refused proves that nothing left."""

    async def main() -> None:
        world = TallyWorld()
        client = await world.client()
        await client.connect(RecordingSink())
        request = resting_buy(world)
        world.venue.end()
        assert (await client.submit(request)).outcome is Outcome.NOT_SENT

    asyncio.run(main())


def test_a_venue_that_says_nothing_is_given_up() -> None:
    """Each wait ends: a venue that took the request and answers nothing leaves the order UNKNOWN."""

    async def main() -> None:
        world = TallyWorld()
        client = await world.client()
        await client.connect(RecordingSink())
        request = resting_buy(world)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            client.where = "127.0.0.1", silent.getsockname()[1], 0.2
            assert (await client.submit(request)).outcome is Outcome.UNKNOWN
        await world.close()

    asyncio.run(main())
