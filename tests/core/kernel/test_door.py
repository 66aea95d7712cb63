"""The door: bad input is refused before anything happens, and only the owner's loop may call."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from typing import Any

import pytest

from fairlead import OrderType, Proposal, TradingState
from fairlead.errors import InvalidInput, NotRunning, NumberRefused, TextRefused, UnknownName, WrongThread
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench

ODD: Any = None


BAD_PROPOSALS: list[tuple[dict[str, Any], type[InvalidInput], str]] = [
    ({"quantity": 0.5}, NumberRefused, "quantity"),
    ({"quantity": "NaN"}, NumberRefused, "quantity"),
    ({"quantity": Decimal("NaN")}, NumberRefused, "quantity"),
    ({"quantity": Decimal("sNaN")}, NumberRefused, "quantity"),
    ({"quantity": Decimal("Infinity")}, NumberRefused, "quantity"),
    ({"quantity": "1e999999999"}, NumberRefused, "quantity"),
    ({"quantity": "9" * 10_000}, NumberRefused, "quantity"),
    ({"quantity": True}, NumberRefused, "quantity"),
    ({"quantity": "0"}, NumberRefused, "quantity"),
    ({"quantity": "-0"}, NumberRefused, "quantity"),
    ({"quantity": "-1"}, NumberRefused, "quantity"),
    ({"quantity": " 1"}, NumberRefused, "quantity"),
    ({"quantity": "1_000"}, NumberRefused, "quantity"),
    ({"quantity": "\uff11"}, NumberRefused, "quantity"),
    ({"quantity": "0.0005"}, NumberRefused, "quantity"),
    ({"quantity": "1.0001"}, NumberRefused, "quantity"),
    ({"limit_price": "100.001"}, NumberRefused, "limit_price"),
    ({"limit_price": "0"}, NumberRefused, "limit_price"),
    ({"limit_price": 100.5}, NumberRefused, "limit_price"),
    ({"notional": "5"}, InvalidInput, "quantity"),
    ({"quantity": None}, InvalidInput, "quantity"),
    ({"symbol": "btc/usdt"}, TextRefused, "symbol"),
    ({"symbol": "\u0412\u0422\u0421/USDT"}, TextRefused, "symbol"),
    ({"symbol": "BTC/USDT\n"}, TextRefused, "symbol"),
    ({"symbol": "X" * 10_000}, TextRefused, "symbol"),
    ({"symbol": ""}, TextRefused, "symbol"),
    ({"symbol": "DOGE/USDT"}, UnknownName, "symbol"),
    ({"book": "../etc"}, TextRefused, "book"),
    ({"book": "a\x00b"}, TextRefused, "book"),
    ({"metadata": {"a": "b\nc"}}, TextRefused, "metadata.a"),
    ({"metadata": {"a": "\ud800"}}, TextRefused, "metadata.a"),
    ({"side": "short"}, InvalidInput, "side"),
    ({"time_in_force": "gtx"}, InvalidInput, "time_in_force"),
    ({"leverage": 5}, NumberRefused, "leverage"),
    ({"leverage": "0.5"}, NumberRefused, "leverage"),
    ({"leverag": 5}, UnknownName, "proposal"),
    ({"trigger_price": "100.001", "order_type": "stop_limit"}, NumberRefused, "trigger_price"),
    ({"notional": "5", "quantity": None, "risk": "5"}, InvalidInput, "quantity"),
    ({"risk": "0", "quantity": None, "stop_loss": "90"}, NumberRefused, "risk"),
    ({"risk": "5", "quantity": None, "stop_loss": "90.001"}, NumberRefused, "stop_loss"),
    ({"risk": "5", "quantity": None}, InvalidInput, "stop_loss"),
    ({"target": "1"}, InvalidInput, "quantity"),
    ({"post_only": True, "time_in_force": "ioc"}, InvalidInput, "post_only"),
    ({"time_in_force": "gtd"}, InvalidInput, "expire_ns"),
]


@pytest.mark.requirement("P1-1")
@pytest.mark.parametrize(("change", "error", "field"), BAD_PROPOSALS)
def test_bad_input_is_refused_at_the_door(
    change: dict[str, Any], error: type[InvalidInput], field: str
) -> None:
    """An error that names field and fix; nothing is asked, journaled, reserved or sent."""

    async def main(bench: Bench) -> None:
        await bench.kernel.settled()
        sequence, commits = bench.kernel.sequence, len(bench.disk.envelopes)
        fields: dict[str, Any] = {
            "symbol": BTC,
            "side": "buy",
            "quantity": "1",
            "limit_price": "100",
            **change,
        }
        with pytest.raises(error) as caught:
            await bench.bot.execute(Proposal(**fields))
        assert caught.value.field == field
        assert caught.value.fix
        await bench.pass_ms(10)
        assert (bench.kernel.sequence, len(bench.disk.envelopes)) == (sequence, commits)
        assert (bench.kernel.orders(), bench.exchange.submits) == ((), [])

    on_bench(main)


def test_an_off_grid_price_is_refused_with_the_nearest() -> None:
    """The error says which prices are valid, and which symbols are known."""

    async def main(bench: Bench) -> None:
        with pytest.raises(NumberRefused, match=r"100\.00 and 100\.01"):
            await bench.execute(price="100.005")
        with pytest.raises(UnknownName, match=r"Did you mean 'BTC/USDT'"):
            await bench.execute(symbol="BTC/USDC")

    on_bench(main)


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 200, "a\n", 7])
def test_a_bad_key_or_proposal_is_refused(key: Any) -> None:  # noqa: ANN401 - that is the point
    """Keys are printable ASCII; what is no proposal is none."""

    async def main(bench: Bench) -> None:
        with pytest.raises(TextRefused):
            await bench.execute(key=key)
        with pytest.raises(InvalidInput, match="is not a Proposal"):
            await bench.bot.execute(key)
        assert bench.kernel.orders() == ()

    on_bench(main)


def test_other_commands_refuse_bad_input_as_well() -> None:
    """Ids, owners, states, reasons and notes are looked at before anything is recorded."""

    async def main(bench: Bench) -> None:
        await bench.kernel.settled()
        sequence = bench.kernel.sequence
        name = "0" * 32
        for owner in ("", "a b", "x" * 100, ODD):
            with pytest.raises(TextRefused):
                bench.kernel.session(owner=owner)
        for bad in ("x", name.upper() + "A", ODD):
            with pytest.raises(TextRefused):
                await bench.bot.cancel(bad)
            with pytest.raises(TextRefused):
                await bench.bot.find_order(bad)
        with pytest.raises(UnknownName):
            await bench.bot.cancel(name)
        states: list[Any] = ["on", "ACTIVE", 7, None]
        for state in states:
            with pytest.raises(UnknownName):
                await bench.kernel.set_trading_state(state, reason="x")
        for text in ("", "a\nb", "\x1b[2J", "\ud800", ODD):
            with pytest.raises(TextRefused):
                await bench.kernel.set_trading_state(TradingState.HALTED, reason=text)
            with pytest.raises(TextRefused):
                await bench.kernel.resolve_not_placed(name, note=text)
            with pytest.raises(TextRefused):
                await bench.kernel.reconcile(text)
        with pytest.raises(TextRefused):
            await bench.kernel.set_trading_state(TradingState.HALTED, reason="x", by="a b")
        assert await bench.bot.find_order(name) is None
        assert bench.kernel.sequence == sequence

    on_bench(main)


@pytest.mark.requirement("P1-1")
def test_sizes_are_validated_before_anything_is_asked() -> None:
    """A size of nothing costs no check, no store and no request: it is found when the proposal is made."""
    with pytest.raises(NumberRefused):
        Proposal.buy(BTC, quantity="0")
    with pytest.raises(NumberRefused):
        Proposal.sell(BTC, notional="-1")


def test_a_notional_buys_whole_steps_at_a_fresh_price() -> None:
    """A notional is rounded down to the lot; without a fresh price, or for less than a lot, it is denied."""

    async def main(bench: Bench) -> None:
        buy = Proposal.buy(BTC, notional="250")
        assert (await bench.bot.execute(buy)).order.denial_code == "NO_FRESH_PRICE"
        bench.price("99.99")
        result = await bench.bot.execute(buy)
        assert (result.order.quantity, result.status) == (Decimal("2.500"), "ACCEPTED")
        await bench.pass_ms(60_000)
        assert (await bench.bot.execute(buy)).status == "ACCEPTED"
        await bench.pass_ms(1)
        assert (await bench.bot.execute(buy)).order.denial_code == "NO_FRESH_PRICE"
        tiny = Proposal.buy(BTC, notional="0.09", limit_price="100")
        denied = await bench.bot.execute(tiny)
        assert denied.order.denial_code == "SIZE_BELOW_STEP"
        assert "notional=0.09, price=100, step=0.001" in denied.reasons

    on_bench(main)


def test_an_absurd_notional_is_denied_and_breaks_nothing() -> None:
    """A size beyond every number we keep is denied; the kernel goes on."""

    async def main(bench: Bench) -> None:
        for notional, price in (("1e38", "0.01"), ("9" * 38, "0.01"), ("1e38", "1e-38")):
            await bench.price_jumps(price)
            result = await bench.bot.execute(Proposal.buy(BTC, notional=notional))
            assert result.order.denial_code == "SIZE_OUT_OF_BOUNDS"
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


def test_an_order_type_that_is_not_offered_is_denied() -> None:
    """What the exchange client cannot send is denied here, with the type."""

    async def main(bench: Bench) -> None:
        bench.price()
        result = await bench.execute(price=None)
        assert result.order.denial_code == "ORDER_TYPE_NOT_OFFERED"
        assert "order_type=market" in result.reasons
        assert (await bench.execute()).status == "ACCEPTED"

    exchange = ScriptedExchange([instrument()], order_types=[OrderType.LIMIT])
    on_bench(main, exchange=exchange)


def test_a_market_order_may_go_without_a_price() -> None:
    """A quantity at market needs no price of ours; the check sees that there is none."""

    async def main(bench: Bench) -> None:
        result = await bench.execute(price=None)
        assert result.status == "ACCEPTED"
        bench.exchange.trade(result.client_order_id, "1", "100")
        await bench.pass_ms()
        assert (await result.closed()).status == "FILLED"
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.requirement("P3-1")
def test_a_fill_far_from_its_reference_is_booked_and_noted() -> None:
    """Beyond the band the fill is booked all the same, and an anomaly says so."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        for price, noted in (("110", 0), ("110.01", 1), ("89.99", 2)):
            result = await bench.execute(price=None)
            bench.exchange.trade(result.client_order_id, "1", price)
            await bench.pass_ms()
            assert bench.order(result.client_order_id).status == "FILLED"
            assert bench.anomalies() == ["price_out_of_band"] * noted
        assert await bench.position() == 3

    on_bench(main)


