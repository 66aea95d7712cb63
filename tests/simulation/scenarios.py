"""The three lives of orders that are crashed everywhere, each with its recovery.

A bot that dies and comes back does what bots do: where it gave idempotency keys it repeats its
commands, where it gave none it looks at what its kernel still has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import TypeVar

from fairlead import ExecutionResult, OrderStatus, Proposal
from fairlead.domain.events import OrderChanged
from fairlead.errors import JournalUnavailable, UnknownName
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import ModifyRequest, SubmitRequest
from fairlead.testing.crash_survey import CrashExperiment
from fairlead.testing.generation import Generation
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.wire import NORMAL, Fate, Trip
from fairlead_paper.settings import RateLimitSettings
from tests.simulation.invariants import Journal, at_once, paced_problems, recovered_problems
from tests.simulation.market import ACCOUNT, SYMBOL, MarketWorld
from tests.simulation.operated import TRANSFER_PRICE, TRANSFERRED, OperatedWorld

T = TypeVar("T")

TRY_AGAIN_NS = 50 * NANOSECONDS_PER_MILLISECOND
DOWNTIME_NS = 150 * NANOSECONDS_PER_MILLISECOND
"""Long enough for orders to fill while nobody listens, too short for a late request to have arrived."""


ANSWER_LOST = Decimal("1.01")
REQUEST_LOST = Decimal("1.02")
REQUEST_LATE = Decimal("0.53")
LATE_NS = 1_200 * NANOSECONDS_PER_MILLISECOND


async def come_back(world: MarketWorld, generation: Generation) -> None:
    """Start a kernel on what is left and let it come to rest: the recovery of a bot without keys."""
    async with world.kernel(generation) as kernel:
        await world.converge(generation, kernel)


def check(world: MarketWorld) -> None:
    """Demand that nothing was lost, doubled or booked wrongly, at any crash and at the end.

    The end is when nothing is on the wire any more: what arrives late may still do harm.
    """
    world.pass_time_ns(2 * LATE_NS)
    expected = world.expected_anomalies
    problems = [
        *world.problems,
        *recovered_problems(world.disk, world.venue, ACCOUNT, world.acknowledged, expected, world.forgotten),
    ]
    assert not problems, "\n".join(problems)


# -- (a) one order's whole life ------------------------------------------------------------------------------


async def one_limit_order(world: MarketWorld, generation: Generation) -> None:
    """Submitted, acknowledged, partly filled, filled."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")
        result = await bot.execute(Proposal.buy(SYMBOL, quantity="1.00", limit_price="100"))
        world.acknowledge(generation, result.client_order_id)
        await result.closed()
        await world.converge(generation, kernel)


# -- (b) answers and requests that get lost ------------------------------------------------------------------


class Lossy:
    """Loses the answer to one order, the request of another, and lets a third arrive late but in time.

    Each once: whoever sends again gets through, and is found out.
    """

    def __init__(self) -> None:
        self._met: set[str] = set()

    def __call__(self, trip: Trip) -> Fate:
        """Decide over one trip."""
        request = trip.subject
        if not isinstance(request, SubmitRequest) or request.client_order_id in self._met:
            return NORMAL
        self._met.add(request.client_order_id)
        if request.quantity == ANSWER_LOST:
            return Fate(answer_lost=True)
        return Fate(request_lost=True) if request.quantity == REQUEST_LOST else Fate(request_ns=LATE_NS)


