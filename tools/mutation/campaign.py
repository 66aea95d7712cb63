"""Tests mutants: of functions in forks of one process, of modules in forks that read them anew."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from tools.mutation.children import KILLED, SURVIVED, UNPLACEABLE, Noticeboard, Status, Verdict, judge, limit
from tools.mutation.fresh import ask_anew
from tools.mutation.live import LiveFunctions, Unplaceable, is_the_same
from tools.mutation.mutants import Faults, Mutant
from tools.mutation.reach import Reach, Repeatable, quiet_arguments
from tools.mutation.results import Result
from tools.mutation.schedule import Schedule

# A process that reads a module anew collects each test file, too: so many are enough to show a wrong table.
FRESH_FILES = 32

Told = Callable[[Result], None]


class CampaignFailed(Exception):
    """The tests fail without a mutant, or cannot be collected: no verdict means anything."""


class Campaign:
    """Tests one mutant after the other, and tells each result at once."""

    def __init__(
        self,
        root: Path,
        reach: Reach,
        faults: Mapping[str, Faults],
        schedule: Schedule,
        told: Told,
        *,
        control: Path | None = None,
    ) -> None:
        """Test mutants of these modules below *root*; *schedule* tells which tests are asked.

        *control* is a file that is there once these tests have passed without a mutant; else they must.
        """
        self._root = root
        self._reach = reach
        self._faults = faults
        self._schedule = schedule
        self._told = told
        self._control = control

    def run(self, mutants: Sequence[Mutant]) -> None:
        """Test them all. Raises `CampaignFailed`; what was told before that holds."""
        inside = [mutant for mutant in mutants if self._schedule.is_called(mutant)]
        outside = [mutant for mutant in mutants if not self._schedule.is_called(mutant)]
        if outside and not self._is_controlled():
            self._demand_sound_anew(outside[0])
        for mutant in outside:
            self._test(mutant, partial(self._anew, mutant), FRESH_FILES)
        if inside:
            loop = _Loop(self, inside)
            code = pytest.main(quiet_arguments(self._files()), plugins=[Repeatable(), loop])
            if loop.problem or not loop.is_done:
                raise CampaignFailed(loop.problem or f"pytest ended with {code} before a mutant was tested")

    def _is_controlled(self) -> bool:
        return self._control is not None and self._control.is_file()

    def _demand_sound_anew(self, mutant: Mutant) -> None:
        tests = self._schedule.of(mutant, files_max=FRESH_FILES)
        verdict = self._anew(mutant, self._faults[mutant.path].tree, tests)
        if tests and verdict.status is not Status.SURVIVED:
            raise CampaignFailed(f"without a mutant, a process that reads {mutant.path} is {verdict.status}")

    def _files(self) -> list[str]:
        return sorted({test.partition("::")[0] for test in self._reach.tests})

    def _anew(self, mutant: Mutant, tree: ast.Module, tests: Sequence[int]) -> Verdict:
        asked = {self._reach.tests[test]: (test, self._reach.seconds[test]) for test in tests}
        return ask_anew(str(self._root / mutant.path), tree, asked)

    def _test(
        self,
        mutant: Mutant,
        ask: Callable[[ast.Module, list[int]], Verdict],
        files_max: int | None = None,
    ) -> None:
        tree = self._faults[mutant.path].mutated(mutant.number)
        try:
            if is_the_same(self._faults[mutant.path].tree, tree, mutant.path):
                self._told(Result(mutant, Status.UNTESTED, "compiles to the same code"))
                return
        except Unplaceable as error:
            self._told(Result(mutant, Status.UNTESTED, str(error)))
            return
        tests = self._schedule.of(mutant, files_max=files_max)
        if not tests:
            self._told(Result(mutant, Status.UNREACHED))
            return
        verdict = ask(tree, tests)
        if verdict.status in {Status.KILLED, Status.TIMED_OUT} and verdict.test >= 0:
            self._schedule.found_by(mutant, verdict.test)
        name = self._reach.tests[verdict.test] if verdict.test >= 0 else ""
        self._told(
            Result(mutant, verdict.status, "" if verdict.status is Status.SURVIVED else name, verdict.seconds)
        )

    def test_inside(self, items: Mapping[str, pytest.Item], live: LiveFunctions, mutant: Mutant) -> None:
        """Test a mutant of a function with the tests that were collected."""

        def ask(tree: ast.Module, tests: list[int]) -> Verdict:
            def work(board: Noticeboard) -> int:
                try:
                    live.plant(str(self._root / mutant.path), mutant, tree)
                except Unplaceable:
                    return UNPLACEABLE
                return self.run_tests(items, tests, board)

            return judge(work)

        self._test(mutant, ask)

    def demand_sound(self, items: Mapping[str, pytest.Item]) -> str:
        """Return what is wrong when the tests, in such an order, fail without any mutant; else nothing."""
        tests = self._schedule.without_a_mutant()
        missing = [self._reach.tests[test] for test in tests if self._reach.tests[test] not in items]
        if missing:
            return (
                f"{len(missing)} recorded tests are no more, {missing[0]} first; record what they reach anew"
            )
        if self._is_controlled():
            return ""
        verdict = judge(lambda board: self.run_tests(items, tests, board))
        if verdict.status is Status.SURVIVED:
            if self._control is not None:
                self._control.touch()
            return ""
        return f"without a mutant, {self._reach.tests[verdict.test]} is {verdict.status}"

    def run_tests(self, items: Mapping[str, pytest.Item], tests: Sequence[int], board: Noticeboard) -> int:
        """Run collected tests until one fails: meant for a fork."""
        asked = [(test, items[self._reach.tests[test]]) for test in tests if self._reach.tests[test] in items]
        manager = asked[0][1].config.pluginmanager
        manager.unregister(name="terminalreporter")
        watch = _FirstFailure()
        manager.register(watch)
        following = [item for _, item in asked[1:]]
        for (test, item), after in zip(asked, [*following, None], strict=True):
            board.write(test)
            limit(self._reach.seconds[test])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if watch.has_failed:
                return KILLED
        return SURVIVED


class _FirstFailure:
    def __init__(self) -> None:
        self.has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.has_failed = self.has_failed or report.failed


class _Loop:
    """A pytest plugin: once everything is collected, mutants are tested instead of running the tests."""

    def __init__(self, campaign: Campaign, mutants: Sequence[Mutant]) -> None:
        self._campaign = campaign
        self._mutants = mutants
        self.is_done = False
        self.problem = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            self.problem = "the tests cannot be collected"
            return True
        items = {item.nodeid: item for item in session.items}
        self.problem = self._campaign.demand_sound(items)
        if self.problem:
            return True
        live = LiveFunctions()
        for mutant in self._mutants:
            self._campaign.test_inside(items, live, mutant)
        self.is_done = True
        return True
