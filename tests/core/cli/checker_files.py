"""Small databases as kernel and venue leave them, for tests of the checker."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

KERNEL = """
CREATE TABLE journal (sequence INTEGER PRIMARY KEY, ts_ns, kind, version, payload BLOB, hash BLOB);
CREATE TABLE store_state (id INTEGER PRIMARY KEY, head_sequence INTEGER);
CREATE TABLE orders (client_order_id, filled_quantity, filled_value, fees, state, live);
CREATE TABLE fills (client_order_id, trade_id, side, quantity, price, value, fee);
CREATE TABLE positions (symbol, book, quantity, cost, realized_pnl, fees);
CREATE TABLE balances (asset, total);
CREATE TABLE inventory (asset, opening, adjustments);
"""
VENUE = """
CREATE TABLE orders (client_order_id, filled_quantity, filled_value, fees, status);
CREATE TABLE fills (client_order_id, trade_id, side, quantity, price, value, fee);
CREATE TABLE balances (account, asset, opening, total);
CREATE TABLE instruments (symbol, base, quote);
"""


def intent(name: str, key: str = "", *, approved: bool = True) -> dict[str, Any]:
    """Return the record of an intent."""
    return {
        "client_order_id": name,
        "owner": "bot",
        "book": "bot",
        "symbol": "BTC/USDT",
        "idempotency_key": key,
        "approved": approved,
    }


def fill(name: str, trade: str, side: str, quantity: str, price: str, value: str, fee: str) -> dict[str, Any]:
    """Return the record of a fill."""
    return {
        "client_order_id": name,
        "trade_id": trade,
        "side": side,
        "quantity": quantity,
        "price": price,
        "value": value,
        "fee": fee,
        "base": "BTC",
        "quote": "USDT",
        "settlement_decimals": 8,
    }


BOUGHT = fill("a", "T1", "buy", "2", "100", "200", "0.2")
SOLD = fill("b", "T2", "sell", "1", "110", "110", "0.11")
DENIED = intent("c", "k3", approved=False)


class Files:
    """Both databases and the acknowledgements, written with everything in order."""

    def __init__(self, folder: Path) -> None:
        self.kernel = folder / "kernel.sqlite"
        self.venue = folder / "venue.sqlite"
        self.acknowledged = folder / "acknowledged.txt"
        self.acknowledged.write_text("a\nb\nc\n", encoding="ascii")
        self._write_kernel()
        self._write_venue()

    def _write_kernel(self) -> None:
        run = self.in_kernel
        run(KERNEL)
        for kind, record in (
            ("order_initialized", intent("a", "k1")),
            ("order_filled", BOUGHT),
            ("order_initialized", intent("b", "k2")),
            ("order_filled", SOLD),
            ("order_initialized", DENIED),
        ):
            self.journal(kind, record)
        for booked in (BOUGHT, SOLD):
            run("INSERT INTO fills VALUES (?,?,?,?,?,?,?)", *list(booked.values())[:7])
        run(
            "INSERT INTO orders VALUES"
            " ('a', '2', '200', '0.2', 'filled', 0), ('b', '1', '110', '0.11', 'filled', 0),"
            " ('c', '0', '0', '0', 'denied', 0)"
        )
        run("INSERT INTO positions VALUES ('BTC/USDT', 'bot', '1', '100', '10', '0.31')")
        run("INSERT INTO balances VALUES ('BTC', '6'), ('USDT', '909.69')")  # 1000 - 200.2 + 109.89
        run("INSERT INTO inventory VALUES ('BTC', '5', '0'), ('USDT', '1000', '0')")

    def _write_venue(self) -> None:
        run = self.in_venue
        run(VENUE)
        run(
            "INSERT INTO orders VALUES"
            " ('a', '2', '200', '0.2', 'filled'), ('b', '1', '110', '0.11', 'filled')"
        )
        for happened in (BOUGHT, SOLD):
            run("INSERT INTO fills VALUES (?,?,?,?,?,?,?)", *list(happened.values())[:7])
        run("INSERT INTO balances VALUES ('main', 'BTC', '5', '6'), ('main', 'USDT', '1000', '909.69')")

    def journal(self, kind: str, record: dict[str, Any]) -> None:
        """Append a record, and move the head."""
        statement = "INSERT INTO journal SELECT coalesce(max(sequence), 0) + 1, 0, ?, 1, ?, x'' FROM journal"
        self.in_kernel(statement, kind, json.dumps(record).encode())
        self.in_kernel("INSERT OR REPLACE INTO store_state SELECT 1, max(sequence) FROM journal")

    def in_kernel(self, statement: str, *values: object) -> None:
        """Run a statement in the kernel's database."""
        _run(self.kernel, statement, values)

    def in_venue(self, statement: str, *values: object) -> None:
        """Run a statement in the venue's database."""
        _run(self.venue, statement, values)


def _run(path: Path, statement: str, values: tuple[object, ...]) -> None:
    connection = sqlite3.connect(path)
    try:
        if values:
            connection.execute(statement, values)
        else:
            connection.executescript(statement)
        connection.commit()
    finally:
        connection.close()
