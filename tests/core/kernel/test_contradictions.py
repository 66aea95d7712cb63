"""What a venue says against itself, and figures that cannot be used."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.ports.exchange import Answer, LookUp, Outcome, SubmitRequest, Trade
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, Bench, on_bench


def test_a_refusal_of_what_is_working_ends_nothing() -> None:
    """The stream showed it alive, then the submit is answered with a refusal: asked about, kept, noted."""

    async def main(bench: Bench) -> None:
        async def refuses(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            exchange.say(exchange.report(request.client_order_id))
            await bench.clock.sleep_ns(5_000_000)
            return Answer(Outcome.REFUSED, reason="duplicate client order id")

        bench.exchange.will_submit(refuses)
        result = await bench.execute()
        await bench.pass_ms(50)
        assert bench.order(result.client_order_id).status == "ACCEPTED"
        assert bench.anomalies() == ["contradiction"]
        assert bench.exchange.look_ups == [result.client_order_id]

    on_bench(main)


def test_a_second_closer_is_denied_and_the_first_goes_on() -> None:
    """Two closers of the same quantity: one reduces, the other is denied with the figures; no short opens."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        first = await bench.execute("sell", "1", "100")
        second = await bench.execute("sell", "1", "100")
        assert first.order.reduces
        assert second.order.denial_code == "EXIT_TAKEN"
        assert "position=1" in second.reasons
        assert "in_live_orders=1" in second.reasons

    on_bench(main)


@pytest.mark.parametrize(
    "bad",
    [
        {"ts_event": None},
        {"price": "100"},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
        {"symbol": 7},
        {"ts_event": 2**62},
    ],
)
def test_a_price_that_cannot_be_read_changes_nothing(bad: dict[str, Any]) -> None:
    """A wrong type, no price, or a time far ahead: refused and logged, and the next report is taken."""

    async def main(bench: Bench) -> None:
        assert bench.exchange.sink is not None
        bench.price("100")
        good = Trade(BTC, Decimal(100), Decimal(1), bench.clock.wall_ns())
        bench.exchange.sink.put(replace(good, **bad))
        await bench.pass_ms(5)
        latest = bench.kernel.prices.latest(BTC)
        assert latest is not None
        assert latest.price == Decimal(100)
        await bench.hold("1")
        assert await bench.position() == Decimal(1)

    on_bench(main)


def test_a_look_up_with_text_for_numbers_proves_nothing() -> None:
    """A client that passes figures as text is not believed, nor converted for: it stays unresolved."""

    async def main(bench: Bench) -> None:
        async def texts(exchange: ScriptedExchange, client_order_id: str) -> LookUp:
            found = exchange.found(client_order_id)
            assert found.report is not None
            return replace(found, report=replace(found.report, filled_quantity="0"))

        async def loses(_exchange: ScriptedExchange, _request: SubmitRequest) -> Answer:
            return Answer(Outcome.UNKNOWN, reason="lost")

        bench.exchange.will_submit(loses)
        bench.exchange.will_look_up(texts)
        result = await bench.execute()
        await bench.pass_ms(6_500)
        assert bench.order(result.client_order_id).status == "UNRESOLVED"

    on_bench(main)
