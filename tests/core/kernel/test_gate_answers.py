"""The gate's whole answers: which verdicts, in which order, with which code first, and what it wraps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fairlead import KernelSettings, OrderSide
from fairlead.domain.ledger import Position
from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.domain.orders import Order
from fairlead.domain.records import CheckValueChanged, LockPlaced
from fairlead.domain.verdicts import Verdict
from fairlead.kernel.core.approved import ApprovedChange, ApprovedOrder
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.gate.gate import Gate, GateAnswer, _standing_lock
from fairlead.plugins.secrets import Secret
from fairlead.ports.risk import ALLOW, Deny, Fact, Lock, RiskRequest, RiskView
from tests.core.kernel.bench import BTC, ETH, Yes, instrument
from tests.core.kernel.checks import Says

MARKET = Market.of(KernelSettings(account="test"))
BUDGET_NS = 50
NOW_NS = 1_000
REQUEST = RiskRequest(
    "bot", BTC, "bot", OrderSide.BUY, OrderType.LIMIT, Decimal(1), Decimal(100), False, instrument()
)
SOMETHING: Any = SimpleNamespace()


class Ticks:
    """A clock that goes on by so much with every look at it."""

    def __init__(self, step_ns: int = 0) -> None:
        self.now_ns, self.step_ns = 0, step_ns

    def monotonic_ns(self) -> int:
        """See `Clock.monotonic_ns`."""
        self.now_ns += self.step_ns
        return self.now_ns


def gate(*checks: Yes, required: tuple[str, ...] = (), step_ns: int = 0) -> Gate:
    """Return a gate that asks these checks."""
    return Gate(checks, cast("Any", Ticks(step_ns)), MARKET, budget_ns=BUDGET_NS, required=required)


def judged(each: Gate, state: EngineState | None = None, **wishes: Any) -> GateAnswer:  # noqa: ANN401 - as judge
    """Return the gate's answer about a buy."""
    return each.judge(REQUEST, state or EngineState("test", "00000000"), NOW_NS, **wishes)


def test_every_check_is_asked_and_the_first_denial_gives_the_code() -> None:
    """In their order, also after the first refusal: the journal has the whole list."""
    lock = Lock(BTC, OrderSide.BUY, 2_000, "LOSS", "Enough lost.")
    checks = (
        Says(ALLOW, "one"),
        Says(Deny("SIZE", "Too large.", (("limit", "1"), ("wanted", "2"))), "two"),
        Says(lock, "three"),
        Says(ALLOW, "four"),
    )
    assert judged(gate(*checks)) == GateAnswer(
        allowed=False,
        code="SIZE",
        verdicts=(
            Verdict("one", "1", True),
            Verdict("two", "1", False, "SIZE", "Too large.", (("limit", "1"), ("wanted", "2"))),
            Verdict("three", "1", False, "LOSS", "Enough lost.", (("until_ns", "2000"),)),
            Verdict("four", "1", True),
        ),
        locks=(LockPlaced("three", BTC, OrderSide.BUY, 2_000, "LOSS", "Enough lost."),),
        hung="",
    )
    assert [check.asked for check in checks] == [1, 1, 1, 1]


def test_what_every_check_allows_is_allowed() -> None:
    """No code, and each check's word for it; without any check nothing stands against it."""
    answer = GateAnswer(True, "", (Verdict("one", "1", True), Verdict("two", "1", True)), (), "")
    assert judged(gate(Says(ALLOW, "one"), Says(ALLOW, "two"))) == answer
    assert judged(gate()) == GateAnswer(True, "", (), (), "")


def test_a_required_check_that_is_not_there_denies_first() -> None:
    """One that is there does not; the others are asked all the same."""
    answer = judged(gate(Says(ALLOW, "here"), required=("gone", "here", "lost")))
    words = "The check is required but was not loaded."
    assert answer == GateAnswer(
        False,
        "CHECK_MISSING",
        (
            Verdict("gone", "", False, "CHECK_MISSING", words),
            Verdict("lost", "", False, "CHECK_MISSING", words),
            Verdict("here", "1", True),
        ),
    )


