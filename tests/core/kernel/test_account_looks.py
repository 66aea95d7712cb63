"""What is asked of a venue about the account, in which order, how often, and what of it is believed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fairlead import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked
from fairlead.domain.reconciliation import BalanceEntry
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault
from fairlead.kernel.core.account_inputs import BalancesDiffer, InventorySeen, LedgerListed, LedgerRead
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.account import CURSOR_LEDGER
from fairlead.kernel.venue.account import Account
from fairlead.kernel.venue.net_positions import LOOKS_MAX
from fairlead.ports.account import VenueBalance
from fairlead.ports.exchange import LedgerEntry, LedgerPage
from fairlead.testing import SeededLoop, VirtualClock, run
from tests.core.kernel.bench import quiet_logger

PAUSE_NS = 1_000_000_000
INTERVAL_NS = 60_000_000_000
OVERLAP_NS = 10_000_000_000
Amounts = Mapping[str, str]
ODD: Any = "odd"


class World:
    """A venue, a history and our figures that move as a test says; *told* is who was asked, in order."""

    def __init__(
        self,
        looks: Sequence[Amounts] = (),
        readings: Sequence[Amounts] = (),
        *,
        ledger: bool = False,
        balances: bool = True,
    ) -> None:
        """*looks* are what the venue holds, one after the other; *readings* what we derive after each."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.state = EngineState("test", "00000000")
        self.state.inventory_ns = 1
        self.looks, self.readings = list(looks), list(readings)
        self.pages: dict[str, LedgerPage] = {}
        self.capabilities = SimpleNamespace(balances=balances, ledger=ledger)
        self.told: list[str] = []
        self.taken: list[object] = []
        self.meanwhile: Amounts = {}
        settings = SimpleNamespace(ns={"balances_interval": INTERVAL_NS}.__getitem__)
        rules = SimpleNamespace(
            settings=settings, look_up_interval_ns=PAUSE_NS, history_overlap_ns=OVERLAP_NS
        )
        self.engine = SimpleNamespace(state=self.state, rules=rules, suspended=False, eviction=nullcontext())
        anything = cast("Any", self)
        self.account = Account(
            anything, self.clock, cast("Any", self.engine), anything, anything, self.read_fills
        )

    def hold(self, amounts: Amounts) -> None:
        """Let us derive this of these assets."""
        self.state.balances.update({asset: Decimal(total) for asset, total in amounts.items()})

    async def balances(self) -> Mapping[str, VenueBalance]:
        """See `ExchangeClient.balances`."""
        self.told.append("look")
        told = self.looks.pop(0)
        self.hold(self.meanwhile)
        return {asset: VenueBalance(Decimal(total), Decimal(0)) for asset, total in told.items()}

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """See `LedgerKeeper.ledger_since`."""
        self.told.append(f"ledger {cursor}".rstrip())
        return self.pages.get(cursor, LedgerPage((), cursor, more=False))

    async def admit(self, request: RequestKind) -> None:
        """See `Admission.admit`."""
        self.told.append(f"admit {request.value}")

    async def answer(self, request: RequestKind, question: Awaitable[Any]) -> Any:  # noqa: ANN401 - as there
        """See `Admission.answer`."""
        assert self.told.pop() == f"admit {request.value}"
        return await question

    async def ensure_booked(self, entry_id: str) -> None:
        """See `Inbox.ensure_booked`."""
        self.told.append(f"load {entry_id}")

    async def read_fills(self) -> int:
        """Read the history; each reading books one more than the one before."""
        number = sum(each == "fills" for each in self.told) + 1
        self.told.append("fills")
        if self.readings:
            self.hold(self.readings.pop(0))
        return number

    def take(self, given: object) -> None:
        """See `Engine.process`: book the entries of a page, once each; open the inventory."""
        self.taken.append(given)
        if isinstance(given, LedgerRead):
            for entry in given.entries:
                if isinstance(entry, LedgerEntry) and entry.entry_id not in self.state.adjustments:
                    booked = AdjustmentBooked(entry.entry_id, entry.kind, entry.asset, entry.amount, 0, "")
                    self.state.adjustments[entry.entry_id] = (booked, 1)
        if isinstance(given, InventorySeen):
            self.state.inventory_ns = given.asked_ns
            self.hold({asset: str(total) for asset, total in given.totals})

    def entry(self, entry_id: str, *, age_ns: int = 0) -> LedgerEntry:
        """Return an entry of the venue's ledger of this age."""
        ts_event = self.clock.wall_ns() - age_ns
        return LedgerEntry(entry_id, AdjustmentKind.DEPOSIT, "USDT", Decimal(1), ts_event)


