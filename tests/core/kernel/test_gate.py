"""The risk gate has no side door and fails closed."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import attrs
import pytest

from fairlead import KernelSettings, OrderSide, OrderType, TimeInForce, TradingState
from fairlead.domain.records import CheckValueChanged, LockPlaced, OrderInitialized
from fairlead.domain.verdicts import Verdict
from fairlead.errors import ConfigurationRefused
from fairlead.kernel.core.approved import ApprovedOrder, approve
from fairlead.kernel.gate.gate import Gate, GateAnswer
from fairlead.kernel.gate.watchdog import CheckHung, NoWatchdog, ThreadWatchdog
from fairlead.ports.exchange import Outcome, SubmitRequest
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, Lock, RiskRequest, RiskView
from fairlead.testing.scripted_exchange import answers
from tests.core.kernel.bench import BTC, ETH, Bench, Yes, on_bench, on_seeded_bench
from tests.core.kernel.checks import BoughtValue, MostPositions, Says

NOTHING: Any = None
ODD: Any = "up"


def raises(error: BaseException) -> Callable[..., object]:
    """Return a judge that raises."""

    def judge(*_: object) -> object:
        raise error.with_traceback(None)

    return judge


class OddError(BaseException):
    """An error that is no `Exception`: some libraries have one."""


async def _coroutine(*_: object) -> Judgement:
    return ALLOW


MISBEHAVIOURS: dict[str, tuple[object, str]] = {
    "raises": (raises(ZeroDivisionError("figures")), "CHECK_FAILED"),
    "exits": (raises(SystemExit(1)), "CHECK_FAILED"),
    "raises what is no Exception": (raises(OddError()), "CHECK_FAILED"),
    "cancels": (raises(asyncio.CancelledError()), "CHECK_FAILED"),
    "says nothing": (None, "CHECK_BROKE_CONTRACT"),
    "says yes": ("yes", "CHECK_BROKE_CONTRACT"),
    "says true": (True, "CHECK_BROKE_CONTRACT"),
    "gives the class": (lambda *_: type(ALLOW), "CHECK_BROKE_CONTRACT"),
    "gives a coroutine": (_coroutine, "CHECK_BROKE_CONTRACT"),
    "denies without a code": (Deny("", "no"), "CHECK_BROKE_CONTRACT"),
    "denies with a number": (Deny("NO", NOTHING), "CHECK_BROKE_CONTRACT"),
    "denies with odd figures": (Deny("NO", "no", NOTHING), "CHECK_BROKE_CONTRACT"),
    "denies with odd pairs": (Deny("NO", "no", (("a", NOTHING),)), "CHECK_BROKE_CONTRACT"),
    "denies with a terminal's escape": (Deny("NO", "\x1b[2J"), "CHECK_BROKE_CONTRACT"),
    "locks until nothing": (Lock("*", None, NOTHING, "NO", "no"), "CHECK_BROKE_CONTRACT"),
    "locks no side": (Lock("*", ODD, 1, "NO", "no"), "CHECK_BROKE_CONTRACT"),
    "locks nothing": (Lock(NOTHING, None, 1, "NO", "no"), "CHECK_BROKE_CONTRACT"),
}


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("how", MISBEHAVIOURS)
def test_a_check_that_misbehaves_denies(how: str) -> None:
    """Raising, answering nothing or something else: denied, with the check's name and the reason, unsent."""
    answer, code = MISBEHAVIOURS[how]

    async def main(bench: Bench) -> None:
        result = await bench.execute()
        assert result.denied
        assert (result.order.denial_code, result.status) == (code, "DENIED")
        assert result.reasons.startswith("says: ")
        assert bench.exchange.submits == []
        assert bench.kernel.positions() == ()
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, checks=[Says(answer)])


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("answer", [ALLOW, Lock("*", None, 2**62, "NO", "no")])
def test_a_slow_check_denies(answer: object) -> None:
    """An answer that took longer than the budget does not count, and the figures say so."""

    async def main(bench: Bench) -> None:
        def slowly(*_: object) -> object:
            bench.loop._now_us += 50_001
            return answer

        check.answer = slowly
        result = await bench.execute()
        assert result.order.denial_code == "CHECK_TOO_SLOW"
        assert "spent_ns=50001000, budget_ns=50000000" in result.reasons
        assert bench.exchange.submits == []

    check = Says(ALLOW)
    on_bench(main, checks=[check])