async def lost_answers(world: MarketWorld, generation: Generation) -> None:
    """Three orders at once whose fate the kernel has to find out."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def submit(quantity: Decimal) -> None:
            result = await bot.execute(Proposal.buy(SYMBOL, quantity=quantity, limit_price="100"))
            world.acknowledge(generation, result.client_order_id)

        async with asyncio.TaskGroup() as group:
            for quantity in (ANSWER_LOST, REQUEST_LOST, REQUEST_LATE):
                group.create_task(submit(quantity))
        await world.converge(generation, kernel)


# -- (c) a cancel that races a fill, a reduction, a denial, and keys -----------------------------------------


async def insist(clock: Clock, command: Callable[[], Awaitable[T]]) -> T:
    """Give a command again, with its key, as long as the kernel says that it could not be recorded."""
    while True:
        try:
            return await command()
        except JournalUnavailable:
            await clock.sleep_ns(TRY_AGAIN_NS)


async def busy_bot(world: MarketWorld, generation: Generation) -> None:
    """Buy, cancel at the first part, sell some of it, and be denied; every command has its key.

    It is its own recovery: whatever it was told before, the same key must lead to the same order.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> str:
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        changes = kernel.events.stream(OrderChanged)
        bought = await execute("open", Proposal.buy(SYMBOL, quantity="0.60", limit_price="100"))
        view = await bot.find_order(bought)
        while view is not None and not (view.is_closed or view.filled_quantity):
            event = await anext(changes)
            assert isinstance(event, OrderChanged)
            view = event.order if event.order.client_order_id == bought else view
        await insist(clock, lambda: bot.cancel(bought))
        async with asyncio.TaskGroup() as group:
            group.create_task(execute("tiny", Proposal.buy(SYMBOL, quantity="0.02", limit_price="100")))
            group.create_task(execute("close", Proposal.sell(SYMBOL, quantity="0.20")))
        await world.converge(generation, kernel)


def outcomes_by_key(world: MarketWorld) -> dict[str, str]:
    """Return the denial code of each key's order, empty when it was approved; each key has one order."""
    orders = Journal(world.disk).orders.values()
    outcomes = {str(row["idempotency_key"]): str(row["denial_code"]) for row in orders}
    assert len(outcomes) == len(orders), "two orders for one key"
    return outcomes


def check_keys(world: MarketWorld) -> None:
    """Demand the same, and that each key made exactly one order, only the small one denied."""
    check(world)
    assert outcomes_by_key(world) == {"open": "", "close": "", "tiny": "QUANTITY_BELOW_MINIMUM"}
    assert len(set(world.acknowledged)) == 3


# -- (d) more orders than the venue's rate limit lets out ----------------------------------------------------

LIMIT = RateLimitSettings(
    capacity=Decimal(5),
    per_second=Decimal(4),
    cancel=Decimal(1),
    cancel_young=Decimal(2),
    read=Decimal("0.25"),
)
PATIENCE = 10
"""How often the bot looks whether something was bought that it can sell."""

ENTRIES = ("one", "two", "three", "four", "five", "six")


async def paced_bot(world: MarketWorld, generation: Generation) -> None:
    """Six entries at once, of which some wait; the last is canceled while it waits, and an exit overtakes.

    It is its own recovery, as the busy bot is; what a crash closed unsent stays so for its key.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> str:
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        async def enter(key: str) -> str:
            return await execute(key, Proposal.buy(SYMBOL, quantity="0.10", limit_price="100"))

        async with asyncio.TaskGroup() as group:
            entries = [group.create_task(enter(key)) for key in ENTRIES]
            await clock.sleep_ns(TRY_AGAIN_NS)
            waiting = [order for order in kernel.orders() if order.status == OrderStatus.APPROVED]
            if waiting:
                with suppress(UnknownName):  # it was not durable, and its key will make another order
                    await insist(clock, lambda: bot.cancel(waiting[-1].client_order_id))
            for _ in range(PATIENCE):
                if bot.position(SYMBOL) is not None:
                    break
                await clock.sleep_ns(TRY_AGAIN_NS)
            group.create_task(execute("close", Proposal.sell(SYMBOL, quantity="0.10")))
        for entry in entries:
            await insist(clock, partial(bot.cancel, entry.result()))
        await world.converge(generation, kernel)


def check_pace(world: MarketWorld) -> None:
    """Demand the same, that the venue never had to turn anything away, and that nothing was dropped."""
    check(world)
    assert world.throttle.refused == 0
    assert paced_problems(world.disk) == []
    assert outcomes_by_key(world).keys() == {*ENTRIES, "close"}


# -- (d) three closers, an entry and an exit that rest ------------------------------------------------------


async def closing_bot(world: MarketWorld, generation: Generation) -> None:
    """Hold a position with an entry and an exit resting, then close it twice and flatten, all at once.

    It is its own recovery, by its keys.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> ExecutionResult:
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, result.client_order_id)
            return result

        async def close(key: str) -> None:
            await insist(clock, lambda: bot.close_position(SYMBOL, idempotency_key=key))

        async def flatten() -> None:
            result = await insist(clock, lambda: bot.flatten(idempotency_key="flatten"))
            assert result.is_flat

        await (await execute("open", Proposal.buy(SYMBOL, quantity="0.60", limit_price="100"))).closed()
        await execute("entry", Proposal.buy(SYMBOL, quantity="0.20", limit_price="90"))
        await execute("rest", Proposal.sell(SYMBOL, quantity="0.20", limit_price="200"))
        async with asyncio.TaskGroup() as group:
            group.create_task(close("one"))
            group.create_task(flatten())
            group.create_task(close("two"))
        await world.converge(generation, kernel)


