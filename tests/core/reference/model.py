"""What a kernel must do, told a second time as plainly as possible: one thread, no files, no waiting.

It imports nothing of Fairlead. Figures are fractions, states are words, and every question is answered by
looking at everything. `driver` steps it beside the engine and compares all that both know.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

ZERO = Fraction(0)
LIVE = {"approved", "submitted", "unresolved", "working"}
NEVER_THERE = {"rejected", "not_sent", "not_placed"}
ENDS = {
    "not_sent": ("not_sent", {"approved", "submitted"}, {"unresolved", "filled", "canceled", "expired"}),
    "limited": ("", set(), {"unresolved", "working", "filled", "canceled", "expired"}),
    "refused": ("rejected", LIVE, {"approved", "filled"}),
    "rejected": ("rejected", LIVE, {"approved", "filled"}),
    "canceled": ("canceled", LIVE | {"not_sent", "not_placed"}, set()),
    "expired": ("expired", LIVE | {"not_sent", "not_placed"}, set()),
}
"""What each word for an end makes of an order, in which states it ends it, and in which it contradicts."""
Key = tuple[str, str]
"""Owner and symbol: what a position is kept by."""
Wish = tuple[str, bool, Fraction, Fraction]
"""What is proposed: symbol, whether it buys, quantity, price."""
Figures = tuple[bool, Fraction, Fraction, Fraction, str]
"""A trade: whether it buys, quantity, price, fee, and the currency of the fee."""


@dataclass
class Market:
    """A symbol's rules. *inverse* is nothing for spot; a contract settles in *settles* with *multiplier*."""

    base: str
    settles: str
    decimals: int
    inverse: bool | None = None
    multiplier: Fraction = Fraction(1)
    minimum: Fraction = ZERO

    def rounded(self, amount: Fraction) -> Fraction:
        """Round to the settlement precision, half to even."""
        return Fraction(round(amount * 10**self.decimals), 10**self.decimals)

    def worth(self, quantity: Fraction, price: Fraction) -> Fraction:
        """Say what a fill settles for; a buyer of an inverse contract owes it, so its sign is turned."""
        amount = quantity * self.multiplier
        return -self.rounded(amount / price) if self.inverse else self.rounded(amount * price)


@dataclass
class Order:
    """An order and what is known of it."""

    name: str
    key: Key
    buys: bool
    quantity: Fraction
    created: int
    deadline: int
    reduces: bool = False
    state: str = "submitted"
    code: str = ""
    attempt: int = 1
    canceling: bool = False
    venue_id: str = ""
    detail: object = ""
    updated: int = 0
    filled: Fraction = ZERO
    trades: dict[str, Figures] = field(default_factory=dict)

    @property
    def left(self) -> Fraction:
        """Say what it may still fill."""
        return max(self.quantity - self.filled, ZERO)


@dataclass
class Position:
    """A position as the fold of its fills."""

    quantity: Fraction = ZERO
    cost: Fraction = ZERO
    realized: Fraction = ZERO
    fees: defaultdict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def fold(self, market: Market, signed: Fraction, flow: Fraction) -> None:
        """Take a signed quantity with what it adds to the cost: increase, reduce, close, or flip."""
        held = self.quantity
        self.quantity += signed
        if held * signed >= 0:
            self.cost += flow
            return
        closes = min(abs(held), abs(signed))
        gone = self.cost if closes == abs(held) else market.rounded(self.cost * closes / abs(held))
        closing = flow if closes == abs(signed) else market.rounded(flow * closes / abs(signed))
        self.realized -= closing + gone
        self.cost += flow - closing - gone


