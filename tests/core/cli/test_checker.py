"""The independent checker: it shares nothing with Fairlead, and finds what is planted."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fairlead.cli
from tests.core.cli.checker_files import BOUGHT, Files, fill, intent

CHECKER = Path(fairlead.cli.__file__).parent / "demo" / "checker.py"


def check(files: Files) -> tuple[int, dict[str, Any]]:
    """Run the checker as a program that cannot see Fairlead; return exit code and what it found."""
    arguments = (str(files.kernel), str(files.venue), str(files.acknowledged))
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(CHECKER), *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {"complaint": done.stderr}


def test_the_checker_imports_only_the_standard_library() -> None:
    """No module of ours, and none that is installed: its verdict cannot share our mistakes."""
    tree = ast.parse(CHECKER.read_text("utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported
    assert imported <= sys.stdlib_module_names
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"__import__", "exec", "eval"}


def test_files_in_order_are_found_so(tmp_path: Path) -> None:
    """Nothing lost, nothing twice, cash to the last digit, exit code 0."""
    code, found = check(Files(tmp_path))
    assert (code, found["lost"], found["duplicated"], found["cash_reconciled"]) == (0, 0, 0, True)
    assert (found["problems"], found["intents"], found["venue_orders"]) == ([], 3, 2)
    assert found["cash"] == {"BTC": "1", "USDT": "-90.31"}


def drop_fill(files: Files) -> None:
    """The journal loses the last fill."""
    files.in_kernel("DELETE FROM journal WHERE sequence = 4")


def drop_tail(files: Files) -> None:
    """The journal loses its last record, and the head says so."""
    files.in_kernel("DELETE FROM journal WHERE sequence = 5")


def drop_row(files: Files) -> None:
    """A booked fill loses its row."""
    files.in_kernel("DELETE FROM fills WHERE trade_id = 'T1'")


def drop_position(files: Files) -> None:
    """A position loses its row."""
    files.in_kernel("DELETE FROM positions")


def acknowledge_stranger(files: Files) -> None:
    """The bot was told of an intent that nobody recorded."""
    files.acknowledged.write_text("a\nz\n", encoding="ascii")


def place_unknown(files: Files) -> None:
    """The venue has an order that the journal lacks."""
    files.in_venue("INSERT INTO orders VALUES ('z', '0', '0', '0', 'live')")


def place_denied(files: Files) -> None:
    """The venue has an order that was denied."""
    files.in_venue("INSERT INTO orders VALUES ('c', '0', '0', '0', 'live')")


def fill_unheard(files: Files) -> None:
    """The venue filled something of which the journal knows nothing."""
    files.in_venue("INSERT INTO fills VALUES ('a', 'T9', 'buy', '1', '100', '100', '0')")


def fill_otherwise(files: Files) -> None:
    """A fill was booked with another price than the venue's."""
    files.in_venue("UPDATE fills SET price = '100.00000001' WHERE trade_id = 'T1'")


def row_otherwise(files: Files) -> None:
    """A fill's row says something else than the journal."""
    files.in_kernel("UPDATE fills SET fee = '0.20000001' WHERE trade_id = 'T1'")


def fill_of_nobody(files: Files) -> None:
    """A fill was booked on an order that the journal lacks."""
    files.journal("order_filled", fill("q", "T8", "buy", "1", "1", "1", "0"))


def left_open(files: Files) -> None:
    """An order that is over here is open at the venue."""
    files.in_venue("UPDATE orders SET status = 'live' WHERE client_order_id = 'b'")


LOSSES = (
    left_open,
    drop_fill,
    drop_tail,
    drop_row,
    drop_position,
    acknowledge_stranger,
    place_unknown,
    place_denied,
    fill_unheard,
    fill_otherwise,
    row_otherwise,
    fill_of_nobody,
)