@pytest.mark.parametrize(("step_ns", "allowed"), [(0, True), (BUDGET_NS, True), (BUDGET_NS + 1, False)])
def test_an_answer_within_the_budget_counts(step_ns: int, allowed: bool) -> None:  # noqa: FBT001 - a case
    """Exactly the budget is in time; what is late denies with the figures."""
    (verdict,) = judged(gate(Says(ALLOW, "one"), step_ns=step_ns)).verdicts
    figures = (("spent_ns", str(step_ns)), ("budget_ns", str(BUDGET_NS)))
    late = Verdict("one", "1", False, "CHECK_TOO_SLOW", "The check took longer than its budget.", figures)
    assert verdict == (Verdict("one", "1", True) if allowed else late)


def test_a_lock_that_stands_denies_before_any_check_is_asked() -> None:
    """With who placed it, until when, for what, and why; the checks are asked all the same."""
    state = EngineState("test", "00000000")
    state.locks["loss"] = LockPlaced("loss", BTC, None, NOW_NS + 1, "LOSS", "Enough lost.")
    figures = (("until_ns", str(NOW_NS + 1)), ("scope", BTC), ("cause", "LOSS"))
    locked = Verdict("loss", "", False, "LOCKED", "Enough lost.", figures)
    answer = GateAnswer(False, "LOCKED", (locked, Verdict("one", "1", True)))
    assert judged(gate(Says(ALLOW, "one")), state) == answer


@pytest.mark.parametrize(
    ("scope", "side", "until_ns", "stands"),
    [
        ("*", None, NOW_NS + 1, True),
        (BTC, None, NOW_NS + 1, True),
        (BTC, OrderSide.BUY, NOW_NS + 1, True),
        ("*", OrderSide.BUY, NOW_NS + 1, True),
        (BTC, None, NOW_NS, False),
        (ETH, None, NOW_NS + 1, False),
        ("*", OrderSide.SELL, NOW_NS + 1, False),
        ("", None, NOW_NS + 1, False),
    ],
)
def test_which_locks_stand(scope: str, side: OrderSide | None, until_ns: int, stands: bool) -> None:  # noqa: FBT001 - a case
    """Of all symbols or this one, of both sides or this one, until its time and not at it."""
    state = EngineState("test", "00000000")
    state.locks["over"] = LockPlaced("over", "*", None, NOW_NS - 1, "OLD", "Over.")
    state.locks["one"] = LockPlaced("one", scope, side, until_ns, "NEW", "Enough.")
    found = _standing_lock(state, BTC, OrderSide.BUY, NOW_NS)
    assert (None if found is None else found.check) == ("one" if stands else None)


def test_an_order_that_is_judged_again_is_no_exposure_of_itself() -> None:
    """The view is without it; another order's is with everything."""
    order = Order(
        "x", "bot", "bot", BTC, OrderSide.BUY, OrderType.LIMIT, TimeInForce.GTC,
        Decimal(1), Decimal(100), None, False, "USDT", "", (), 0,
    )  # fmt: skip
    state = EngineState("test", "00000000")
    state.positions[order.key] = Position(BTC, "bot", "USDT", pending_openings=1)
    state.exposed_total, state.live_total = 4, 7
    state.exposed_by_symbol, state.live_by_symbol = {BTC: 3}, {BTC: 5}
    seen: list[tuple[int, int]] = []

    def looks(_request: RiskRequest, view: RiskView, _value: str) -> object:
        seen.append((view.exposed_positions(), view.live_orders()))
        return ALLOW

    each = gate(Says(looks))
    judged(each, state)
    judged(each, state, apart_from=order)
    assert seen == [(4, 7), (3, 6)]


@pytest.mark.parametrize("value", [None, "", "kept"])
def test_a_check_is_asked_with_its_own_value(value: str | None) -> None:
    """The one that it folded, also an empty one; what it begins with where there is none."""

    class Begins(Says):
        def initial(self) -> str:
            return "begin"

    check = Begins(ALLOW, "one")
    state = EngineState("test", "00000000")
    state.check_values = {"other": "wrong"} | ({} if value is None else {"one": value})
    judged(gate(check), state)
    assert check.values == ["begin" if value is None else value]


class Folds(Says):
    """A check that folds as it was told to."""

    stateless = False

    def __init__(self, name: str, how: Callable[[str], object]) -> None:
        super().__init__(ALLOW, name)
        self.how = how

    def fold(self, value: str, fact: Fact) -> str:  # noqa: ARG002 - the port's
        """Fold a fact."""
        return cast("str", self.how(value))


def broken(_value: str) -> object:
    """Raise."""
    raise ValueError("figures")


