"""How `tools.mutation` asks tests about a mutant, and what it makes of their answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutation.children import Status
from tools.mutation.importers import importers
from tools.mutation.mutants import Faults, Mutant
from tools.mutation.reach import Reach
from tools.mutation.results import Kept, Result, Score, score_of
from tools.mutation.schedule import Schedule
from tools.sources import ROOT

SOURCE = """LIMIT = 3

def within(figure):
    return figure <= LIMIT

def countdown(figure):
    while figure > 0:
        figure -= 1
    return figure

def unproven(figure):
    return figure + 1

def unseen():
    return 1
"""
TESTS = """import small

def test_within():
    assert small.within(3)
    assert not small.within(4)

def test_countdown():
    assert small.countdown(2) == 0

def test_proves_nothing():
    small.unproven(1)

def test_fails():
    assert small.within(9)
"""
RUN = """
import json, sys
from pathlib import Path
from tools.mutation.campaign import Campaign, CampaignFailed
from tools.mutation.mutants import Faults
from tools.mutation.reach import Reach
from tools.mutation.schedule import Schedule

root = Path.cwd()
text = Path("small.py").read_text()
names = [f"test_small.py::{name}" for name in sys.argv[1:]]
lines = {1: [0], 4: [0], 7: [1], 8: [1], 9: [1], 12: [2]}
known = {line: tests for line, tests in lines.items() if tests[0] < len(names)}
told = []
faults = {"small.py": Faults("small.py", text)}
reach = Reach(names, [0.001] * len(names), {"small.py": known})
campaign = Campaign(root, reach, faults, Schedule(reach, 4.0), told.append)
try:
    mutants = faults["small.py"].mutants
    campaign.run(mutants if len(names) > 1 else [each for each in mutants if each.line == 4])
except CampaignFailed as error:
    sys.exit(str(error))