@pytest.mark.requirement("SEC-1")
def test_a_check_within_its_budget_counts() -> None:
    """Exactly the budget is still in time."""

    async def main(bench: Bench) -> None:
        def slowly(*_: object) -> object:
            bench.loop._now_us += 50_000
            return ALLOW

        check.answer = slowly
        assert (await bench.execute()).status == "ACCEPTED"

    check = Says(ALLOW)
    on_bench(main, checks=[check])


@pytest.mark.requirement("SEC-1")
def test_a_check_that_failed_to_load_denies() -> None:
    """A required check that is not there denies everything that adds exposure."""

    async def main(bench: Bench) -> None:
        result = await bench.execute()
        assert result.order.denial_code == "CHECK_MISSING"
        assert result.reasons.startswith("minimum-size: CHECK_MISSING")

    on_bench(main, required_checks=["minimum-size", "yes"])


@pytest.mark.interrupts
@pytest.mark.requirement("SEC-1")
def test_a_check_that_never_returns_is_interrupted_and_the_kernel_halts() -> None:
    """A real watchdog thread interrupts it: denied, the kernel halts, and what follows is not asked."""

    async def main(bench: Bench) -> None:
        result = await bench.execute()
        assert result.order.denial_code == "CHECK_HUNG"
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.anomalies() == ["check_hung"]
        assert (await bench.execute()).order.denial_code == "NOT_TRADING"
        assert bench.exchange.submits == []

    def for_ever(*_: object) -> object:
        while True:
            pass

    watchdog = ThreadWatchdog(20_000_000)
    on_bench(main, checks=[Says(for_ever)], watchdog=watchdog)
    assert watchdog._thread is None


@pytest.mark.interrupts
def test_a_check_that_swallows_the_interruption_is_interrupted_again() -> None:
    """Catching everything does not help a check that hangs; once it returns, it is denied all the same."""
    caught: list[str] = []

    def stubborn(*_: object) -> object:
        while len(caught) < 2:
            try:
                while True:
                    pass
            except BaseException as error:  # isolation point: the stubborn check is the subject of this test
                caught.append(type(error).__name__)
        return ALLOW

    async def main(bench: Bench) -> None:
        assert (await bench.execute()).order.denial_code == "CHECK_HUNG"

    on_bench(main, checks=[Says(stubborn)], watchdog=ThreadWatchdog(10_000_000))
    assert caught == ["CheckHung", "CheckHung"]


def test_the_watchdog_leaves_quick_checks_alone() -> None:
    """Watching costs no check its answer."""

    async def main(bench: Bench) -> None:
        for _ in range(100):
            assert (await bench.execute()).status == "ACCEPTED"

    on_bench(main, watchdog=ThreadWatchdog(1_000_000_000))


@pytest.mark.requirement("SEC-1")
def test_every_check_is_asked_also_after_the_first_refusal() -> None:
    """The journal holds every verdict, in configured order; the first refusal names the code."""
    checks = [Says(Deny("FIRST", "no"), "a"), Says(ALLOW, "b"), Says(Deny("LAST", "no"), "c")]

    async def main(bench: Bench) -> None:
        result = await bench.execute()
        assert result.order.denial_code == "FIRST"
        assert [check.asked for check in checks] == [1, 1, 1]
        (begun,) = [record for record in bench.records() if isinstance(record, OrderInitialized)]
        assert [(verdict.check, verdict.allowed, verdict.code) for verdict in begun.verdicts] == [
            ("a", False, "FIRST"),
            ("b", True, ""),
            ("c", False, "LAST"),
        ]

    on_bench(main, checks=checks)


def test_a_lock_denies_until_its_time_and_over_a_restart() -> None:
    """A lock is journaled: it denies its scope and side until it has passed, also in the next kernel."""

    async def main(bench: Bench) -> None:
        until_ns = bench.clock.wall_ns() + 60_000_000_000
        check.answer = Lock(BTC, OrderSide.BUY, until_ns, "LOSS", "Too much was lost.")
        assert (await bench.execute()).order.denial_code == "LOSS"
        check.answer = ALLOW
        await bench.restart()
        denied = await bench.execute()
        assert denied.order.denial_code == "LOCKED"
        assert f"until_ns={until_ns}, scope={BTC}, cause=LOSS" in denied.reasons
        assert (await bench.execute("sell")).status == "ACCEPTED"
        assert (await bench.execute(symbol=ETH)).status == "ACCEPTED"
        await bench.pass_ms(60_000)
        assert (await bench.execute()).status == "ACCEPTED"
        assert len([record for record in bench.records() if isinstance(record, LockPlaced)]) == 1

    check = Says(ALLOW)
    on_bench(main, checks=[check])