def check_closed(world: MarketWorld) -> None:
    """Demand the same, and that all was sold, nothing twice, and no wish is left."""
    check(world)
    journal = Journal(world.disk)
    held = Decimal(0)
    for record in journal.of("order_filled"):
        quantity = Decimal(record["quantity"])
        held += quantity if record["side"] == "buy" else -quantity
        assert held >= 0, "more sold than held"
    assert held == 0, "something is still held"
    assert len(journal.of("closing_ended")) >= 1
    assert len(set(world.acknowledged)) == 3


# -- (e) an operator's words: an order placed by hand, one that the venue lost, a holding moved in ----------


async def operated_bot(world: MarketWorld, generation: Generation) -> None:
    """Adopt, annotate and cancel; say that a lost order is over; accept what was moved in.

    It is its own recovery: said again, each word means the same.
    """
    assert isinstance(world, OperatedWorld)
    clock = world.clock_of(generation)
    venue_order_id = world.place_by_hand()
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def take_over() -> None:
            result = await insist(clock, lambda: bot.adopt_order(venue_order_id, symbol=SYMBOL))
            assert result.accepted, result
            [name] = result.names
            world.acknowledge(generation, name)
            said = partial(bot.annotate, name, note="placed by hand", add_tags=["hand"])
            assert (await insist(clock, partial(said, idempotency_key="say"))).accepted
            await insist(clock, lambda: bot.cancel(name))
            await kernel.closed(name)

        async def place() -> str:
            proposal = Proposal.buy(SYMBOL, quantity="0.20", limit_price="90")
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key="lost"))
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        async with asyncio.TaskGroup() as group:
            group.create_task(take_over())
            placing = group.create_task(place())
        lost = placing.result()
        world.forget(lost)
        world.has_transfer = True
        accept = partial(
            kernel.accept_drift, SYMBOL, at_venue=world.net(), price=TRANSFER_PRICE, note="moved"
        )
        assert (await insist(clock, accept)).accepted  # it reads the venue, and so finds out what is missing
        await insist(clock, partial(kernel.resolve_missing, lost, note="the venue says so"))
        world.deposit()
        for asset in ("BTC", "USDT"):  # what the ledger does not tell of is accepted; the rest is no drift
            believe = partial(kernel.accept_balance, asset, at_venue=world.total(asset), note="moved")
            answer = await insist(clock, believe)
            assert answer.accepted, answer
        await world.converge(generation, kernel)


def check_operated(world: MarketWorld) -> None:
    """Demand the same; each word is on record once at most, and what it says is what the books say."""
    check(world)
    journal = Journal(world.disk)
    [adopted] = journal.of("order_adopted")
    assert journal.orders[adopted["client_order_id"]]["note"] == "placed by hand"
    assert len(journal.of("order_annotated")) == 1
    [corrected] = journal.of("position_corrected")
    assert Decimal(corrected["quantity"]) == TRANSFERRED
    assert isinstance(world, OperatedWorld)
    assert {asset: world.total(asset) for asset in journal.balances} == journal.balances
    booked = [(record["kind"], record["asset"]) for record in journal.of("adjustment_booked")]
    assert ("correction", "BTC") in booked, "the ledger told of no coins"
    assert [each for each in booked if each[0] != "correction"] == [("deposit", "USDT")]
    assert len(set(world.acknowledged)) == 2
    assert {row["book"] for row in journal.positions} == {"bot", "operator"}
    ends = [record for record in journal.of("order_event") if record["client_order_id"] in world.forgotten]
    assert sum(record["event"] == "canceled" for record in ends) == len(world.forgotten)


# -- (f) orders that are changed, in place and by another ---------------------------------------------------

