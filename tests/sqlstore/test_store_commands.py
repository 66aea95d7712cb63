"""`fills`, `journal` and `db` on a real store: what they print, write and refuse."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fairlead.cli import output
from fairlead.cli.exit_codes import ExitCode
from fairlead.kernel.journal.codec import chain_hash
from fairlead_sqlstore import SqlStoreSettings
from tests.core.cli.memory_reader import run_command
from tests.sqlstore.programs import HOLD, end, line_of, start
from tests.sqlstore.test_upgrades import OLD, build, open_once

FILLED = "dd56de411a21da476be51ccdf61f5ccc"
SOLD = "dd56de411a21da477303c818b75e7ee5"
LIVE = "dd56de411a21da4780c5f9a395c40bc9"
CUT = "2026-11-27T15:34:07.45"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a database of the first schema."""
    return build(OLD[0], tmp_path / "bot.sqlite")


@pytest.fixture
def path(old: Path) -> Path:
    """Return the same, upgraded."""
    open_once(SqlStoreSettings(old, backup_before_upgrade=False))
    return old


def run(path: Path, *arguments: str) -> str:
    """Run a command on the store, and return what it prints; it must end well."""
    code, out, error = run_command(*arguments, "--store", str(path))
    assert code == ExitCode.OK, error
    return out


def refused(path: Path, *arguments: str) -> str:
    """Run a command on the store that is refused, and return what it says."""
    code, _, error = run_command(*arguments, "--store", str(path))
    assert code == ExitCode.REFUSED
    return error


def change(path: Path, statement: str, *values: str) -> None:
    """Change the database as no kernel would."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement, values)
    connection.close()


# -- fills -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), ["T1", "T2", "T3"]),
        (("--order", FILLED), ["T1", "T2"]),
        (("--order", "…03c818b75e7ee5"), ["T3"]),
        (("--symbol", "BTC/USDT"), ["T1", "T2", "T3"]),
        (("--symbol", "ETH/USDT"), []),
        (("--owner", "bot"), ["T1", "T2", "T3"]),
        (("--owner", "other"), []),
        (("--book", "bot", "--tag", "swing"), ["T1", "T2", "T3"]),
        (("--tag", "swin"), []),
        (("--note", "a long"), ["T1", "T2"]),
        (("--since", "1970-01-01T00:00:00.000001"), []),
        (("--until", "1970-01-02"), ["T1", "T2", "T3"]),
        (("--last", "1"), ["T3"]),
    ],
)
def test_fills_are_narrowed(path: Path, options: tuple[str, ...], found: list[str]) -> None:
    """By order, symbol, owner, book, tag, note and time, in the order in which they were booked."""
    rows = json.loads(run(path, "fills", "--json", *options))["fills"]
    assert [row["trade_id"] for row in rows] == found


def test_fills_are_a_table_or_two_lines_each(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table where it fits; at 80 columns two lines a fill, at 60 no figure is cut either."""
    assert f"{FILLED}   bot/bot      buy 0.5 BTC/USDT at 100" in run(path, "fills")
    for width in (60, 80):
        monkeypatch.setattr(output, "PIPED_WIDTH", width)
        lines = run(path, "fills", "--last", "1").splitlines()
        assert lines == [
            f"1970-01-01 00:00:00.000  sell 2 BTC/USDT at 110  …{SOLD[-8:]}",
            "  220 USDT, fee 0.22 USDT (taker)  bot/bot  position 1  T3",
        ]
    assert run(path, "fills", "--owner", "nobody") == "No fills.\n"


def test_fills_as_comma_separated_values(path: Path) -> None:
    """Exact decimals, one line a fill; what a spreadsheet would take for a formula gets an apostrophe."""
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1"):
        change(path, "UPDATE orders SET note = ?", text)
        rows = list(csv.DictReader(io.StringIO(run(path, "fills", "--csv"))))
        assert [row["quantity"] for row in rows] == ["0.5", "1.5", "2"]
        assert all(row["note"].startswith(("'", "\\t")) for row in rows)
    change(path, "UPDATE orders SET note = 'plain, and \"quoted\"'")
    change(path, "UPDATE fills SET fee = '-0.000000000000000001'")
    rows = list(csv.DictReader(io.StringIO(run(path, "fills", "--csv"))))
    assert (rows[0]["note"], rows[0]["fee"]) == ('plain, and "quoted"', "-0.000000000000000001")
    assert run_command("fills", "--csv", "--json", "--store", str(path))[0] == ExitCode.USAGE