def test_a_later_lock_never_shortens_one_that_stands() -> None:
    """Of two locks of one check on one scope the longer counts, whichever came last."""

    async def main(bench: Bench) -> None:
        now_ns = bench.clock.wall_ns()
        for seconds in (60, 30):
            check.answer = Lock("*", None, now_ns + seconds * 1_000_000_000, "LOSS", "Too much was lost.")
            await bench.execute()
        check.answer = ALLOW
        await bench.pass_ms(45_000)
        assert (await bench.execute()).order.denial_code == "LOCKED"
        await bench.pass_ms(15_000)
        assert (await bench.execute()).status == "ACCEPTED"

    check = Says(ALLOW)
    on_bench(main, checks=[check])


def test_what_a_check_folds_is_journaled_and_survives() -> None:
    """A check's value changes with the facts, in the same commit, and the next kernel continues with it."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        await bench.die()
        await bench.start_another()
        await bench.hold("1.5", "100")
        result = await bench.execute()
        assert result.order.denial_code == "SPENT"
        assert "bought=250" in result.reasons
        values = [record.value for record in bench.records() if isinstance(record, CheckValueChanged)]
        assert [Decimal(value) for value in values] == [100, 250]

    on_bench(main, checks=[BoughtValue(200)])


class Forgets(BoughtValue):
    """A check whose fold misbehaves on a fill."""

    def __init__(self, answer: object) -> None:
        super().__init__(10**9)
        self.answer = answer

    def fold(self, value: str, fact: Fact) -> str:
        """Misbehave as told."""
        if fact.KIND != "order_filled":
            return value
        if callable(self.answer):
            self.answer()
        return self.answer  # type: ignore[return-value]  # that is the point


def _hang() -> None:
    while True:
        pass


@pytest.mark.interrupts
@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("answer", [raises(ValueError("x")), None, 7, "\ud800", _hang])
def test_a_check_that_cannot_fold_denies_and_halts(answer: object) -> None:
    """A value that missed a fact is worthless: the check denies from there on, and a restart stays halted."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert bench.order(name).status == "FILLED"
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.anomalies() == ["component_failed"]
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="looked at")
        result = await bench.execute()
        assert result.order.denial_code == "CHECK_FAILED"
        assert "fold" in result.reasons
        await bench.restart()

    on_bench(main, checks=[Forgets(answer)], watchdog=ThreadWatchdog(20_000_000))


def test_a_check_that_cannot_begin_denies() -> None:
    """A check whose initial value fails denies and halts; nothing else stops."""

    class NoBeginning(BoughtValue):
        def initial(self) -> str:
            raise OSError("no file")

    async def main(bench: Bench) -> None:
        assert (await bench.execute()).denied
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main, checks=[NoBeginning(1)])


@pytest.mark.requirement("SEC-1", "TEST-3")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fills", ["filled", "pending"])
def test_concurrent_proposals_share_one_limit(fills: str, seed: int) -> None:
    """1,000 at once over 20 symbols against 5 positions, 1 a symbol: 5 pass, 995 are denied with figures.

    Once with a venue that fills at once, and once with pending orders alone.
    """
    symbols = [f"C{number}/USDT" for number in range(20)]

    async def main(bench: Bench) -> None:
        tasks = [
            bench.spawn_execute("buy", "1", "100", symbol=symbols[number % 20], owner=f"bot{number % 7}")
            for number in range(1_000)
        ]
        if fills == "filled":
            while len(bench.exchange.orders) < 5:
                await bench.pass_ms()
            for name in list(bench.exchange.orders):
                bench.exchange.trade(name, "1", "100")
        results = [await task for task in tasks]
        passed = [result for result in results if not result.denied]
        denied = [result for result in results if result.denied]
        assert (len(passed), len(denied)) == (5, 995)
        assert len({result.order.symbol for result in passed}) == 5
        assert len(bench.exchange.submits) == 5
        for result in denied:
            assert result.order.denial_code in ("POSITIONS_TOTAL", "POSITIONS_SYMBOL")
            assert "limit=" in result.reasons
            assert "exposed=" in result.reasons
        for result in passed:
            if fills == "pending":
                assert (await bench.kernel.cancel(result.client_order_id, "x", operator=True)).accepted

    on_seeded_bench(seed, main, checks=[MostPositions(5, 1)], symbols=symbols)


