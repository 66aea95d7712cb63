"""Modules and functions stay within their limits, and the list of exceptions stays short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.size_limits import ALLOW_LIST, check, main

MODULE = "framework/src/fairlead/x.py"


def function(name: str, length: int, indent: str = "") -> str:
    """Return a function of exactly that many lines."""
    return f"{indent}def {name}():\n" + f"{indent}    pass\n" * (length - 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose folders hold nothing yet."""
    for folder in ("framework/src/fairlead", "plugins/x/src", "tests", "tools", "examples", "benchmarks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ALLOW_LIST).write_text("[functions]\n")
    return tmp_path


def complaints(root: Path, source: str, path: str = MODULE) -> list[str]:
    """Write the module and return what the rule says."""
    (root / path).write_text(source)
    return [finding.message for finding in check(root)]


def test_a_module_may_fill_its_limit_and_no_more(root: Path) -> None:
    """400 lines pass, 401 do not; tests have 600."""
    assert complaints(root, "\n" * 400) == []
    assert complaints(root, "\n" * 401) == ["module has 401 lines, the limit is 400; split it by concept"]
    (root / MODULE).unlink()
    assert complaints(root, "\n" * 600, "tests/test_x.py") == []
    assert complaints(root, "\n" * 601, "tests/test_x.py") == [
        "module has 601 lines, the limit is 600; split it by concept"
    ]


def test_a_function_may_fill_its_limit_and_no_more(root: Path) -> None:
    """40 lines pass, 41 do not; methods and inner functions count as well."""
    assert complaints(root, function("f", 40)) == []
    assert complaints(root, function("f", 41)) == ["f has 41 lines, the limit is 40"]
    assert complaints(root, "class C:\n" + function("m", 41, "    ")) == ["C.m has 41 lines, the limit is 40"]
    assert complaints(root, "if True:\n    async " + function("g", 41, "    ").lstrip()) == [
        "g has 41 lines, the limit is 40"
    ]


def test_a_test_function_has_no_limit(root: Path) -> None:
    """A scenario reads best in one piece."""
    assert complaints(root, function("test_story", 200), "tests/test_x.py") == []


def test_an_allowance_reaches_to_70_lines(root: Path) -> None:
    """A named function may have 70 lines; 71 are too many for any reason."""
    (root / ALLOW_LIST).write_text(f'[functions]\n"{MODULE}::f" = "one table"\n')

    assert complaints(root, function("f", 70)) == []
    assert complaints(root, function("f", 71)) == ["f has 71 lines, the limit is 70"]


def test_an_allowance_that_is_not_needed_is_reported(root: Path) -> None:
    """A function that became short, or is gone, leaves the list."""
    (root / ALLOW_LIST).write_text(f'[functions]\n"{MODULE}::f" = "one table"\n')

    assert complaints(root, function("f", 40)) == [f"{MODULE}::f needs no allowance any more"]


def test_an_allowance_needs_a_reason(root: Path) -> None:
    """An empty reason is refused."""
    (root / ALLOW_LIST).write_text(f'[functions]\n"{MODULE}::f" = " "\n')

    with pytest.raises(ValueError, match="has no reason"):
        check(root)


@pytest.mark.requirement("QUAL-2")
def test_the_repository_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    """No module, function or class in it is longer than its limit."""
    assert main() == 0, capsys.readouterr().out
