"""The independent checker: ``python checker.py KERNEL_DB VENUE_DB [ACKNOWLEDGEMENTS]``.

It imports nothing of Fairlead and shares no code with it: it reads the kernel's database, the venue's
database and the list of acknowledged client order ids, and compares them. It prints one JSON object and
exits with 0 when nothing is wrong, 1 when something is, 2 when it could not look.

lost             acknowledged intents, venue orders and venue fills that the journal lacks or tells with other
                 figures; records missing in the journal; booked fills without a row; orders that are over
                 here and open at the venue
duplicated       intents with two venue orders, keys with two intents, fills booked twice
cash_reconciled  for every asset: what the venue's balance moved = what the journal's fills moved = the
                 kernel's balance; for every position: quantity, cost, realized and fees are those of its
                 fills at average cost; all of it to the last digit
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
ZERO = Decimal(0)
ARGUMENTS_MIN = 3
Row = Mapping[str, Any]


@dataclass
class Findings:
    """What is wrong, by kind, each with a sentence."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    cash: list[str] = field(default_factory=list)


@dataclass
class Evidence:
    """Everything that was read: journal records by kind, rows, the venue's tables, acknowledgements."""

    records: dict[str, list[Row]]
    sequences: list[int]
    head_sequence: int
    kernel: dict[str, list[Row]]
    venue: dict[str, list[Row]]
    acknowledged: list[str]


def read(kernel_path: Path, venue_path: Path, acknowledged_path: Path | None) -> Evidence:
    """Read both files without writing to either."""
    kernel = _tables(kernel_path, ("orders", "fills", "positions", "balances", "inventory", "store_state"))
    journal = _tables(kernel_path, ("journal",))["journal"]
    journal.sort(key=lambda row: int(row["sequence"]))
    records: dict[str, list[Row]] = defaultdict(list)
    for row in journal:
        records[row["kind"]].append(json.loads(row["payload"]))
    acknowledged = acknowledged_path.read_text("ascii").split() if acknowledged_path else []
    return Evidence(
        records,
        [int(row["sequence"]) for row in journal],
        int(kernel["store_state"][0]["head_sequence"]) if kernel["store_state"] else 0,
        kernel,
        _tables(venue_path, ("orders", "fills", "balances", "instruments")),
        acknowledged,
    )


def _tables(path: Path, names: Iterable[str]) -> dict[str, list[Row]]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608 - our names
            for name in names
        }
    finally:
        connection.close()


def check(evidence: Evidence) -> Findings:
    """Compare everything with everything."""
    findings = Findings()
    _check_records(evidence, findings)
    _check_intents(evidence, findings)
    _check_fills(evidence, findings)
    _check_orders(evidence, findings)
    _check_balances(evidence, findings)
    _check_positions(evidence, findings)
    return findings


def _check_records(evidence: Evidence, findings: Findings) -> None:
    """The journal's records are 1, 2, 3 to the head."""
    present = set(evidence.sequences)
    last = max(evidence.head_sequence, *present, 0)
    findings.lost += [
        f"journal record {number}: missing" for number in range(1, last + 1) if number not in present
    ]


def _check_intents(evidence: Evidence, findings: Findings) -> None:
    intents = evidence.records["order_initialized"]
    approved = {intent["client_order_id"] for intent in intents if intent["approved"]}
    known = {intent["client_order_id"] for intent in intents}
    for name in sorted(set(evidence.acknowledged) - known):
        findings.lost.append(f"intent {name}: acknowledged, not in the journal")
    placed = Counter(order["client_order_id"] for order in evidence.venue["orders"])
    for name, count in placed.items():
        if name not in approved:
            findings.lost.append(f"order {name}: at the venue, not approved in the journal")
        if count > 1:
            findings.duplicated.append(f"intent {name}: {count} orders at the venue")
    ids = Counter(intent["client_order_id"] for intent in intents)
    findings.duplicated += [
        f"intent {name}: {count} times in the journal" for name, count in ids.items() if count > 1
    ]
    keys = Counter(
        (intent["owner"], intent["idempotency_key"]) for intent in intents if intent["idempotency_key"]
    )
    findings.duplicated += [f"key {key}: {count} intents" for (_, key), count in keys.items() if count > 1]


OPEN = frozenset({"live", "triggered"})
FILL_FIGURES = ("quantity", "price", "value", "fee")


