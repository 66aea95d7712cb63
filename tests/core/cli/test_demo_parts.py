"""Parts of the demo that need no plugin: where it kills, what it tells its processes, how it holds."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.cli.demo.hold import HoldingClient, as_client
from fairlead.cli.demo.run import DemoOptions, hold_for
from fairlead.cli.demo.settings import Hold, KernelProcessSettings, Moment
from fairlead.cli.exit_codes import ExitCode
from fairlead.ports.exchange import Answer, OrderSide, OrderType, Outcome, SubmitRequest, TimeInForce
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.cli.command_lines import fairlead
from tests.core.cli.memory_reader import run_command
from tests.core.kernel.bench import BTC, instrument


@pytest.mark.parametrize("trades", [400, 1_000])
def test_the_kill_is_drawn_from_the_seed_and_lies_in_the_middle(trades: int) -> None:
    """The same seed kills at the same place; seeds differ in trade and in moment."""
    holds = [hold_for(DemoOptions(seed=seed, faults=False, trades=trades)) for seed in range(100)]
    assert holds == [hold_for(DemoOptions(seed=seed, faults=True, trades=trades)) for seed in range(100)]
    assert all(trades * 2 // 5 <= hold.at_trade < trades * 3 // 5 for hold in holds)
    assert {hold.moment for hold in holds} == set(Moment)
    assert len({hold.at_trade for hold in holds}) > 30


@pytest.mark.parametrize("hold", [None, Hold(7, Moment.AFTER_ANSWER)])
def test_a_process_is_told_everything_in_one_argument(hold: Hold | None) -> None:
    """What the parent writes is what the child reads."""
    settings = KernelProcessSettings(
        venue_address="127.0.0.1:1", store="k", acknowledgements="a", trades=400, fault_seed=3, hold=hold
    )
    assert KernelProcessSettings.of_text(settings.text()) == settings


def test_faults_are_in_the_tables_only_when_asked_for() -> None:
    """Without a fault seed the transport is left alone."""
    told = {
        "venue_address": "127.0.0.1:1",
        "store": "k",
        "acknowledgements": "a",
        "trades": 400,
        "hold": None,
    }
    calm = KernelProcessSettings(**told, fault_seed=None).tables()  # type: ignore[arg-type]  # one mapping of several types
    rough = KernelProcessSettings(**told, fault_seed=9).tables()  # type: ignore[arg-type]  # one mapping of several types
    assert "faults" not in calm["paper"]
    assert rough["paper"]["faults"]["seed"] == 9


def request(name: str) -> SubmitRequest:
    """Return an order on its way out."""
    return SubmitRequest(
        name,
        BTC,
        OrderSide.BUY,
        OrderType.MARKET,
        TimeInForce.GTC,
        Decimal(1),
        None,
        reduces=False,
        deadline_ns=0,
    )


@pytest.mark.parametrize(("moment", "reached"), [(Moment.BEFORE_SEND, 1), (Moment.AFTER_ANSWER, 2)])
def test_a_held_order_is_where_it_was_to_be(moment: Moment, reached: int) -> None:
    """Before it is armed orders pass; then one is announced, is or is not at the venue, and never ends."""
    announced: list[str] = []

    async def main() -> None:
        exchange = ScriptedExchange([instrument()])
        reached_it = asyncio.Event()

        def announce(name: str) -> None:
            announced.append(name)
            reached_it.set()

        holding = HoldingClient(exchange, moment, announce)
        client = as_client(holding)
        assert client.name == exchange.name
        answer = await client.submit(request("first"))
        assert answer.outcome is Outcome.ACCEPTED
        holding.arm()
        task: asyncio.Task[Answer] = asyncio.get_running_loop().create_task(client.submit(request("second")))
        await reached_it.wait()
        assert len(exchange.submits) == reached
        assert not task.done()
        task.cancel()

    asyncio.run(main())
    assert announced == ["second"]


def test_the_demo_writes_into_no_folder_that_holds_something(tmp_path: Path) -> None:
    """`--keep` names a new or empty folder; else the demo refuses before it starts anything."""
    (tmp_path / "mine.txt").touch()
    code, shown, error = run_command("demo", "--keep", str(tmp_path))
    assert (code, shown) == (ExitCode.REFUSED, "")
    assert "is not empty" in error


def test_without_its_plugins_the_demo_names_them_and_starts_nothing(tmp_path: Path) -> None:
    """Where no plugin is installed all three are named, in one error, before any process starts."""
    done = fairlead("demo", folder=tmp_path)
    assert (done.returncode, done.stdout) == (ExitCode.REFUSED, "")
    for name in ("paper", "sqlstore", "riskhooks"):
        assert f"Plugin '{name}'" in done.stderr
    assert "venue" not in done.stderr
