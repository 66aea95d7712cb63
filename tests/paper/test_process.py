"""The venue in its own process: it outlives its clients, survives kill -9, and lets nobody else in."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from msgspec.structs import replace

from fairlead.errors import ExchangeFault
from fairlead.ports.exchange import (
    Answer,
    FillReport,
    OrderSide,
    OrderType,
    Outcome,
    Report,
    SubmitRequest,
    TimeInForce,
)
from fairlead.testing.conformance.exchange_world import RecordingSink
from fairlead_paper.client import PaperClient
from tests.paper.venue_process import TOKEN, VenueProcess
from tests.paper.venues import SYMBOL

FAR_AHEAD_NS = 4_000_000_000_000_000_000


@attrs.define
class CountingSink(RecordingSink):
    """Wakes who waits for a number of breaks or fills."""

    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    def put(self, report: Report) -> None:
        """Remember and wake."""
        super().put(report)
        self.changed.set()

    def disconnected(self, reason: str) -> None:
        """Remember and wake."""
        super().disconnected(reason)
        self.changed.set()

    def reconnected(self) -> None:
        """Remember and wake."""
        super().reconnected()
        self.changed.set()

    async def until_breaks(self, count: int) -> None:
        """Wait for that many signs of a break."""
        while len(self.breaks) < count:
            self.changed.clear()
            await self.changed.wait()


Starter = Callable[..., VenueProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Start venues on one file; whatever still runs after the test is ended."""
    started: list[VenueProcess] = []

    def begin(*options: str) -> VenueProcess:
        started.append(VenueProcess(tmp_path, *options))
        return started[-1]

    yield begin
    for venue in started:
        venue.kill()


def order(number: int, quantity: str = "0.0001") -> SubmitRequest:
    """Return a market buy with that number in its id."""
    return SubmitRequest(
        f"{number:032x}",
        SYMBOL,
        OrderSide.BUY,
        OrderType.MARKET,
        TimeInForce.GTC,
        Decimal(quantity),
        None,
        reduces=False,
        deadline_ns=FAR_AHEAD_NS,
    )


def check_books(path: Path) -> tuple[set[str], int]:
    """Audit the file with plain sqlite3; return the client order ids that it has, and the tape position."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        balances = connection.execute("SELECT asset, opening, total, locked FROM balances").fetchall()
        totals = {asset: Decimal(opening) for asset, opening, _, _ in balances}
        fills = connection.execute(
            "SELECT venue_order_id, quantity, value, fee, tape_index FROM fills"
        ).fetchall()
        for _, quantity, value, fee, _ in fills:
            totals["BTC"] = totals.get("BTC", Decimal(0)) + Decimal(quantity)
            totals["USDT"] -= Decimal(value) + Decimal(fee)
        assert {asset: Decimal(total) for asset, _, total, _ in balances} == totals
        orders = connection.execute(
            "SELECT client_order_id, venue_order_id, filled_quantity, locked FROM orders"
        ).fetchall()
        for _, venue_order_id, filled, _ in orders:
            parts = [Decimal(quantity) for owner, quantity, *_ in fills if owner == venue_order_id]
            assert Decimal(filled) == sum(parts, Decimal(0))
        locked = sum((Decimal(held) for *_, held in orders), Decimal(0))
        assert locked == sum((Decimal(held) for *_, held in balances), Decimal(0))
        position: int = connection.execute("SELECT position FROM tape").fetchone()[0]
        assert all(index is None or index < position for *_, index in fills)
    return {client_order_id for client_order_id, *_ in orders}, position


async def load_until_killed(venue: VenueProcess, first: int, answers: int) -> list[tuple[str, Answer]]:
    """Send 60 orders and plays at once, kill the venue after so many answers, return all outcomes."""
    client, sink = venue.client(), CountingSink()
    await client.connect(sink)
    await client.advance(1)
    told: list[tuple[str, Answer]] = []

    async def submit(number: int) -> None:
        request = order(number, "0.001")
        told.append((request.client_order_id, await client.submit(request)))
        if len(told) == answers:
            venue.kill()

    async def play() -> None:
        try:
            await client.advance(2)
        except ExchangeFault:
            return

    await asyncio.gather(*(submit(first + number) for number in range(60)), *(play() for _ in range(20)))
    await sink.until_breaks(1)  # everything may have been answered before the end was heard
    await client.disconnect()
    assert sink.breaks[:1] == ["disconnected"]
    return told


def test_kill_9_in_mid_load_loses_nothing_that_was_answered(start: Starter, tmp_path: Path) -> None:
    """Killed at six instants under load and started again: what was accepted is there, the books balance."""
    accepted: set[str] = set()
    position = 0
    for round_number, answers in enumerate((1, 7, 20, 33, 47, 59)):
        venue = start()
        assert venue.hello["position"] == position
        told = asyncio.run(load_until_killed(venue, 100 * round_number, answers))
        outcomes = {answer.outcome for _, answer in told}
        assert outcomes <= {Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.NOT_SENT}
        accepted |= {name for name, answer in told if answer.outcome is Outcome.ACCEPTED}
        kept, position = check_books(tmp_path / "venue.sqlite")
        assert accepted <= kept
        not_sent = {name for name, answer in told if answer.outcome is Outcome.NOT_SENT}
        assert not not_sent & kept
    assert len(accepted) >= 1 + 7 + 20 + 33 + 47 + 59


def test_a_client_comes_back_to_a_restarted_venue(start: Starter) -> None:
    """The stream breaks with the venue's death and mends by itself; history has what happened before."""

    async def main() -> None:
        venue = start()
        client, sink = venue.client(), CountingSink()
        await client.connect(sink)
        await client.advance(1)
        assert (await client.submit(order(1))).outcome is Outcome.ACCEPTED
        venue.kill()
        await sink.until_breaks(1)
        lost = await client.submit(order(2))
        assert lost.outcome is Outcome.NOT_SENT
        again = start(venue.address)
        await sink.until_breaks(2)
        assert sink.breaks == ["disconnected", "reconnected"]
        assert [fill.client_order_id for fill in (await client.fills_since("")).fills] == [f"{1:032x}"]
        found = await client.look_up(order(2).client_order_id, SYMBOL)
        assert found.complete
        assert found.report is None
        assert (await client.submit(order(3))).outcome is Outcome.ACCEPTED
        assert again.terminate() == 0
        await client.disconnect()

    asyncio.run(main())