def _check_fills(evidence: Evidence, findings: Findings) -> None:
    """Venue, journal and rows tell of the same fills, once each, with the same figures."""
    booked = {_key(fill): fill for fill in evidence.records["order_filled"]}
    rows = {_key(fill): fill for fill in evidence.kernel["fills"]}
    trades = Counter(fill["trade_id"] for fill in evidence.records["order_filled"])
    findings.duplicated += [
        f"trade {name}: booked {count} times" for name, count in trades.items() if count > 1
    ]
    row_trades = Counter(fill["trade_id"] for fill in evidence.kernel["fills"])
    findings.duplicated += [f"trade {name}: {count} rows" for name, count in row_trades.items() if count > 1]
    happened = {_key(fill): fill for fill in evidence.venue["fills"]}
    for key, fill in happened.items():
        name = f"fill {key[1]} of {key[0]}"
        if key not in booked:
            findings.lost.append(f"{name}: at the venue, not in the journal")
        elif _differs(fill, booked[key]):
            findings.lost.append(f"{name}: booked with other figures than the venue's")
    findings.cash += [f"trade {key[1]}: booked, not at the venue" for key in booked if key not in happened]
    for key, fill in booked.items():
        if key not in rows:
            findings.lost.append(f"fill {key[1]} of {key[0]}: in the journal, no row")
        elif _differs(fill, rows[key]):
            findings.lost.append(f"fill {key[1]} of {key[0]}: its row has other figures than the journal")
    findings.cash += [f"trade {key[1]}: a row, not in the journal" for key in rows if key not in booked]


def _key(fill: Row) -> tuple[str, str]:
    return fill["client_order_id"], fill["trade_id"]


def _differs(one: Row, other: Row) -> bool:
    return one["side"] != other["side"] or any(
        Decimal(one[name]) != Decimal(other[name]) for name in FILL_FIGURES
    )


def _check_orders(evidence: Evidence, findings: Findings) -> None:
    """The orders' sums are those of their booked fills, here and at the venue; none is open there alone."""
    over = {
        order["client_order_id"]: order["state"] for order in evidence.kernel["orders"] if not order["live"]
    }
    findings.lost += [
        f"order {order['client_order_id']}: {over[order['client_order_id']]} here, open at the venue"
        for order in evidence.venue["orders"]
        if order["status"] in OPEN and order["client_order_id"] in over
    ]
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO, ZERO])
    for fill in evidence.records["order_filled"]:
        total = sums[fill["client_order_id"]]
        for place, name in enumerate(("quantity", "value", "fee")):
            total[place] = EXACT.add(total[place], Decimal(fill[name]))
    for where, orders in (("row", evidence.kernel["orders"]), ("venue", evidence.venue["orders"])):
        for order in orders:
            stated = [Decimal(order[name]) for name in ("filled_quantity", "filled_value", "fees")]
            if stated != sums[order["client_order_id"]]:
                findings.cash.append(
                    f"order {order['client_order_id']}: its {where} sums are not those of its fills"
                )


def moved_by_fills(evidence: Evidence) -> dict[str, Decimal]:
    """Return what the journal's fills moved of each asset."""
    moved: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for fill in evidence.records["order_filled"]:
        quantity, cash = _flow(fill)
        moved[fill["base"]] = EXACT.add(moved[fill["base"]], quantity)
        moved[fill["quote"]] = EXACT.add(moved[fill["quote"]], cash)
    return dict(moved)


def _flow(fill: Row) -> tuple[Decimal, Decimal]:
    """Return the change of base and of quote."""
    quantity, value, fee = (Decimal(fill[name]) for name in ("quantity", "value", "fee"))
    if fill["side"] == "buy":
        return quantity, EXACT.minus(EXACT.add(value, fee))
    return EXACT.minus(quantity), EXACT.subtract(value, fee)


def moved_at_venue(evidence: Evidence) -> dict[str, Decimal]:
    """Return what each of the venue's balances moved since its opening."""
    moved: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for balance in evidence.venue["balances"]:
        change = EXACT.subtract(Decimal(balance["total"]), Decimal(balance["opening"]))
        moved[balance["asset"]] = EXACT.add(moved[balance["asset"]], change)
    return dict(moved)


