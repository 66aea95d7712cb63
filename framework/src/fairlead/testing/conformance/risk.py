"""The conformance class of risk checks; its rules are in ``docs/reference/risk-rules.md``.

    class TestMyCheck(RiskConformance):
        def make_check(self) -> RiskCheck:
            return MyCheck()

        def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
            return request_for("100"), FakeRiskView(), MyCheck().initial()

Needs hypothesis; runs under pytest or by calling the methods.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, ClassVar

import attrs
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from fairlead.domain.identifiers import to_name, to_symbol
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.records import Record
from fairlead.errors import TextRefused
from fairlead.ports.risk import Allow, Deny, Lock, RiskCheck, RiskRequest, RiskView
from fairlead.testing import strategies
from fairlead.testing.conformance.outside_watch import outside_calls
from fairlead.testing.conformance.rules import Rule, RuleBroken, overridden_tests

R_01 = Rule(
    "R-01", "A check has a name shaped like a plugin's name and a printable version; neither ever changes."
)
R_02 = Rule("R-02", "The methods initial, fold and judge are synchronous, and no generators.")
R_03 = Rule("R-03", "The initial value is text that can be stored, and the same each time.")
R_04 = Rule("R-04", "A check answers every request over every view: it never raises.")
R_05 = Rule("R-05", "An answer is an Allow, a Deny or a Lock, and nothing else.")
R_06 = Rule(
    "R-06", "The same arguments give the same answer, whatever was asked before and of whichever instance."
)
R_07 = Rule("R-07", "A check changes none of its arguments.")
R_08 = Rule("R-08", "A check reads no clock, draws no randomness, and does no input or output.")
R_09 = Rule(
    "R-09", "A Deny or a Lock carries an upper-case code, a printable reason, and figures as pairs of text."
)
R_10 = Rule("R-10", "A fold takes every fact, returns text that can be stored, and never raises.")
R_11 = Rule("R-11", "A fold returns the value as it is for a fact that the check does not know.")
R_12 = Rule(
    "R-12", "All that a check remembers is in its value: a new instance with a stored copy goes on alike."
)
R_13 = Rule("R-13", "A check can deny: its author gives one case that it denies.")
R_14 = Rule(
    "R-14", "A check that says stateless = True returns every value as it is; the kernel then skips its fold."
)

RISK_RULES = (R_01, R_02, R_03, R_04, R_05, R_06, R_07, R_08, R_09, R_10, R_11, R_12, R_13, R_14)

_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*", re.ASCII)
_PAIR = 2
_METHODS = ("initial", "fold", "judge")


@attrs.frozen
class _UnknownFact:
    """A kind of record that no check knows: one of a later version."""

    KIND: ClassVar[str] = "a_kind_of_a_later_version"
    VERSION: ClassVar[int] = 99
    figure: str = "1"


class RiskConformance:
    """Subclass it, implement `make_check` and `denied_example`; pytest runs every rule."""

    examples: ClassVar[int] = 25
    """How many generated cases each rule is tried on."""

    shrinks: ClassVar[bool] = True
    """Whether a case that breaks a rule is made small before it is shown, which may take a minute."""

    def make_check(self) -> RiskCheck:
        """Return a new instance of the check, configured alike each time."""
        raise NotImplementedError

    def denied_example(self) -> tuple[RiskRequest, RiskView, str]:
        """Return a request, a view and a value for which the check answers with a denial or a lock."""
        raise NotImplementedError

    def test_no_rule_was_replaced(self) -> None:
        """A subclass adds tests; it replaces none."""
        replaced = list(overridden_tests(RiskConformance, type(self)))
        assert not replaced, f"these tests may not be replaced: {', '.join(replaced)}"

    def test_r01_name_and_version(self) -> None:
        """R-01: the journal can name the check and its version."""
        check, other = self.make_check(), self.make_check()
        try:
            to_name(check.name, "name")
        except TextRefused as refusal:
            R_01.broken(str(refusal))
        version = check.version
        R_01.require(
            isinstance(version, str) and bool(version) and version.isprintable(), f"version is {version!r}"
        )
        R_01.require((other.name, other.version) == (check.name, version), "two instances differ")

    def test_r02_synchronous(self) -> None:
        """R-02: the gate never waits."""
        check = self.make_check()
        for name in _METHODS:
            method = inspect.unwrap(getattr(check, name))
            waits = inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
            R_02.require(not waits, f"{name} is async")
            R_02.require(not inspect.isgeneratorfunction(method), f"{name} is a generator")

    def test_r03_initial_value(self) -> None:
        """R-03: every kernel begins with the same stored value."""
        check = self.make_check()
        _require_storable(R_03, check.initial(), "initial")
        R_03.require(check.initial() == self.make_check().initial(), "two calls of initial differ")

    def test_r04_answers_everything(self) -> None:
        """R-04: no request and no view makes the check raise."""
        check = self.make_check()

        def rule(request: RiskRequest, view: RiskView) -> None:
            try:
                check.judge(request, view, check.initial())
            except Exception as error:  # isolation point: a raising check breaks the rule
                R_04.broken(f"judge raised {error!r}")

        self._for_all(rule, strategies.requests(), strategies.risk_views())

    def test_r05_answers_judgements(self) -> None:
        """R-05: an answer can be journaled as a verdict."""
        check = self.make_check()

        def rule(request: RiskRequest, view: RiskView) -> None:
            answer = _judged(check, request, view, check.initial())
            R_05.require(type(answer) in (Allow, Deny, Lock), f"judge answered {answer!r}")

        self._for_all(rule, strategies.requests(), strategies.risk_views())

    def test_r06_same_arguments_same_answer(self) -> None:
        """R-06: asking something else in between, or another instance, changes no answer."""
        lasting = self.make_check()

        def rule(cases: list[tuple[RiskRequest, RiskView]]) -> None:
            value = lasting.initial()
            forward = [_judged(lasting, *case, value) for case in cases]
            again = [_judged(lasting, *case, value) for case in cases]
            R_06.require(again == forward, f"it answered {forward!r}, and later {again!r}")
            fresh = self.make_check()
            backward = [_judged(fresh, *case, value) for case in reversed(cases)][::-1]
            R_06.require(backward == forward, f"it answered {forward!r}, and asked in reverse {backward!r}")

        case = st.tuples(strategies.requests(), strategies.risk_views())
        self._for_all(rule, st.lists(case, min_size=2, max_size=4))

    def test_r07_changes_no_argument(self) -> None:
        """R-07: request, view and fact are as they were."""
        check = self.make_check()

        def rule(request: RiskRequest, view: RiskView, fact: Record) -> None:
            before = repr((request, view, fact))
            _judged(check, request, view, check.initial())
            check.fold(check.initial(), fact)
            after = repr((request, view, fact))
            R_07.require(after == before, f"it made {after} of {before}")

        self._for_all(rule, strategies.requests(), strategies.risk_views(), strategies.facts())

    def test_r08_reaches_nothing_outside(self) -> None:
        """R-08: time comes from the view, and everything else from the request, the view and the value."""
        check = self.make_check()

        def rule(request: RiskRequest, view: RiskView, fact: Record) -> None:
            value = check.initial()
            for call in (lambda: check.judge(request, view, value), lambda: check.fold(value, fact)):
                call()  # what is imported on first use is imported now
                _, used = outside_calls(call)
                R_08.require(not used, f"it called {', '.join(used)}")

        self._for_all(rule, strategies.requests(), strategies.risk_views(), strategies.facts())

    def test_r09_denials_explain_themselves(self) -> None:
        """R-09: people and programs can read why."""
        check = self.make_check()

        def rule(request: RiskRequest, view: RiskView) -> None:
            _require_explained(_judged(check, request, view, check.initial()))

        self._for_all(rule, strategies.requests(), strategies.risk_views())
        _require_explained(_judged(check, *self.denied_example()))

    def test_r10_folds_everything(self) -> None:
        """R-10: no history makes the check raise or keep what cannot be stored."""
        check = self.make_check()

        def rule(history: list[Record]) -> None:
            value = check.initial()
            for fact in history:
                try:
                    value = check.fold(value, fact)
                except Exception as error:  # isolation point: a raising check breaks the rule
                    R_10.broken(f"fold raised {error!r} for {fact!r}")
                _require_storable(R_10, value, "fold")

        self._for_all(rule, strategies.histories())

    def test_r11_ignores_unknown_facts(self) -> None:
        """R-11: a check of today runs beside a kernel of tomorrow."""
        check = self.make_check()
        unknown: Any = _UnknownFact()

        def rule(history: list[Record]) -> None:
            value = _folded(check, history)
            try:
                after = check.fold(value, unknown)
            except Exception as error:  # isolation point: a raising check breaks the rule
                R_11.broken(f"fold raised {error!r} for a fact of a later version")
            R_11.require(after == value, f"the value became {after!r} from {value!r}")

        self._for_all(rule, strategies.histories())

    def test_r12_value_is_the_whole_memory(self) -> None:
        """R-12: limits survive a restart."""
        lasting = self.make_check()

        def rule(history: list[Record], later: list[Record], request: RiskRequest, view: RiskView) -> None:
            value = _folded(lasting, history, lasting.initial())
            restarted, stored = self.make_check(), value.encode().decode()
            value, stored = _folded(lasting, later, value), _folded(restarted, later, stored)
            R_12.require(value == stored, f"after a restart the value is {stored!r}, without {value!r}")
            before, after = _judged(lasting, request, view, value), _judged(restarted, request, view, stored)
            R_12.require(before == after, f"after a restart it answers {after!r}, without {before!r}")

        histories = st.lists(strategies.facts(), max_size=12)  # two whole ones are too much to draw
        self._for_all(rule, histories, histories, strategies.requests(), strategies.risk_views())

    def test_r13_can_deny(self) -> None:
        """R-13: a check that allows everything protects nobody."""
        answer = _judged(self.make_check(), *self.denied_example())
        R_13.require(isinstance(answer, Deny | Lock), f"the example was answered with {answer!r}")

    def test_r14_stateless_means_it(self) -> None:
        """R-14: nothing is lost when the kernel skips the fold."""
        check = self.make_check()
        if not getattr(check, "stateless", False):
            return
        R_14.require(check.initial() == "", "it is stateless and has an initial value")

        def rule(history: list[Record], value: str) -> None:
            for fact in history:
                after = check.fold(value, fact)
                R_14.require(after == value, f"the value became {after!r} from {value!r}")

        self._for_all(rule, strategies.histories(), st.text(max_size=8))

    def _for_all(self, rule: Callable[..., None], *arguments: st.SearchStrategy[Any]) -> None:
        """Try the rule on generated arguments, the same ones in every run."""
        limits = settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=True,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink] if self.shrinks else [Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )

        def body(drawn: tuple[Any, ...]) -> None:
            rule(*drawn)

        try:
            limits(given(st.tuples(*arguments))(body))()
        except Flaky as flaky:  # a check that is not pure answers otherwise when hypothesis asks again
            for error in getattr(flaky, "exceptions", ()):
                if isinstance(error, RuleBroken):
                    raise error from None
            raise


def _judged(check: RiskCheck, request: RiskRequest, view: RiskView, value: str) -> object:
    answer: object = check.judge(request, view, value)
    if inspect.iscoroutine(answer):
        answer.close()  # it is an answer of the wrong kind, not one to await
    return answer


def _folded(check: RiskCheck, history: list[Record], value: str | None = None) -> str:
    value = check.initial() if value is None else value
    for fact in history:
        value = check.fold(value, fact)
    return value


def _require_storable(rule: Rule, value: object, method: str) -> None:
    if not isinstance(value, str):
        rule.broken(f"{method} returned {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        rule.broken(f"{method} returned text that UTF-8 cannot hold: {value!r}")
    rule.require("\0" not in value, f"{method} returned a NUL character: {value!r}")


def _require_explained(answer: object) -> None:
    if isinstance(answer, Allow) or not isinstance(answer, Deny | Lock):
        return
    code, reason = answer.code, answer.reason
    R_09.require(isinstance(code, str) and bool(_CODE.fullmatch(code)), f"the code is {code!r}")
    R_09.require(
        isinstance(reason, str) and bool(reason) and reason.isprintable(), f"the reason is {reason!r}"
    )
    if isinstance(answer, Deny):
        figures: object = answer.figures
        R_09.require(
            isinstance(figures, tuple) and all(map(_is_pair_of_text, answer.figures)), f"figures {figures!r}"
        )
        return
    try:
        R_09.require(answer.scope == "*" or bool(to_symbol(answer.scope, "scope")), "the scope is empty")
    except TextRefused as refusal:
        R_09.broken(str(refusal))
    R_09.require(type(answer.until_ns) is int and answer.until_ns >= 0, f"until_ns is {answer.until_ns!r}")
    R_09.require(answer.side is None or isinstance(answer.side, OrderSide), f"the side is {answer.side!r}")


def _is_pair_of_text(pair: object) -> bool:
    return isinstance(pair, tuple) and len(pair) == _PAIR and all(isinstance(part, str) for part in pair)
