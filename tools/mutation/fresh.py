"""A mutant of a module's own text, such as a table or a default: seen by a process that reads it anew."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest

from tools.mutation.children import KILLED, SURVIVED, UNPLACEABLE, Noticeboard, Verdict, judge, limit
from tools.mutation.reach import Repeatable, quiet_arguments

# fixed: reading the package and collecting the tests, on a busy machine
COLLECTING_SECONDS = 6.0

Asked = Mapping[str, tuple[int, float]]


class _Watch:
    """A pytest plugin: notes the test that begins, and bounds its time."""

    def __init__(self, asked: Asked, board: Noticeboard) -> None:
        self._asked = asked
        self._board = board

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        test, seconds = self._asked[nodeid]
        self._board.write(test)
        limit(seconds)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        places = {test: place for place, test in enumerate(self._asked)}
        items.sort(key=lambda item: places.get(item.nodeid, len(places)))


def ask_anew(file: str, tree: ast.Module, asked: Asked) -> Verdict:
    """Ask these tests, with their number and seconds, in a fork that reads *file* as *tree*.

    Raises `RuntimeError` when this process has read the package already: its forks see the sound one.
    """
    if any(name.partition(".")[0] == "fairlead" for name in sys.modules):
        raise RuntimeError("fairlead is imported already: the mutant would not be read")
    code = compile(tree, file, "exec", dont_inherit=True)

    def work(board: Noticeboard) -> int:
        limit(COLLECTING_SECONDS)
        _read_instead(file, code)
        arguments = ["-x", "-W", "ignore::pytest.PytestAssertRewriteWarning", *quiet_arguments(list(asked))]
        ended = pytest.main(arguments, plugins=[Repeatable(), _Watch(asked, board)])
        # Tests that cannot be collected are how a broken table shows; pytest calls that a wrong use of it.
        ends: dict[int, int] = {pytest.ExitCode.OK: SURVIVED, pytest.ExitCode.NO_TESTS_COLLECTED: UNPLACEABLE}
        return ends.get(int(ended), KILLED)

    return judge(work)


def _read_instead(file: str, code: CodeType) -> None:
    sound = SourceFileLoader.get_code
    wanted = Path(file).resolve()

    def get_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
        return code if Path(loader.path).resolve() == wanted else sound(loader, fullname)

    # In a fork, which ends after its tests.
    setattr(SourceFileLoader, "get_code", get_code)  # noqa: B010 - the checker forbids to assign to a method