def test_a_successor_goes_on_where_a_dead_client_stopped(start: Starter, tmp_path: Path) -> None:
    """The venue keeps orders, fills and tape while no client is there, and greets the next one."""

    async def trade(venue: VenueProcess, number: int) -> list[FillReport]:
        client = venue.client()
        await client.connect(RecordingSink())
        await client.advance(3)
        await client.submit(order(number))
        fills = list((await client.fills_since("")).fills)
        assert (await client.venue_state()).position == 3 * number
        await client.disconnect()
        return fills

    venue = start(f"unix:{tmp_path / 'venue.socket'}")
    known: list[FillReport] = []
    for number in range(1, 4):
        fills = asyncio.run(trade(venue, number))
        assert fills[: len(known)] == known
        assert len(fills) > len(known)
        known = fills
    assert venue.terminate() == 0


def test_only_who_has_the_token_is_let_in(start: Starter) -> None:
    """A wrong token, a wrong account and nonsense are cut off; the venue goes on serving."""

    async def nonsense(address: str, line: bytes) -> bytes:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line)
        answer = await reader.read()
        writer.close()
        return answer

    async def main() -> None:
        venue = start()
        with pytest.raises(ExchangeFault, match="bad_token"):
            await venue.client("a guess").connect(RecordingSink())
        other = b'{"id":1,"ask":"hello","token":"' + TOKEN.encode() + b'","account":"x","stream":true}\n'
        assert b"unknown_account" in await nonsense(venue.address, other)
        assert b"bad_token" in await nonsense(venue.address, b'{"id":1,"ask":"read_state"}\n')
        for line in (b"\n", b"GET / HTTP/1.1\r\n\r\n", b'{"id":1}\n', b"[" * 100_000 + b"\n", b"\xff\xfe\n"):
            assert await nonsense(venue.address, line) == b""
        client = venue.client()
        await client.connect(RecordingSink())
        assert (await client.venue_state()).orders == 0
        await client.shut_venue_down()
        assert venue.wait() == (0, "")
        await client.disconnect()

    asyncio.run(main())


def test_a_request_that_cannot_be_read_is_refused_and_changes_nothing(start: Starter) -> None:
    """Floats, NaN and wrong shapes do not pass the protocol; the client hears it and trades on."""

    async def attempt(client: PaperClient, **changes: object) -> Answer:
        return await client.submit(replace(order(1), **changes))

    async def main() -> None:
        venue = start()
        client = venue.client()
        await client.connect(RecordingSink())
        await client.advance(1)
        for name, value in (("quantity", Decimal("NaN")), ("deadline_ns", "soon"), ("reduces", 1)):
            answer = await attempt(client, **{name: value})
            assert answer.outcome is Outcome.REFUSED
            assert answer.reason.startswith("unreadable_request: ")
        answer = await attempt(client, quantity=0.1)
        assert answer.outcome is Outcome.NOT_SENT
        assert (await client.venue_state()).orders == 0
        assert (await attempt(client)).outcome is Outcome.ACCEPTED
        await client.disconnect()
        assert venue.terminate() == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--token-env", "FAIRLEAD_NO_SUCH_TOKEN"), "holds no token"),
        (("--listen", "0.0.0.0:0"), "no address for a paper venue"),
        (("--settings", "{"), "--settings is not JSON"),
        (("--settings", "[]"), "--settings is not a JSON object"),
        (("--settings", '{"fees": 1}'), "venue.fees: unknown key; did you mean fence?"),
        (("--balance", "USDT"), "venue.balances.USDT"),
        (("--tape", "none.csv"), "none.csv cannot be read"),
    ],
)
def test_a_venue_that_cannot_start_says_why(start: Starter, options: tuple[str, ...], complaint: str) -> None:
    """Exit code 2, one line on stderr, nothing on stdout."""
    venue = start("127.0.0.1:0", *options)
    code, said = venue.wait()

    assert venue.hello == {}
    assert code == 2
    assert complaint in said
    assert "Traceback" not in said


def test_connecting_to_nothing_raises(start: Starter) -> None:
    """Without a venue `connect` raises and names the command that starts one; no task is left behind."""

    async def main() -> None:
        venue = start()
        client = venue.client()
        venue.kill()
        with pytest.raises(ExchangeFault, match="python -m fairlead_paper serve"):
            await client.connect(RecordingSink())
        assert (await client.submit(order(1))).outcome is Outcome.NOT_SENT
        await client.disconnect()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_venue_in_its_own_process_plays_its_tape(start: Starter) -> None:
    """Its clients hear trades that nobody asked for."""

    async def main() -> None:
        venue = start("127.0.0.1:0", "--settings", json.dumps({"play": {"interval_ms": 2}}))
        client = venue.client()
        await client.connect(CountingSink())
        while (await client.venue_state()).position < 3:
            pass
        await client.disconnect()

    asyncio.run(main())
