"""An operator sees what each balance is made of, and accepts what the venue holds otherwise."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from fairlead.cli.exit_codes import ExitCode
from fairlead.testing.memory_store import MemoryDisk
from tests.core.cli.memory_reader import PLUGIN, run_command, shelved
from tests.core.kernel.accounting import accountant, happens
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.test_operator_reconciles import Desk

Lines = pytest.CaptureFixture[str]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk at a venue that tells its balances; its kernel was not started."""
    made = Desk(tmp_path)
    made.venue.capabilities = attrs.evolve(made.venue.capabilities, balances=True)
    made.venue.held, made.venue.locked = {"USDT": Decimal(1000)}, {"USDT": Decimal(100)}
    return made


def test_a_difference_is_seen_and_accepted(desk: Desk, capsys: Lines) -> None:
    """`balances` and `reconcile` show both figures; `accept-balance` books the difference once, as seen."""
    with desk.kernel as kernel:
        desk.venue.held["USDT"] += Decimal("5.5")
        assert desk("reconcile") == ExitCode.OK
        shown = capsys.readouterr().out
        assert "1005.5, ours 1000" in shown
        assert "1 unbalanced" in shown
        assert desk("balances") == ExitCode.OK
        lines = capsys.readouterr().out.splitlines()
        heads = "asset opening fills adjustments derived at venue locked free drift"
        figures = "USDT 1000 0 0 1000 1005.5 100 905.5 5.5"
        assert [heads, figures] == [
            " ".join(line.split()) for line in lines if "USDT" in line or "asset" in line
        ]
        accept = ("accept-balance", "USDT", "--note", "a deposit", "--yes", "--total")
        assert desk(*accept, "1 005") == ExitCode.REFUSED
        assert capsys.readouterr().err.startswith("--total: '1 005' is not a plain decimal number")
        assert desk(*accept, "1005") == ExitCode.FOUND_WRONG
        assert "give the figure that the venue holds now" in capsys.readouterr().out
        assert desk(*accept, "1005.5") == ExitCode.OK
        assert "The difference is booked." in capsys.readouterr().out
        assert desk(*accept, "1005.5", "--json") == ExitCode.OK
        assert json.loads(capsys.readouterr().out)["code"] == "NO_DRIFT"
        assert desk("balances", "--json") == ExitCode.OK
        [row] = json.loads(capsys.readouterr().out)["balances"]
        assert (row["adjustments"], row["derived"], row["drift"]) == ("5.5", "1005.5", "0")
        [view] = kernel.balances()
        assert view.adjustments == Decimal("5.5")
        assert kernel.accept_balance("USDT", at_venue="1005.5", note="again").code == "NO_DRIFT"


def test_a_store_tells_what_balances_are_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a running kernel: opening, fills and adjustments, and nothing of the venue."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        happens(bench, "7")
        await bench.kernel.reconcile()

    on_bench(main, disk=disk, exchange=accountant())
    with shelved(disk, tmp_path, monkeypatch) as path:
        options = ("--store", str(path), "--store-plugin", PLUGIN)
        code, shown, _ = run_command("balances", *options)
        assert code == ExitCode.OK
        assert "9807" in shown
        rows = json.loads(run_command("balances", *options, "--json")[1])["balances"]
    assert [(row["asset"], row["opening"], row["fills"], row["adjustments"]) for row in rows] == [
        ("BTC", "10", "2", "0"),
        ("USDT", "10000", "-200", "7"),
    ]
    assert {row["at_venue"] for row in rows} == {None}


def test_balances_without_an_inventory_are_told_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that tells no balances: what fills moved."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")

    on_bench(main, disk=disk)
    with shelved(disk, tmp_path, monkeypatch) as path:
        rows = json.loads(
            run_command("balances", "--store", str(path), "--store-plugin", PLUGIN, "--json")[1]
        )["balances"]
        assert [(row["asset"], row["opening"], row["fills"]) for row in rows] == [
            ("BTC", "0", "2"),
            ("USDT", "0", "-200"),
        ]


def test_a_store_without_balances_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing traded and nothing told: no empty table."""
    disk = MemoryDisk()

    async def main(_bench: Bench) -> None:
        """Trade nothing."""

    on_bench(main, disk=disk)
    with shelved(disk, tmp_path, monkeypatch) as path:
        shown = run_command("balances", "--store", str(path), "--store-plugin", PLUGIN)[1]
        assert shown == "No balances.\n"
