"""Parts of the demo that need no plugin: where it kills, what it tells its processes, how it holds."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.cli.demo.hold import HoldingClient, as_client
from fairlead.cli.demo.run import DemoOptions, hold_for
from fairlead.cli.demo.settings import Hold, KernelProcessSettings, Moment
from fairlead.cli.demo.webhook import WatchedNotifier, drawn_secret, port_of, webhook_table
from fairlead.cli.exit_codes import ExitCode
from fairlead.ports.exchange import Answer, OrderSide, OrderType, Outcome, SubmitRequest, TimeInForce
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliveryVerdict, Notice
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.scripted_notifier import ScriptedNotifier
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


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://127.0.0.1:8008/hook", 8008), ("https://hooks.example/x", 443), ("http://hooks.example", 80)],
)
def test_a_urls_port_is_the_one_that_may_be_reached(url: str, port: int) -> None:
    """The port that the URL names, else its scheme's, is the only one that the plugin is allowed."""
    assert port_of(url) == port
    table = webhook_table(port)["endpoints"]["demo"]
    assert table["ports"] == [port]
    assert "hook" not in str(table["url"]).lower().replace("fairlead_demo_webhook_url", "")


@pytest.mark.parametrize("url", ["ftp://files.example", "nonsense", "http://h:99999/", "http://[::1"])
def test_what_is_no_url_is_refused_before_anything_starts(url: str) -> None:
    """The refusal names the option; no secret was drawn and no process started."""
    code, shown, error = run_command("demo", "--webhook", url)
    assert (code, shown) == (ExitCode.REFUSED, "")
    assert error.startswith("--webhook: is no URL")


def test_the_tape_waits_for_a_notice_on_its_way() -> None:
    """While the inner notifier has not answered the watched one is busy; then its verdict is told, once."""
    told: list[DeliveryVerdict] = []

    async def main() -> None:
        asked, answered = asyncio.Event(), asyncio.Event()

        async def slow(_notice: Notice, _attempt: int) -> DeliveryOutcome:
            asked.set()
            await answered.wait()
            return DELIVERED

        watched = WatchedNotifier(ScriptedNotifier(script=slow), told.append)
        notice = Notice("e-1", "order_filled", 1, "main", "o", 1, 1, {})
        task = asyncio.get_running_loop().create_task(watched.deliver(notice, 1))
        await asked.wait()
        assert (watched.is_busy, told) == (True, [])
        answered.set()
        assert await task is DELIVERED
        await watched.quiet()
        assert not watched.is_busy

    asyncio.run(main())
    assert told == [DeliveryVerdict.DELIVERED]


def test_a_drawn_secret_is_long_enough_and_drawn_anew() -> None:
    """It has the form of Standard Webhooks, 32 bytes, and no two runs share one."""
    secrets = {drawn_secret() for _ in range(10)}
    assert len(secrets) == 10
    assert all(len(b64decode(secret.removeprefix("whsec_"))) == 32 for secret in secrets)


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