CHANGES = {"grow": ("modify", "0.50"), "shrink": ("modify", "0.20"), "swap": ("replace", "0.50")}
"""How each order of 0.30 that rests below the market is changed: the quantity, at a price that trades."""


class LosesModifies:
    """Loses the answer to the first modify, and the request of the second, each once."""

    def __init__(self) -> None:
        self._fates = [Fate(answer_lost=True), Fate(request_lost=True)]
        self._met: set[str] = set()

    def __call__(self, trip: Trip) -> Fate:
        """Decide over one trip."""
        request = trip.subject
        if not isinstance(request, ModifyRequest) or request.client_order_id in self._met:
            return NORMAL
        self._met.add(request.client_order_id)
        return self._fates.pop(0) if self._fates else NORMAL


async def changing_bot(world: MarketWorld, generation: Generation) -> None:
    """Place three orders, change two in place and replace the third, and cancel what is left of them.

    It is its own recovery, by its keys: a change that was answered for good is answered so again.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def change(key: str) -> None:
            proposal = Proposal.buy(SYMBOL, quantity="0.30", limit_price="90")
            placed = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, placed.client_order_id)
            how, quantity = CHANGES[key]
            command = bot.modify_order if how == "modify" else bot.replace_order
            result = await insist(
                clock,
                lambda: command(
                    placed.client_order_id, quantity=quantity, limit_price="100", idempotency_key=f"{key}d"
                ),
            )
            if result.unresolved:
                result = await bot.change_settled(result.change_id)
            first = world.answered.setdefault(key, result)
            assert first == result, f"{key}: answered {first.code}, then {result.code}"
            await clock.sleep_ns(TRY_AGAIN_NS)
            for name in filter(None, (placed.client_order_id, result.new_order_id)):
                await insist(clock, partial(bot.cancel, name))

        async with asyncio.TaskGroup() as group:
            for key in CHANGES:
                group.create_task(change(key))
        await world.converge(generation, kernel)


def check_changed(world: MarketWorld) -> None:
    """Demand the same, and that no order filled more than asked, nor one and its replacement together."""
    check(world)
    journal = Journal(world.disk)
    names = {row["idempotency_key"]: name for name, row in journal.orders.items() if not row["replaces"]}
    assert names.keys() == CHANGES.keys()
    for key, (_, quantity) in CHANGES.items():
        family = [row for name, row in journal.orders.items() if names[key] in (name, row["replaces"])]
        assert len(family) <= (2 if key == "swap" else 1), f"{len(family)} orders for {key}"
        filled = sum(row["filled_quantity"] for row in family)
        assert filled <= max(Decimal(quantity), Decimal("0.30")), f"{key} filled {filled}"
    sent = journal.of("modify_started")
    assert len({record["change_id"] for record in sent}) == len(sent), "a modify was sent twice"
    assert not [row for row in at_once(MemoryStore(world.disk).rows("changes")) if row["live"]]
    assert world.answered.keys() == CHANGES.keys()


# -- the experiments -----------------------------------------------------------------------------------------

SCENARIOS = (
    "one_limit_order",
    "lost_answers",
    "busy_bot",
    "paced_bot",
    "closing_bot",
    "operated_bot",
    "changing_bot",
)


def experiment(name: str, seed: int = 1) -> CrashExperiment[MarketWorld]:
    """Return the experiment on a scenario, whose chance comes from the seed."""
    make_world, scenario, recover, check_it = {
        "one_limit_order": (lambda: MarketWorld(seed), one_limit_order, come_back, check),
        "lost_answers": (lambda: MarketWorld(seed, fate=Lossy()), lost_answers, come_back, check),
        "busy_bot": (lambda: MarketWorld(seed), busy_bot, busy_bot, check_keys),
        "closing_bot": (lambda: MarketWorld(seed), closing_bot, closing_bot, check_closed),
        "operated_bot": (lambda: OperatedWorld(seed), operated_bot, operated_bot, check_operated),
        "changing_bot": (
            lambda: MarketWorld(seed, fate=LosesModifies()),
            changing_bot,
            changing_bot,
            check_changed,
        ),
        "paced_bot": (lambda: MarketWorld(seed, rate_limit=LIMIT), paced_bot, paced_bot, check_pace),
    }[name]
    return CrashExperiment(make_world, scenario, recover, check_it, downtime_ns=DOWNTIME_NS)