print(json.dumps([[each.mutant.line, each.mutant.what, each.status, each.test] for each in told]))
"""


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Test the small module's mutants in a process of its own, with these tests."""
    (folder / "small.py").write_text(SOURCE, encoding="utf-8")
    (folder / "test_small.py").write_text(TESTS, encoding="utf-8")
    (folder / "pytest.ini").write_text(
        "[pytest]\npythonpath = .\nmarkers =\n    campaign: long\n    interrupts: ends tracing\n"
    )
    return subprocess.run(
        [sys.executable, "-c", RUN, *tests],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_each_mutant_gets_its_verdict(tmp_path: Path) -> None:
    """A fault that a test notices is killed, one that hangs times out, one that no test notices survives.

    A wrong constant of the module is seen as well.
    """
    ended = run(tmp_path, "test_within", "test_countdown", "test_proves_nothing")
    assert ended.returncode == 0, ended.stderr
    verdicts = {
        (line, what): (status, test) for line, what, status, test in json.loads(ended.stdout.splitlines()[-1])
    }
    assert verdicts[1, "`3` becomes `4`"] == ("killed", "test_small.py::test_within")
    assert verdicts[4, "`<=` becomes `<`"] == ("killed", "test_small.py::test_within")
    assert verdicts[7, "the condition `figure > 0` is always False"][0] == "killed"
    assert verdicts[8, "`figure -= 1` is left out"] == ("timed out", "test_small.py::test_countdown")
    assert verdicts[12, "`+` becomes `-`"] == ("survived", "")
    assert verdicts[15, "`1` becomes `2`"] == ("survived", "")


def test_tests_that_fail_without_a_mutant_prove_nothing(tmp_path: Path) -> None:
    """A campaign whose tests fail on the sound code ends with that, instead of counting kills."""
    ended = run(tmp_path, "test_fails")
    assert ended.returncode != 0
    assert "without a mutant, test_small.py::test_fails is killed" in ended.stderr


def test_a_recording_of_other_tests_is_refused(tmp_path: Path) -> None:
    """A test that was recorded and is no more ends the campaign: its mutants would seem to survive."""
    ended = run(tmp_path, "test_of_yesterday")
    assert ended.returncode != 0
    assert "1 recorded tests are no more" in ended.stderr


def mutant_of(line: int, function: str = "f") -> Mutant:
    """Return a mutant on a line of `a/orders.py`."""
    return Mutant(0, "a/orders.py", function, line, line, line, line, "what")


REACH = Reach(
    ["t/test_x.py::slow", "t/test_x.py::quick", "t/test_orders.py::middle", "t/test_y.py::long"],
    [2.0, 0.1, 1.0, 9.0],
    {"a/orders.py": {3: [0, 1, 2, 3], 4: [1]}},
)


def test_the_most_likely_are_asked_first() -> None:
    """Files that share a word with the function begin, then by turns specialists and the quickest.

    A test that takes too much of the budget is never asked.
    """
    schedule = Schedule(REACH, budget_s=8.0)
    assert schedule.of(mutant_of(3)) == [2, 1, 0]
    assert schedule.of(mutant_of(4)) == [1]
    assert Schedule(REACH, budget_s=7.9).of(mutant_of(3)) == [2, 1]


def test_who_found_the_last_one_is_asked_first() -> None:
    """A test that found a mutant of a function begins with the next one of that function."""
    schedule = Schedule(REACH, budget_s=8.0)
    schedule.found_by(mutant_of(3), 0)
    assert schedule.of(mutant_of(3))[0] == 0
    assert schedule.of(mutant_of(4, "g")) == [1]


def test_strong_tests_are_asked_early() -> None:
    """A test that found a mutant of another function, or in an earlier campaign, comes before others."""
    schedule = Schedule(REACH, budget_s=8.0)
    schedule.found_before("t/test_x.py::quick")
    schedule.found_before("t/test_z.py::of_yesterday")
    assert schedule.of(mutant_of(3)) == [1, 2, 0]


def test_a_mutant_of_the_module_is_asked_of_all_that_run_it() -> None:
    """A table has no lines that tests run: those that run any function of its module are asked.

    So are they for a function that is called while its module is read, and by no test.
    """
    schedule = Schedule(REACH, budget_s=40.0)
    assert set(schedule.of(mutant_of(99, ""))) == {0, 1, 2, 3}
    assert set(schedule.of(mutant_of(99, "f"))) == {0, 1, 2, 3}
    other = mutant_of(3)._replace(path="b/other.py")
    assert schedule.of(other) == []
    assert set(Schedule(REACH, 40.0, {"b/other.py": ["a/orders.py"]}).of(other)) == {0, 1, 2, 3}


def test_what_keeps_words_is_asked_about_every_table_first() -> None:
    """A test that compares tables with kept ones runs no line of them, and is asked before all that do."""
    reach = REACH._replace(
        tests=[*REACH.tests, "tests/golden/test_words.py::one"], seconds=[*REACH.seconds, 0.1]
    )
    schedule = Schedule(reach, budget_s=40.0)
    schedule.found_by(mutant_of(99, ""), 1)
    assert schedule.of(mutant_of(99, ""))[:2] == [4, 1]
    assert 4 not in schedule.of(mutant_of(3))


def test_who_uses_a_module_is_read_from_its_imports() -> None:
    """The modules that decide use the order table; nothing is used by nobody's name."""
    users = importers(ROOT)
    assert "framework/src/fairlead/domain/orders.py" in users["framework/src/fairlead/domain/order_table.py"]


def test_a_newer_recording_replaces_that_of_its_files() -> None:
    """Tests of a file that is recorded again are those of the newer recording, and others stay."""
    newer = Reach(["t/test_x.py::new"], [0.5], {"a/orders.py": {7: [0]}})
    both = REACH.joined(newer)
    assert list(both.tests) == ["t/test_orders.py::middle", "t/test_y.py::long", "t/test_x.py::new"]
    assert both.of("a/orders.py", 3, 4) == {0, 1}
    assert both.of("a/orders.py", 7, 7) == {2}


def test_found_stays_and_missed_is_asked_again(tmp_path: Path) -> None:
    """A survivor's verdict holds for the same tests, a kill for the same module, neither for another text."""
    killed, missed = Faults("a/orders.py", "x = a < b or c").mutants
    kept = Kept("a/orders.py", "text", "tests", tmp_path)
    kept.keep(Result(killed, Status.KILLED, "t"))
    kept.keep(Result(missed, Status.SURVIVED))
    same = Kept("a/orders.py", "text", "tests", tmp_path)
    assert same.result(killed) == Result(killed, Status.KILLED, "t")
    assert same.result(missed) == Result(missed, Status.SURVIVED)
    other_tests = Kept("a/orders.py", "text", "other tests", tmp_path)
    assert other_tests.result(killed) == Result(killed, Status.KILLED, "t")
    assert other_tests.result(missed) is None
    assert other_tests.result(missed, stale=True) == Result(missed, Status.SURVIVED)
    assert Kept("a/orders.py", "other text", "tests", tmp_path).result(killed) is None


def test_the_score_counts_the_unreached_and_not_the_untested() -> None:
    """What no test runs is missed; what could not be put into the program says nothing."""
    each = mutant_of(3)
    results = [Result(each, status) for status in Status]
    assert score_of(results) == Score(tested=4, found=2)


def test_the_interval_is_that_of_wilson() -> None:
    """The figures are those of the textbook's example, 8 of 10, and of the ends."""
    assert Score(10, 8).interval() == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Score(10, 10).interval() == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert Score(0, 0).interval() == (0.0, 1.0)
