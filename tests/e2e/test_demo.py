"""The demo as a user runs it: real processes, real files, a real SIGKILL."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from fairlead.cli.demo.evidence import CHECKER
from fairlead.cli.demo.settings import RISK_CHECKS
from fairlead_riskhooks.plugin import RiskHooksSettings
from tests.e2e.demo_run import DemoRun, check_zeros, fairlead, run_demo


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Return a run without faults."""
    return run_demo(tmp_path_factory.mktemp("demo") / "plain")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Return a run with the fault plan on."""
    return run_demo(tmp_path_factory.mktemp("demo") / "faulty", "--seed", "7", "--faults")


@pytest.fixture
def copied(plain: DemoRun, tmp_path: Path) -> DemoRun:
    """Return a run whose files may be damaged."""
    folder = tmp_path / "copy"
    shutil.copytree(plain.folder, folder)
    return DemoRun(plain.code, plain.found, plain.progress, folder)


def checked(run: DemoRun) -> tuple[int, dict[str, Any]]:
    """Run the independent checker over a run's files."""
    files = (run.store, run.venue, run.folder / "acknowledged.txt")
    command = [sys.executable, "-I", str(CHECKER), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def damage(path: Path, statement: str, *values: object) -> None:
    """Change a database behind everybody's back."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute(statement, values).rowcount == 1
        connection.commit()
    finally:
        connection.close()


@pytest.mark.requirement("SEC-4", "TEST-8")
def test_a_kill_with_an_order_in_flight_loses_and_doubles_nothing(plain: DemoRun) -> None:
    """The kernel's process is killed, another takes its file, and every proof holds."""
    check_zeros(plain)
    kill = plain.found["kill"]
    assert kill["asked_again"]
    assert 400 <= kill["at_trade"] < 1_000
    assert plain.found["kernel_starts"] == 2
    assert "SIGKILL" in plain.progress


def test_the_object_has_what_it_promises(plain: DemoRun) -> None:
    """Enough orders, fills, parts and denials to mean something; amounts are exact text."""
    found = plain.found
    assert found["orders"] >= 40
    assert found["fills"] >= 60
    assert found["partial_fills"] >= 5
    assert len(found["denied"]) >= 5
    assert {each["code"]: each["count"] for each in found["denials"]} == found["denied"]
    assert all(len(each["for_instance"]) > 20 for each in found["denials"])
    assert len(found["last_orders"]) == 8
    assert found["faults"] == {}
    assert found["positions"]
    for name in ("realized_pnl", "fees"):
        assert isinstance(found[name], str)
        assert Decimal(found[name])
    assert Decimal(found["fees"]) == sum(Decimal(position["fees"]) for position in found["positions"])


def test_every_shipped_check_takes_part(plain: DemoRun) -> None:
    """The demo's checks are all that the plugin has, and each has judged the first order."""
    assert set(RISK_CHECKS) == {field.name for field in attrs.fields(RiskHooksSettings)}
    with closing(sqlite3.connect(plain.store)) as store:
        first = store.execute("SELECT payload FROM journal WHERE kind = 'order_initialized'").fetchone()[0]
    assert all(name in first.decode() for name in RISK_CHECKS)


def test_without_options_for_programs_it_prints_tables_and_proofs() -> None:
    """As the README starts it, for people: the tables come whole, and each proof stands as proven."""
    done = fairlead("demo", "--trades", "400")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    for title in ("What the bot did", "What the checks denied", "The last orders", "Positions"):
        assert title in done.stdout
    assert done.stdout.count("  proven") == 6
    assert "FAILED" not in done.stdout


@pytest.mark.requirement("TEST-8")
def test_with_every_kind_of_fault_the_zeros_are_the_same(faulty: DemoRun) -> None:
    """Lost, late, doubled and garbled messages, and a kill: nothing lost, nothing twice."""
    check_zeros(faulty)
    assert sum(faulty.found["faults"].values()) > 10
    assert faulty.found["seed"] == 7


def test_a_fill_that_the_journal_loses_is_found(copied: DemoRun) -> None:
    """One journal record of a fill is removed: lost, and the fill is named."""
    last = "(SELECT max(sequence) FROM journal WHERE kind = 'order_filled')"
    damage(copied.store, f"DELETE FROM journal WHERE sequence = {last}")  # noqa: S608 - a text of this test
    code, found = checked(copied)
    assert (code, found["cash_reconciled"]) == (1, False)
    assert found["lost"] >= 2
    assert any("at the venue, not in the journal" in problem for problem in found["problems"])


def test_an_intent_sent_twice_is_found(copied: DemoRun) -> None:
    """A second order of the same intent at the venue: duplicated."""
    with closing(sqlite3.connect(copied.venue)) as venue:
        columns = [row[1] for row in venue.execute("PRAGMA table_info(orders)")]
    chosen = ", ".join(
        {"sequence": "sequence + 100000", "venue_order_id": "'again'"}.get(name, name) for name in columns
    )
    damage(copied.venue, f"INSERT INTO orders SELECT {chosen} FROM orders WHERE sequence = 1")  # noqa: S608 - same
    code, found = checked(copied)
    assert (code, found["duplicated"], found["lost"]) == (1, 1, 0)


def test_a_hundred_millionth_of_cash_is_found(copied: DemoRun) -> None:
    """1e-8 USDT more at the venue: cash is not reconciled."""
    connection = sqlite3.connect(copied.venue)
    total = Decimal(connection.execute("SELECT total FROM balances WHERE asset = 'USDT'").fetchone()[0])
    connection.close()
    changed = format(total + Decimal("1e-8"), "f")
    damage(copied.venue, "UPDATE balances SET total = ? WHERE asset = 'USDT'", changed)
    code, found = checked(copied)
    assert (code, found["lost"], found["duplicated"], found["cash_reconciled"]) == (1, 0, 0, False)


def test_the_killed_order_can_be_explained(plain: DemoRun) -> None:
    """Its story tells of the kernel that took over, and from which evidence its end was concluded."""
    name = plain.found["kill"]["client_order_id"]
    done = fairlead("explain", name, "--store", str(plain.store))
    assert (done.returncode, done.stderr) == (0, "")
    for sentence in (
        "asked to",
        "Attempt 1 went out after this was on disk",
        "A kernel started (epoch 2",
        "Nobody knows whether it arrived, and it is not sent again",
        f"Now it is {plain.found['kill']['became'].upper()}",
    ):
        assert sentence in done.stdout


def test_a_changed_byte_of_the_journal_is_found_and_named(copied: DemoRun) -> None:
    """`journal verify` is content with the file as it was, and names the record that was changed."""
    verify = ("journal", "verify", "--store", str(copied.store))
    assert fairlead(*verify).returncode == 0
    changed = "replace(CAST(payload AS TEXT), '\"buy\"', '\"sell\"')"
    first = "(SELECT min(sequence) FROM journal WHERE kind = 'order_filled')"
    damage(copied.store, f"UPDATE journal SET payload = CAST({changed} AS BLOB) WHERE sequence = {first}")  # noqa: S608 - same
    with closing(sqlite3.connect(copied.store)) as store:
        number = store.execute(f"SELECT {first}").fetchone()[0]
    done = fairlead(*verify)
    assert done.returncode == 1
    assert f"Journal record {number}" in done.stdout


@pytest.mark.parametrize(("command", "name"), [("orders", "client_order_id"), ("positions", "book")])
def test_lists_show_what_the_store_holds(plain: DemoRun, command: str, name: str) -> None:
    """The commands read a real store through its plugin."""
    done = fairlead(command, "--store", str(plain.store), "--json")
    rows = json.loads(done.stdout)[command]
    assert done.returncode == 0
    sent = plain.found["orders"] + sum(plain.found["denied"].values())
    assert len(rows) == (sent if command == "orders" else len(plain.found["positions"]))
    assert all(row[name] for row in rows)