@dataclass
class ReferenceModel:
    """The kernel of one account, without pacing and closings, behind one method for each thing that happens.

    *keys_max* is the limit of exposed keys; *ttl* of an approval, *wait* of a deadline, its *margin*, *pause*
    before another attempt, *patience* with trades that are not listed and *now* are nanoseconds.
    """

    markets: dict[str, Market]
    keys_max: int
    ttl: int
    wait: int
    margin: int
    pause: int
    patience: int
    attempts_max: int = 3
    now: int = 0
    trading: str = "active"
    orders: dict[str, Order] = field(default_factory=dict)
    positions: dict[Key, Position] = field(default_factory=dict)
    balances: defaultdict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    keys: dict[tuple[str, str], tuple[Wish, str]] = field(default_factory=dict)
    noted: set[tuple[object, ...]] = field(default_factory=set)
    zombies: set[str] = field(default_factory=set)
    out: list[tuple[object, ...]] = field(default_factory=list)

    # What is asked of everything.

    def live(self, key: Key) -> list[Order]:
        """Look for the live orders of a key."""
        return [order for order in self.orders.values() if order.state in LIVE and order.key == key]

    def held(self, key: Key) -> Fraction:
        """Say what the key holds."""
        return self.positions.get(key, Position()).quantity

    def openings(self, key: Key) -> int:
        """Count the live orders of a key that may add exposure."""
        return sum(not order.reduces for order in self.live(key))

    def exits(self, key: Key) -> Fraction:
        """Say what live reductions may still take off a key."""
        return sum((order.left for order in self.live(key) if order.reduces), ZERO)

    def exposed(self) -> set[Key]:
        """Say which keys hold something or may come to."""
        keys = {*self.positions, *(order.key for order in self.orders.values())}
        return {key for key in keys if self.held(key) or self.openings(key)}

    # What a bot and an operator do.

    def submit(self, name: str, owner: str, wish: Wish, key: str) -> None:
        """A proposal of a limit order: denied, or sent at once."""
        symbol, buys, quantity, _ = wish
        first, answer = self.keys.get((owner, key), ((), ""))
        if answer:
            self.out.append(("same", answer) if first == wish else ("another", key))
            return
        order = Order(name, (owner, symbol), buys, quantity, self.now, self.now + self.wait, updated=self.now)
        held = self.held(order.key)
        taken = sum((each.left for each in self.live(order.key) if each.buys is buys), ZERO)
        if held and (held < 0) is buys:
            order.reduces = quantity + taken <= abs(held)
            order.code = "EXIT_TAKEN" if taken and not order.reduces else ""
        if not order.code and order.reduces and quantity < self.markets[symbol].minimum:
            order.code = "REDUCTION_BELOW_MINIMUM"
        if not order.code and not order.reduces:
            keys = self.exposed()
            if self.trading != "active":
                order.code = "NOT_TRADING"
            elif order.key not in keys and len(keys) >= self.keys_max:
                order.code = "TOO_MANY"
        if order.code:
            order.state, order.attempt = "denied", 0
        self.orders[name] = order
        if key:
            self.keys[owner, key] = wish, name
        if not order.code:
            self.out.append(("send", name, 1))

    def cancel(self, name: str, by: str) -> None:
        """An owner wants an order canceled."""
        order = self.orders.get(name)
        if order is None or order.key[0] != by or order.state not in LIVE:
            self.out.append(("answer", False))
            return
        self.out.append(("answer", True))
        if order.canceling:
            return
        order.canceling = True
        self.move(order, order.state, "cancel")
        if order.state == "working":
            self.out.append(("cancel", name))
        if order.state == "approved":
            self.move(order, "not_sent", "cancel")

    def set_trading(self, state: str) -> None:
        """An operator decides."""
        self.trading = state
        self.out.append(("answer", True))

    def resolve(self, name: str, *, missing: bool) -> None:
        """An operator says that an order was never placed, or that one which is missing is over."""
        order = self.orders[name]
        over = (order.state, order.detail) == ("working", "missing")
        ready = over if missing else order.state == "unresolved"
        self.out.append(("answer", ready))
        if ready:
            self.move(order, "canceled" if missing else "not_placed", "operator")

    # What the venue says.

    def answered(self, name: str, outcome: str, attempt: int, retry: int) -> None:
        """The answer to a submit."""
        order = self.orders[name]
        if outcome == "accepted":
            self.seen_alive(order, "accepted")
        elif outcome == "unknown":
            if order.state == "submitted":
                self.move(order, "unresolved", "unknown")
        elif outcome == "limited" and order.state == "submitted":
            late = self.now + (retry or self.pause) - order.created > self.ttl
            self.move(order, "approved", "limited")
            if attempt >= self.attempts_max or late or order.canceling:
                self.move(order, "not_sent", order.detail)
        elif order.state == "working" and outcome != "limited":
            self.note("reduce", "contradiction", name, outcome)
        else:
            self.ended(order, outcome, "answer")

    def ended(self, order: Order, event: str, source: str) -> None:
        """It is said to be over, or never to have begun: believed, or it does not fit what is known."""
        to, ends, clashes = ENDS[event]
        if order.state == "denied" and event not in ("canceled", "expired"):
            self.note("halt", "illegal", order.name, to, source)
        if order.state in clashes:
            self.note("reduce", "contradiction", order.name, event, order.state, source)
        if order.state in ends:
            self.move(order, to, source)

    def cancel_answered(self, name: str, outcome: str) -> None:
        """The answer to a cancel; only a refusal means something."""
        order = self.orders[name]
        if order.state in LIVE and order.canceling and outcome == "refused":
            order.canceling = False
            self.move(order, order.state, "cancel refused")

    def reported(self, name: str, status: str, filled: Fraction, source: str, asked: int, venue: str) -> None:
        """The venue says how an order stands."""
        order, more = self.orders[name], filled > self.orders[name].filled
        state, detail, updated = order.state, order.detail, order.updated
        if status == "live":
            old = source == "stream" or (asked != 0 and asked <= order.updated)
            self.seen_alive(order, "accepted" if old else "shown_live", venue)
            if (state, detail) == ("working", "missing") and not old:
                self.noted.discard(("missing", name))
                self.move(order, order.state, "found")
        elif not more and status == "filled":
            if order.state in LIVE:
                self.said_filled(order, source)
        elif not more:
            self.ended(order, status, source)
        if more and source == "look_up" and state in ("working", "unresolved"):
            if detail != ("counts more", order.filled):
                self.move(order, order.state, ("counts more", order.filled))
            elif self.now - updated >= self.patience:
                self.note("reduce", "contradiction", name, detail)

    def said_filled(self, order: Order, source: str) -> None:
        """The venue calls it filled, and something is left: dust is over, more is not believed."""
        if order.left < self.markets[order.key[1]].minimum:
            self.move(order, "filled", "dust")
        elif source == "look_up" and order.detail != ("says filled", order.left):
            doubted = "unresolved" if order.state == "submitted" else order.state
            self.move(order, doubted, ("says filled", order.left))
            self.note("reduce", "contradiction", order.name, "says filled", order.left)

    def seen_alive(self, order: Order, event: str, venue_id: str = "") -> None:
        """The venue knows the order: it works, or it should not be there."""
        name, state = order.name, order.state
        dead = state == "denied" or state in NEVER_THERE
        zombie = dead or (event == "shown_live" and state in ("canceled", "expired"))
        news = state in LIVE - {"working"} or bool(venue_id and not order.venue_id)
        if news or (zombie and name not in self.zombies):
            order.venue_id = venue_id or order.venue_id
            order.updated = self.now
        if zombie:
            self.note("reduce", "zombie", name, event, state)
            self.out.append(("cancel", name))
        elif state in LIVE:
            self.works(order)

    def works(self, order: Order) -> None:
        """It is at the venue; a cancel that waited for that goes out."""
        if order.canceling and order.state != "working":
            self.out.append(("cancel", order.name))
        order.state = "working"

    def traded(self, name: str, trade: str, figures: Figures) -> None:
        """The venue reports a trade: booked once, whatever the order's state is."""
        order, (buys, quantity, *_) = self.orders[name], figures
        if quantity <= 0 or buys is not order.buys:
            self.note("halt", "impossible", name, trade, quantity <= 0)
            return
        if trade in order.trades:
            if order.trades[trade] != figures:
                self.note("halt", "differs", name, trade, figures)
            return
        order.trades[trade] = figures
        if order.filled + quantity > order.quantity:
            self.note("halt", "overfill", name, trade)
        state, order.filled, order.updated = order.state, order.filled + quantity, self.now
        whole = order.filled >= order.quantity
        if state == "denied":
            self.note("halt", "illegal", name, trade)
        if whole or state == "denied":
            self.move(order, "filled" if whole else "canceled", order.detail)
        elif state in LIVE:
            self.works(order)
        elif state in NEVER_THERE:
            self.note("reduce", "zombie", name, trade, state)
            self.move(order, "canceled", order.detail)
        if not whole and (state == "denied" or state in NEVER_THERE):
            self.out.append(("cancel", name))
        self.book(order, figures)

    def book(self, order: Order, figures: Figures) -> None:
        """Move position and balances."""
        _, quantity, price, fee, paid_in = figures
        market, sign = self.markets[order.key[1]], 1 if order.buys else -1
        position = self.positions.setdefault(order.key, Position())
        position.fees[paid_in] += fee
        self.balances[paid_in] -= fee
        flow, moved, realized = sign * market.worth(quantity, price), sign * quantity, position.realized
        if market.inverse is None:
            self.balances[market.base] += moved
            self.balances[market.settles] -= flow
            moved -= fee if paid_in == market.base else 0
        position.fold(market, moved, flow)
        if market.inverse is not None:
            self.balances[market.settles] += position.realized - realized

    def not_found(self, name: str, asked: int) -> None:
        """A complete look-up, asked at that time, did not find the order."""
        order = self.orders[name]
        if order.state == "working" and asked > order.updated and order.detail != "missing":
            self.move(order, order.state, "missing")
            self.note("reduce", "missing", name)
        elif order.state == "unresolved" and asked >= order.deadline + self.margin:
            self.move(order, "not_placed", "absent")

    # What time does.

    def due(self, name: str) -> None:
        """The order's time has come: try again, or ask for its cancel again."""
        order = self.orders[name]
        if order.state == "working" and order.canceling:
            self.out.append(("cancel", name))
        elif order.state == "approved":
            if self.now - order.created > self.ttl or not (order.reduces or self.trading == "active"):
                self.move(order, "not_sent", "too late")
            else:
                self.move(order, "submitted", order.detail)
                order.attempt, order.deadline = order.attempt + 1, self.now + self.wait
                self.out.append(("send", name, order.attempt))

    def restarted(self) -> None:
        """The process died and another read the store: what was on its way is in doubt."""
        self.noted, self.zombies = set(), set()
        for order in self.orders.values():
            if order.state in ("submitted", "approved"):
                self.move(order, "unresolved" if order.state == "submitted" else "not_sent", "restart")

    # What follows.

    def move(self, order: Order, state: str, detail: object) -> None:
        """Something was recorded about the order; one that is over has nothing under way."""
        order.detail, order.updated = detail, self.now
        order.state = "canceled" if order.filled and state in NEVER_THERE else state
        order.canceling = order.canceling and order.state in LIVE

    def note(self, severity: str, *what: object) -> None:
        """Something is wrong, said once: trading gets sterner, never milder."""
        if what[0] == "zombie":
            self.zombies.add(str(what[1]))
        if what not in self.noted and (severity == "halt" or self.trading == "active"):
            self.trading = "halted" if severity == "halt" else "reducing"
        self.noted.add(what)
