"""Answers over a real socket that are absurd: whatever a venue says, the outcome of an order is unknown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.exchange import Answer, ExchangeCapabilities, Fence, Outcome
from fairlead_paper.address import address_of
from fairlead_paper.client import PaperClient, Patience
from fairlead_paper.messages import Welcome
from fairlead_paper.records import Locking
from fairlead_paper.socket_link import SocketLink
from fairlead_paper.wire import LINE_BYTES_MAX, encode_reply
from tests.paper.test_process import order

SECOND_NS = 1_000_000_000

TAKEN = b'"say":"taken","venue_order_id":"V1","ts_event":1'
ABSURD: dict[str, bytes] = {
    "larger than any line": b'{"id":2,"say":"taken","venue_order_id":"' + b"V" * 2 * LINE_BYTES_MAX + b'"}\n',
    "nested without end": b'{"id":2,"say":' + b"[" * 100_000 + b"\n",
    "a number of a million digits": b'{"id":2,"say":"taken","venue_order_id":"V1","ts_event":'
    + b"9" * 900_000
    + b"}\n",
    "a key twice": b'{"id":2,"say":"refused",' + TAKEN + b"}\n",
    "a page of HTML": b"<html><body>502 Bad Gateway</body></html>\n",
    "nothing": b"\n",
    "null": b"null\n",
    "a list": b"[]\n",
    "no id of the order": b'{"id":2,"say":"taken","venue_order_id":"","ts_event":1}\n',
    "a null for the id": b'{"id":2,"say":"taken","venue_order_id":null,"ts_event":1}\n',
    "an unknown field": b'{"id":2,' + TAKEN + b',"more":1}\n',
    "an unknown kind": b'{"id":2,"say":"maybe"}\n',
    "bytes that are no text": b'{"id":2,"say":"\xff\xfe"}\n',
    "the end of the connection": b"",
    "half a line": b'{"id":2,"say":"tak',
}


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("answer", ABSURD.values(), ids=ABSURD.keys())
def test_an_absurd_answer_leaves_the_outcome_unknown(answer: bytes) -> None:
    """Too large, too deep, contradictory or no answer at all: never taken for a yes or a no."""
    told = asyncio.run(answered(answer))
    assert told.outcome is Outcome.UNKNOWN
    assert len(told.reason) < 500


def test_a_sound_answer_is_taken() -> None:
    """The same venue, saying what it should."""
    told = asyncio.run(answered(b'{"id":2,' + TAKEN + b"}\n"))
    assert (told.outcome, told.venue_order_id) == (Outcome.ACCEPTED, "V1")


async def answered(line: bytes) -> Answer:
    """Return what a client makes of the line as the answer to its order."""
    asked: list[bytes] = []

    async def venue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        if len(asked) == 1:
            writer.write(encode_reply(1, Welcome(1, Fence.DEADLINE, Locking.PER_ORDER)))
            asked.append(await reader.readline())
            writer.write(line)
        writer.close()

    class Deaf:
        """A sink that hears nothing."""

        def put(self, report: Any) -> None:  # noqa: ANN401 - whatever it is
            """Hear nothing."""

        def disconnected(self, reason: str) -> None:
            """Hear nothing."""

        def reconnected(self) -> None:
            """Hear nothing."""

    server = await asyncio.start_server(venue, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clock = SystemClock()
    link = SocketLink(address_of(f"127.0.0.1:{port}"), "token", "main", clock, 20 * SECOND_NS)
    capabilities = ExchangeCapabilities(fence=Fence.DEADLINE, simulated=True)
    client = PaperClient(link, clock, capabilities, patience=Patience(delay_ns=60 * SECOND_NS))
    await client.connect(Deaf())
    try:
        return await client.submit(order(1))
    finally:
        await client.disconnect()
        server.close()
        await server.wait_closed()
