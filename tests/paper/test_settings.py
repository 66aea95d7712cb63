"""The plugin's settings: typed, with paths in every refusal; and what the plugin provides."""

from __future__ import annotations

import logging
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.exchange import Fence
from fairlead.testing import SeededIds, SeedStreams, run
from fairlead.testing.conformance.exchange_world import RecordingSink
from fairlead_paper import plugin
from fairlead_paper.client import PaperClient
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.opening import open_desk
from fairlead_paper.settings import FaultSettings, Mode, PaperSettings, VenueSettings, paper_settings


def context(table: dict[str, Any]) -> PluginContext:
    """Return what the kernel gives a plugin."""
    return PluginContext(
        account="main",
        clock=SystemClock(),
        ids=SeededIds(SeedStreams(1).of("ids")),
        configuration=table,
        logger=logging.getLogger("test"),
    )


def test_a_whole_table_is_read() -> None:
    """Text becomes Decimals and names; the venue takes account and fence from the client."""
    settings = paper_settings(
        {
            "account": "bot",
            "fence": "none",
            "request_timeout_ms": 1_500,
            "venue": {
                "balances": {"USDT": "250.5", "BTC": 2},
                "instruments": [
                    {
                        "symbol": "ETH/USDT",
                        "base": "ETH",
                        "quote": "USDT",
                        "price_increment": "0.01",
                        "quantity_increment": "0.0001",
                    }
                ],
            },
            "faults": {"seed": 7, "rates": {"lost_answer": "0.05"}},
        }
    )

    assert settings.venue.account == "bot"
    assert settings.venue.fence is settings.fence is Fence.NONE
    assert settings.venue.balances == {"USDT": Decimal("250.5"), "BTC": Decimal(2)}
    assert settings.venue.instruments[0].price_increment == Decimal("0.01")
    assert settings.faults.rates == {FaultKind.LOST_ANSWER: Decimal("0.05")}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"acount": "x"}, r"plugins\.paper\.acount: unknown key; did you mean account\?"),
        ({"venue": {"balance": {}}}, r"plugins\.paper\.venue\.balance: unknown key; did you mean balances\?"),
        (
            {"faults": {"rates": {"lost_anwser": "0.1"}}},
            r"plugins\.paper\.faults\.rates\.lost_anwser: unknown key; did you mean lost_answer\?",
        ),
        (
            {"faults": {"rates": {"lost_answer": 0.1}}},
            r"plugins\.paper\.faults\.rates\.lost_answer: a float \(0\.1\).*Pass text or Decimal: \"0\.1\"",
        ),
        (
            {"faults": {"rates": {"lost_answer": "1.5"}}},
            r"plugins\.paper\.faults\.rates\.lost_answer: 1.5 is not between 0 and 1",
        ),
        (
            {"venue": {"balances": {"USDT": "1,5"}}},
            r"venue\.balances\.USDT: '1,5' is not a plain decimal number",
        ),
        ({"venue": {"balances": {"USDT": f"0.{12345:041}"}}}, r"venue\.balances\.USDT: .* is not a plain"),
        ({"venue": {"balances": {"USDT": "-1"}}}, r"plugins\.paper\.venue\.balances\.USDT: -1 is below zero"),
        ({"venue": {"participation": "0"}}, r"plugins\.paper\.venue\.participation: 0 is not above 0"),
        ({"venue": {"fill_page_size": 0}}, r"plugins\.paper\.venue\.fill_page_size: must be at least 1\."),
        ({"venue": {"time": "tape"}}, "the tape's time needs a tape"),
        ({"venue": {"instruments": []}}, r"venue\.instruments: must be a list"),
        ({"venue": {"instruments": [{"symbol": "A/B"}]}}, r"venue\.instruments\[0\]\.base: is missing"),
        ({"venue": "shipped"}, r"plugins\.paper\.venue: must be a table"),
        ({"request_timeout_ms": "5"}, "request_timeout_ms: must be a whole number, not text"),
        ({"request_timeout_ms": True}, "request_timeout_ms: must be a whole number, not true or false"),
        ({"request_timeout_ms": 0}, "request_timeout_ms: must be at least 1"),
        ({"price_source": 1}, "price_source: must be true or false"),
        ({"mode": "remote"}, r"plugins\.paper\.mode: must be one of in_process, process\."),
        ({"mode": "process"}, "address: is needed in mode process"),
        ({"address": "127.0.0.1:1"}, "address: is needed in mode process, and only there"),
        ({"name": 5}, "name: must be text"),
        ({"venue": {"fence": "none"}}, "the venue has none, the client deadline"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(table: dict[str, Any], message: str) -> None:
    """Unknown keys, wrong types and impossible values name where they are and what to do."""
    with pytest.raises(ConfigurationRefused, match=message):
        paper_settings(table)


@pytest.mark.parametrize(("key", "value"), [("account", 5), ("fence", "dedline"), ("fence", ["none"])])
def test_what_the_venue_takes_over_is_refused_once(key: str, value: object) -> None:
    """A wrong account or fence is told for the key that the user wrote, and for no other."""
    with pytest.raises(ConfigurationRefused) as caught:
        paper_settings({key: value})

    assert str(caught.value).startswith(f"plugins.paper.{key}: must be ")
    assert str(caught.value).count("must be") == 1


def test_settings_made_in_code_are_checked_too() -> None:
    """The classes refuse by themselves what can never work; the error names the field."""
    with pytest.raises(ConfigurationRefused, match=r"^participation: 2 is not above 0 and at most 1\."):
        VenueSettings(participation=Decimal(2))
    with pytest.raises(ConfigurationRefused, match=r"^instruments: must be a list of at least one"):
        VenueSettings(instruments=())
    with pytest.raises(ConfigurationRefused, match=r"^faults\.rates\.lost_answer: 2 is not"):
        FaultSettings(rates={FaultKind.LOST_ANSWER: Decimal(2)})
    with pytest.raises(ConfigurationRefused, match=r"^address: is needed in mode process"):
        PaperSettings(mode=Mode.PROCESS)


def test_parts_made_in_code_may_stand_in_a_table() -> None:
    """A table written in Python takes the settings objects of its parts as they are."""
    venue, faults = VenueSettings(account="bot"), FaultSettings(seed=3)

    settings = paper_settings({"venue": venue, "faults": faults})

    assert (settings.venue, settings.faults) == (venue, faults)


def test_an_instrument_that_breaks_the_rules_is_refused_with_its_path() -> None:
    """The domain's own refusal keeps the path of the configuration."""
    table = {
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "price_increment": "0",
        "quantity_increment": "1",
    }
    with pytest.raises(
        ConfigurationRefused, match=r"plugins\.paper\.venue\.instruments\[0\]\.price_increment: must be"
    ):
        paper_settings({"venue": {"instruments": [table]}})


@pytest.mark.parametrize(
    "address", ["0.0.0.0:5", "example.com:5", "127.0.0.1", "127.0.0.1:99999", "unix:", ":5"]
)
def test_only_this_machine_is_an_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """A venue is reached over loopback or a unix socket only."""
    monkeypatch.setenv("FAIRLEAD_PAPER_TOKEN", "x")
    with pytest.raises(ConfigurationRefused, match="no address for a paper venue"):
        plugin.fairlead_exchanges(context({"mode": "process", "address": address}))


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the client is not made; the refusal names the variable."""
    monkeypatch.delenv("PAPER_T", raising=False)
    table = {"mode": "process", "address": "127.0.0.1:5", "token_env": "PAPER_T"}
    with pytest.raises(ConfigurationRefused, match="PAPER_T"):
        plugin.fairlead_exchanges(context(table))
    monkeypatch.setenv("PAPER_T", "x")
    [client] = plugin.fairlead_exchanges(context(table))
    assert isinstance(client, PaperClient)


def test_the_hook_provides_a_client() -> None:
    """The entry point's hook returns one client with the capabilities of its settings."""
    [client] = plugin.fairlead_exchanges(
        context({"fence": "permanent_client_id", "horizon_ms": 5, "name": "mine"})
    )

    assert client.name == "mine"
    assert client.capabilities.fence is Fence.PERMANENT_CLIENT_ID
    assert client.capabilities.horizon_ns == 5_000_000


def test_kernels_may_share_a_venue() -> None:
    """The plugin as an object, given a desk, hands every kernel a client of that one venue."""

    async def main() -> None:
        desk = open_desk(VenueSettings(), lambda: 5)
        shared = plugin.PaperExchangePlugin(PaperSettings(), desk)
        clients = [shared.fairlead_exchanges(context({}))[0] for _ in range(2)]
        for client in clients:
            await client.connect(RecordingSink())
        state = await _venue_state(clients[0])
        assert state == await _venue_state(clients[1])
        assert desk.begin_session("main").session == 3
        for client in clients:
            await client.disconnect()

    run(main)


def test_a_client_refuses_a_venue_with_another_fence() -> None:
    """A client never promises a fence that the venue does not have."""

    async def main() -> None:
        desk = open_desk(VenueSettings(fence=Fence.NONE), lambda: 5)
        client = plugin.paper_client(PaperSettings(), SystemClock(), desk)
        with pytest.raises(ConfigurationRefused, match="fence is none, not deadline"):
            await client.connect(RecordingSink())

    run(main)


def test_importing_the_plugin_is_light() -> None:
    """Listing plugins loads neither the venue nor SQLite nor the codec."""
    script = (
        "import sys, fairlead_paper.plugin; "
        "heavy = {'fairlead_paper.venue', 'fairlead_paper.settings', 'sqlite3', 'cattrs', 'asyncio'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def _venue_state(client: object) -> object:
    assert isinstance(client, PaperClient)
    return await client.venue_state()


def test_mode_names_are_stable() -> None:
    """The names that configurations use."""
    assert [mode.value for mode in Mode] == ["in_process", "process"]
    assert len({kind.value for kind in FaultKind}) == 13