def test_what_checks_fold_is_told_where_it_changed() -> None:
    """In their order; what stays as it was, begins as it is or keeps no value is not told."""
    state = EngineState("test", "00000000")
    state.check_values = {"more": "a", "same": "b"}
    each = gate(
        Says(ALLOW, "stateless"),
        Folds("more", lambda value: value + "+"),
        Folds("same", lambda value: value),
        Folds("new", lambda value: value),
        Folds("first", lambda value: value + "1"),
    )
    assert each.keeps_values
    assert each.fold(SOMETHING, state) == [CheckValueChanged("more", "a+"), CheckValueChanged("first", "1")]
    assert not each.has_broken
    assert not gate(Says(ALLOW, "stateless")).keeps_values


def test_a_check_that_does_not_say_that_it_is_stateless_folds() -> None:
    """Whoever forgets to say it loses nothing; only a check that says so is left out."""
    check = SimpleNamespace(
        name="plain", version="1", initial=lambda: "", fold=lambda value, _fact: value + "+"
    )
    state = EngineState("test", "00000000")
    assert gate(cast("Any", check)).fold(SOMETHING, state) == [CheckValueChanged("plain", "+")]
    assert gate(Yes()).fold(SOMETHING, state) == []


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        (broken, "fold raised ValueError: figures"),
        (lambda _value: None, "fold returned a NoneType, not text"),
        (lambda _value: "\x00", "fold returned text that cannot be stored"),
    ],
)
def test_a_check_that_missed_a_fact_denies_from_then_on(how: Callable[[str], object], problem: str) -> None:
    """It is told once, with the first reason; the others go on."""
    check, other = Folds("bad", how), Folds("good", lambda value: value + "+")
    each, state = gate(check, other), EngineState("test", "00000000")
    for _ in range(2):
        assert each.fold(SOMETHING, state) == [CheckValueChanged("good", "+")]
    assert each.has_broken
    assert each.take_broken() == [("bad", problem)]
    assert not each.has_broken
    assert each.take_broken() == []
    assert judged(each).verdicts == (
        Verdict("bad", "1", False, "CHECK_FAILED", problem),
        Verdict("good", "1", True),
    )
    assert check.asked == 0


def test_the_figures_of_a_denial_tell_no_secret() -> None:
    """They go into the journal: a secret that this process holds is shown in none of their words."""
    secret = Secret("abcdefghijklmnop")
    told = f"key {secret.reveal()}"
    (verdict,) = judged(gate(Says(Deny("NO", "no", ((told, told), ("b", "2"))), "one"))).verdicts
    assert verdict.figures == (("key [secret]", "key [secret]"), ("b", "2"))


def test_names_and_limits_are_told_in_the_order_of_the_checks() -> None:
    """The journal's first record says what stood between a bot and the venue."""

    class Limited(Says):
        def __init__(self, name: str, **limits: object) -> None:
            super().__init__(ALLOW, name)
            self.limits = limits

    each = gate(Limited("b", most=Decimal("1.50"), least=0), Limited("a"), Limited("c", most=3))
    assert each.names == (("b", "1"), ("a", "1"), ("c", "1"))
    assert each.limits == (("b.most", "1.50"), ("b.least", "0"), ("c.most", "3"))


def test_only_what_passed_can_be_sent() -> None:
    """An order or a change that was denied is never wrapped; what reduces, or was approved before, is."""
    each = gate()
    passed, denied = GateAnswer(True, "", ()), GateAnswer(False, "NO", ())
    for wrapped in (each.reduction(SOMETHING), each.approved(SOMETHING, passed), each.reapproved(SOMETHING)):
        assert type(wrapped) is ApprovedOrder
        assert wrapped.request is SOMETHING
    for changed in (each.approved_change(SOMETHING, passed), each.reapproved_change(SOMETHING)):
        assert type(changed) is ApprovedChange
        assert changed.request is SOMETHING
    with pytest.raises(ValueError, match="a denied order"):
        each.approved(SOMETHING, denied)
    with pytest.raises(ValueError, match="a denied change"):
        each.approved_change(SOMETHING, denied)


def test_what_adds_nothing_passes_with_the_kernels_own_word() -> None:
    """The journal says that no check was asked, and why."""
    each = gate(Says(Deny("NO", "no")))
    words = "A reduction is never blocked by a risk check."
    assert each.reduction_answer() == GateAnswer(True, "", (Verdict("kernel", "1", True, "REDUCES", words),))
    words = "What raises nothing is never blocked by a check."
    assert each.shrink_answer() == GateAnswer(True, "", (Verdict("kernel", "1", True, "SHRINKS", words),))