def test_commands_need_a_running_kernel() -> None:
    """Before the start and after the stop every command is refused; reads go on answering."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.kernel.stop()
        for call in (
            bench.execute(),
            bench.bot.cancel(name),
            bench.kernel.closed(name),
            bench.kernel.reconcile(),
            bench.kernel.set_trading_state(TradingState.HALTED, reason="x"),
            bench.kernel.resolve_not_placed(name, note="x"),
        ):
            with pytest.raises(NotRunning):
                await call
        assert bench.order(name).status == "ACCEPTED"
        with pytest.raises(NotRunning, match="started already"):
            await bench.kernel.start()
        fresh = bench.new_kernel()
        with pytest.raises(NotRunning):
            await fresh.session(owner="x").execute(Proposal.buy(BTC, quantity="1"))
        await fresh.stop()
        await bench.start_another()

    on_bench(main)


def test_commands_belong_to_the_kernels_thread_and_loop() -> None:
    """From another thread a command raises and does nothing; reads work."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        caught: list[BaseException] = []
        found: list[object] = []

        def elsewhere() -> None:
            found.append(bench.kernel.order(name))
            try:
                asyncio.run(bench.execute())
            except WrongThread as error:
                caught.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert len(caught) == 1
        assert found == [bench.order(name)]
        assert len(bench.exchange.submits) == 1

    on_bench(main)


def test_another_loop_of_the_same_thread_is_refused() -> None:
    """A kernel belongs to the loop that started it."""

    async def main(bench: Bench) -> None:
        other = asyncio.new_event_loop()
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            with pytest.raises(WrongThread):
                other.run_until_complete(bench.execute())
        finally:
            asyncio._set_running_loop(running)
            other.close()

    on_bench(main)