@pytest.mark.requirement("SEC-1")
def test_cancels_and_reductions_are_never_asked_about() -> None:
    """Whatever a check would say, a cancel goes out and a reduction passes."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working()
        check.answer = raises(ZeroDivisionError())
        asked = check.asked
        assert (await bench.bot.cancel(name)).accepted
        assert (await bench.execute("sell", "0.4", "100")).status == "ACCEPTED"
        assert (await bench.execute("sell", "0.6", "100")).status == "ACCEPTED"
        assert check.asked == asked
        beyond = await bench.execute("sell", "0.001", "100")
        assert beyond.order.denial_code == "EXIT_TAKEN"  # two closers never sell the same quantity
        assert check.asked == asked

    check = Says(ALLOW)
    on_bench(main, checks=[check])


def test_a_check_sees_pending_orders_and_what_they_reserve() -> None:
    """The view counts openings that are pending and exits that are reserved, in the same step."""
    seen: list[tuple[int, int, int, int]] = []

    def look(request: RiskRequest, view: RiskView, _value: str) -> Judgement:
        seen.append(
            (
                view.exposed_positions(),
                view.exposed_positions(subtract_closing=True),
                view.exposed_positions(request.symbol, subtract_closing=True),
                view.live_orders(request.symbol) * 10 + view.live_orders(),
            )
        )
        assert view.now_ns > 0
        return ALLOW

    async def main(bench: Bench) -> None:
        await bench.hold("1", symbol=ETH)
        await bench.working()
        await bench.working("sell", "1", "100", symbol=ETH)
        await bench.working()
        assert seen == [(0, 0, 0, 0), (1, 1, 0, 0), (2, 1, 1, 12)]

    on_bench(main, checks=[Says(look)])


def test_a_position_that_an_entry_may_add_to_is_not_closing() -> None:
    """Sold whole by what is live it counts as closing, but not while an order of the other side may fill."""
    seen: list[tuple[int, int, int]] = []

    def look(_request: RiskRequest, view: RiskView, _value: str) -> Judgement:
        exposed = view.exposed_positions()
        of_all = view.exposed_positions(subtract_closing=True)
        seen.append((exposed, of_all, view.exposed_positions(ETH, subtract_closing=True)))
        return ALLOW

    async def main(bench: Bench) -> None:
        await bench.hold("1", symbol=ETH)
        await bench.working("sell", "1", "100", symbol=ETH)
        entry = await bench.working(symbol=ETH)
        await bench.working()
        assert (await bench.bot.cancel(entry)).accepted
        await bench.pass_ms()
        await bench.working()
        assert seen == [(0, 0, 0), (1, 0, 0), (1, 1, 1), (2, 1, 0)]

    on_bench(main, checks=[Says(look)])


def test_an_order_that_is_over_is_no_live_order_of_its_symbol() -> None:
    """What checks are told of live orders, in all and of the symbol, goes down with each order that ends."""
    seen: list[tuple[int, int, int]] = []

    def look(request: RiskRequest, view: RiskView, _value: str) -> Judgement:
        seen.append((view.live_orders(), view.live_orders(request.symbol), view.live_orders(ETH)))
        return ALLOW

    async def main(bench: Bench) -> None:
        await bench.working(symbol=ETH)
        for _ in range(2):
            name = await bench.working()
            assert (await bench.bot.cancel(name)).accepted
            await bench.pass_ms()
            assert bench.order(name).status == "CANCELED"
        assert seen == [(0, 0, 0), (1, 0, 1), (1, 0, 1)]

    on_bench(main, checks=[Says(look)])


REQUEST = SubmitRequest(
    "x", BTC, OrderSide.BUY, OrderType.LIMIT, TimeInForce.GTC, Decimal(1), Decimal(1), False, 0
)


@pytest.mark.requirement("SEC-1")
def test_only_the_gate_makes_an_approved_order() -> None:
    """No constructor, no `evolve` and no unpickling makes what can be sent; a denial cannot be approved."""
    approved = approve(REQUEST)
    with pytest.raises(TypeError, match="risk gate only"):
        ApprovedOrder(REQUEST)
    with pytest.raises(TypeError, match="risk gate only"):
        attrs.evolve(approved, request=REQUEST)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        approved.request = REQUEST  # type: ignore[misc]  # that is the point
    with pytest.raises(TypeError):
        type("Mine", (ApprovedOrder,), {})(REQUEST)

    async def main(bench: Bench) -> None:
        gate: Gate = bench.kernel._parts.gate
        no = GateAnswer(allowed=False, code="NO", verdicts=(Verdict("a", "1", allowed=False),))
        with pytest.raises(ValueError, match="cannot be approved"):
            gate.approved(REQUEST, no)

    on_bench(main)


@pytest.mark.requirement("MODE-1")
def test_there_is_no_kernel_without_its_parts() -> None:
    """Without an exchange, a store or a check the kernel is refused; unchecked trading must be asked for."""

    async def main(bench: Bench) -> None:
        from fairlead import Kernel

        settings = KernelSettings(account="test")
        parts: dict[str, Any] = {"exchange": bench.exchange, "store": bench.store, "checks": [Yes()]}
        for missing in parts:
            given = {name: part for name, part in parts.items() if name != missing}
            with pytest.raises(ConfigurationRefused, match="has no"):
                Kernel(settings, **given)
        with pytest.raises(ConfigurationRefused, match="Two risk checks"):
            Kernel(settings, exchange=bench.exchange, store=bench.store, checks=[Yes(), Yes()])
        Kernel(attrs.evolve(settings, allow_unchecked=True), exchange=bench.exchange, store=bench.store)

    on_bench(main)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a:b"),
        *((field, value) for field in ("name", "version") for value in ("", "a b", "\n", None)),
    ],
)
def test_a_check_must_be_named_like_everything_else(field: str, value: object) -> None:
    """A name goes into the journal and into rows: one of another shape is refused when the kernel is made."""

    async def main(bench: Bench) -> None:
        check = Yes()
        setattr(check, field, value)
        bench.fittings["checks"] = [check]
        with pytest.raises(ConfigurationRefused):
            bench.new_kernel()

    on_bench(main)


def test_unchecked_trading_passes_when_asked_for() -> None:
    """With allow_unchecked and no check, proposals pass the gate."""

    async def main(bench: Bench) -> None:
        assert (await bench.execute()).status == "ACCEPTED"
        assert copy.copy(REQUEST) == REQUEST
        assert pickle.dumps(REQUEST)
        bench.exchange.will_submit(answers(Outcome.REFUSED, "no"))
        assert (await bench.execute()).status == "REJECTED"

    on_bench(main, checks=[], settings={"allow_unchecked": True})


class Interrupting(NoWatchdog):
    """A watchdog that interrupts every block it is told to, without a thread."""

    def __init__(self) -> None:
        self.interrupts = False
        self.disarmed = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt at the end of the block."""
        yield
        if self.interrupts:
            raise CheckHung

    def disarm(self) -> None:
        """Count."""
        self.disarmed += 1


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("hangs_in", ["judge", "fold"])
def test_an_interrupted_check_denies_and_halts(hangs_in: str) -> None:
    """Whether it judged or learned when it hung: denied, halted, and the watchdog is disarmed for sure."""
    watchdog = Interrupting()

    async def main(bench: Bench) -> None:
        name = await bench.working()
        watchdog.interrupts = True
        if hangs_in == "fold":
            bench.exchange.trade(name, "1", "100")
            await bench.pass_ms()
        else:
            assert (await bench.execute()).order.denial_code == "CHECK_HUNG"
        watchdog.interrupts = False
        assert bench.kernel.trading_state is TradingState.HALTED
        assert watchdog.disarmed > 0
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="looked at")
        assert (await bench.execute()).denied is (hangs_in == "fold")

    on_bench(main, checks=[BoughtValue(10**9) if hangs_in == "fold" else Says(ALLOW)], watchdog=watchdog)