@pytest.mark.parametrize("plant", LOSSES, ids=lambda plant: plant.__name__)
def test_a_planted_loss_is_reported(plant: Callable[[Files], None], tmp_path: Path) -> None:
    """Whatever one side lacks is counted as lost, said in a sentence, and fails."""
    files = Files(tmp_path)
    plant(files)
    code, found = check(files)
    assert code == 1
    assert found["lost"] > 0
    assert found["problems"]
    assert not found["cash_reconciled"]


def place_twice(files: Files) -> None:
    """The venue has the same intent twice."""
    files.in_venue("INSERT INTO orders VALUES ('a', '2', '200', '0.2', 'filled')")


def record_twice(files: Files) -> None:
    """The journal has the same intent twice."""
    files.journal("order_initialized", intent("a", "k1"))


def use_key_twice(files: Files) -> None:
    """One key led to two intents."""
    files.journal("order_initialized", intent("d", "k1", approved=False))


def book_twice(files: Files) -> None:
    """The journal booked one trade twice."""
    files.journal("order_filled", BOUGHT)


def row_twice(files: Files) -> None:
    """One trade has two rows."""
    files.in_kernel("INSERT INTO fills SELECT * FROM fills WHERE trade_id = 'T1'")


@pytest.mark.parametrize("plant", [place_twice, record_twice, use_key_twice, book_twice, row_twice])
def test_a_planted_duplicate_is_reported(plant: Callable[[Files], None], tmp_path: Path) -> None:
    """Whatever happened twice is counted as duplicated, and fails."""
    files = Files(tmp_path)
    plant(files)
    code, found = check(files)
    assert code == 1
    assert found["duplicated"] > 0


CASH = {
    "venue": "UPDATE balances SET total = '909.69000001' WHERE asset = 'USDT'",
    "kernel": "UPDATE balances SET total = '909.69000001' WHERE asset = 'USDT'",
    "base": "UPDATE balances SET total = '6.00000001' WHERE asset = 'BTC'",
    "realized": "UPDATE positions SET realized_pnl = '10.00000001'",
    "cost": "UPDATE positions SET cost = '99.99999999'",
    "realized and cost alike": "UPDATE positions SET realized_pnl = '11', cost = '101'",
    "fees": "UPDATE positions SET fees = '0.31000001'",
    "quantity": "UPDATE positions SET quantity = '1.00000001'",
    "order": "UPDATE orders SET fees = '0.20000001' WHERE client_order_id = 'a'",
    "order at the venue": "UPDATE orders SET filled_value = '200.00000001' WHERE client_order_id = 'a'",
    "a row of no fill": "INSERT INTO fills VALUES ('a', 'T7', 'buy', '1', '1', '1', '0')",
}


@pytest.mark.parametrize("where", CASH)
def test_a_hundred_millionth_of_cash_is_reported(where: str, tmp_path: Path) -> None:
    """1e-8 in any figure, here or at the venue: cash is not reconciled, and it is not called a loss."""
    files = Files(tmp_path)
    run = files.in_venue if where in ("venue", "order at the venue") else files.in_kernel
    run(CASH[where])
    code, found = check(files)
    assert (code, found["lost"], found["duplicated"], found["cash_reconciled"]) == (1, 0, 0, False)
    assert len(found["problems"]) == 1


def test_a_fill_that_the_venue_does_not_know_is_reported(tmp_path: Path) -> None:
    """Money that the kernel booked out of nothing."""
    files = Files(tmp_path)
    files.in_venue("DELETE FROM fills WHERE trade_id = 'T2'")
    code, found = check(files)
    assert (code, found["cash_reconciled"]) == (1, False)
    assert "trade T2: booked, not at the venue" in found["problems"]


def test_files_that_cannot_be_read_are_no_verdict(tmp_path: Path) -> None:
    """Exit code 2 and no object: a missing file is neither good nor bad news."""
    files = Files(tmp_path)
    files.kernel.unlink()
    code, found = check(files)
    assert code == 2
    assert "cannot be checked" in found["complaint"]
    assert not files.kernel.exists()


def test_it_says_how_it_is_called() -> None:
    """Too few arguments: usage on stderr, exit code 2."""
    done = subprocess.run([sys.executable, str(CHECKER)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage")
