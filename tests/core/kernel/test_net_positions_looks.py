"""How often net positions are looked at before a difference counts, and what is read between the looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fairlead.domain.contracts import contract_of
from fairlead.domain.ledger import Position
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.venue.net_positions import LOOKS_MAX, NetPositions, _held_contracts, positions_problem
from fairlead.ports.exchange import VenuePosition
from fairlead.testing import SeededLoop, VirtualClock, run
from tests.core.kernel.bench import ETH, instrument

PERP = "BTC/USDT:USDT"
OTHER = "ETH/USDT:USDT"
THIRD = "SOL/USDT:USDT"
PAUSE_NS = 1_000_000_000
ODD: Any = "odd"
NUMBER: Any = 1


class Market:
    """A venue, a history and books that move as a test says: at every look, and between the looks."""

    def __init__(
        self, looks: Sequence[Mapping[str, str]], readings: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """*looks* are what the venue holds, one after the other; *readings* what our books do after each."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.state = EngineState("test", "00000000")
        for symbol in (PERP, OTHER, THIRD):
            self.state.instruments[symbol] = instrument(symbol, base=symbol[:3], quote="USDT")
        self.looks, self.readings = [dict(each) for each in looks], list(readings)
        self.capabilities = SimpleNamespace(positions=True)
        self.told: list[str] = []
        self.meanwhile: Mapping[str, str] = {}
        rules = SimpleNamespace(
            settings=SimpleNamespace(drift_tolerance_steps=1), look_up_interval_ns=PAUSE_NS
        )
        engine = SimpleNamespace(state=self.state, rules=rules)
        self.net = NetPositions(
            cast("Any", self), self.clock, cast("Any", engine), cast("Any", self), self.read_fills
        )

    def hold(self, quantities: Mapping[str, str]) -> None:
        """Let our books hold this much of these symbols."""
        for symbol, quantity in quantities.items():
            self.state.positions[symbol, "bot", ""] = Position(symbol, "bot", "USDT", Decimal(quantity))

    async def positions(self) -> Sequence[VenuePosition]:
        """See `PositionKeeper.positions`."""
        told = self.looks.pop(0)
        self.hold(self.meanwhile)
        self.told.append("look")
        return [VenuePosition(symbol, Decimal(quantity)) for symbol, quantity in told.items()]

    async def admit(self, request: RequestKind) -> None:
        """See `Admission.admit`."""
        self.told.append(f"admit {request.value}")

    async def answer(self, request: RequestKind, question: Any) -> Any:  # noqa: ANN401 - as there
        """See `Admission.answer`."""
        assert self.told.pop() == f"admit {request.value}"
        return await question

    async def read_fills(self) -> int:
        """Read the history; each reading books one more than the one before."""
        number = sum(each == "fills" for each in self.told) + 1
        self.told.append("fills")
        if self.readings:
            self.hold(self.readings.pop(0))
        return number


def compared(
    ours: Mapping[str, str], looks: Sequence[Mapping[str, str]], readings: Sequence[Mapping[str, str]] = ()
) -> tuple[list[tuple[str, str, str]], int, list[str], int]:
    """Return what is found, how many fills were booked, in which order who was asked, and how many pauses."""

    async def main() -> tuple[list[tuple[str, str, str]], int, list[str], int]:
        market = Market(looks, readings)
        market.hold(ours)
        began_ns = market.clock.monotonic_ns()
        found, booked = await market.net.compare()
        assert market.net.pausing == frozenset()
        pauses, rest = divmod(market.clock.monotonic_ns() - began_ns, PAUSE_NS)
        assert rest == 0
        return [(name, str(here), str(there)) for name, here, there in found], booked, market.told, pauses

    return run(main)


ONE_LOOK_MORE = ["look", "fills", "look", "fills"]


def test_what_agrees_is_looked_at_once() -> None:
    """No pause and no reading of the history: a venue with limits is not asked for nothing."""
    assert compared({PERP: "2", OTHER: "-1"}, [{PERP: "2", OTHER: "-1"}]) == ([], 0, ["look"], 0)