# -- journal -----------------------------------------------------------------------------------


def test_an_export_is_the_chain(path: Path) -> None:
    """From the lines alone every hash can be computed again, and an export goes on where one was cut off."""
    lines = run(path, "journal", "export").splitlines()
    last = bytes(32)
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        payload = record["payload"].encode()
        last = chain_hash(last, number, record["ts_ns"], record["kind"], record["version"], payload)
        assert record["hash"] == last.hex()
        assert json.loads(payload)
    assert len(lines) == 21
    assert run(path, "journal", "export", "--after", "15").splitlines() == lines[15:]
    assert run_command("journal", "export", "--after", "21", "--store", str(path))[1:] == (
        "",
        "0 records; the last is 21.\n",
    )


def test_a_replay_shows_what_was_then(path: Path) -> None:
    """After record 9 two were held; after the last one nothing is, and the stored rows agree."""
    shown = run(path, "journal", "replay", "--at", "9")
    assert "trading active (reconciled: start)" in shown
    assert "BTC/USDT bot" in shown
    assert "Live orders: none." in shown
    then = json.loads(run(path, "journal", "replay", "--at", "9", "--json"))
    (held,) = [row for row in then["rows"]["positions"] if row["quantity"] != "0"]
    assert (held["quantity"], held["realized_pnl"]) == ("2.0", "0")
    now = json.loads(run(path, "journal", "replay", "--json"))
    assert (now["sequence"], now["problems"]) == (21, [])
    assert [row["client_order_id"] for row in now["rows"]["orders"] if row["live"]] == [LIVE]


def test_a_replay_shows_what_changed(path: Path) -> None:
    """Each row that a span of records made or changed, with its values before and after."""
    changes = json.loads(run(path, "journal", "replay", "--since", "8", "--at", "9", "--json"))["changes"]
    (order,) = [each for each in changes if each["table"] == "orders"]
    assert order["key"] == FILLED
    assert order["columns"]["filled_quantity"] == ["0.5", "2.0"]
    assert order["columns"]["state"] == ["working", "filled"]
    assert "state working -> filled" in run(path, "journal", "replay", "--since", "8", "--at", "9")
    assert "Nothing changed." in run(path, "journal", "replay", "--since", "21")


def test_a_replay_tells_rows_that_differ(path: Path) -> None:
    """At the last record the fold is compared with what is stored."""
    change(path, "UPDATE orders SET note = 'another'")
    code, out, _ = run_command("journal", "replay", "--store", str(path))
    assert (code, "the journal says" in out) == (ExitCode.FOUND_WRONG, True)


def test_records_that_are_not_there_are_refused(path: Path) -> None:
    """Beyond the end, or in an archive: the refusal says which records there are."""
    assert "records 1 to 21" in refused(path, "journal", "replay", "--at", "22")
    run(path, "db", "archive", "--before", CUT, "--keep-keys-days", "0")
    assert "records 14 to 21; older ones are in archives" in refused(path, "journal", "replay", "--at", "9")
    assert "submitted" in run(path, "journal", "replay", "--at", "20")


# -- db ----------------------------------------------------------------------------------------


def test_an_upgrade_says_what_it_did(old: Path) -> None:
    """From which schema to which, and where the copy is; a second one has nothing to do."""
    assert "older schema 0001" in refused(old, "orders")
    said = run(old, "db", "upgrade")
    assert "from schema 0001 to" in said
    assert (old.parent / said.split()[-1].rstrip(".")).is_file()
    assert "has the newest schema" in run(old, "db", "upgrade")
    assert json.loads(run(old, "db", "upgrade", "--json"))["upgraded"]["copy"] == ""


