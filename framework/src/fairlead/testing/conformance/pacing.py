"""The conformance class of pacing models; its rules are in ``docs/reference/pacing-rules.md``.

    class TestMyLimits(PacingConformance):
        def make_model(self) -> PacingModel:
            return my_limits("pro")

Needs hypothesis; runs under pytest or by calling the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairlead.domain.budgets import UNUSED, BudgetLevel
from fairlead.domain.numbers import ZERO, add, multiply, subtract
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.pacing import Budget, PacingModel, RequestKind
from fairlead.testing.conformance.outside_watch import outside_calls
from fairlead.testing.conformance.rules import Rule, overridden_tests

M_01 = Rule("M-01", "Every request has its costs, at any age, for any symbol: pairs of a name and a Decimal.")
M_02 = Rule("M-02", "No cost is below zero, and none is more than the whole of its budget.")
M_03 = Rule("M-03", "A name that was given out leads to one budget, every time; any other name to KeyError.")
M_04 = Rule("M-04", "The same question has the same answer; nothing outside the arguments is looked at.")
M_05 = Rule("M-05", "What is available lies between 0 and the size, and a later time never has less.")
M_06 = Rule("M-06", "A spend takes what it costs, to the last digit, and is refused when it does not fit.")
M_07 = Rule("M-07", "A time before the level's own gives nothing back, then or later.")
M_08 = Rule("M-08", "After the wait the amount is there, and not a nanosecond before.")
M_09 = Rule("M-09", "A refusal by the venue empties the budget, and nothing fits before its pause is over.")

PACING_RULES = (M_01, M_02, M_03, M_04, M_05, M_06, M_07, M_08, M_09)

START_NS = 1_767_225_600 * NANOSECONDS_PER_SECOND
_AGES_NS = st.integers(0, 600 * NANOSECONDS_PER_SECOND)
_SYMBOLS = st.sampled_from(("", "BTC/USDT", "ETH/USDT"))
_KINDS = st.sampled_from(RequestKind)
_TIMES_NS = st.integers(0, 1_000 * NANOSECONDS_PER_SECOND)
_PARTS = st.integers(1, 100)

_PERCENT = Decimal("0.01")


def _share(amount: Decimal, percent: int) -> Decimal:
    return multiply(amount, multiply(Decimal(percent), _PERCENT))


class PacingConformance:
    """Subclass it and implement `make_model`; pytest runs every rule."""

    examples: ClassVar[int] = 50
    """How many generated cases each rule is tried on."""

    def make_model(self) -> PacingModel:
        """Return a new instance of the model, configured alike each time."""
        raise NotImplementedError

    def test_no_rule_was_replaced(self) -> None:
        """A subclass adds tests; it replaces none."""
        replaced = list(overridden_tests(PacingConformance, type(self)))
        assert not replaced, f"these tests may not be replaced: {', '.join(replaced)}"

    def test_m01_every_request_has_its_costs(self) -> None:
        """M-01: the kernel asks about whatever it wants to do."""
        model = self.make_model()

        def rule(kind: RequestKind, symbol: str, age_ns: int) -> None:
            for entry in model.costs(kind, symbol, age_ns):
                sound = type(entry) is tuple and list(map(type, entry)) == [str, Decimal]
                M_01.require(sound, f"a {kind.value} costs {entry!r}")

        self._for_all(rule, _KINDS, _SYMBOLS, _AGES_NS)

    def test_m02_costs_can_be_paid(self) -> None:
        """M-02: nothing waits for ever, nothing fills a budget by spending."""
        model = self.make_model()

        def rule(kind: RequestKind, symbol: str, age_ns: int) -> None:
            for name, cost in model.costs(kind, symbol, age_ns):
                size = model.budget(name).size
                M_02.require(ZERO <= cost <= size, f"a {kind.value} costs {cost} of {name}, which is {size}")

        self._for_all(rule, _KINDS, _SYMBOLS, _AGES_NS)

    def test_m03_names_lead_to_budgets(self) -> None:
        """M-03: the journal keeps levels by name."""
        model = self.make_model()
        for name, budget in self._budgets(model):
            M_03.require(model.budget(name) is budget, f"{name} led to another budget")
        try:
            model.budget("no limit of this venue")
        except KeyError:
            return
        M_03.broken("a name that was never given out led to a budget")

    def test_m04_pure(self) -> None:
        """M-04: what is decided may not depend on when, or by whom, it is asked."""
        model, other = self.make_model(), self.make_model()

        def rule(kind: RequestKind, symbol: str, age_ns: int) -> None:
            costs, used = outside_calls(lambda: list(model.costs(kind, symbol, age_ns)))
            M_04.require(not used, f"it called {', '.join(used)}")
            again = [list(each.costs(kind, symbol, age_ns)) for each in (model, other)]
            M_04.require(again == [costs, costs], f"it answered {costs}, and then {again}")

        self._for_all(rule, _KINDS, _SYMBOLS, _AGES_NS)

    def test_m05_waiting_only_helps(self) -> None:
        """M-05: within its bounds, and never less for having waited."""

        def rule(budget: Budget, level: BudgetLevel, earlier_ns: int, more_ns: int) -> None:
            early = budget.available(level, START_NS + earlier_ns)
            late = budget.available(level, START_NS + earlier_ns + more_ns)
            M_05.require(ZERO <= early <= late <= budget.size, f"{early}, later {late}, of {budget.size}")

        self._for_budgets(rule, _TIMES_NS, _TIMES_NS)

    def test_m06_spends_are_exact(self) -> None:
        """M-06: no more and no less than the cost, and never more than there is."""

        def rule(budget: Budget, level: BudgetLevel, later_ns: int, part: int) -> None:
            now_ns = START_NS + later_ns
            available = budget.available(level, now_ns)
            cost = _share(available, part)
            left = budget.available(budget.spend(level, cost, now_ns), now_ns)
            M_06.require(left == subtract(available, cost), f"{available} less {cost} left {left}")
            beyond = add(available, Decimal(part))
            try:
                budget.spend(level, beyond, now_ns)
            except ValueError:
                return
            M_06.broken(f"{beyond} were spent of {available}")

        self._for_budgets(rule, _TIMES_NS, _PARTS)

    def test_m07_a_clock_set_back_gives_nothing(self) -> None:
        """M-07: neither at the earlier time nor afterwards."""

        def rule(budget: Budget, level: BudgetLevel, back_ns: int, later_ns: int) -> None:
            early, fair = START_NS - back_ns, budget.available(level, START_NS)
            M_07.require(budget.available(level, early) <= fair, "an earlier time has more")
            cost = budget.available(level, early)
            spent = budget.available(budget.spend(level, cost, early), START_NS + later_ns)
            fairly = budget.available(budget.spend(level, cost, START_NS), START_NS + later_ns)
            M_07.require(spent <= fairly, f"spent at an earlier time, {spent} is left, not {fairly}")

        self._for_budgets(rule, _TIMES_NS, _TIMES_NS)

    def test_m08_waits_are_exact(self) -> None:
        """M-08: the kernel comes back once, and in time."""

        def rule(budget: Budget, level: BudgetLevel, later_ns: int, part: int) -> None:
            now_ns, amount = START_NS + later_ns, _share(budget.size, part)
            wait_ns = budget.wait_ns(level, amount, now_ns)
            M_08.require(budget.available(level, now_ns + wait_ns) >= amount, f"{wait_ns} ns are too short")
            if wait_ns:
                early = budget.available(level, now_ns + wait_ns - 1)
                M_08.require(early < amount, f"{wait_ns} ns are too long")

        self._for_budgets(rule, _TIMES_NS, _PARTS)

    def test_m09_the_venue_knows_better(self) -> None:
        """M-09: whatever was counted here, the venue says that it is too much."""

        def rule(budget: Budget, level: BudgetLevel, pause_ns: int, part: int) -> None:
            refused = budget.refused(level, START_NS, pause_ns)
            at_once = budget.available(refused, START_NS)
            M_09.require(at_once == ZERO, f"{at_once} is left at once")
            within_ns = pause_ns * part // 101
            early = budget.available(refused, START_NS + within_ns) if within_ns < pause_ns else ZERO
            M_09.require(early == ZERO, f"{early} is there after {within_ns} of {pause_ns} ns")

        self._for_budgets(rule, _TIMES_NS, _PARTS)

    @staticmethod
    def _budgets(model: PacingModel) -> Iterator[tuple[str, Budget]]:
        for kind in RequestKind:
            for name, _ in model.costs(kind, "BTC/USDT", 0):
                yield name, model.budget(name)

    def _for_budgets(self, rule: Callable[..., None], *arguments: st.SearchStrategy[Any]) -> None:
        """Try the rule on every budget, at levels from unused to wholly used."""
        for budget in dict(self._budgets(self.make_model())).values():

            def body(part: int, *drawn: Any, of: Budget = budget) -> None:  # noqa: ANN401 - what was drawn
                used = _share(of.available(UNUSED, START_NS), part)
                rule(of, of.spend(UNUSED, used, START_NS), *drawn)

            self._for_all(body, st.integers(0, 100), *arguments)

    def _for_all(self, rule: Callable[..., None], *arguments: st.SearchStrategy[Any]) -> None:
        """Try the rule on generated arguments, the same ones in every run."""
        limits = settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=True,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow],
        )

        def body(drawn: tuple[Any, ...]) -> None:
            rule(*drawn)

        limits(given(st.tuples(*arguments))(body))()