def entries(*figures: tuple[str, str, str]) -> tuple[BalanceEntry, ...]:
    """Return differences: asset, what we derive, what the venue holds."""
    return tuple(BalanceEntry(asset, Decimal(ours), Decimal(there)) for asset, ours, there in figures)


def compared(
    ours: Amounts, looks: Sequence[Amounts], readings: Sequence[Amounts] = ()
) -> tuple[tuple[BalanceEntry, ...], int, list[str], int]:
    """Return what differs, how many fills were booked, who was asked, and how many pauses were made."""

    async def main() -> tuple[tuple[BalanceEntry, ...], int, list[str], int]:
        world = World(looks, readings)
        world.hold(ours)
        began_ns = world.clock.monotonic_ns()
        fills, booked = await world.account.read(world.take, scheduled=False)
        assert booked == 0
        assert world.account.pausing == frozenset()
        differing = world.account.differing
        assert world.taken == ([BalancesDiffer(differing)] if differing else [])
        pauses, rest = divmod(world.clock.monotonic_ns() - began_ns, PAUSE_NS)
        assert rest == 0
        return differing, fills, world.told, pauses

    return run(main)


ONE_LOOK_MORE = ["look", "fills", "look", "fills"]


def test_balances_that_agree_are_looked_at_once() -> None:
    """No pause and no reading of the history; an asset that is not named is not held."""
    assert compared({"BTC": "1", "ETH": "0"}, [{"BTC": "1"}]) == ((), 0, ["look"], 0)


def test_a_difference_that_stands_is_told_in_the_order_of_assets() -> None:
    """Looked at twice, with the history read before and after the second look; both readings count."""
    venue = {"USDT": "5", "ADA": "3"}
    found = entries(("ADA", "0", "3"), ("BTC", "2", "0"), ("USDT", "1", "5"))
    assert compared({"USDT": "1", "BTC": "2"}, [venue, venue]) == (found, 3, ONE_LOOK_MORE, 1)


def test_only_a_balance_that_stands_counts() -> None:
    """Of three that differed one agrees at the second look, and one differs by another amount."""
    looks = [{"A": "5", "B": "4", "C": "1"}, {"A": "5", "B": "3", "C": "2"}]
    found = entries(("A", "2", "5"))
    assert compared({"A": "2", "B": "3"}, looks) == (found, 3, ONE_LOOK_MORE, 1)


def test_a_balance_of_which_the_history_tells_after_the_look_is_asked_again() -> None:
    """The trade that the venue counted already is read after the look: at the next one nothing differs."""
    looks = [{"A": "3"}, {"A": "4"}, {"A": "4"}]
    told = [*ONE_LOOK_MORE, "fills", "look", "fills"]
    assert compared({"A": "2"}, looks, [{"A": "3"}, {"A": "4"}]) == ((), 10, told, 2)


def test_one_asset_that_moved_has_all_of_them_looked_at_again() -> None:
    """What moved is no proof, and what stood still may be a part of it: one more look tells both."""
    looks = [{"A": "3", "B": "1"}] * 3
    told = [*ONE_LOOK_MORE, "fills", "look", "fills"]
    found = entries(("A", "2", "3"))
    assert compared({"A": "2", "B": "0"}, looks, [{}, {"B": "1"}]) == (found, 10, told, 2)


def test_where_something_always_moves_a_balance_counts_after_so_many_looks() -> None:
    """Before each look a trade, and after it another: the difference stays, and is told in the end."""
    looks = [{"A": str(3 + number)} for number in range(9)]
    readings = [{"A": quantity} for quantity in ("3", "3.5", "4", "4.5", "5", "5.5", "6", "6.5")]
    found, fills, told, pauses = compared({"A": "2"}, looks, readings)
    assert [(each.asset, each.difference) for each in found] == [("A", Decimal(1))]
    assert (told.count("look"), told.count("fills"), pauses) == (1 + LOOKS_MAX, 2 * LOOKS_MAX, LOOKS_MAX)
    assert fills == 1 + 2 + 3 + 4 + 5 + 6


def test_a_balance_that_the_last_reading_explains_is_no_difference() -> None:
    """At the last look it differed, and then the history told of it: nothing is said."""
    looks = [{"A": str(3 + number)} for number in range(4)]
    readings = [{"A": quantity} for quantity in ("3", "3.5", "4", "4.5", "5", "6")]
    found, _, told, _ = compared({"A": "2"}, looks, readings)
    assert (found, told.count("look")) == ((), 1 + LOOKS_MAX)


