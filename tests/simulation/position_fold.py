"""Positions as the journal's fills make them, by the reference model, and what must hold while they do.

Nothing of the kernel's ledger is used, for the model imports nothing of Fairlead. Of a key that an operator
corrected by hand, or whose contracts are settled otherwise than by price times quantity, nothing is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from tests.core.reference.model import Market, Position

Record = Mapping[str, Any]
Key = tuple[str, str, str]
ZERO = Fraction(0)
ENDS = frozenset(
    {"not_sent", "rejected", "canceled", "expired", "absent", "resolved_by_operator", "fully_filled"}
)
"""The events with which an order stops taking anything of a position."""
FLAT = frozenset({"CLOSED", "ALREADY_FLAT"})
"""How a closing ends that says that nothing is held any more."""


class PositionFold:
    """Folds records one after the other, and notes where a promise about positions is broken."""

    def __init__(self) -> None:
        self.positions: dict[Key, Position] = defaultdict(Position)
        self.unsaid: set[Key] = set()
        self.problems: list[str] = []
        self._keys: dict[str, Key] = {}
        self._exits: dict[Key, dict[str, Fraction]] = defaultdict(dict)
        self._sizes: dict[str, Fraction] = {}
        self._sent: set[str] = set()
        self._filled: dict[str, Fraction] = defaultdict(Fraction)
        self._closings: dict[str, tuple[Key, bool]] = {}

    def take(self, kind: str, record: Record) -> None:
        """Fold one record."""
        if kind in ("order_initialized", "order_adopted"):
            self._order(record)
        elif kind == "order_filled":
            self._fill(record)
        elif kind == "order_updated":
            self._resize(str(record["client_order_id"]), Fraction(record["terms"]["quantity"]))
        elif kind == "attempt_started":
            self._sent.add(str(record["client_order_id"]))
        elif kind == "order_event":
            self._event(str(record["client_order_id"]), record["event"])
        elif kind == "position_corrected":
            self.unsaid |= {key for key in self.positions if key[0] == record["symbol"]}
            self.unsaid.add((record["symbol"], record["book"], ""))
        elif kind == "closing_requested":
            key = key_of(record)
            self._closings[record["closing_id"]] = key, not self.positions[key].quantity
        elif kind == "closing_ended":
            self._close(record)

    def _order(self, record: Record) -> None:
        name, key = str(record["client_order_id"]), key_of(record)
        self._keys[name] = key
        if record.get("contract"):
            self.unsaid.add(key)
        if "approved" not in record:
            self._sent.add(name)  # an order that was taken over is at the venue
        elif not record["approved"]:
            return
        self._sizes[name] = Fraction(record["quantity"])
        if record["reduces"]:
            self._exits[key][name] = self._sizes[name]
            self._demand_exits(key, name)

    def _resize(self, name: str, quantity: Fraction) -> None:
        self._sizes[name] = quantity
        key = self._keys[name]
        if name in self._exits[key]:
            self._exits[key][name] = max(quantity - self._filled[name], ZERO)
            self._demand_exits(key, name)

    def _demand_exits(self, key: Key, name: str) -> None:
        """What live exits may still take is never more than is held: two closers never sell the same."""
        held, taken = abs(self.positions[key].quantity), sum(self._exits[key].values(), ZERO)
        if taken > held and key not in self.unsaid:
            self.problems.append(f"exits of {taken} for {held} that is held of {key}, with {name}")

    def _event(self, name: str, event: str) -> None:
        """What is over takes nothing any more; so is what was to be canceled and is not on the wire."""
        if event == "limited":
            self._sent.discard(name)
        if event in ENDS or (event == "cancel_requested" and name not in self._sent):
            self._exits[self._keys[name]].pop(name, None)

    def _fill(self, record: Record) -> None:
        name = str(record["client_order_id"])
        key = self._keys[name]
        position = self.positions[key]
        quantity, fee = Fraction(record["quantity"]), Fraction(record["fee"])
        currency = record.get("fee_currency", "")
        signed = quantity if record["side"] == "buy" else -quantity
        if currency in ("", record["quote"]):
            position.fees[""] += fee
        elif currency == record["base"]:
            signed -= fee
        value, decimals = Fraction(record["value"]), int(record["settlement_decimals"])
        market = Market(record["base"], record["quote"], decimals)
        position.fold(market, signed, value if signed > 0 else -value)
        self._filled[name] += quantity
        if name in self._exits[key]:
            self._exits[key][name] = max(self._sizes[name] - self._filled[name], ZERO)
        if not position.quantity:
            for closing, (its, _) in self._closings.items():
                if its == key:
                    self._closings[closing] = key, True

    def _close(self, record: Record) -> None:
        """Who was told that a position is closed was told so after nothing was held."""
        key, was_flat = self._closings[record["closing_id"]]
        if record["code"] in FLAT and not was_flat and key not in self.unsaid:
            self.problems.append(f"{record['closing_id']} ended {record['code']} and {key} was never flat")


def key_of(record: Record) -> Key:
    """Return what the record's position is found by."""
    return str(record["symbol"]), str(record["book"]), str(record.get("position_id", ""))


def folded(records: Iterable[tuple[str, Record]]) -> PositionFold:
    """Return the fold of a whole journal."""
    fold = PositionFold()
    for kind, record in records:
        fold.take(kind, record)
    return fold


def position_problems(records: Iterable[tuple[str, Record]], rows: Sequence[Record]) -> list[str]:
    """Return where rows have other figures than the fills make, and what was broken on the way."""
    fold = folded(records)
    found = {key_of(row): row for row in rows}
    problems = list(fold.problems)
    for key in sorted({*found, *fold.positions} - fold.unsaid):
        ours, row = fold.positions[key], found.get(key)
        wanted = {
            "quantity": ours.quantity,
            "cost": ours.cost,
            "realized_pnl": ours.realized,
            "fees": ours.fees[""],
        }
        for name, figure in wanted.items():
            told = ZERO if row is None else Fraction(row[name])
            if told != figure:
                problems.append(f"{name} of {key} is {float(told)} here, its fills make {float(figure)}")
    return problems
