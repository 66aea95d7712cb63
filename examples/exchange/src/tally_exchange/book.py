"""What the venue Tally keeps: one account, its tickets (orders) and the trades on them.

A ticket rests until others trade at its price, and fills there. The market is BTC-USDT, the fee a thousandth
of the value, in USDT. Texts are the venue's own: it calls an order a ticket and an error a complaint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

MARKET = {"code": "BTC-USDT", "coin": "BTC", "cash": "USDT", "tick": "0.1", "lot": "0.0001"}
FEE_RATE = Decimal("0.001")
_ZERO = Decimal(0)


class Complaint(Exception):
    """The venue will not do it: a code, and a sentence."""

    def __init__(self, code: str, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(f"{code}: {text}")


@attrs.define
class Ticket:
    """An order at the venue; *state* is ``open``, ``done`` or ``withdrawn``."""

    number: int
    ref: str
    side: str
    amount: Decimal
    price: Decimal
    at_ms: int
    filled: Decimal = _ZERO
    state: str = "open"

    @property
    def left(self) -> Decimal:
        """Return what may still trade."""
        return self.amount - self.filled if self.state == "open" else _ZERO

    def told(self) -> dict[str, Any]:
        """Return it as the venue tells it."""
        found = attrs.asdict(self)
        return {name: f"{each:f}" if isinstance(each, Decimal) else each for name, each in found.items()}


@attrs.define
class Book:
    """The account's tickets, trades and purse; *now_ms* tells the venue's time."""

    now_ms: Callable[[], int]
    page: int = 50
    tickets: list[Ticket] = attrs.field(factory=list)
    trades: list[dict[str, Any]] = attrs.field(factory=list)
    purse: dict[str, Decimal] = attrs.field(
        factory=lambda: {"USDT": Decimal(100_000), "BTC": Decimal(1)}, init=False
    )

    def do(self, command: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do one command and return the answer; raise `Complaint` when it is not done."""
        known: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "market": lambda _: {"markets": [MARKET]},
            "place": self.place,
            "withdraw": self.withdraw,
            "tickets": self.list_tickets,
            "trades": self.list_trades,
            "purse": lambda _: {"held": {name: self._held(name) for name in self.purse}},
        }
        if command not in known:
            raise Complaint("NO_COMMAND", f"There is no {command}.")
        return {**known[command](asked), "at_ms": self.now_ms()}

    def place(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a ticket, unless it comes too late, breaks the market's rules, or cannot be paid."""
        amount, price = Decimal(asked["amount"]), Decimal(asked["price"])
        if asked["market"] != MARKET["code"]:
            raise Complaint("NO_MARKET", f"Nothing trades as {asked['market']}.")
        if self.now_ms() > asked["take_until_ms"]:
            raise Complaint("LATE", "The request came after its time.")
        if amount <= 0 or amount % Decimal(MARKET["lot"]):
            raise Complaint("BAD_LOT", f"The lot is {MARKET['lot']}.")
        if price <= 0 or price % Decimal(MARKET["tick"]):
            raise Complaint("BAD_TICK", f"The tick is {MARKET['tick']}.")
        needed = {"B": ("USDT", amount * price * (1 + FEE_RATE)), "S": ("BTC", amount)}[asked["side"]]
        if needed[1] > self.purse[needed[0]] - self._locked(needed[0]):
            raise Complaint("TOO_POOR", f"That takes {needed[1]:f} {needed[0]}.")
        ticket = Ticket(len(self.tickets) + 1, asked["ref"], asked["side"], amount, price, self.now_ms())
        self.tickets.append(ticket)
        return {"number": ticket.number}

    def withdraw(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """End a ticket, by its number or by its reference."""
        found = self._matching(asked)
        if not found:
            raise Complaint("NO_TICKET", "There is no such ticket.")
        if found[-1].state != "open":
            raise Complaint("ENDED", f"The ticket is {found[-1].state}.")
        found[-1].state = "withdrawn"
        return {"number": found[-1].number}

    def list_tickets(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """List the open tickets, or those of a reference."""
        found = self._matching(asked) if asked else [each for each in self.tickets if each.state == "open"]
        return {"tickets": [each.told() for each in found]}

    def list_trades(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """List a page of trades behind a number, or all of a reference."""
        if "ref" in asked:
            return {"trades": [each for each in self.trades if each["ref"] == asked["ref"]], "more": False}
        behind = self.trades[asked["behind"] :]
        return {"trades": behind[: self.page], "more": len(behind) > self.page}

    def trade(self, price: Decimal, amount: Decimal) -> None:
        """Let others trade: our tickets that the price reaches fill, the oldest first."""
        for ticket in self.tickets:
            reached = ticket.price >= price if ticket.side == "B" else ticket.price <= price
            filling = min(amount, ticket.left) if reached else _ZERO
            if filling:
                amount -= filling
                self._fill(ticket, filling)

    def _fill(self, ticket: Ticket, amount: Decimal) -> None:
        ticket.filled += amount
        if ticket.filled == ticket.amount:
            ticket.state = "done"
        value = amount * ticket.price
        fee, sign = value * FEE_RATE, 1 if ticket.side == "B" else -1
        self.purse["BTC"] += sign * amount
        self.purse["USDT"] -= sign * value + fee
        figures = {"amount": amount, "price": ticket.price, "fee": fee}
        self.trades.append(
            {
                "trade": len(self.trades) + 1,
                "number": ticket.number,
                "ref": ticket.ref,
                "side": ticket.side,
                "at_ms": self.now_ms(),
                **{name: f"{figure:f}" for name, figure in figures.items()},
            }
        )

    def _matching(self, asked: Mapping[str, Any]) -> list[Ticket]:
        number, ref = asked.get("number"), asked.get("ref")
        return [each for each in self.tickets if number == each.number or (not number and ref == each.ref)]

    def _locked(self, asset: str) -> Decimal:
        factor = {"USDT": 1 + FEE_RATE, "BTC": Decimal(1)}[asset]
        side = {"USDT": "B", "BTC": "S"}[asset]
        return sum(
            (
                each.left * (each.price if side == "B" else 1) * factor
                for each in self.tickets
                if each.side == side
            ),
            _ZERO,
        )

    def _held(self, asset: str) -> dict[str, str]:
        return {"total": f"{self.purse[asset]:f}", "locked": f"{self._locked(asset):f}"}