def test_the_same_difference_is_not_waited_for_again_and_another_is() -> None:
    """It was certain the last time; the figures of the last look are those that are told of an asset."""

    async def main() -> None:
        world = World([{"A": "5"}] * 3 + [{"A": "6"}] * 2)
        world.hold({"A": "2"})
        for expected in (ONE_LOOK_MORE, ["look"], ONE_LOOK_MORE):
            world.told.clear()
            await world.account.read(world.take, scheduled=False)
            assert world.told == expected
        assert world.taken == [BalancesDiffer(entries(("A", "2", there))) for there in ("5", "5", "6")]
        assert world.account.entry_of("A") == BalanceEntry("A", Decimal(2), Decimal(6))
        assert world.account.entry_of("B") == BalanceEntry("B", Decimal(0), Decimal(0))

    run(main)


def test_between_two_looks_the_ledger_is_read_as_well() -> None:
    """A deposit that it lists explains the difference: it is booked, counted, and nothing differs."""

    async def main() -> None:
        world = World([{"A": "5"}, {"A": "5"}], ledger=True)
        world.hold({"A": "2"})
        assert await world.account.read(world.take, scheduled=False) == (3, 0)
        assert world.told == ["ledger", "look", "fills", "ledger", "look", "fills"]
        assert world.account.differing == entries(("A", "2", "5"))

    run(main)


def test_everything_that_came_in_is_counted() -> None:
    """Fills while the inventory was opened and between the looks; entries before the first look and after."""

    async def main() -> None:
        world = World([{"A": "2"}, {"A": "5"}, {"A": "5"}], ledger=True)
        world.state.inventory_ns = 0
        listed = [world.entry(str(number)) for number in range(4)]
        listing = [listed[:1], listed[:1], listed[:2], listed]

        async def ledger_since(cursor: str) -> LedgerPage:
            return LedgerPage(tuple(listing.pop(0)), cursor, more=False)

        world.ledger_since = ledger_since  # type: ignore[method-assign]  # the venue moves meanwhile
        assert await world.account.read(world.take, scheduled=False) == (1 + 2 + 3, 2 + 2)
        assert listing == []

    run(main)


def test_before_the_first_reading_nothing_is_told_of_an_asset() -> None:
    """Neither derived nor held: no difference."""

    async def main() -> None:
        world = World()
        world.hold({"A": "2"})
        assert world.account.entry_of("A") == BalanceEntry("A", Decimal(0), Decimal(0))

    run(main)


def test_balances_that_prove_nothing_are_compared_with_nothing() -> None:
    """They are refused with the figure that is wrong, and nobody decides on them."""

    async def main() -> None:
        world = World([{"A": "NaN"}])
        with pytest.raises(ExchangeFault, match="balances prove nothing: the total of A: NaN"):
            await world.account.read(world.take, scheduled=False)
        assert (world.state.holdings, world.taken) == (None, [])

    run(main)


@pytest.mark.parametrize("balances", [True, False])
def test_an_operator_reads_that_balances_are_not_told(balances: bool) -> None:  # noqa: FBT001 - a case
    """Orders are not checked against them then: it stands in the log once, and only then."""

    async def main() -> None:
        lines: list[str] = []
        logger = quiet_logger()

        def note(line: logging.LogRecord) -> bool:
            lines.append(line.getMessage())
            return True

        logger.addFilter(note)
        world = World(balances=balances)
        world.account.watch(cast("Any", Timers()), lambda _name, _work: None, logger)
        assert [("tells no balances" in line) for line in lines] == ([] if balances else [True])

    run(main)


