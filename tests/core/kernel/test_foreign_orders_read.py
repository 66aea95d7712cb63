"""What is asked about an order that is not ours, what the door gets of it, and what the policy says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from fairlead import OrderSide
from fairlead.domain.reconciliation import ForeignPolicy, Found, ReconcileEntry
from fairlead.errors import JournalUnavailable
from fairlead.kernel.core.inputs import AdoptOrder, CancelForeign, Wish
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.strangers import our_name
from fairlead.kernel.venue.foreign_orders import HALF_READ, NO_ADOPTION, NOT_LISTED, ForeignOrders
from fairlead.ports.exchange import (
    Answer,
    FillReport,
    Liquidity,
    LookUp,
    OrderReport,
    Outcome,
    VenueStatus,
)
from fairlead.testing import SeededLoop, VirtualClock, run
from tests.core.kernel.bench import BTC, ETH
from tests.core.kernel.reconciler_world import Asked

TAG = "0a0a0a0a"
OURS = TAG + "0" * 24
NAME = our_name("", "v1", BTC, TAG)
ODD: Any = "odd"


def report(client_order_id: str = "human", venue_order_id: str = "v1", symbol: str = BTC) -> OrderReport:
    """Return what the venue says of an order."""
    return OrderReport(client_order_id, venue_order_id, symbol, VenueStatus.LIVE, Decimal(0), 1)


def fill(client_order_id: str = "human") -> FillReport:
    """Return a trade of the order."""
    return FillReport(
        client_order_id, "v1", "t1", BTC, OrderSide.BUY, Decimal(1), Decimal(100), None, Decimal(0), "USDT",
        Liquidity.TAKER, 1,
    )  # fmt: skip


WISH = Wish(venue_order_id="v1", owner="bot", book="core", by="me", note="why", operator=True)


class World(Asked):
    """A venue and a door; *told* is who was asked, in order."""

    def __init__(self, policy: ForeignPolicy = ForeignPolicy.LEAVE) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.state = EngineState("test", TAG)
        self.capabilities = SimpleNamespace(adoption=True)
        self.rules = SimpleNamespace(settings=SimpleNamespace(foreign_policy=policy, adopt_owner="keeper"))
        self.rebuilds = 0
        self.journal = SimpleNamespace(settled=self.settled)
        self.listed: list[OrderReport] = []
        self.found: object = LookUp(report(), (fill(),), complete=True)
        self.answered: object = Answer(Outcome.ACCEPTED)
        self.told: list[str] = []
        self.taken: list[object] = []
        self.on_taken: Callable[[], None] = lambda: None
        self.on_asked: dict[str, Callable[[], None]] = {}
        each = cast("Any", self)
        self.foreign = ForeignOrders(each, self.clock, each, each, each)

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        self.asked("open orders")
        return self.listed

    async def find(self, venue_order_id: str, symbol: str) -> object:
        """See `OrderFinder.find`."""
        self.asked(f"find {venue_order_id} {symbol}")
        return self.found

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> object:
        """See `ExchangeClient.cancel`."""
        self.asked(f"cancel {client_order_id}/{venue_order_id} {symbol}")
        return self.answered

    async def ensure_known(self, name: str) -> None:
        """See `Inbox.ensure_known`."""
        self.asked(f"load {name}")

    async def settled(self) -> None:
        """See `Journal.settled`."""
        self.asked("settled")

    def process(self, given: object) -> None:
        """See `Engine.process`."""
        self.taken.append(given)
        self.on_taken()


def in_world(main: Callable[[World], Awaitable[None]], policy: ForeignPolicy = ForeignPolicy.LEAVE) -> None:
    """Run a test in a world with this policy."""

    async def whole() -> None:
        await main(World(policy))

    run(whole)


def adopt(
    known_as: str = "human", problem: str = "", name: str = NAME, asked: tuple[int, int] = (0, 0)
) -> AdoptOrder:
    """Return what the door gets: what was found, under our id, or the problem and nothing."""
    told = None if problem else replace(report(), client_order_id=name)
    fills = [] if problem else [replace(fill(), client_order_id=name)]
    return AdoptOrder(
        name, "v1", known_as, "bot", "core", "me", "why", True, told, fills or (), problem, *asked
    )


def test_an_order_is_read_under_our_id_with_the_time_of_the_question() -> None:
    """Of the symbol that was named, without a look at others; it is loaded before the door decides."""

    async def main(world: World) -> None:
        asked = world.clock.wall_ns(), world.clock.monotonic_ns()
        given = await world.foreign.read(replace(WISH, symbol=BTC))
        assert given == adopt(asked=asked)
        assert world.told == [f"find v1 {BTC}", f"load {NAME}"]

    in_world(main)


def test_without_a_symbol_the_open_orders_tell_it() -> None:
    """The one with that id, whatever stands before it; when none has it nothing is asked."""

    async def main(world: World) -> None:
        broken = replace(report(symbol=ETH), status=ODD)
        world.listed = [report(venue_order_id="v0", symbol=ETH), broken, report(), report(symbol=ETH)]
        given = await world.foreign.read(WISH)
        assert given.report is not None
        assert world.told == ["open orders", f"find v1 {BTC}", f"load {NAME}"]
        world.told.clear()
        world.listed = [report(venue_order_id="v0")]
        name = our_name("", "v1", "", TAG)
        assert await world.foreign.read(WISH) == adopt("", NOT_LISTED, name)
        assert world.told == ["open orders"]

    in_world(main)


def test_a_client_that_cannot_take_over_is_asked_nothing() -> None:
    """The refusal is on record with its reason."""

    async def main(world: World) -> None:
        world.capabilities.adoption = False
        assert await world.foreign.read(replace(WISH, symbol=BTC)) == adopt("", NO_ADOPTION)
        assert world.told == []

    in_world(main)


def test_an_order_that_we_sent_keeps_our_id() -> None:
    """The venue knows it by ours: it is no other order under another name."""

    async def main(world: World) -> None:
        world.found = LookUp(report(OURS), (fill(OURS),), complete=True)
        given = await world.foreign.read(replace(WISH, symbol=BTC))
        assert (given.client_order_id, given.venue_client_order_id, given.problem) == (OURS, OURS, "")
        assert world.told[-1] == f"load {OURS}"

    in_world(main)


@pytest.mark.parametrize(
    ("found", "known_as", "problem"),
    [
        (LookUp(report(), (fill(),), complete=False), "human", HALF_READ),
        (None, "", "the client answered a NoneType"),
        (LookUp(replace(report(), status=ODD), (), complete=True), "", "status is not known"),
        (LookUp(ODD, (), complete=True), "", "a str is no report"),
    ],
)
def test_what_could_not_be_read_is_said_and_nothing_of_it_is_taken(
    found: object, known_as: str, problem: str
) -> None:
    """Half a look-up, an answer of another kind, a report that makes no sense: refused with the reason."""

    async def main(world: World) -> None:
        world.found = found
        given = await world.foreign.read(replace(WISH, symbol=BTC))
        assert (given.report, given.fills, given.venue_client_order_id) == (None, (), known_as)
        assert problem in given.problem
        assert given.client_order_id == NAME

    in_world(main)


def test_an_order_that_the_venue_does_not_know_is_told_as_nothing() -> None:
    """A whole look-up that found none is no problem of reading: the door refuses it."""

    async def main(world: World) -> None:
        world.found = LookUp(None, (), complete=True)
        given = await world.foreign.read(replace(WISH, symbol=BTC))
        assert (given.report, list(given.fills), given.problem, given.venue_client_order_id) == (
            None,
            [],
            "",
            "",
        )

    in_world(main)


def entry(found: Found, concluded: str, name: str = "human") -> ReconcileEntry:
    """Return the entry of a report."""
    return ReconcileEntry(found, name, "v1", BTC, concluded)


@pytest.mark.parametrize("policy", ForeignPolicy)
def test_what_a_policy_does_and_that_it_never_touches_ours(policy: ForeignPolicy) -> None:
    """Taken over, canceled or left alone; an order of our own tag is left to an operator by every policy."""

    async def main(world: World) -> None:
        assert await world.foreign.follow_policy(report(OURS)) == entry(Found.FOREIGN, "left alone", OURS)
        assert (world.told, world.taken) == ([], [])
        world.on_taken = lambda: world.state.orders.update({NAME: SimpleNamespace(adopted=True)})  # type: ignore[dict-item]  # what is read of it
        expected = {
            ForeignPolicy.ADOPT: entry(Found.ADOPTED, "taken over by keeper", NAME),
            ForeignPolicy.CANCEL: entry(Found.FOREIGN, "cancel accepted"),
        }
        left = entry(Found.FOREIGN, "left alone")
        assert await world.foreign.follow_policy(report()) == expected.get(policy, left)

    in_world(main, policy)


def test_the_policy_takes_over_in_the_name_of_its_owner() -> None:
    """Owner and book are the setting's, by the kernel and no operator; no list is read for the symbol."""

    async def main(world: World) -> None:
        await world.foreign.follow_policy(report())
        (given,) = world.taken
        assert isinstance(given, AdoptOrder)
        assert (given.owner, given.book, given.by, given.note) == ("keeper", "keeper", "kernel", "")
        assert (given.operator, given.report is not None) == (False, True)
        assert world.told == [f"find v1 {BTC}", f"load {NAME}"]

    in_world(main, ForeignPolicy.ADOPT)