def test_a_difference_that_stands_is_told_in_the_order_of_symbols() -> None:
    """Looked at twice, with the history read before and after the second look; both readings count."""
    venue = {THIRD: "1", PERP: "5", OTHER: "-1"}
    found = [(PERP, "2", "5"), (OTHER, "3", "-1"), (THIRD, "0", "1")]
    assert compared({OTHER: "3", PERP: "2"}, [venue, venue]) == (found, 3, ONE_LOOK_MORE, 1)


def test_what_our_books_were_when_the_venue_was_asked_is_no_difference() -> None:
    """A fill is booked while the answer is on its way: it tells how things stood before."""

    async def main() -> None:
        market = Market([{PERP: "2"}, {PERP: "2"}])
        market.hold({PERP: "2"})
        market.meanwhile = {PERP: "3"}
        assert await market.net.compare() == ([], 0)
        assert market.told == ["look"]

    run(main)


def test_what_the_venue_does_not_list_it_does_not_hold() -> None:
    """A position that our books have and the venue does not name stands against nothing."""
    assert compared({PERP: "2"}, [{}, {}]) == ([(PERP, "2", "0")], 3, ONE_LOOK_MORE, 1)


def test_only_what_stands_counts() -> None:
    """Of three that differed one agrees at the second look, and one differs by another amount."""
    first, second = {PERP: "5", OTHER: "4", THIRD: "1"}, {PERP: "5", OTHER: "3", THIRD: "2"}
    assert compared({PERP: "2", OTHER: "3"}, [first, second]) == ([(PERP, "2", "5")], 3, ONE_LOOK_MORE, 1)


def test_what_moves_between_the_looks_by_one_amount_is_looked_at_again() -> None:
    """The difference is the same, and both sides moved: it stands, as the books did not move any more."""
    looks = [{PERP: "5"}, {PERP: "6"}]
    assert compared({PERP: "2"}, looks, [{PERP: "3"}]) == ([(PERP, "3", "6")], 3, ONE_LOOK_MORE, 1)


def test_a_difference_of_which_the_history_tells_after_the_look_is_asked_again() -> None:
    """The trade that the venue counted already is read after the look: at the next one nothing differs."""
    looks = [{PERP: "3"}, {PERP: "4"}, {PERP: "4"}]
    readings = [{PERP: "3"}, {PERP: "4"}]
    told = [*ONE_LOOK_MORE, "fills", "look", "fills"]
    assert compared({PERP: "2"}, looks, readings) == ([], 10, told, 2)


def test_one_symbol_that_moved_has_all_of_them_looked_at_again() -> None:
    """What moved is no proof, and what stood still may be a part of it: one more look tells both."""
    looks = [{PERP: "3", OTHER: "1"}, {PERP: "3", OTHER: "1"}, {PERP: "3", OTHER: "1"}]
    readings = [{}, {OTHER: "1"}]
    told = [*ONE_LOOK_MORE, "fills", "look", "fills"]
    assert compared({PERP: "2", OTHER: "0"}, looks, readings) == ([(PERP, "2", "3")], 10, told, 2)


def test_where_something_always_moves_a_difference_counts_after_so_many_looks() -> None:
    """Before each look a trade, and after it another: the difference stays, and is told in the end."""
    looks = [{PERP: str(3 + number)} for number in range(9)]
    readings: list[Mapping[str, str]] = []
    for number in range(1, 9):
        readings += [{PERP: str(2 + number)}, {PERP: str(2 + number) + ".5"}]
    found, booked, told, pauses = compared({PERP: "2"}, looks, readings)
    assert found == [(PERP, "5", "6")]
    assert (told.count("look"), told.count("fills"), pauses) == (1 + LOOKS_MAX, 2 * LOOKS_MAX, LOOKS_MAX)
    assert booked == 1 + 2 + 3 + 4 + 5 + 6


