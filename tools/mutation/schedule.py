"""In which order tests are asked about a mutant, and when enough have been asked."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from pathlib import PurePosixPath
from types import MappingProxyType

from tools.mutation.mutants import Mutant
from tools.mutation.reach import Reach

# No test may take more of the budget than this: many quick ones notice more than one long one.
SLOWEST_SHARE = 0.25
# How many that found a mutant of the same function are asked first, and of those that found most.
FINDERS = 20
# These read what earlier versions wrote, of every kind: the first to notice another word in a table.
EVERY_RECORD = "tests/golden/"
# A word of so few letters says nothing.
SHORT = 2
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
        self._places = {test: place for place, test in enumerate(reach.tests)}
        self._readers = {place for place, test in enumerate(reach.tests) if test.startswith(EVERY_RECORD)}
        self._rarities: dict[str, dict[int, int]] = {}
        self._finds: Counter[int] = Counter()
        self._finders: dict[tuple[str, str], list[int]] = defaultdict(list)

    def found_by(self, mutant: Mutant, test: int) -> None:
        """Remember who found a mutant: it is asked first about the next one of that function."""
        finders = self._finders[mutant.path, mutant.function]
        if test in finders:
            finders.remove(test)
        finders.insert(0, test)
        self._finds[test] += 1

    def found_before(self, test: str) -> None:
        """Count a mutant that this test found in an earlier campaign: strong tests are asked early."""
        if test in self._places:
            self._finds[self._places[test]] += 1

    def is_called(self, mutant: Mutant) -> bool:
        """Tell whether tests call the mutant's lines; else they run when the module is read, or never."""
        return bool(mutant.function and self._reach.of(mutant.path, mutant.first, mutant.last))

    def of(self, mutant: Mutant, *, files_max: int | None = None) -> list[int]:
        """Return the tests to ask about the mutant, first those that are likely to find it.

        They are those that run its lines; where no test calls it, those that run any line of its module, and
        of a table first those that read what earlier versions wrote.
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
        # What compares tables with kept ones calls nothing of their module, and is quick.
        readers = self._readers if reaching and not mutant.function else ()
        asked = sorted(readers)
        known = [test for test in self._finders[mutant.path, mutant.function] if test in reaching]
        asked += (test for test in known[:FINDERS] if test not in readers)
        strong = (test for test, _ in self._finds.most_common() if test in reaching and test not in asked)
        asked += islice(strong, FINDERS)
        spent = 0.0
        for test in self._by_turns(mutant.path, mutant.function, reaching - set(asked), files_max):
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
        return list(self._by_turns("", "", asked, None))

    def _by_turns(
        self, path: str, function: str, tests: Iterable[int], files_max: int | None
    ) -> Iterator[int]:
        """Yield those of files that share a word with it, then by turns specialists and one of each file.

        What runs a line of the module that few run was written for it; one of each file asks many themes.
        """
        files: dict[str, list[int]] = defaultdict(list)
        for test in sorted(tests, key=lambda each: (self._reach.seconds[each], each)):
            files[self._reach.tests[test].partition("::")[0]].append(test)
        words = _words(PurePosixPath(path).stem) | _words(function)
        shared = {file: len(words & _words(PurePosixPath(file).stem)) for file in files}
        by_name = sorted((file for file in files if shared[file]), key=lambda file: -shared[file])
        for file in by_name[:files_max]:
            yield from files.pop(file)
        ordered = sorted(files, key=lambda file: not file.startswith(EVERY_RECORD))[:files_max]
        narrow = sorted(
            (test for file in ordered for test in files[file]), key=self._rarity(path).__getitem__
        )
        turns = (test for turn in zip_longest(*(files[file] for file in ordered)) for test in turn)
        told: set[int] = set()
        for pair in zip_longest(narrow, (test for test in turns if test is not None)):
            for test in pair:
                if test is not None and test not in told:
                    told.add(test)
                    yield test

    def _rarity(self, path: str) -> dict[int, int]:
        """Return for each test how many tests run that of its lines of this module which the fewest run."""
        if path not in self._rarities:
            rarest: dict[int, int] = defaultdict(lambda: len(self._reach.tests))
            for tests in self._reach.lines.get(path, {}).values():
                for test in tests:
                    rarest[test] = min(rarest[test], len(tests))
            self._rarities[path] = rarest
        return self._rarities[path]


def _words(name: str) -> set[str]:
    return {word for word in re.split("[^a-z]+", name.lower()) if len(word) > SHORT} - {"test"}