@pytest.mark.parametrize("there", [None, False])
def test_a_take_over_that_was_refused_is_said(there: bool | None) -> None:  # noqa: FBT001 - a case
    """No such order is here, or one that we sent ourselves: it stays a stranger's in the report."""

    async def main(world: World) -> None:
        if there is not None:
            world.state.orders[NAME] = SimpleNamespace(adopted=there)  # type: ignore[assignment]  # only that is read
        words = "could not be taken over; the refusal is in the journal"
        assert await world.foreign.follow_policy(report()) == entry(Found.FOREIGN, words)

    in_world(main, ForeignPolicy.ADOPT)


def test_a_cancel_is_on_record_before_it_is_asked() -> None:
    """By the venue's id alone; what it answered is said, also when nobody can tell."""

    async def main(world: World) -> None:
        for answered, words in ((Answer(Outcome.REFUSED), "cancel refused"), (None, "cancel unknown")):
            world.told.clear()
            world.answered = answered
            assert await world.foreign.follow_policy(report()) == entry(Found.FOREIGN, words)
            assert world.told == ["settled", f"cancel /v1 {BTC}"]
        assert world.taken == [CancelForeign(NAME, report())] * 2

    in_world(main, ForeignPolicy.CANCEL)


@pytest.mark.parametrize(
    ("policy", "when"), [(ForeignPolicy.ADOPT, f"find v1 {BTC}"), (ForeignPolicy.CANCEL, "settled")]
)
def test_a_recovery_meanwhile_ends_it(policy: ForeignPolicy, when: str) -> None:
    """What was recorded or read before is discarded: nothing comes to the door, nothing is sent."""

    async def main(world: World) -> None:
        def rebuilt() -> None:
            world.rebuilds += 1

        world.on_asked[when] = rebuilt
        with pytest.raises(JournalUnavailable, match="recovered meanwhile"):
            await world.foreign.follow_policy(report())
        assert not any(each.startswith("cancel") for each in world.told)
        assert not any(isinstance(given, AdoptOrder) for given in world.taken)

    in_world(main, policy)


def test_names_from_outside_are_told_on_one_line() -> None:
    """What a stranger called an order may be anything: it stands in a report that people print."""

    async def main(world: World) -> None:
        said = await world.foreign.follow_policy(report("two\nlines", "v\t1", "A\x1b"))
        assert (said.client_order_id, said.venue_order_id, said.symbol) == (
            "'two\\nlines'", "'v\\t1'", "'A\\x1b'",
        )  # fmt: skip

    in_world(main)
