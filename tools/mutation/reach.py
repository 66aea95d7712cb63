"""Which test runs which line of the core, and how long each test takes: recorded once, in a process apart.

python -m tools.mutation.reach            records `.mutation/reach.json` anew
python -m tools.mutation.reach TESTS...   records these only, and keeps what is known of the others
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tools.mutation.scope import FOLDER, MARKS, TESTS, core_files
from tools.sources import ROOT

REACH_FILE = FOLDER / "reach.json"
PROFILE = "mutation"


class Reach(NamedTuple):
    """The seconds of each test, and for each module and line the tests that run it, as indices of tests."""

    tests: Sequence[str]
    seconds: Sequence[float]
    lines: Mapping[str, Mapping[int, Sequence[int]]]

    def of(self, path: str, first: int, last: int) -> set[int]:
        """Return the tests that run any of these lines."""
        lines = self.lines.get(path, {})
        return {test for line in range(first, last + 1) for test in lines.get(line, ())}

    def joined(self, newer: Reach) -> Reach:
        """Return both recordings; of a test file that *newer* has, only what *newer* says."""
        files = {test.partition("::")[0] for test in newer.tests}
        kept = [place for place, test in enumerate(self.tests) if test.partition("::")[0] not in files]
        moved = {old: new for new, old in enumerate(kept)}
        lines: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for path, each in self.lines.items():
            for line, tests in each.items():
                lines[path][line] += [moved[test] for test in tests if test in moved]
        for path, each in newer.lines.items():
            for line, tests in each.items():
                lines[path][line] += [test + len(kept) for test in tests]
        return Reach(
            [*(self.tests[place] for place in kept), *newer.tests],
            [*(self.seconds[place] for place in kept), *newer.seconds],
            lines,
        )


def quiet_arguments(tests: Sequence[str]) -> list[str]:
    """Return how pytest is started for a recording or a verdict: no cache, and nothing drawn anew."""
    return [
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        f"--hypothesis-profile={PROFILE}",
        "-m",
        MARKS,
        *tests,
    ]


class Repeatable:
    """A pytest plugin: hypothesis draws the same each time, and stops at the first failure unshrunk."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Register the profile that `quiet_arguments` names, before hypothesis looks for it."""
        from hypothesis import HealthCheck, Phase, settings

        settings.register_profile(
            PROFILE,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=tuple(HealthCheck),
        )


class Recorder:
    """A pytest plugin: tells coverage which test runs now, and adds up how long each takes."""

    def __init__(self, coverage: Any) -> None:  # noqa: ANN401 - coverage is installed where this runs only
        """Record through *coverage*, which has been started."""
        self._coverage = coverage
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let every line from here on be this test's."""
        self._coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the time of one phase."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def record(root: Path, tests: Sequence[str] = TESTS) -> Reach:
    """Run the tests once, each under its name; one that fails without a mutant raises `RuntimeError`."""
    from coverage import Coverage

    files = [str(path) for path in core_files(root)]
    FOLDER.mkdir(exist_ok=True)
    coverage = Coverage(
        data_file=str(FOLDER / f"coverage-{os.getpid()}"), include=files, config_file=False, messages=False
    )
    coverage.erase()
    recorder = Recorder(coverage)
    coverage.start()
    try:
        code = pytest.main(quiet_arguments(tests), plugins=[Repeatable(), recorder])
    finally:
        coverage.stop()
        coverage.save()
    if code != 0:
        message = f"without any mutant, pytest ended with {code}: {recorder.failed}"
        raise RuntimeError(message)
    names = list(recorder.seconds)
    index = {test: place for place, test in enumerate(names)}
    data = coverage.get_data()
    lines = {
        Path(file).relative_to(root).as_posix(): {
            line: [index[test] for test in contexts if test in index]
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    return Reach(names, [recorder.seconds[test] for test in names], lines)


def write_reach(reach: Reach) -> None:
    """Keep the recording."""
    REACH_FILE.write_text(json.dumps(reach._asdict()), encoding="utf-8")


def read_reach() -> Reach:
    """Return the recording; without one, `FileNotFoundError` is raised."""
    kept = json.loads(REACH_FILE.read_text(encoding="utf-8"))
    lines = {path: {int(line): tests for line, tests in each.items()} for path, each in kept["lines"].items()}
    return Reach(kept["tests"], kept["seconds"], lines)


def main(tests: Sequence[str]) -> int:
    """Record, and return the exit code."""
    write_reach(read_reach().joined(record(ROOT, tests)) if tests else record(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
