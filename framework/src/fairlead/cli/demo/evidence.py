"""What a finished run is judged by: its files, read by our own readers and by the independent checker."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from fairlead.cli.demo.processes import SILENCE_NS, DemoFailed
from fairlead.cli.demo.run import DemoOptions, Kill, RunOutcome
from fairlead.cli.demo.settings import DemoFiles
from fairlead.cli.journal import verified
from fairlead.cli.store_access import StorePlace, journal_of, open_reader
from fairlead.domain.numbers import ZERO, add
from fairlead.domain.records import KernelStarted
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.store import Scalar, StoreReader

CHECKER = Path(__file__).with_name("checker.py")
_CHECKED = (0, 1)
"""Exit codes with which the checker has done its work."""

_POSITION_FIELDS = (
    "symbol",
    "book",
    "position_id",
    "currency",
    "quantity",
    "cost",
    "realized_pnl",
    "fees",
    "opened_ns",
)
"""What the report tells of a position: all that the table of positions shows, and nothing internal."""

_ORDER_FIELDS = (
    "client_order_id",
    "owner",
    "book",
    "symbol",
    "side",
    "quantity",
    "limit_price",
    "state",
    "denial_code",
    "detail",
    "filled_quantity",
    "filled_value",
    "fees",
    "created_ns",
)
"""The same of an order."""

# fixed: a matter of layout; `fairlead orders` lists the rest
_ORDERS_SHOWN = 8
_FIGURES = ". ("
"""Where a reason's sentence ends and its figures begin."""

Row = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class DenialReport:
    """How often orders were denied for a reason first, and what was said the first time."""

    code: str
    count: int
    for_instance: str


@attrs.frozen(kw_only=True)
class KillReport:
    """The kill, and what became of the order that was in flight; *moment* is where it was."""

    at_trade: int
    moment: str
    client_order_id: str
    became: str
    asked_again: bool


@attrs.frozen(kw_only=True)
class DemoReport:
    """Everything that ``fairlead demo --json`` prints.

    *orders* were sent, *denied* counts those that were not, by reason code; *denials* says why. *last_orders*
    are the newest, denied ones among them. *partial_fills* are fills
    that left a rest of their order. Amounts are in *currency*. *lost*, *duplicated* and
    *cash_reconciled* are the independent checker's; *problems* are its sentences and the verification's.
    """

    seed: int
    trades_replayed: int
    orders: int
    fills: int
    partial_fills: int
    denied: Mapping[str, int]
    denials: Sequence[DenialReport]
    order_states: Mapping[str, int]
    last_orders: Sequence[Row]
    positions: Sequence[Row]
    realized_pnl: Decimal
    fees: Decimal
    currency: str
    acknowledged: int
    cash_moved: Mapping[str, str]
    cash_reconciled: bool
    killed_and_resumed: bool
    kill: KillReport | None
    kernel_starts: int
    lost: int
    duplicated: int
    journal_verified: bool
    journal_records: int
    rows_compared: int
    faults: Mapping[str, int]
    notices: Mapping[str, int]
    trading_state: str
    problems: Sequence[str]

    def is_proven(self, trades: int) -> bool:
        """Tell whether every proof holds, and the whole tape was played."""
        return (
            self.trades_replayed == trades
            and self.killed_and_resumed
            and not self.lost
            and not self.duplicated
            and self.cash_reconciled
            and self.journal_verified
        )


