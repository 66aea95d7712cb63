"""What a bot wants in a drawn life, and the bot that wants it: every command has its key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import attrs

from fairlead import ExecutionResult, Proposal, Session, TimeInForce
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.testing.generation import Generation
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.virtual_clock import START_OF_2026_NS
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import insist

T = TypeVar("T")

LANES_MAX = 3
WISHES_MAX = 6
KINDS = (
    "rest", "rest", "take", "cancel", "modify", "replace", "sell", "dated", "target", "close", "cancel-all",
)  # fmt: skip
UNTIL_MS_MAX = 3_000
PRICES = ("90", "99", "100", "100", "101")
MILLISECOND = NANOSECONDS_PER_MILLISECOND


@attrs.frozen
class Wish:
    """One thing that the bot wants, and after which pause; *until_ms* is counted from the world's start."""

    key: str
    kind: str
    quantity: str
    price: str
    after_ms: int
    until_ms: int

    def proposal(self) -> Proposal:
        """Return what is proposed, the same each time."""
        if self.kind == "target":
            return Proposal.to_target(SYMBOL, self.quantity)
        if self.kind == "sell":
            return Proposal.sell(SYMBOL, quantity=self.quantity)
        if self.kind == "take":
            return Proposal.buy(SYMBOL, quantity=self.quantity)
        if self.kind == "dated":
            return Proposal.buy(
                SYMBOL, quantity=self.quantity, limit_price=self.price,
                time_in_force=TimeInForce.GTD, expire_ns=START_OF_2026_NS + self.until_ms * MILLISECOND,
            )  # fmt: skip
        return Proposal.buy(SYMBOL, quantity=self.quantity, limit_price=self.price)


Lane = tuple[Wish, ...]


def lanes_of(seed: int) -> tuple[Lane, ...]:
    """Return what a seed draws: wishes in lanes, which the bot carries out side by side."""
    draw = SeedStreams(seed).of("wishes")

    def wish(key: str) -> Wish:
        kind = draw.choice(KINDS)
        return Wish(
            key=f"{key}-{kind}",
            kind=kind,
            quantity=f"0.{draw.randrange(10, 90)}",
            price=draw.choice(PRICES),
            after_ms=draw.randrange(400),
            until_ms=draw.randrange(UNTIL_MS_MAX),
        )

    def lane(place: int) -> Lane:
        count = draw.randrange(1, WISHES_MAX // (place + 1) + 1)
        return tuple(wish(f"{place}.{number}") for number in range(count))

    return tuple(lane(place) for place in range(draw.randrange(1, LANES_MAX + 1)))


def fewer(lanes: Sequence[Lane]) -> list[tuple[Lane, ...]]:
    """Return the lanes with one wish less each."""
    found = []
    for index, lane in enumerate(lanes):
        for number in range(len(lane)):
            rest = lane[:number] + lane[number + 1 :]
            found.append((*lanes[:index], *([rest] if rest else []), *lanes[index + 1 :]))
    return [each for each in found if each]


class Bot:
    """Carries out its wishes: whatever it was told before, it says the same."""

    def __init__(self, world: MarketWorld, generation: Generation, session: Session) -> None:
        self._world = world
        self._generation = generation
        self._session = session
        self._clock = world.clock_of(generation)
        self._names: list[str] = []

    async def carry_out(self, lanes: Sequence[Lane]) -> None:
        """Carry out every lane, and take back what still rests."""
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._lane(lane))
        for name in self._names:
            await self._insist(partial(self._session.cancel, name))

    async def _lane(self, lane: Lane) -> None:
        for wish in lane:
            await self._clock.sleep_ns(wish.after_ms * MILLISECOND)
            await self._one(wish)

    async def _one(self, wish: Wish) -> None:
        if wish.kind == "close":
            close = partial(self._session.close_position, SYMBOL, idempotency_key=wish.key)
            self._heard(wish, await self._insist(close))
        elif wish.kind == "cancel-all":
            self._heard(wish, await self._insist(partial(self._session.cancel_all, idempotency_key=wish.key)))
        else:
            await self._order(wish)

    async def _order(self, wish: Wish) -> None:
        execute = partial(self._session.execute, wish.proposal(), idempotency_key=wish.key)
        result: ExecutionResult = await self._insist(execute)
        name = result.client_order_id
        self._world.acknowledge(self._generation, name)
        self._heard(wish, result)
        self._names.append(name)
        if result.denied:
            return
        if wish.kind == "cancel":
            await self._insist(partial(self._session.cancel, name))
        elif wish.kind in ("modify", "replace"):
            change = self._session.modify_order if wish.kind == "modify" else self._session.replace_order
            again = f"{wish.key}-again"
            changed = await self._insist(partial(change, name, quantity="0.50", idempotency_key=again))
            self._names += [changed.new_order_id] if changed.new_order_id else []

    def _heard(self, wish: Wish, told: object) -> None:
        """Note what the bot was told: a world remembers it, whatever becomes of the bot."""
        self._generation.check()
        self._world.heard.append((wish, told))

    async def _insist(self, command: Callable[[], Awaitable[T]]) -> T:
        return await insist(self._clock, command)