def _check_balances(evidence: Evidence, findings: Findings) -> None:
    fills, venue = moved_by_fills(evidence), moved_at_venue(evidence)
    opening = {row["asset"]: Decimal(row["opening"]) for row in evidence.kernel["inventory"]}
    kernel = {
        row["asset"]: EXACT.subtract(Decimal(row["total"]), opening.get(row["asset"], ZERO))
        for row in evidence.kernel["balances"]
    }
    for asset in sorted({*fills, *venue, *kernel}):
        figures = [figure.get(asset, ZERO) for figure in (venue, fills, kernel)]
        if len(set(figures)) > 1:
            at_venue, by_fills, in_kernel = figures
            findings.cash.append(f"{asset}: venue {at_venue:f}, fills {by_fills:f}, kernel {in_kernel:f}")


@dataclass
class Position:
    """What fills make of a position: a part that leaves takes its share of the cost, rounded half to even."""

    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized_pnl: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)

    def take(self, fill: Row) -> None:
        """Fold a fill: it adds, or what it takes is realized, and what is left of it opens the other way."""
        sign, scale = (1 if fill["side"] == "buy" else -1), 10 ** int(fill["settlement_decimals"])
        signed, flow = sign * Fraction(fill["quantity"]), sign * Fraction(fill["value"])
        held, self.quantity = self.quantity, self.quantity + signed
        self.fees += Fraction(fill["fee"])
        if held * signed >= 0:
            self.cost += flow
            return
        part = min(abs(held), abs(signed))
        left = Fraction(round(self.cost * part / abs(held) * scale), scale)
        left = self.cost if part == abs(held) else left
        closing = Fraction(round(flow * part / abs(signed) * scale), scale)
        closing = flow if part == abs(signed) else closing
        self.realized_pnl -= closing + left
        self.cost += flow - closing - left


def _check_positions(evidence: Evidence, findings: Findings) -> None:
    """Each position's row has the figures that its fills make."""
    intents = {intent["client_order_id"]: intent for intent in evidence.records["order_initialized"]}
    positions: dict[tuple[str, str], Position] = defaultdict(Position)
    for fill in evidence.records["order_filled"]:
        intent = intents.get(fill["client_order_id"])
        if intent is None:
            findings.lost.append(f"fill {fill['trade_id']}: booked on an order that the journal lacks")
            continue
        positions[intent["symbol"], intent["book"]].take(fill)
    rows = {(row["symbol"], row["book"]): row for row in evidence.kernel["positions"]}
    for key in sorted({*positions, *rows}):
        row = rows.get(key)
        if row is None:
            findings.lost.append(f"position {'/'.join(key)}: fills, no row")
            continue
        figures = ("quantity", "cost", "realized_pnl", "fees")
        wrong = [name for name in figures if Fraction(row[name]) != getattr(positions[key], name)]
        if wrong:
            findings.cash.append(
                f"position {'/'.join(key)}: other than its fills make it: {', '.join(wrong)}"
            )


def report(evidence: Evidence, findings: Findings) -> dict[str, Any]:
    """Return the object to print."""
    return {
        "lost": len(findings.lost),
        "duplicated": len(findings.duplicated),
        "cash_reconciled": not findings.cash and not findings.lost and not findings.duplicated,
        "problems": [*findings.lost, *findings.duplicated, *findings.cash],
        "intents": len(evidence.records["order_initialized"]),
        "acknowledged": len(set(evidence.acknowledged)),
        "venue_orders": len(evidence.venue["orders"]),
        "venue_fills": len(evidence.venue["fills"]),
        "records": len(evidence.sequences),
        "cash": {asset: f"{change:f}" for asset, change in sorted(moved_at_venue(evidence).items())},
    }


def main(arguments: list[str]) -> int:
    """Check the files that the arguments name; return the exit code."""
    if len(arguments) < ARGUMENTS_MIN:
        sys.stderr.write("usage: checker.py KERNEL_DB VENUE_DB [ACKNOWLEDGEMENTS]\n")
        return 2
    paths = [Path(argument) for argument in arguments[1:]]
    try:
        evidence = read(paths[0], paths[1], paths[2] if len(arguments) > ARGUMENTS_MIN else None)
        findings = check(evidence)
    except (OSError, sqlite3.Error, ValueError, KeyError, ArithmeticError) as error:
        sys.stderr.write(f"The files cannot be checked: {type(error).__name__}: {error}\n")
        return 2
    sys.stdout.write(json.dumps(report(evidence, findings), indent=2) + "\n")
    return 1 if findings.lost or findings.duplicated or findings.cash else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