async def judge(options: DemoOptions, files: DemoFiles, outcome: RunOutcome) -> DemoReport:
    """Read both files and say what they prove."""
    checked = await _checked(files)
    async with open_reader(StorePlace(files.store)) as reader:
        verification = await verified(reader)
        orders = await reader.rows("orders")
        fills = await reader.rows("fills")
        positions = await reader.rows("positions")
        starts = await _starts(reader)
    sent = [row for row in orders if not row["denial_code"]]
    return DemoReport(
        seed=options.seed,
        trades_replayed=outcome.end["position"],
        orders=len(sent),
        fills=len(fills),
        partial_fills=_partial_fills(orders, fills),
        denied=_counts(str(row["denial_code"]) for row in orders if row["denial_code"]),
        denials=_denials(orders),
        order_states=_counts(str(row["state"]) for row in sent),
        last_orders=[{name: row[name] for name in _ORDER_FIELDS} for row in _by_age(orders)[-_ORDERS_SHOWN:]],
        positions=[_position(row) for row in positions],
        realized_pnl=_sum(positions, "realized_pnl"),
        fees=_sum(positions, "fees"),
        currency=str(positions[0]["currency"]) if positions else "",
        acknowledged=checked["acknowledged"],
        cash_moved=checked["cash"],
        cash_reconciled=checked["cash_reconciled"],
        killed_and_resumed=_is_resumed(outcome.kill, orders, starts),
        kill=_kill_report(outcome.kill, orders, files),
        kernel_starts=len(starts),
        lost=checked["lost"],
        duplicated=checked["duplicated"],
        journal_verified=verification.ok,
        journal_records=verification.records,
        rows_compared=verification.rows_compared,
        faults=outcome.end["faults"],
        notices=outcome.notices,
        trading_state=outcome.end["trading"]["state"],
        problems=[*checked["problems"], *verification.problems],
    )


async def _checked(files: DemoFiles) -> Mapping[str, Any]:
    """Run the checker as a program of its own, so that nothing of ours can help it."""
    paths = (files.store, files.venue, files.acknowledgements)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(CHECKER),
        *map(str, paths),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with SystemClock().timeout_ns(SILENCE_NS):
        said, complaint = await process.communicate()
    if process.returncode not in _CHECKED:
        raise DemoFailed(f"The checker could not look: {complaint.decode(errors='replace').strip()}")
    checked: Mapping[str, Any] = json.loads(said)
    return checked


async def _starts(reader: StoreReader) -> list[int]:
    """Return the sequences at which a kernel took the store."""
    return [e.sequence async for e in journal_of(reader) if e.kind == KernelStarted.KIND]


def _is_resumed(kill: Kill | None, orders: Sequence[Row], starts: Sequence[int]) -> bool:
    """A SIGKILL met an order in flight, a kernel took the same file again, and that order has ended."""
    if kill is None or not kill.was_sigkill or len(starts) <= 1:
        return False
    return any(row["client_order_id"] == kill.client_order_id and not row["live"] for row in orders)


def _kill_report(kill: Kill | None, orders: Sequence[Row], files: DemoFiles) -> KillReport | None:
    if kill is None:
        return None
    name = kill.client_order_id
    states = [row["state"] for row in orders if row["client_order_id"] == name]
    return KillReport(
        at_trade=kill.at_trade,
        moment=kill.moment.value,
        client_order_id=name,
        became=states[0] if states else "unknown",
        asked_again=name in files.acknowledgements.read_text("ascii").split(),
    )


def _partial_fills(orders: Sequence[Row], fills: Sequence[Row]) -> int:
    quantities = {row["client_order_id"]: row["quantity"] for row in orders}
    filled: dict[str, Decimal] = defaultdict(lambda: ZERO)
    partial = 0
    for fill in sorted(fills, key=lambda row: int(row["sequence"])):
        name = fill["client_order_id"]
        filled[name] = add(filled[name], fill["quantity"])
        partial += filled[name] < quantities[name]
    return partial


def _by_age(orders: Sequence[Row]) -> list[Row]:
    return sorted(orders, key=lambda row: (row["created_ns"], row["client_order_id"]))


def _denials(orders: Sequence[Row]) -> list[DenialReport]:
    first: dict[str, str] = {}
    for row in _by_age(orders):
        if row["denial_code"]:
            sentence, figures, _ = str(row["detail"]).partition(_FIGURES)
            first.setdefault(str(row["denial_code"]), f"{sentence}." if figures else sentence)
    counts = _counts(str(row["denial_code"]) for row in orders if row["denial_code"])
    return [
        DenialReport(code=code, count=count, for_instance=first[code].replace(f" {code}:", "", 1))
        for code, count in counts.items()
    ]


def _position(row: Row) -> dict[str, Scalar]:
    return {name: row[name] for name in _POSITION_FIELDS}


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _sum(rows: Sequence[Row], name: str) -> Decimal:
    total = ZERO
    for row in rows:
        total = add(total, row[name])
    return total