def test_what_the_last_reading_explains_is_no_difference() -> None:
    """At the last look it differed, and then the history told of it: nothing is said."""
    looks = [{PERP: str(3 + number)} for number in range(9)]
    readings = [{PERP: quantity} for quantity in ("3", "3.5", "4", "4.5", "5", "6")]
    found, _, told, _ = compared({PERP: "2"}, looks, readings)
    assert (found, told.count("look")) == ([], 1 + LOOKS_MAX)


def test_where_no_positions_are_kept_nobody_is_asked() -> None:
    """The client says so; nothing differs, and no fills were booked."""

    async def main() -> None:
        market = Market([])
        market.capabilities.positions = False
        market.hold({PERP: "2"})
        assert await market.net.compare() == ([], 0)
        assert market.told == []

    run(main)


def test_whoever_pauses_is_named_until_the_pause_is_over() -> None:
    """A settled kernel waits for no such task: it is named while it pauses, two of them at a time."""

    async def main() -> None:
        market = Market([{PERP: "5"}] * 4)
        market.hold({PERP: "2"})
        tasks = [asyncio.ensure_future(market.net.compare()) for _ in range(2)]
        await market.clock.sleep_ns(PAUSE_NS // 2)
        assert market.net.pausing == frozenset(tasks)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        assert market.net.pausing == frozenset(tasks[1:])
        await tasks[1]
        assert market.net.pausing == frozenset()

    run(main)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([], ""),
        ([VenuePosition(PERP, Decimal(-1)), VenuePosition(OTHER, Decimal(0), Decimal(5))], ""),
        (None, "the client answered a NoneType"),
        ({PERP: Decimal(1)}, "the client answered a dict"),
        ([PERP], "one of them is no position, or names its symbol twice"),
        ([VenuePosition(NUMBER, Decimal(1))], "one of them is no position, or names its symbol twice"),
        ([VenuePosition(PERP, Decimal(1))] * 2, "one of them is no position, or names its symbol twice"),
        ([VenuePosition(PERP, ODD)], "a figure is no Decimal"),
        ([VenuePosition(PERP, Decimal(1), ODD)], "a figure is no Decimal"),
        ([VenuePosition(PERP, Decimal("NaN"))], "quantity: NaN is not a finite number."),
        ([VenuePosition(PERP, Decimal(1), Decimal(0))], "average_price: must be greater than zero, not 0."),
        (
            [VenuePosition(OTHER, Decimal(1)), VenuePosition(PERP, Decimal(1), Decimal("Infinity"))],
            "average_price: an infinity is not a finite number.",
        ),
    ],
)
def test_why_an_answer_is_no_positions_is_said_by_its_figure(told: object, problem: str) -> None:
    """The author of a client reads which figure is wrong; a short or flat position is none."""
    assert positions_problem(told) == problem


def test_an_answer_that_proves_nothing_ends_the_comparison() -> None:
    """It is raised with its reason, before anything is compared."""

    async def main() -> None:
        market = Market([{PERP: "NaN"}])
        with pytest.raises(ExchangeFault, match=r"prove nothing: quantity: NaN is not a finite number\."):
            await market.net.compare()

    run(main)


def test_only_contracts_that_are_held_are_compared_unasked() -> None:
    """By the rules of the symbol where there are some, else by what the position says of itself."""
    state = EngineState("test", "00000000")
    contract = contract_of(instrument(PERP, base="BTC", quote="USDT"))
    assert contract is not None
    state.instruments = {PERP: instrument(PERP, base="BTC", quote="USDT"), ETH: instrument(ETH)}
    for symbol, quantity, known in (
        (PERP, "1", None),
        (ETH, "1", contract),
        ("OLD/USDT:USDT", "-1", contract),
        ("OLD/USDT", "1", None),
        (OTHER, "0", contract),
        (THIRD, "2", contract),
    ):
        state.positions[symbol, "bot", ""] = Position(
            symbol, "bot", "USDT", Decimal(quantity), contract=known
        )
    assert _held_contracts(state) == {PERP, "OLD/USDT:USDT", THIRD}
