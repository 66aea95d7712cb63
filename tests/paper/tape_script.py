"""Tapes written by hand: what others trade, what we ask for, and what the venue must say to each step.

A tape is text. ``# why`` says what it shows; ``rules`` and ``opening`` are the venue's; ``> step`` is done,
one nanosecond after the other, and is followed by all that is said about our orders, nothing left out;
``= ASSET total locked amount`` is what is held at that point. The instrument is that of `venues`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from fairlead.ports.exchange import (
    AdjustmentKind,
    FillReport,
    ModifyRequest,
    OrderReport,
    OrderSide,
    OrderType,
    Report,
    SubmitRequest,
    Terms,
    TimeInForce,
    VenueStatus,
)
from fairlead_paper import messages as say
from fairlead_paper.desk import Desk
from fairlead_paper.opening import open_desk
from fairlead_paper.records import DepthRules, FeeIn, Locking, PublicTrade
from fairlead_paper.settings import VenueSettings
from tests.paper.oracle import Oracle, Rules, Wish, plain
from tests.paper.venues import ACCOUNT, INSTRUMENT, SYMBOL

FOLDER = Path(__file__).parent / "tapes"
KINDS = {
    "market": ("", "", "market"),
    "limit": ("limit", "", "limit"),
    "stop": ("", "trigger", "stop"),
    "stop_limit": ("limit", "trigger", "stop_limit"),
    "take_profit": ("", "trigger", "take_profit"),
    "take_profit_limit": ("limit", "trigger", "take_profit_limit"),
    "trail": ("", "trail", "trailing_stop"),
    "trail_rate": ("", "trail_rate", "trailing_stop"),
}


@attrs.define
class Step:
    """One step: what is done, what is said, and what is held afterwards."""

    words: list[str]
    said: list[str] = attrs.field(factory=list)
    held: list[str] = attrs.field(factory=list)


@attrs.define
class TapeScript:
    """A whole tape."""

    name: str
    rules: dict[str, str] = attrs.field(factory=dict)
    opening: dict[str, str] = attrs.field(factory=lambda: {"USDT": "1000", "BTC": "10"})
    steps: list[Step] = attrs.field(factory=list)


def read_tape(path: Path) -> TapeScript:
    """Read a tape."""
    tape = TapeScript(path.stem)
    for line in path.read_text("ascii").splitlines():
        head, _, rest = line.partition(" ")
        if head == "rules":
            tape.rules = dict(pair.split("=") for pair in rest.split())
        elif head == "opening":
            tape.opening = dict(pair.split("=") for pair in rest.split())
        elif head == ">":
            tape.steps.append(Step(rest.split()))
        elif head == "=":
            tape.steps[-1].held.append(rest)
        elif head and head != "#":
            tape.steps[-1].said.append(line)
    return tape


def wish_of(side: str, words: list[str]) -> Wish:
    """Return what the words ask for: NAME QUANTITY KIND [trigger] [limit] [force] [flags]."""
    name, quantity, kind, *rest = words
    limited, condition, _ = KINDS[kind]
    condition_price = Decimal(rest.pop(0)) if condition else None
    limit = Decimal(rest.pop(0)) if limited else None
    force = rest.pop(0) if rest and rest[0] in ("ioc", "fok", "gtd") else "gtc"
    until = int(rest.pop(0)) if force == "gtd" else 0
    return Wish(
        name=name,
        side=side,
        kind="trail" if kind == "trail_rate" else kind,
        quantity=Decimal(quantity),
        limit=limit,
        trigger=condition_price if condition == "trigger" else None,
        trail=condition_price if condition == "trail" else None,
        trail_rate=condition_price if condition == "trail_rate" else None,
        force=force,
        until=until,
        post_only="post_only" in rest,
        reduce_only="reduce_only" in rest,
    )


def levels_of(word: str) -> list[list[Decimal]]:
    """Return the levels of a side: price:quantity, separated by commas."""
    return [[Decimal(part) for part in pair.split(":")] for pair in word.split(",") if pair]


def change_of(words: list[str]) -> tuple[str, Decimal, Decimal | None, Decimal | None]:
    """Return name, quantity, limit and trigger price of a change."""
    name, quantity, *rest = words
    pairs = dict(zip(rest[::2], (Decimal(word) for word in rest[1::2]), strict=True))
    return name, Decimal(quantity), pairs.get("limit"), pairs.get("trigger")


class OracleSide:
    """Does the steps of a tape with the oracle."""

    def __init__(self, tape: TapeScript) -> None:
        words = {"locking", "fee_in", "depth"}
        figures = {key: value if key in words else Decimal(value) for key, value in tape.rules.items()}
        opening = {asset: Decimal(total) for asset, total in tape.opening.items()}
        self.oracle = Oracle(Rules(**figures), opening)  # type: ignore[arg-type]  # checked by its class

    def do(self, words: list[str]) -> list[str]:
        """Do a step and return what was said."""
        verb, *rest = words
        arguments: tuple[Any, ...] = ()
        if verb in ("buy", "sell"):
            verb, arguments = "place", (wish_of(verb, rest),)
        elif verb == "modify":
            arguments = change_of(rest)
        elif verb == "trade":
            arguments = tuple(map(Decimal, rest))
        elif verb == "book":
            arguments = tuple(map(levels_of, rest))
        elif verb in ("deposit", "withdraw"):
            arguments = (rest[0], Decimal(rest[1]))
        else:
            arguments = tuple(rest)
        return self.oracle.do(verb, *arguments)

    def held(self) -> list[str]:
        """Return what is held of each asset."""
        money, locked = self.oracle.money, self.oracle.locked
        return [
            f"{asset} {plain(money.get(asset, Decimal(0)))} locked {plain(locked(asset))}"
            for asset in ("USDT", "BTC")
        ]


class VenueSide:
    """Does the steps of a tape with the paper venue; with a file it is closed and opened before each."""

    def __init__(self, tape: TapeScript, file: Path | None = None) -> None:
        given = {"queue_ahead_trades": "0", "slippage_ticks": "0", **tape.rules}
        rules = {key: _WORDS.get(key, Decimal)(value) for key, value in given.items()}
        self.settings = VenueSettings(
            account=ACCOUNT,
            balances={asset: Decimal(total) for asset, total in tape.opening.items()},
            instruments=(INSTRUMENT,),
            file=str(file) if file else "",
            synchronous="normal",
            **rules,
        )
        self.now_ns = 0
        self.said: list[str] = []
        self.desk = self._open()

    def _open(self) -> Desk:
        desk = open_desk(self.settings, lambda: self.now_ns)
        desk.listen(ACCOUNT, self._hear)
        return desk

    def _hear(self, report: Report) -> None:
        if isinstance(report, FillReport):
            role, fee = report.liquidity.value, f"{plain(report.fee)} {report.fee_currency}"
            figures = f"{plain(report.quantity)} at {plain(report.price)} fee {fee} {role}"
            self.said.append(f"{report.client_order_id} fill {figures}")
        elif isinstance(report, OrderReport):
            reason = report.reason.partition(":")[0] if report.status is VenueStatus.CANCELED else ""
            if reason.endswith(" remainder"):
                reason = reason.removesuffix(" remainder")
            how = reason if reason.startswith("canceled") else f"{report.status.value} {reason}"
            self.said.append(f"{report.client_order_id} {how}".strip())

    def close(self) -> None:
        """Close the file."""
        self.desk.close()

    def do(self, words: list[str]) -> list[str]:
        """Do a step and return what was said."""
        if self.settings.file:
            self.desk.close()
            self.desk = self._open()
        self.now_ns += 1
        self.said = []
        verb, *rest = words
        if verb == "trade":
            self.desk.trade(PublicTrade(SYMBOL, Decimal(rest[0]), Decimal(rest[1]), self.now_ns))
        elif verb == "book":
            bids, asks = ([(price, there) for price, there in levels_of(word)] for word in rest)
            self.desk.show(SYMBOL, bids, asks)
        else:
            answer = self.desk.handle(ACCOUNT, self._request(verb, rest))
            if isinstance(answer, say.Refused):
                name = verb if verb == "withdraw" else rest[0]
                self.said.append(f"{name} refused {answer.reason.partition(':')[0]}")
        return self.said

    def held(self) -> list[str]:
        """Return what is held of each asset."""
        answer = self.desk.handle(ACCOUNT, say.ReadBalances())
        assert isinstance(answer, say.Holdings)
        held = {holding.asset: holding for holding in answer.holdings}
        nothing = say.Holding("", Decimal(0), Decimal(0))
        figures = ((asset, held.get(asset, nothing)) for asset in ("USDT", "BTC"))
        return [f"{asset} {plain(what.total)} locked {plain(what.locked)}" for asset, what in figures]

    def _request(self, verb: str, rest: list[str]) -> say.Request:
        if verb in ("buy", "sell"):
            return say.Place(request_of(wish_of(verb, rest), rest[2]))
        if verb == "cancel":
            return say.Cancel(rest[0], "", SYMBOL)
        if verb == "modify":
            name, quantity, limit, trigger = change_of(rest)
            terms = Terms(quantity, limit, trigger)
            return say.Modify(ModifyRequest(name, "", SYMBOL, OrderSide.BUY, OrderType.LIMIT, terms, 0))
        if verb in ("deposit", "withdraw"):
            sign = 1 if verb == "deposit" else -1
            kind = AdjustmentKind.DEPOSIT if verb == "deposit" else AdjustmentKind.WITHDRAWAL
            return say.Adjust(rest[0], sign * Decimal(rest[1]), kind)
        assert verb == "tick", verb
        return say.ReadOpen()


def depth_of(word: str) -> DepthRules:
    """Return the made-up book of a word: ticks to the best level, between levels, how many, how much."""
    first, step, count, size = word.split(",")
    return DepthRules(
        half_spread_ticks=int(first), level_ticks=int(step), levels=int(count), level_quantity=Decimal(size)
    )


_WORDS: dict[str, Any] = {"locking": Locking, "fee_in": FeeIn, "slippage_ticks": int, "depth": depth_of}


def request_of(wish: Wish, kind: str) -> SubmitRequest:
    """Return the request that asks for the same."""
    return SubmitRequest(
        client_order_id=wish.name,
        symbol=SYMBOL,
        side=OrderSide(wish.side),
        order_type=OrderType(KINDS[kind][2]),
        time_in_force=TimeInForce(wish.force),
        quantity=wish.quantity,
        limit_price=wish.limit,
        reduces=False,
        deadline_ns=0,
        trigger_price=wish.trigger,
        trailing_distance=wish.trail,
        trailing_rate=wish.trail_rate,
        expire_ns=wish.until,
        post_only=wish.post_only,
        reduce_only=wish.reduce_only,
    )
