"""Rules E-11 to E-22: what the client finds out about orders, fills and balances."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import asdict, replace

from fairlead.errors import ExchangeFault
from fairlead.ports.exchange import ExchangeClient, FillReport, OrderReport, SubmitRequest, VenueStatus
from fairlead.testing.conformance.exchange_orders import assert_absent
from fairlead.testing.conformance.exchange_rule import ExchangeRules, rule
from fairlead.testing.conformance.exchange_world import (
    Ability,
    ExchangeWorld,
    connected,
    outlast,
    resting_buy,
)

PAGES_MAX = 1_000
PARTS = 3


async def history(client: ExchangeClient, cursor: str = "") -> list[FillReport]:
    """Read the fill history to its end."""
    fills: list[FillReport] = []
    for _ in range(PAGES_MAX):
        page = await client.fills_since(cursor)
        fills += page.fills
        cursor = page.cursor
        if not page.more:
            return fills
    raise AssertionError(f"the history did not end within {PAGES_MAX} pages")


async def held(client: ExchangeClient) -> dict[str, Decimal]:
    """Return the totals of what is held."""
    return {asset: balance.total for asset, balance in (await client.balances()).items() if balance.total}


async def filled_in_parts(world: ExchangeWorld, client: ExchangeClient, parts: int) -> SubmitRequest:
    """Place an order and let it fill in that many trades."""
    request = replace(resting_buy(world), quantity=Decimal(parts) * world.quantity)
    await client.submit(request)
    for _ in range(parts):
        await world.trade(world.resting_price, world.quantity)
    await world.settle()
    return request


class EvidenceRules(ExchangeRules):
    """What readings must tell."""

    @rule()
    async def test_e11_a_look_up_finds_an_open_order(self, world: ExchangeWorld) -> None:
        """E-11 an open order is found by its client order id."""
        client, _ = await connected(world)
        request = resting_buy(world)
        answer = await client.submit(request)
        found = await client.look_up(request.client_order_id, request.symbol)

        assert found.complete
        assert found.report is not None
        assert found.report.status is VenueStatus.LIVE
        assert found.report.venue_order_id == answer.venue_order_id
        assert found.report.client_order_id == request.client_order_id

    @rule()
    async def test_e12_a_look_up_finds_a_canceled_order_and_what_it_traded(
        self, world: ExchangeWorld
    ) -> None:
        """E-12 a partly filled, canceled order is found with its end and its fills."""
        client, _ = await connected(world)
        request = replace(resting_buy(world), quantity=Decimal(2) * world.quantity)
        placed = await client.submit(request)
        await world.trade(world.resting_price, world.quantity)
        await client.cancel(request.client_order_id, placed.venue_order_id, request.symbol)
        await world.settle()
        found = await client.look_up(request.client_order_id, request.symbol)

        assert found.complete
        assert found.report is not None
        assert found.report.status is VenueStatus.CANCELED
        assert found.report.filled_quantity == sum(fill.quantity for fill in found.fills) == world.quantity

    @rule()
    async def test_e13_a_look_up_finds_a_filled_order_with_its_fills(self, world: ExchangeWorld) -> None:
        """E-13 a filled order is found as FILLED, with all its fills."""
        client, _ = await connected(world)
        request = await filled_in_parts(world, client, 3)
        found = await client.look_up(request.client_order_id, request.symbol)

        assert found.complete
        assert found.report is not None
        assert found.report.status is VenueStatus.FILLED
        assert found.report.filled_quantity == request.quantity
        assert sum(fill.quantity for fill in found.fills) == request.quantity

    @rule()
    async def test_e14_an_absent_order_is_absent_completely(self, world: ExchangeWorld) -> None:
        """E-14 when every place could be read and none knows the order, the absence is complete."""
        client, _ = await connected(world)
        await filled_in_parts(world, client, 1)
        await assert_absent(world, client, resting_buy(world))

    @rule(Ability.FAIL_READ)
    async def test_e15_an_absence_is_incomplete_when_a_place_was_not_read(self, world: ExchangeWorld) -> None:
        """E-15 whichever question of a look-up fails, the result is not complete (or it raises)."""
        client, _ = await connected(world)
        for failing in range(world.look_up_reads):
            world.inject(Ability.FAIL_READ, after=failing)
            try:
                found = await outlast(world, client.look_up(world.client_order_id(), world.symbol))
            except ExchangeFault:
                continue
            assert not found.complete, f"question {failing + 1} of the look-up got no answer"

    @rule()
    async def test_e16_open_orders_are_all_and_only_the_accounts(self, world: ExchangeWorld) -> None:
        """E-16 every open order of the account is listed, also another client's; finished ones are not."""
        client, _ = await connected(world)
        other, _ = await connected(world)
        gone = await filled_in_parts(world, client, 1)
        mine, theirs = resting_buy(world), resting_buy(world)
        await client.submit(mine)
        await other.submit(theirs)

        wanted = {mine.client_order_id, theirs.client_order_id}
        for reader in (client, other):
            listed = [order.client_order_id for order in await reader.open_orders()]
            assert gone.client_order_id not in listed
            assert set(listed) == wanted
            assert len(listed) == len(wanted)

    @rule()
    async def test_e17_a_trade_is_one_fill_with_one_stable_id(self, world: ExchangeWorld) -> None:
        """E-17 history, look-up and stream tell the same fills, each once, under ids that do not change."""
        client, sink = await connected(world)
        request = await filled_in_parts(world, client, PARTS)
        told = await history(client)

        assert len({fill.trade_id for fill in told}) == len(told) == PARTS
        assert await history(client) == told
        assert list((await client.look_up(request.client_order_id, request.symbol)).fills) == told
        if client.capabilities.streams_reports:
            assert sink.fills == told

    @rule()
    async def test_e18_fills_add_up_to_the_order_and_never_beyond(self, world: ExchangeWorld) -> None:
        """E-18 an order's fills name it, and their sum is its filled quantity, at most what was ordered."""
        client, _ = await connected(world)
        request = await filled_in_parts(world, client, 2)
        await world.trade(world.resting_price, Decimal(5) * world.quantity)
        fills = await history(client)
        found = await client.look_up(request.client_order_id, request.symbol)

        assert {fill.client_order_id for fill in fills} == {request.client_order_id}
        assert {(fill.symbol, fill.side) for fill in fills} == {(request.symbol, request.side)}
        assert found.report is not None
        assert sum(fill.quantity for fill in fills) == found.report.filled_quantity == request.quantity

    @rule()
    async def test_e19_the_history_resumes_from_every_cursor(self, world: ExchangeWorld) -> None:
        """E-19 from any page's cursor the rest follows without gap or repetition, now and later."""
        client, _ = await connected(world)
        for _ in range(PARTS):
            await filled_in_parts(world, client, 1)
        whole = await history(client)
        assert len(whole) == PARTS
        seen, cursor = 0, ""
        for _ in range(PAGES_MAX):
            assert await history(client, cursor) == whole[seen:]
            page = await client.fills_since(cursor)
            seen, cursor = seen + len(page.fills), page.cursor
            if not page.more:
                break
        assert seen == len(whole)
        assert not (await client.fills_since(cursor)).fills
        await filled_in_parts(world, client, 1)
        later = await history(client, cursor)
        assert len(later) == 1
        assert later[0].trade_id not in {fill.trade_id for fill in whole}

    @rule()
    async def test_e20_balances_change_by_the_fills(self, world: ExchangeWorld) -> None:
        """E-20 what is held changes by quantity, value and fee of the fills, and by nothing else."""
        client, _ = await connected(world)
        instrument = {known.symbol: known for known in await client.instruments()}[world.symbol]
        before = await held(client)
        await client.submit(resting_buy(world))
        assert await held(client) == before, "an open order locks, it does not take"
        await world.trade(world.resting_price, world.quantity)
        await filled_in_parts(world, client, 2)
        expected = dict(before)
        for fill in await history(client):
            value = fill.quantity * fill.price if fill.value is None else fill.value
            for asset, change in (
                (instrument.base, fill.quantity),
                (instrument.quote, -value),
                (fill.fee_currency, -fill.fee),
            ):
                expected[asset] = expected.get(asset, Decimal(0)) + change
        after = await held(client)
        assert after == {asset: total for asset, total in expected.items() if total}

    @rule()
    async def test_e21_figures_are_decimals_times_integers_texts_printable(
        self, world: ExchangeWorld
    ) -> None:
        """E-21 nothing but finite Decimals, integer nanoseconds and printable text comes out of a client."""
        client, sink = await connected(world)
        request = await filled_in_parts(world, client, 2)
        await client.submit(resting_buy(world))
        await world.settle()
        found = await client.look_up(request.client_order_id, request.symbol)
        told: list[object] = [*sink.reports, *found.fills, found.report, *await client.open_orders()]
        for report in told:
            assert_clean(report)
        for asset, balance in (await client.balances()).items():
            assert isinstance(asset, str)
            assert_value(balance.total, asset)
            assert_value(balance.locked, asset)

    @rule(Ability.FAIL_READ)
    async def test_e22_a_question_without_an_answer_raises(self, world: ExchangeWorld) -> None:
        """E-22 a reading that failed raises `ExchangeFault`; it is never an empty or shortened answer."""
        client, _ = await connected(world)
        await client.submit(resting_buy(world))
        for question in (client.open_orders, lambda: client.fills_since(""), client.balances):
            world.inject(Ability.FAIL_READ)
            with pytest.raises(ExchangeFault):
                await outlast(world, question())
        assert len(await client.open_orders()) == 1


def assert_clean(report: object) -> None:
    """Require that a report holds exact, finite, printable values of the declared types."""
    assert isinstance(report, msgspec.Struct)
    for name, value in asdict(report).items():
        assert_value(value, name)
    ts_event = getattr(report, "ts_event", None)
    assert type(ts_event) is int
    assert ts_event > 0
    if isinstance(report, OrderReport):
        assert_decimals((report.filled_quantity,))
    elif isinstance(report, FillReport):
        assert_decimals((report.quantity, report.price, report.fee))


def assert_value(value: object, name: str) -> None:
    """Require one value to be fit for a ledger or a log line."""
    assert not isinstance(value, float), f"{name} is a float"
    if isinstance(value, Decimal):
        assert value.is_finite(), f"{name} is {value}"
    if isinstance(value, str):
        assert value.isprintable(), f"{name} is not printable"


def assert_decimals(values: Sequence[object]) -> None:
    """Require every value to be a Decimal."""
    assert all(isinstance(value, Decimal) for value in values)
