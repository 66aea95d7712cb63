"""The rule on planted bugs: what guards a promise is shown failing, and a patch names what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.planted_marks import check_marks, check_names, main, named_tests
from tools.requirement_marks import Proof

TEST = "tests/core/test_a.py::test_it"


def mark(identifier: str, test: str = TEST) -> Proof:
    """Return a mark of a row on a test."""
    return Proof(identifier, test, "tests/core/test_a.py", 7)


@pytest.mark.parametrize("identifier", ["P0-1", "P1-2", "SEC-3", "ERR-4"])
def test_a_guarded_row_without_a_planted_bug_is_found(identifier: str) -> None:
    """The finding names test, row and place; a patch that names the test ends it."""
    (finding,) = check_marks([mark(identifier)], {"tests/core/test_a.py::test_other"})

    assert (finding.path, finding.line) == ("tests/core/test_a.py", 7)
    assert TEST in finding.message
    assert identifier in finding.message
    assert check_marks([mark(identifier)], {TEST}) == []


def test_other_rows_need_none() -> None:
    """A row on behaviour or speed is proven by its test alone."""
    assert check_marks([mark("P2-1"), mark("FLOW-4"), mark("PERF-1"), mark("TEST-8")], set()) == []


def test_a_test_that_cites_two_rows_is_told_once() -> None:
    """One patch will do for both."""
    assert len(check_marks([mark("P0-1"), mark("SEC-1")], set())) == 1


def test_a_marked_class_or_module_is_shown_by_a_test_in_it() -> None:
    """A conformance class carries the mark, the patch names the rule that breaks."""
    named = {"tests/core/test_a.py::TestStore::test_rule"}

    assert check_marks([mark("ERR-4", "tests/core/test_a.py::TestStore")], named) == []
    assert check_marks([mark("ERR-4", "tests/core/test_a.py")], named) == []
    assert len(check_marks([mark("ERR-4", "tests/core/test_a.py::TestSt")], named)) == 1


def test_headers_are_read_without_parameters(tmp_path: Path) -> None:
    """Several names of one patch, spaces in a parameter and a file that is no patch."""
    folder = tmp_path / "tests" / "planted"
    folder.mkdir(parents=True)
    (folder / "a.patch").write_text(
        f"# why: x\n# must-fail: {TEST}[two words-[0]]\n# must-fail: t.py::test_b\n--- a/x\n"
    )
    (folder / "README.md").write_text("# must-fail: t.py::test_c\n")

    named = named_tests(tmp_path)

    assert named == [("tests/planted/a.patch", TEST), ("tests/planted/a.patch", "t.py::test_b")]
    findings = check_names(tmp_path, named)
    assert [finding.message for finding in findings] == [
        f"names {TEST}, which is not there",
        "names t.py::test_b, which is not there",
    ]
    (tmp_path / "t.py").write_text("def test_b(x):\n    pass\n")
    assert len(check_names(tmp_path, named)) == 1


def test_the_repository_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Each promise of this repository that must be guarded is shown to be."""
    assert main() == 0, capsys.readouterr().out
