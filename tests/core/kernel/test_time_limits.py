"""Nothing that an exchange client is asked is waited for without a limit, and silence proves nothing.

Each method of the port hangs for ever, at each place that asks it; the places are read from the sources.
A client or store that brings network calls of its own (Kraken, PostgreSQL) shows their limits in its own
tests, as tests/paper/test_time_limits.py does, and cites ERR-1 there.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

import fairlead
from fairlead import OrderSide, TradingState
from fairlead.cli.diagnosis import exchange_findings
from fairlead.errors import ExchangeFault, FairleadError
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import (
    ExchangeClient,
    LedgerKeeper,
    OrderFinder,
    PositionKeeper,
    VenuePosition,
)
from fairlead.testing.scripted_exchange import ScriptedExchange, loses_answer
from tests.core.kernel.bench import ETH, Bench, instrument, on_bench

LIMIT_MS = 300
RULES_INTERVAL_MS = 5_000
PATIENCE_MS = 60_000
"""What ends a test whose subject waits for ever."""

PERP = "BTC/USDT:USDT"
SOURCES = Path(fairlead.__file__).parent
PORT = {
    name
    for protocol in (ExchangeClient, OrderFinder, PositionKeeper, LedgerKeeper)
    for name, member in vars(protocol).items()
    if inspect.iscoroutinefunction(member)
}
RECEIVERS = {"client", "_client", "exchange", "finder", "keeper", "questions"}
"""What an exchange client, or the module that asks one, is called wherever it is asked."""


class Silent(ScriptedExchange):
    """A venue that is well until told to hang; then that method of the client never comes back.

    *waits_ns* are how long it was waited for, each time.
    """

    def __init__(self) -> None:
        rules = [instrument(), instrument(ETH), instrument(PERP, base="BTC", quote="USDT")]
        super().__init__(rules, positions=True)
        self.waits_ns: list[int] = []

    def hang(self, bench: Bench, method: str) -> None:
        """Let the method never come back from now on."""

        async def for_ever(*_: object) -> None:
            began_ns = bench.clock.monotonic_ns()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.waits_ns.append(bench.clock.monotonic_ns() - began_ns)

        setattr(self, method, for_ever)

    def come_back(self, method: str) -> None:
        """Let the method work again."""
        if method in vars(self):
            delattr(self, method)


Act = Callable[[Bench], Awaitable[object]]
Judge = Callable[[Bench, object], Awaitable[None]]


@attrs.frozen
class Case:
    """One method that hangs, where it is asked, what comes before, the asking, and how it must end."""

    method: str
    places: Sequence[str]
    act: Act
    judge: Judge
    prepare: Act | None = None
    settings: dict[str, object] = attrs.field(factory=dict)


# -- what is asked -------------------------------------------------------------------------------------------


async def start(bench: Bench) -> object:
    """Start another kernel."""
    await bench.start_another()
    return bench.kernel


async def stop(bench: Bench) -> object:
    """Stop the kernel."""
    return await bench.kernel.stop()


async def stopped(bench: Bench) -> None:
    """Leave the disk to a kernel that is yet to start."""
    await bench.kernel.stop()


async def wait_for_the_rules(bench: Bench) -> object:
    """Wait until the rules were to be read again."""
    await bench.pass_ms(RULES_INTERVAL_MS + LIMIT_MS + 1)
    return bench.kernel.instruments


async def submit(bench: Bench) -> object:
    """Have an order executed."""
    return await bench.execute()


async def an_order(bench: Bench) -> None:
    """Have an order working."""
    await bench.working()


def only(bench: Bench) -> str:
    """Return the id of the one order."""
    [order] = bench.kernel.orders()
    return order.client_order_id


async def modify(bench: Bench) -> object:
    """Have the order changed."""
    return await bench.bot.modify_order(only(bench), quantity="0.5")


async def cancel(bench: Bench) -> object:
    """Have the order canceled, and wait until the request must have ended."""
    answer = await bench.bot.cancel(only(bench))
    await bench.pass_ms(LIMIT_MS + 1)
    return answer


async def an_unheard_order(bench: Bench) -> None:
    """Have an order whose acknowledgement was lost, and which is about to be looked up."""
    assert isinstance(bench.exchange, Silent)
    bench.exchange.hang(bench, "look_up")
    bench.exchange.will_submit(loses_answer)
    assert (await bench.execute()).unresolved


async def look_up(bench: Bench) -> object:
    """Wait for the look-ups."""
    await bench.pass_ms(10_000)
    return bench.order(only(bench)).status


async def reconcile(bench: Bench) -> object:
    """Reconcile with the venue."""
    return await bench.kernel.reconcile()


async def a_lost_order(bench: Bench) -> None:
    """Have a working order that the venue does not list any more, so that it is looked up."""
    await bench.working()
    bench.exchange.forget(only(bench))


async def a_lost_adopted_order(bench: Bench) -> None:
    """The same with an order that was taken over."""
    await an_order_by_hand(bench)
    assert (await bench.bot.adopt_order("V1", symbol=ETH)).accepted
    bench.exchange.forget("by-hand")


async def an_order_by_hand(bench: Bench) -> None:
    """Let somebody else have an order of the account."""
    bench.exchange.hold("by-hand", ETH, OrderSide.BUY, Decimal(2), Decimal(100))


async def a_venue_with_positions(bench: Bench) -> None:
    """Let the venue hold a position."""
    bench.exchange.net[PERP] = VenuePosition(PERP, Decimal(0))


async def a_venue_with_an_account(bench: Bench) -> None:
    """Let the venue tell of balances and ledger from now on."""
    bench.exchange.capabilities = attrs.evolve(bench.exchange.capabilities, balances=True, ledger=True)


async def adopt(bench: Bench) -> object:
    """Take the order over whose symbol is known."""
    return await bench.bot.adopt_order("V1", symbol=ETH)


async def adopt_by_list(bench: Bench) -> object:
    """Take the order over that the list of open orders is asked about."""
    return await bench.bot.adopt_order("V1")


async def examine(bench: Bench) -> object:
    """Have a doctor look at the venue."""
    settings = KernelSettings(account="test", request_timeout_ms=LIMIT_MS)
    return [finding.text async for finding in exchange_findings(settings, bench.exchange, bench.clock)]


# -- how it must end -----------------------------------------------------------------------------------------


async def is_not_started(bench: Bench, outcome: object) -> None:
    """Refused with what to do, nothing left running, and a start that works once the venue answers."""
    assert isinstance(outcome, ExchangeFault)
    assert outcome.fix
    assert bench.disk.process is None
    assert not bench.kernel._parts.supervisor.tasks
    await works_again(bench)


async def is_stopped_all_the_same(bench: Bench, outcome: object) -> None:
    """The stop says what was wrong, and everything else is ended and given back."""
    assert isinstance(outcome, ExchangeFault)
    assert bench.disk.process is None
    assert not bench.kernel._parts.supervisor.tasks
    await works_again(bench)


async def works_again(bench: Bench) -> None:
    """Once the venue answers, a kernel starts and trades."""
    assert isinstance(bench.exchange, Silent)
    for method in PORT:
        bench.exchange.come_back(method)
    bench.exchange.sink = None
    await bench.start_another()
    assert bench.kernel.trading_state is TradingState.ACTIVE


async def is_unresolved(bench: Bench, outcome: object) -> None:
    """The order keeps its reservation, is not sent again, and is found out about when the venue answers."""
    assert getattr(outcome, "unresolved", False)
    assert bench.order(only(bench)).status == "UNRESOLVED"
    position = [each for each in bench.kernel.positions() if each.symbol == "BTC/USDT"]
    assert [each.pending_openings for each in position] == [1]


async def is_pending(bench: Bench, outcome: object) -> None:
    """The change is neither done nor refused, and the larger quantity stays reserved."""
    assert getattr(outcome, "unresolved", False), outcome
    assert bench.order(only(bench)).quantity == 1


async def is_asked_again(bench: Bench, outcome: object) -> None:
    """The order works on with its cancel wanted, and is canceled once the venue answers."""
    assert getattr(outcome, "accepted", False)
    assert bench.order(only(bench)).status == "PENDING_CANCEL"
    assert isinstance(bench.exchange, Silent)
    bench.exchange.come_back("cancel")
    await bench.pass_ms(20_000)
    assert bench.order(only(bench)).status == "CANCELED"


async def is_looked_up_again(bench: Bench, outcome: object) -> None:
    """The order stays unresolved through several look-ups, and is found by the first that comes back."""
    assert outcome == "UNRESOLVED"
    assert isinstance(bench.exchange, Silent)
    assert len(bench.exchange.waits_ns) > 1
    bench.exchange.come_back("look_up")
    await bench.pass_ms(60_000)
    assert bench.order(only(bench)).status == "ACCEPTED"


async def is_said(bench: Bench, outcome: object) -> None:
    """Whoever asked is told what was not answered and what to do; trading and books stay as they were."""
    assert isinstance(outcome, ExchangeFault)
    assert "did not answer in time" in str(outcome)
    assert outcome.fix
    assert bench.kernel.trading_state is TradingState.ACTIVE
    assert [order.status for order in bench.kernel.orders()] in ([], ["ACCEPTED"])


async def is_overlooked(bench: Bench, _outcome: object) -> None:
    """The rules that were read before stay in force, and orders go out under them."""
    assert bench.kernel.trading_state is TradingState.ACTIVE
    assert (await bench.execute()).status == "ACCEPTED"


async def is_found_wrong(_bench: Bench, outcome: object) -> None:
    """The doctor says that the venue was not reached, or not left."""
    assert isinstance(outcome, list)
    assert outcome


DOCTOR = "cli.diagnosis.exchange_findings"
ASKS_LOOK_UP = "kernel.venue.questions.look_up look_up"
CASES = {
    "connect": Case("connect", ["kernel.parts._connect connect"], start, is_not_started, stopped),
    "disconnect": Case("disconnect", ["kernel.parts._disconnect disconnect"], stop, is_stopped_all_the_same),
    "instruments": Case(
        "instruments", ["kernel.venue.rules_reader._read instruments"], start, is_not_started, stopped
    ),
    "instruments on schedule": Case(
        "instruments",
        ["kernel.venue.rules_reader._read instruments"],
        wait_for_the_rules,
        is_overlooked,
        settings={"rules_interval_ms": RULES_INTERVAL_MS},
    ),
    "submit": Case("submit", ["kernel.venue.dispatcher._submit submit"], submit, is_unresolved),
    "modify": Case("modify", ["kernel.venue.dispatcher._modify modify"], modify, is_pending, an_order),
    "cancel": Case(
        "cancel",
        ["kernel.venue.dispatcher._cancel cancel", "kernel.venue.questions.cancel cancel"],
        cancel,
        is_asked_again,
        an_order,
    ),
    "look_up": Case(
        "look_up",
        ["kernel.venue.dispatcher._look_up look_up", ASKS_LOOK_UP],
        look_up,
        is_looked_up_again,
        an_unheard_order,
    ),
    "fills_since at the start": Case(
        "fills_since", ["kernel.venue.reconciler._read_fills fills_since"], start, is_not_started, stopped
    ),
    "fills_since": Case(
        "fills_since", ["kernel.venue.reconciler._read_fills fills_since"], reconcile, is_said, an_order
    ),
    "open_orders": Case(
        "open_orders", ["kernel.venue.reconciler._read_open_orders open_orders"], reconcile, is_said, an_order
    ),
    "look_up of a missing order": Case(
        "look_up",
        ["kernel.venue.reconciler._look_up look_up", ASKS_LOOK_UP],
        reconcile,
        is_said,
        a_lost_order,
    ),
    "find of a missing order": Case(
        "find", ["kernel.venue.questions.look_up find"], reconcile, is_said, a_lost_adopted_order
    ),
    "positions": Case(
        "positions",
        ["kernel.venue.net_positions.read positions"],
        reconcile,
        is_said,
        a_venue_with_positions,
    ),
    "balances": Case(
        "balances",
        ["kernel.venue.account._look balances"],
        reconcile,
        is_said,
        a_venue_with_an_account,
    ),
    "ledger_since": Case(
        "ledger_since",
        ["kernel.venue.account._page ledger_since"],
        reconcile,
        is_said,
        a_venue_with_an_account,
    ),
    "find": Case("find", ["kernel.venue.foreign_orders.read find"], adopt, is_said, an_order_by_hand),
    "open_orders for an adoption": Case(
        "open_orders",
        ["kernel.venue.foreign_orders._listed open_orders"],
        adopt_by_list,
        is_said,
        an_order_by_hand,
    ),
    "cancel of a foreign order": Case(
        "cancel",
        ["kernel.venue.foreign_orders._cancel cancel"],
        reconcile,
        is_said,
        an_order_by_hand,
        {"foreign_policy": "cancel"},
    ),
    "doctor connects": Case("connect", [f"{DOCTOR} connect"], examine, is_found_wrong),
    "doctor reads the rules": Case("instruments", [f"{DOCTOR} instruments"], examine, is_found_wrong),
    "doctor leaves": Case("disconnect", [f"{DOCTOR} disconnect"], examine, is_found_wrong),
}


async def ended(bench: Bench, act: Act) -> object:
    """Return what came of it, or what it raised; fail when it never ends."""
    try:
        async with bench.clock.timeout_ns(PATIENCE_MS * NANOSECONDS_PER_MILLISECOND):
            return await act(bench)
    except FairleadError as error:
        return error
    except TimeoutError:
        pytest.fail("it is waited for without a limit")


@pytest.mark.requirement("ERR-1")
@pytest.mark.parametrize("name", CASES)
def test_a_client_that_never_answers_is_waited_for_as_long_as_configured(name: str) -> None:
    """At each place that asks a client the wait ends on the nanosecond, and as silence must end there."""
    case = CASES[name]

    async def main(bench: Bench) -> None:
        exchange = bench.exchange
        assert isinstance(exchange, Silent)
        if case.prepare is not None:
            await case.prepare(bench)
        exchange.hang(bench, case.method)
        outcome = await ended(bench, case.act)
        assert set(exchange.waits_ns) == {LIMIT_MS * NANOSECONDS_PER_MILLISECOND}
        await case.judge(bench, outcome)
        exchange.come_back(case.method)

    settings = {"request_timeout_ms": LIMIT_MS, "order_deadline_ms": 200, **case.settings}
    on_bench(main, exchange=Silent(), settings=settings)


def places() -> Iterator[str]:
    """Yield where kernel and tools ask a client: module, function and method.

    The demonstration is left out: its client is the paper venue's, which has limits of its own.
    """
    for folder in ("kernel", "cli"):
        for path in sorted((SOURCES / folder).rglob("*.py")):
            module = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
            if module.startswith("cli.demo."):
                continue
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from (f"{module}.{function.name} {method}" for method in asked_in(function))


def asked_in(function: ast.AST) -> Iterator[str]:
    """Yield the methods of the port that are named in a function, on whatever is called like a client."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr in PORT and last_name(node.value) in RECEIVERS:
            yield node.attr


def last_name(node: ast.expr | None) -> str:
    """Return what an expression calls its value: the last of its names."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def named_as_clients() -> Iterator[tuple[str, str]]:
    """Yield (module, name) of everything in kernel and tools that is declared to be a client."""
    for folder in ("kernel", "cli"):
        for path in sorted((SOURCES / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                annotation = getattr(node, "annotation", None)
                declared = "" if annotation is None else ast.unparse(annotation)
                if "ExchangeClient" in declared.replace("Sequence[ExchangeClient]", ""):
                    target = getattr(node, "target", None)
                    yield path.name, node.arg if isinstance(node, ast.arg) else last_name(target)


@pytest.mark.requirement("ERR-1")
def test_every_place_that_asks_a_client_has_a_case_here() -> None:
    """A new place, or a method new to the port, fails until its limit is shown above."""
    asked = set(places())
    assert asked == {place for case in CASES.values() for place in case.places}
    assert {place.rpartition(" ")[2] for place in asked} == PORT
    assert {name for _, name in named_as_clients()} <= RECEIVERS
