"""The mutants that `tools.mutation` makes, and where it puts them."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tools.mutation.live import LiveFunctions, Unplaceable, is_the_same
from tools.mutation.mutants import Faults, Mutant


def texts(source: str) -> set[str]:
    """Return the text of every mutant of a module."""
    faults = Faults("module.py", source)
    return {ast.unparse(faults.mutated(mutant.number)) for mutant in faults.mutants}


@pytest.mark.parametrize(
    ("sound", "mutants"),
    [
        ("x = a < b", {"x = a <= b"}),
        ("x = a >= b", {"x = a > b"}),
        ("x = a is not b", {"x = a is b"}),
        ("x = a in b", {"x = a not in b"}),
        ("x = a and b", {"x = a or b"}),
        ("x = not a", {"x = a"}),
        ("x = -a", {"x = a"}),
        ("x = a + b", {"x = a - b"}),
        ("x = a * b", {"x = a / b"}),
        ("x = 1", {"x = 2"}),
        ("x = True", {"x = False"}),
        ("x = 'word'", {"x = 'word?'"}),
        ("x = min(a)", {"x = max(a)"}),
        ("x = any(a)", {"x = all(a)"}),
        ("call(a)", {"pass"}),
        ("a.b = c", {"pass"}),
        ("a += b", {"pass", "a -= b"}),
        ("raise Fault", {"pass"}),
        ("x = replace(a, b=c, d=e)", {"x = replace(a, b=c)", "x = replace(a, d=e)"}),
        ("x = [a for a in b if c]", {"x = [a for a in b if True]", "x = [a for a in b if False]"}),
        ("x = a if b else c", {"x = a if True else c", "x = a if False else c"}),
    ],
)
def test_each_kind_of_fault_is_made(sound: str, mutants: set[str]) -> None:
    """What the page lists is made, and nothing else."""
    assert texts(sound) == mutants


def test_faults_of_statements_are_made() -> None:
    """Returns, loops, conditions and cases of a match have their faults."""
    assert texts("def f():\n    return a") == {"def f():\n    return None"}
    assert "for a in b:\n    continue" in texts("for a in b:\n    break")
    assert texts("while a:\n    b = c") == {"while False:\n    b = c"}
    assert texts("match a:\n    case B():\n        c = d") == {
        "match a:\n    case B() if False:\n        c = d"
    }


@pytest.mark.parametrize(
    "left_out",
    [
        '"""A docstring."""',
        "import a",
        "x: int | None",
        "Name = Large | None",
        "__all__ = ['a']",
        "assert a < b",
        "x = 'words for people'",
        "x = f'{a}b'",
        "logger.info('a')",
        "x = Fault(fix='b')",
        "def __repr__(self):\n    return 1 + 1",
        "if TYPE_CHECKING:\n    call()",
        "class Door(Protocol):\n    x = 1",
        "x = cast('Word', a)",
    ],
)
def test_what_the_page_leaves_out_has_no_mutant(left_out: str) -> None:
    """Texts, types, assertions and what only readers see are no part of the score."""
    assert texts(left_out) == set()


def test_a_mutant_says_which_lines_must_run() -> None:
    """A fault in a condition hangs on the lines of the condition, not on those of the branch."""
    source = "def f(a):\n    if (\n        a\n        < 3\n    ):\n        g()\n"
    mutant = next(each for each in Faults("module.py", source).mutants if "<=" in each.what)
    assert (mutant.function, mutant.function_line, mutant.first, mutant.last) == ("f", 1, 2, 5)


def test_a_default_belongs_to_the_module() -> None:
    """Code put into a function cannot change its defaults: the module must be read anew."""
    (mutant,) = Faults("module.py", "def f(a=1):\n    b = a\n").mutants
    assert not mutant.function


SHAPES = """
import functools
import attrs

def outer(figure):
    def inner():
        return figure
    return inner

made_before = outer(5)

@attrs.frozen
class Record:
    figure: int

    @property
    def double(self):
        return self.figure * 2

    @staticmethod
    def steps():
        yield 1

    async def later(self):
        return self.figure + 3

@functools.cache
def cached(figure):
    return figure - 1

class Derived(Record):
    def above(self):
        return super().double
"""


@pytest.fixture
def shapes(tmp_path: Path) -> ModuleType:
    """Return a module with every shape of function, read from a file."""
    file = tmp_path / "shapes.py"
    file.write_text(SHAPES, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("shapes", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plant(module: ModuleType, what: str) -> None:
    """Put the mutant of these words into the module."""
    assert module.__file__ is not None
    faults = Faults("shapes.py", SHAPES)
    mutant = next(each for each in faults.mutants if what in each.what)
    LiveFunctions().plant(module.__file__, mutant, faults.mutated(mutant.number))


def test_the_fault_is_in_every_live_function(shapes: ModuleType) -> None:
    """Properties, generators, coroutines and cached functions run the fault once it is planted."""
    record = shapes.Record(5)
    assert (record.double, shapes.cached(5)) == (10, 4)
    for what in ("`*` becomes", "`1` becomes", "`+` becomes", "`-` becomes"):
        plant(shapes, what)
    assert record.double == 2.5
    assert list(record.steps()) == [2]
    assert asyncio.run(record.later()) == 2
    assert shapes.cached(5) == 6


def test_a_function_that_was_made_by_another_has_the_fault(shapes: ModuleType) -> None:
    """A closure from before has the fault, although the fault drops its last use of a name of outside."""
    plant(shapes, "`return figure` returns nothing")
    assert shapes.made_before() is None
    plant(shapes, "`return super().double` returns nothing")
    assert shapes.Derived(5).above() is None


def test_a_fault_that_finds_no_function_is_refused(shapes: ModuleType) -> None:
    """A mutant that was not put anywhere is not taken for one that survived."""
    faults = Faults("shapes.py", SHAPES)
    mutant: Mutant = faults.mutants[0]
    lost = mutant._replace(function="nowhere")
    assert shapes.__file__ is not None
    with pytest.raises(Unplaceable, match="nowhere"):
        LiveFunctions().plant(shapes.__file__, lost, faults.mutated(mutant.number))


def test_the_same_code_is_known_as_such() -> None:
    """A mutant that Python compiles to the sound code is told apart from one that it does not."""
    sound = ast.parse("while 0:\n    1\n")
    assert is_the_same(sound, ast.parse("while 0:\n    2\n"), "module.py")
    assert not is_the_same(sound, ast.parse("while a:\n    2\n"), "module.py")
