"""In which order tests are asked about a mutant, and when enough have been asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import PurePosixPath
from types import MappingProxyType

from tools.mutation.mutants import Mutant
from tools.mutation.reach import Reach

# No test may take more of the budget than this: many quick ones notice more than one long one.
SLOWEST_SHARE = 0.25
# Beyond the last of any module.
LAST_LINE = 100_000


class Schedule:
    """The order of tests, from a recording of what they run and from what has found mutants so far."""

    def __init__(
        self, reach: Reach, budget_s: float, users: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> None:
        """Ask tests of together *budget_s* recorded seconds about each mutant, and none that takes long.

        *users* are the modules that import each: they stand in for one that has no line which a test runs.
        """
        self._reach = reach
        self._budget_s = budget_s
        self._users = users
        self._finders: dict[tuple[str, str], list[int]] = defaultdict(list)

    def found_by(self, mutant: Mutant, test: int) -> None:
        """Remember who found a mutant: it is asked first about the next one of that function."""
        finders = self._finders[mutant.path, mutant.function]
        if test in finders:
            finders.remove(test)
        finders.insert(0, test)

    def is_called(self, mutant: Mutant) -> bool:
        """Tell whether tests call the mutant's lines; else they run when the module is read, or never."""
        return bool(mutant.function and self._reach.of(mutant.path, mutant.first, mutant.last))

    def of(self, mutant: Mutant, *, files_max: int | None = None) -> list[int]:
        """Return the tests to ask about the mutant, first those that are likely to find it.

        They are those that run its lines; where no test calls it, those that run any line of its module.
        *files_max* bounds how many test files they come from. Of an unreached mutant nothing is returned.
        """
        if self.is_called(mutant):
            reaching = self._reach.of(mutant.path, mutant.first, mutant.last)
        else:
            reaching = self._reach.of(mutant.path, 1, LAST_LINE) or {
                test
                for user in self._users.get(mutant.path, ())
                for test in self._reach.of(user, 1, LAST_LINE)
            }
        known = [test for test in self._finders[mutant.path, mutant.function] if test in reaching]
        spent = 0.0
        asked: list[int] = known[:20]
        for test in self._by_turns(mutant.path, reaching - set(asked), files_max):
            seconds = self._reach.seconds[test]
            if seconds <= self._budget_s * SLOWEST_SHARE and spent + seconds <= self._budget_s:
                spent += seconds
                asked.append(test)
        return asked

    def without_a_mutant(self) -> list[int]:
        """Return the tests that may be asked about some mutant, in one such order."""
        asked = {
            test
            for test, seconds in enumerate(self._reach.seconds)
            if seconds <= self._budget_s * SLOWEST_SHARE
        }
        return list(self._by_turns("", asked, None))

    def _by_turns(self, path: str, tests: Iterable[int], files_max: int | None) -> Iterator[int]:
        """Yield the quickest test of each file in turn, so that many themes are asked early."""
        files: dict[str, list[int]] = defaultdict(list)
        for test in sorted(tests, key=lambda each: (self._reach.seconds[each], each)):
            files[self._reach.tests[test].partition("::")[0]].append(test)
        namesake = f"test_{PurePosixPath(path).stem}"
        ordered: Sequence[str] = sorted(
            files, key=lambda file: not PurePosixPath(file).name.startswith(namesake)
        )
        for turn in zip_longest(*(files[file] for file in ordered[:files_max])):
            yield from (test for test in turn if test is not None)
