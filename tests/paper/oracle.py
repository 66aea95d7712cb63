"""A second paper venue, written by hand from the page that tells the rules, to compare the first with.

It shares no code with the venue and knows no cleverness: it keeps plain lists, sorts them anew for every
question, and computes in a decimal context of its own. It is slow and short on purpose; read it beside
``docs/explanation/paper-venue.md``. One symbol, BTC/USDT, and one account.

Everything it says is a line of text, as in the tapes: ``a live``, ``a fill 1 at 99.0 fee 0.09 USDT maker``.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

CENT = Decimal("0.01")
SATOSHI = Decimal("0.00000001")
TICK = Decimal("0.1")
LOT = Decimal("0.001")
MAXIMUM = Decimal(100)
MINIMUM_COST = Decimal("0.5")
MAKER = Decimal("0.001")
TAKER = Decimal("0.002")
ZERO = Decimal(0)
ONE = Decimal(1)


@dataclass
class Wish:
    """What somebody wants: an order as it stands."""

    name: str
    side: str
    kind: str
    quantity: Decimal
    limit: Decimal | None
    trigger: Decimal | None
    trail: Decimal | None
    trail_rate: Decimal | None
    force: str
    until: int
    post_only: bool
    reduce_only: bool
    age: int = 0
    place: int = 0
    filled: Decimal = ZERO
    state: str = "live"
    armed: bool = False
    takes: bool = False
    ahead: Decimal = ZERO
    best: Decimal | None = None
    lock_price: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        """Tell whether it may still trade."""
        return self.state in ("live", "triggered")

    @property
    def rest(self) -> Decimal:
        """Return what is missing."""
        return self.quantity - self.filled

    def stop(self) -> Decimal | None:
        """Return where it is set off."""
        if self.kind != "trail":
            return self.trigger
        if self.best is None:
            return None
        away = self.trail if self.trail is not None else self.best * (self.trail_rate or ZERO)
        return self.best - away if self.side == "sell" else self.best + away


@dataclass
class Rules:
    """What the settings say."""

    locking: str = "per_order"
    fee_in: str = "quote"
    participation: Decimal = ONE
    queue_ahead: Decimal = ZERO
    queue_ahead_trades: Decimal = ZERO
    queue_cancels: Decimal = ZERO
    slippage_ticks: Decimal = ZERO
    slippage_rate: Decimal = ZERO
    depth: str = ""


def floor(number: Decimal, step: Decimal) -> Decimal:
    """Round down to a step."""
    return (number / step).to_integral_value(ROUND_FLOOR) * step


def ceiling(number: Decimal, step: Decimal) -> Decimal:
    """Round up to a step."""
    return (number / step).to_integral_value(ROUND_CEILING) * step


@dataclass
class Oracle:
    """The venue, once more."""

    rules: Rules
    money: dict[str, Decimal]
    wishes: list[Wish] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    sizes: list[Decimal] = field(default_factory=list)
    last: Decimal | None = None
    volume: Decimal = ZERO
    bids: list[list[Decimal]] | None = None
    asks: list[list[Decimal]] | None = None
    places: int = 0
    now: int = 0

    # -- what others ask of it -------------------------------------------------------------------------------

    def do(self, verb: str, *words: Any) -> list[str]:  # noqa: ANN401 - the words of a tape
        """Do one step of a tape and return what it said."""
        with decimal.localcontext(decimal.Context(prec=80)):
            self.now += 1
            self.said = []
            for wish in [wish for wish in self.wishes if wish.is_open and 0 < wish.until <= self.now]:
                self.end(wish, "expired")
            getattr(self, verb)(*words)
            return self.said

    def tick(self) -> None:
        """Let time pass."""

    def place(self, wish: Wish) -> None:
        """Take an order, or say why not."""
        reason = self.why_not(wish)
        if reason:
            self.said.append(f"{wish.name} refused {reason}")
            return
        wish.age = len(self.wishes) + 1
        self.behind_all(wish)
        self.wishes.append(wish)
        self.lock(wish, self.need(wish))
        self.said.append(f"{wish.name} live")
        self.start(wish)

    def cancel(self, name: str) -> None:
        """Cancel the open order of that name."""
        for wish in self.wishes:
            if wish.name == name and wish.is_open:
                self.end(wish, "canceled on request")
                return
        self.said.append(f"{name} refused {'order_closed' if self.has(name) else 'unknown_order'}")

    def modify(self, name: str, quantity: Decimal, limit: Decimal | None, trigger: Decimal | None) -> None:
        """Change the open order of that name: it loses its place with a new price, or with a larger size."""
        found = [wish for wish in self.wishes if wish.name == name and wish.is_open]
        if not found:
            self.said.append(f"{name} refused {'order_closed' if self.has(name) else 'unknown_order'}")
            return
        wish = found[0]
        reason = self.why_no_change(wish, quantity, limit, trigger)
        if reason:
            self.said.append(f"{name} refused {reason}")
            return
        before = (wish.quantity, wish.limit, wish.trigger, wish.takes, wish.lock_price)
        loses = limit != wish.limit or quantity > wish.quantity
        if limit != wish.limit:
            wish.takes = self.reaches(wish.side, limit)
        wish.quantity, wish.limit, wish.trigger = quantity, limit, trigger
        wish.lock_price = limit or trigger or wish.lock_price
        if not wish.reduce_only and self.need(wish) > self.can_use(wish):
            wish.quantity, wish.limit, wish.trigger, wish.takes, wish.lock_price = before
            self.said.append(f"{name} refused insufficient_funds")
            return
        self.lock(wish, self.need(wish))
        self.said.append(f"{name} {wish.state}")
        if loses:
            self.behind_all(wish)
        if self.waits_for_trigger(wish) or wish.takes or loses:
            self.start(wish)

    def trade(self, price: Decimal, size: Decimal) -> None:
        """Let others trade: first whom it reaches, then whom it sets off."""
        self.last = price
        self.sizes = [*self.sizes, size][-20:]
        self.volume = floor(size * self.rules.participation, LOT)
        if self.rules.depth:
            self.make_a_book(price)
        ours_here = {"buy": ZERO, "sell": ZERO}
        reached = sorted(
            (wish for wish in self.working() if self.is_reached(wish, price)),
            key=lambda wish: (-self.beyond(wish, price), wish.place),
        )
        for wish in reached:
            if wish.is_open and not wish.takes:
                self.reach(wish, price, size, ours_here)
            elif wish.is_open and self.bids is None:
                paying = self.no_worse(wish, self.slip(wish.side, price))
                self.volume -= self.fill(wish, paying, self.volume)
        for wish in self.working():
            if wish not in reached and not wish.takes:
                wish.ahead = floor(wish.ahead * (1 - self.rules.queue_cancels), LOT)
        if self.bids is not None:
            self.walk_all()
        self.set_off(price)

    def reach(self, wish: Wish, price: Decimal, size: Decimal, ours_here: dict[str, Decimal]) -> None:
        """Give a resting order what gets through the queue before it."""
        through = size
        before, wish.ahead = wish.ahead, ZERO
        if wish.limit == price:
            passing = size - ours_here[wish.side]
            through = max(ZERO, passing - before)
            wish.ahead = max(ZERO, before - passing)
        assert wish.limit is not None
        got = self.fill(wish, wish.limit, min(floor(through * self.rules.participation, LOT), self.volume))
        self.volume -= got
        if wish.limit == price:
            ours_here[wish.side] += got

    def make_a_book(self, price: Decimal) -> None:
        """Make a book up: ticks to the best level, ticks between levels, how many, and how much on each."""
        first, step, count, size = map(Decimal, self.rules.depth.split(","))
        away = [(first + step * number) * TICK for number in range(int(count))]
        below, above = floor(price, TICK), ceiling(price, TICK)
        self.bids = [[below - each, size] for each in away if below - each > 0]
        self.asks = [[above + each, size] for each in away]

    def book(self, bids: list[list[Decimal]], asks: list[list[Decimal]]) -> None:
        """Take a book: what it crosses trades."""
        self.bids, self.asks = bids, asks
        for wish in self.working():
            while wish.is_open and not wish.takes and self.reaches(wish.side, wish.limit):
                assert wish.limit is not None
                level = self.facing(wish.side)[0]
                got = self.fill(wish, wish.limit, level[1])
                self.eat(wish.side, got)
        self.walk_all()

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Put something in."""
        self.money[asset] = self.money.get(asset, ZERO) + amount

    def withdraw(self, asset: str, amount: Decimal) -> None:
        """Take something out, as far as it is free."""
        if self.money.get(asset, ZERO) - self.locked(asset) < amount:
            self.said.append("withdraw refused insufficient_funds")
            return
        self.money[asset] -= amount

    # -- looking ---------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Tell whether there ever was such an order."""
        return any(wish.name == name for wish in self.wishes)

    def locked(self, asset: str) -> Decimal:
        """Return what open orders hold of an asset."""
        return sum((wish.locked for wish in self.wishes if pays_with(wish) == asset), ZERO)

    def working(self) -> list[Wish]:
        """Return the open orders that wait for trades, first come first."""
        live = (wish for wish in self.wishes if wish.is_open and not self.waits_for_trigger(wish))
        return sorted(live, key=lambda wish: wish.place)

    def waits_for_trigger(self, wish: Wish) -> bool:
        """Tell whether it must be set off first."""
        return wish.kind not in ("market", "limit") and not wish.armed

    def facing(self, side: str) -> list[list[Decimal]]:
        """Return what a taker of the side trades with."""
        levels = self.asks if side == "buy" else self.bids
        assert levels is not None
        return levels

    def taking(self, side: str) -> Decimal | None:
        """Return what a taker pays first."""
        if self.bids is not None:
            levels = self.facing(side)
            return levels[0][0] if levels else None
        return None if self.last is None else self.slip(side, self.last)

    def slip(self, side: str, price: Decimal) -> Decimal:
        """Make a price worse for a taker."""
        worse = self.rules.slippage_ticks * TICK + ceiling(price * self.rules.slippage_rate, TICK)
        if worse == 0:
            return price
        return price + worse if side == "buy" else max(TICK, price - worse)

    def reaches(self, side: str, limit: Decimal | None) -> bool:
        """Tell whether an order would trade at once."""
        if limit is None:
            return self.last is not None or self.bids is not None
        price = self.taking(side)
        return price is not None and (limit >= price if side == "buy" else limit <= price)

    def is_reached(self, wish: Wish, price: Decimal) -> bool:
        """Tell whether a trade at the price is at the order's price or beyond it."""
        return wish.limit is None or (price <= wish.limit if wish.side == "buy" else price >= wish.limit)

    def beyond(self, wish: Wish, price: Decimal) -> Decimal:
        """Return how far the trade is beyond the order's price; endless for a market order."""
        return Decimal("Infinity") if wish.limit is None else abs(wish.limit - price)

    def no_worse(self, wish: Wish, price: Decimal) -> Decimal:
        """Return the price, or the limit when that is better for the order."""
        if wish.limit is None:
            return price
        return min(price, wish.limit) if wish.side == "buy" else max(price, wish.limit)

    # -- refusing --------------------------------------------------------------------------------------------

    def why_not(self, wish: Wish) -> str:
        """Return the code of the refusal of a new order, or nothing."""
        if 0 < wish.until <= self.now:
            return "already_expired"
        if any(other.name == wish.name and other.is_open for other in self.wishes):
            return "duplicate_client_order_id"
        if wish.reduce_only and self.rules.locking == "per_order":
            return "unsupported_margin"
        reason = self.why_not_such(wish)
        if reason:
            return reason
        self.prepare(wish)
        if wish.reduce_only:
            return "reduce_only" if wish.side == "buy" or self.money.get("BTC", ZERO) < LOT else ""
        return "insufficient_funds" if self.need(wish) > self.can_use(wish) else ""

    def why_not_such(self, wish: Wish) -> str:
        """Return the code of the refusal of what breaks the instrument's rules, or nothing."""
        if any(price is not None and price % TICK for price in (wish.limit, wish.trigger, wish.trail)):
            return "off_tick"
        reference = wish.limit or wish.trigger or self.last
        if wish.kind != "trail":
            reference = reference or self.taking(wish.side)
        if reference is None and not (wish.kind == "trail" and wish.side == "sell"):
            return "no_market_price"
        if wish.post_only and self.reaches(wish.side, wish.limit):
            return "post_only_would_take"
        if wish.quantity % LOT:
            return "off_lot"
        if wish.quantity > MAXIMUM:
            return "above_maximum_quantity"
        return "below_minimum_cost" if reference and wish.quantity * reference < MINIMUM_COST else ""

    def why_no_change(
        self, wish: Wish, quantity: Decimal, limit: Decimal | None, trigger: Decimal | None
    ) -> str:
        """Return the code of the refusal of a change, or nothing."""
        if wish.kind == "market" or (trigger is None) != (wish.trigger is None):
            return "unsupported_change"
        if wish.armed and trigger != wish.trigger:
            return "unsupported_change"
        if (limit is None) != (wish.limit is None):
            return "bad_price"
        reason = self.why_not_such(replace(wish, quantity=quantity, limit=limit, trigger=trigger))
        return reason or ("already_filled" if quantity <= wish.filled else "")

    # -- money -----------------------------------------------------------------------------------------------

    def prepare(self, wish: Wish) -> None:
        """Find out what a new order reckons with."""
        if wish.kind == "trail":
            wish.best = self.last
        wish.takes = not self.waits_for_trigger(wish) and self.reaches(wish.side, wish.limit)
        stop = wish.stop()
        priced = wish.limit or (ceiling(stop, TICK) if stop is not None else None)
        wish.lock_price = priced or self.taking(wish.side) or self.last or ZERO

    def fee_asset(self, side: str) -> str:
        """Return what fees are paid in."""
        if self.rules.fee_in == "received":
            return "BTC" if side == "buy" else "USDT"
        return "BTC" if self.rules.fee_in == "base" else "USDT"

    def with_fee(self, wish: Wish) -> Decimal:
        """Return what one unit of what it pays with comes to, with the fee if that is of the same kind."""
        if self.fee_asset(wish.side) != pays_with(wish):
            return ONE
        return 1 + (TAKER if wish.takes or self.waits_for_trigger(wish) else MAKER)

    def need(self, wish: Wish) -> Decimal:
        """Return what the rest of the order needs."""
        if wish.side == "sell":
            return ceiling(wish.rest * self.with_fee(wish), SATOSHI)
        return ceiling(wish.rest * wish.lock_price * self.with_fee(wish), CENT)

    def can_use(self, wish: Wish) -> Decimal:
        """Return what the order may use: what nobody else holds."""
        asset = pays_with(wish)
        return self.money.get(asset, ZERO) - self.locked(asset) + wish.locked

    def lock(self, wish: Wish, amount: Decimal) -> None:
        """Let the order hold something, where orders hold anything."""
        if self.rules.locking == "per_order":
            wish.locked = amount

    # -- trading ---------------------------------------------------------------------------------------------

    def behind_all(self, wish: Wish) -> None:
        """Send it to the end of the line."""
        self.places += 1
        wish.place = self.places

    def start(self, wish: Wish) -> None:
        """Let it wait for its trigger, or trade and wait for trades."""
        if self.waits_for_trigger(wish):
            if self.last is not None and self.sets_off(wish, self.last):
                self.arm(wish)
            return
        if wish.force == "fok" and self.at_once(wish) < wish.rest:
            self.end(wish, "canceled fill-or-kill")
            return
        if wish.takes:
            self.walk(wish)
        if wish.is_open and wish.force in ("ioc", "fok"):
            self.end(wish, "canceled immediate-or-cancel")
        if wish.is_open:
            wish.ahead = ZERO if wish.takes else self.queue(wish)

    def at_once(self, wish: Wish) -> Decimal:
        """Return how much it could have now."""
        assert wish.limit is not None
        if not self.reaches(wish.side, wish.limit):
            return ZERO
        if self.bids is None:
            return self.volume
        return sum(
            (there for price, there in self.facing(wish.side) if self.no_worse(wish, price) == price), ZERO
        )

    def queue(self, wish: Wish) -> Decimal:
        """Return what stands before it."""
        if self.bids is not None:
            return self.queue_in_book(wish)
        mean = sum(self.sizes, ZERO) * self.rules.queue_ahead_trades / max(1, len(self.sizes))
        return self.rules.queue_ahead + floor(mean, LOT)

    def queue_in_book(self, wish: Wish) -> Decimal:
        """Return what the book shows at its price; below the last level, as much as there."""
        levels = self.facing("sell" if wish.side == "buy" else "buy")
        for price, there in levels:
            if price == wish.limit:
                return there
        assert wish.limit is not None
        inside = any(price < wish.limit if wish.side == "buy" else price > wish.limit for price, _ in levels)
        return ZERO if inside or not levels else levels[-1][1]

    def walk(self, wish: Wish) -> None:
        """Take what is there."""
        while wish.is_open and self.reaches(wish.side, wish.limit):
            if self.bids is None:
                price, there = self.taking(wish.side), self.volume
            elif self.facing(wish.side):
                price, there = self.facing(wish.side)[0]
            else:
                return
            if not there:
                return
            assert price is not None
            got = self.fill(wish, price, there)
            if self.bids is None:
                self.volume -= got
            else:
                self.eat(wish.side, got)

    def walk_all(self) -> None:
        """Let all that take go on."""
        for wish in self.working():
            if wish.is_open and wish.takes:
                self.walk(wish)

    def eat(self, side: str, quantity: Decimal) -> None:
        """Take something out of the best level."""
        levels = self.facing(side)
        levels[0][1] -= quantity
        if levels[0][1] == 0:
            del levels[0]

    def fill(self, wish: Wish, price: Decimal, there: Decimal) -> Decimal:
        """Trade what is there and can be paid; return how much."""
        quantity = min(wish.rest, there)
        if not quantity:
            return ZERO
        unit = self.with_fee(wish) * (price if wish.side == "buy" else 1)
        paid = quantity if quantity * unit <= self.can_use(wish) else floor(self.can_use(wish) / unit, LOT)
        if paid:
            self.settle(wish, price, paid)
        if paid < quantity:
            reason = "reduce_only" if wish.reduce_only else "insufficient_funds"
            self.end(wish, f"canceled {reason}")
        elif wish.rest == 0:
            self.end(wish, "filled")
        if paid and wish.side == "sell" and self.money["BTC"] < LOT:
            for other in self.wishes:
                if other.is_open and other.reduce_only and other is not wish:
                    self.end(other, "canceled reduce_only")
        return paid

    def settle(self, wish: Wish, price: Decimal, quantity: Decimal) -> None:
        """Move base, quote and fee."""
        value = floor(quantity * price, CENT)
        rate = TAKER if wish.takes else MAKER
        asset = self.fee_asset(wish.side)
        fee = floor(value * rate, CENT) if asset == "USDT" else floor(quantity * rate, SATOSHI)
        sign = 1 if wish.side == "buy" else -1
        self.money["BTC"] = self.money.get("BTC", ZERO) + sign * quantity
        self.money["USDT"] = self.money.get("USDT", ZERO) - sign * value
        self.money[asset] -= fee
        wish.filled += quantity
        self.lock(wish, min(self.need(wish), self.can_use(wish)))
        role = "taker" if wish.takes else "maker"
        text = f"{wish.name} fill {plain(quantity)} at {plain(price)} fee {plain(fee)} {asset} {role}"
        self.said.append(text)

    def end(self, wish: Wish, how: str) -> None:
        """End it."""
        wish.state = how.partition(" ")[0]
        wish.locked = ZERO
        self.said.append(f"{wish.name} {how}")

    # -- triggers --------------------------------------------------------------------------------------------

    def sets_off(self, wish: Wish, price: Decimal) -> bool:
        """Tell whether the price sets it off."""
        stop = wish.stop()
        if stop is None:
            return False
        on_the_way_down = (wish.side == "sell") != wish.kind.startswith("take_profit")
        return price <= stop if on_the_way_down else price >= stop

    def set_off(self, price: Decimal) -> None:
        """Let trailing stops follow, then set off what is reached: the furthest behind first."""
        waiting = [wish for wish in self.wishes if wish.is_open and self.waits_for_trigger(wish)]
        for wish in waiting:
            if wish.kind == "trail":
                better = max if wish.side == "sell" else min
                wish.best = price if wish.best is None else better(wish.best, price)
        hit = [wish for wish in waiting if self.sets_off(wish, price)]
        for wish in sorted(hit, key=lambda wish: (-abs((wish.stop() or ZERO) - price), wish.age)):
            if wish.is_open:
                self.arm(wish)

    def arm(self, wish: Wish) -> None:
        """Make it the market or limit order that it becomes."""
        wish.armed, wish.state = True, "triggered"
        self.behind_all(wish)
        wish.takes = self.reaches(wish.side, wish.limit)
        self.lock(wish, min(self.need(wish), self.can_use(wish)))
        self.said.append(f"{wish.name} triggered")
        self.start(wish)


def pays_with(wish: Wish) -> str:
    """Return the asset that an order gives."""
    return "USDT" if wish.side == "buy" else "BTC"


def plain(number: Decimal) -> str:
    """Write a number without needless zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