def test_whoever_pauses_between_looks_is_named_until_the_pause_is_over() -> None:
    """A settled kernel waits for no such task, and for every other one."""

    async def main() -> None:
        world = World([{"A": "5"}, {"A": "5"}])
        task = asyncio.ensure_future(world.account.read(world.take, scheduled=False))
        await world.clock.sleep_ns(PAUSE_NS // 2)
        assert world.account.pausing == frozenset({task})
        await task
        assert world.account.pausing == frozenset()

    run(main)


@pytest.mark.parametrize(
    ("age_ns", "scheduled", "is_read"),
    [
        (INTERVAL_NS - 1_000, True, False),
        (INTERVAL_NS, True, True),
        (INTERVAL_NS + 1_000, True, True),
        (0, False, True),
    ],
)
def test_on_schedule_balances_are_read_when_the_last_reading_is_old_enough(
    age_ns: int,
    scheduled: bool,  # noqa: FBT001 - a case
    is_read: bool,  # noqa: FBT001 - a case
) -> None:
    """At the interval they are due, and before it nobody is asked; on request they are always read."""

    async def main() -> None:
        world = World([{}, {}])
        await world.account.read(world.take, scheduled=False)
        await world.clock.sleep_ns(age_ns)
        world.told.clear()
        assert await world.account.read(world.take, scheduled=scheduled) == (0, 0)
        assert world.told == (["look"] if is_read else [])

    run(main)


ASKED: dict[str, tuple[bool, bool, int, list[str]]] = {
    "nothing": (False, False, 0, []),
    "nothing, with an inventory": (False, False, 1, []),
    "ledger": (False, True, 0, ["ledger"]),
    "balances": (True, False, 1, ["look"]),
    "both": (True, True, 1, ["ledger", "look"]),
    "balances, first": (True, False, 0, ["look", "fills", "look"]),
    "both, first": (True, True, 0, ["ledger", "look", "fills", "ledger", "ledger", "look"]),
}
"""By case: whether the client tells balances, has a ledger, whether an inventory is there, what is asked."""


@pytest.mark.parametrize("case", ASKED)
def test_only_what_the_client_declares_is_asked(case: str) -> None:
    """First the opening inventory, once; then the ledger; then the balances that we derive are compared."""
    balances, ledger, inventory_ns, told = ASKED[case]

    async def main() -> None:
        world = World([{"A": "2"}] * 2, balances=balances, ledger=ledger)
        world.state.inventory_ns = inventory_ns
        if inventory_ns:
            world.hold({"A": "2"})
        assert await world.account.read(world.take, scheduled=False) == (int("fills" in told), 0)
        assert world.told == told

    run(main)


def test_an_inventory_is_recorded_with_what_the_venue_holds_by_asset() -> None:
    """Totals in the order of assets, the time of the question, and what the ledger listed before it."""

    async def main() -> None:
        world = World([{"USDT": "7", "BTC": "2"}, {"USDT": "7", "BTC": "2"}], ledger=True)
        world.state.inventory_ns = 0
        old, young = world.entry("old", age_ns=OVERLAP_NS + 1_000), world.entry("young")
        world.pages = {
            "": LedgerPage((old,), "1", more=True),
            "1": LedgerPage((young, ODD), "2", more=False),
        }
        now_ns = world.clock.wall_ns()
        await world.account.read(world.take, scheduled=False)
        totals = (("BTC", Decimal(2)), ("USDT", Decimal(7)))
        assert world.taken[0] == InventorySeen(totals, now_ns, LedgerListed("1", ("young",)))

    run(main)


def test_an_inventory_is_put_off_while_our_figures_move() -> None:
    """A trade was booked while it was read: the next reading opens it, and nothing is compared before."""

    async def main() -> None:
        world = World([{"A": "2"}], [{"A": "1"}], ledger=True)
        world.state.inventory_ns = 0
        assert await world.account.read(world.take, scheduled=False) == (1, 0)
        assert world.taken == []
        assert world.told == ["ledger", "look", "fills", "ledger"]

    run(main)


@pytest.mark.parametrize("is_quiet", [True, False])
def test_an_inventory_is_put_off_while_the_ledger_moves(is_quiet: bool) -> None:  # noqa: FBT001 - a case
    """The second listing names an entry that the first did not: whether the total has it nobody can say."""

    async def main() -> None:
        world = World([{"A": "2"}, {"A": "2"}], ledger=True)
        world.state.inventory_ns = 0
        first = world.entry("1")
        world.pages = {"": LedgerPage((first,), "9", more=False)}
        sound, listing = world.ledger_since, [(first,), (first,) if is_quiet else (first, world.entry("2"))]

        async def ledger_since(cursor: str) -> LedgerPage:
            page = await sound(cursor)
            found = listing.pop(0) if listing else ()
            return LedgerPage(found, page.cursor, more=page.more)

        world.ledger_since = ledger_since  # type: ignore[method-assign]  # the venue moves meanwhile
        await world.account.read(world.take, scheduled=False)
        assert bool(world.state.inventory_ns) is is_quiet

    run(main)


def test_a_second_look_names_every_entry_whatever_its_date() -> None:
    """From the cursor of the first look on, nothing is too old to be new."""

    async def main() -> None:
        world = World(ledger=True)
        old = [world.entry(str(number), age_ns=OVERLAP_NS * 2) for number in range(3)]
        world.pages = {
            "": LedgerPage(old[:1], "a", more=True),
            "a": LedgerPage(old[1:2], "b", more=True),
            "b": LedgerPage(old[2:], "c", more=False),
        }
        assert await world.account._list() == LedgerListed("c", ())
        assert await world.account._list("a") == LedgerListed("a", ("1", "2"))
        world.state.cursors[CURSOR_LEDGER] = "b"
        world.told.clear()
        assert await world.account._list() == LedgerListed("c", ())
        assert world.told == ["ledger b"]

    run(main)


def test_the_ledger_is_read_to_its_end_and_counts_what_is_new() -> None:
    """Page by page; what cannot be read is passed on unasked; a page behind a young one is not settled."""

    async def main() -> None:
        world = World(ledger=True, balances=False)
        old, edge = world.entry("old", age_ns=OVERLAP_NS + 1_000), world.entry("edge", age_ns=OVERLAP_NS)
        known, new = world.entry("known"), world.entry("new")
        pages = [(old, known), (edge, ODD), (new, known)]
        world.pages = {
            "": LedgerPage(pages[0][:1], "1", more=True),
            "1": LedgerPage(pages[1], "2", more=True),
            "2": LedgerPage(pages[2], "3", more=False),
        }
        world.take(LedgerRead((known,), ""))
        world.taken.clear()
        assert await world.account.read(world.take, scheduled=False) == (0, 3)
        assert world.taken == [
            LedgerRead(pages[0][:1], "1", settled=True),
            LedgerRead(pages[1], "2", settled=True),
            LedgerRead(pages[2], "3", settled=False),
        ]
        assert [each for each in world.told if each.startswith("load")] == [
            "load old", "load edge", "load new", "load known",
        ]  # fmt: skip
        world.state.cursors[CURSOR_LEDGER] = "2"
        assert await world.account.read(world.take, scheduled=False) == (0, 0)

    run(main)


def test_a_ledger_that_does_not_go_on_is_a_fault() -> None:
    """More is said to come, and the cursor stays: reading on would never end."""

    async def main() -> None:
        world = World(ledger=True, balances=False)
        world.pages = {"": LedgerPage((), "1", more=True), "1": LedgerPage((), "1", more=True)}
        with pytest.raises(ExchangeFault, match="cursor does not move"):
            await world.account.read(world.take, scheduled=False)
        assert world.told == ["ledger", "ledger 1"]
        assert len(world.taken) == 1
        world.pages = {"": ODD}
        with pytest.raises(ExchangeFault, match="ledger proves nothing: the client answered a str"):
            await world.account.read(world.take, scheduled=False)
        world.pages = {"": LedgerPage((), "", more=False)}
        assert await world.account.read(world.take, scheduled=False) == (0, 0)

    run(main)


class Timers:
    """Keeps what a timer of a name calls."""

    def __init__(self) -> None:
        self.due: dict[str, Callable[[], None]] = {}

    def name(self, name: str, due: Callable[[], None]) -> None:
        """See `Timers.name`."""
        self.due[name] = due


def test_after_fills_balances_are_read_once_and_kept() -> None:
    """By a task of its own; what fails is made up for later; a suspended or stopped kernel asks nobody."""

    async def main() -> None:
        world, timers = World([{"A": "2"}, {"A": "3"}]), Timers()
        tasks: list[tuple[str, asyncio.Future[None]]] = []

        def spawn(name: str, work: Any) -> None:  # noqa: ANN401 - a coroutine
            tasks.append((name, asyncio.ensure_future(work)))

        world.account.watch(cast("Any", timers), spawn, quiet_logger())
        (due,) = timers.due.values()
        assert list(timers.due) == ["balances"]
        world.hold({"A": "1"})
        due()
        await tasks[0][1]
        holdings = world.state.holdings
        assert holdings is not None
        assert (holdings.total_of("A"), holdings.derived) == (Decimal(2), {"A": Decimal(1)})
        assert holdings.asked_ns == world.clock.wall_ns()
        world.engine.suspended = True
        due()
        world.engine.suspended = False
        world.meanwhile = {"A": "4"}
        due()
        await tasks[1][1]
        assert world.state.holdings is holdings, "something moved while the question was asked"
        due()
        await tasks[2][1]  # the venue has no answer left: it fails, and that is all
        world.account.stop()
        due()
        assert [name for name, _ in tasks] == ["balances"] * 3

    run(main)