def test_a_backup_beside_a_kernel_is_a_store(tmp_path: Path) -> None:
    """While a kernel holds the store a copy is made, private, verified; what takes the store is refused."""
    path = tmp_path / "bot.sqlite"
    process = start(HOLD, path)
    try:
        assert line_of(process) == "holding"
        said = run(path, "db", "backup")
        copy = Path(said.removeprefix("The copy is ").rstrip().rstrip("."))
        assert copy.stat().st_mode & 0o077 == 0
        assert run(path, "db", "backup") == said  # nothing was recorded since
        assert json.loads(run(path, "db", "backup", "--to", str(tmp_path / "b"), "--json"))["backup"]
        assert "there already" in refused(path, "db", "backup", "--to", str(tmp_path / "b"))
        for command in (("upgrade",), ("archive", "--keep-days", "1")):
            assert "held by another live kernel: host pid" in refused(path, "db", *command)
    finally:
        end(process)
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT head_sequence FROM store_state").fetchone() == (1,)
    connection.close()


def test_an_archive_is_made_and_verified(path: Path) -> None:
    """It says what moved and where to; with the archive the whole chain is verified, by its digest too."""
    said = run(path, "db", "archive", "--before", CUT, "--keep-keys-days", "0")
    assert "2 of orders, 3 of fills, 1 of episodes, 1 of commands" in said
    file = path.parent / "bot.sqlite.archive-1-13.sqlite"
    whole = run(path, "journal", "verify", "--with-archives")
    assert "13 records in archives and 8 records in one chain" in whole
    assert "13 records" in run(file, "journal", "verify")
    with closing(sqlite3.connect(path)) as connection:
        (digest,) = connection.execute("SELECT digest FROM anchors").fetchone()
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    change(file, "UPDATE orders SET note = 'another'")
    code, out, _ = run_command("journal", "verify", "--with-archives", "--store", str(path))
    assert (code, "its bytes are not those" in out) == (ExitCode.FOUND_WRONG, True)
    file.unlink()
    code, out, _ = run_command("journal", "verify", "--with-archives", "--store", str(path))
    assert (code, "cannot be read" in out) == (ExitCode.FOUND_WRONG, True)
    assert "archived" not in run(path, "journal", "verify")
    assert f"may be in {file.name}" in refused(path, "explain", SOLD)


def test_an_archive_keeps_keys_longer(path: Path) -> None:
    """A key that is young enough stays with its order, whose position's story stays with it."""
    assert run(path, "db", "archive", "--before", CUT, "--dry-run") == (
        "Records 1 to 13 would move, and with them no rows.\n"
    )
    assert run(path, "db", "archive", "--before", "2020-01-01").startswith(
        "Nothing moves: nothing is that old"
    )
    assert run_command("db", "archive", "--store", str(path))[0] == ExitCode.USAGE
    both = ("--before", CUT, "--keep-days", "1")
    assert run_command("db", "archive", *both, "--store", str(path))[0] == ExitCode.USAGE


@pytest.mark.usefixtures("path")
def test_a_configuration_names_the_store_and_its_folders(tmp_path: Path) -> None:
    """With --config the keeper has the plugin's settings: copies and archives go where they say."""
    for name in ("copies", "archives"):
        (tmp_path / name).mkdir()
    text = (
        '[kernel]\naccount = "golden"\n[plugins.sqlstore]\npath = "bot.sqlite"\n'
        'backup_folder = "copies"\narchive_folder = "archives"\n'
    )
    (tmp_path / "fairlead.toml").write_text(text)
    options = ("--config", str(tmp_path / "fairlead.toml"))
    for command in (("backup",), ("archive", "--before", CUT, "--keep-keys-days", "0")):
        code, _, error = run_command("db", *command, *options)
        assert code == ExitCode.OK, error
    assert len(list((tmp_path / "copies").iterdir())) == 1
    assert len(list((tmp_path / "archives").iterdir())) == 1
    code, out, _ = run_command("journal", "verify", "--with-archives", *options)
    assert (code, "13 records in archives" in out) == (ExitCode.OK, True)
    code, _, error = run_command("explain", SOLD, *options)
    assert "archived and is in bot.sqlite.archive-1-13.sqlite" in error


def test_progress_goes_to_stderr(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar tells how far an export is; stdout is the result alone."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, error = run_command("journal", "export", "--store", str(path))
    assert code == ExitCode.OK
    assert len(out.splitlines()) == 21
    assert "Records exported" in error
