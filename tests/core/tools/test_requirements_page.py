"""The requirements page cannot drift from the tests, and no row can be forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pages
from tools.requirement_marks import proofs_in
from tools.requirements_page import OWED, ROWS, check_register, read_register, render
from tools.sources import module

TWO_ROWS = """
[[requirement]]
id = "P0-1"
group = "faults"
fault = "lost | found"
required = "is found"

[[requirement]]
id = "FLOW-1"
group = "behaviour"
required = "flows"
"""

PROOF = """
import pytest


@pytest.mark.requirement("P0-1")
def test_found() -> None: ...
"""


def repository(
    root: Path, *, tests: str = PROOF, owed: str = '"FLOW-1" = "the flow"', rows: str = TWO_ROWS
) -> Path:
    """Write a repository of two rows, one proven and one owed, unless told otherwise."""
    (root / ROWS).parent.mkdir(parents=True)
    (root / ROWS).write_text(rows)
    waits_for = ["the flow", "the table", "nothing"]
    (root / OWED).write_text(f"waits_for = {waits_for}\n[owed]\n{owed}\n")
    (root / "tests/core").mkdir(parents=True)
    (root / "tests/core/test_x.py").write_text(tests)
    return root


def complaints(root: Path) -> list[str]:
    """Return what the check says about the rows."""
    return [finding.message for finding in check_register(read_register(root))]


def test_every_row_proven_or_owed_passes(tmp_path: Path) -> None:
    """One proven and one owed row: nothing to say."""
    assert complaints(repository(tmp_path)) == []


def test_a_row_in_neither_list_is_found(tmp_path: Path) -> None:
    """A row that no test cites and nobody owes fails."""
    assert complaints(repository(tmp_path, owed="")) == [
        f"FLOW-1 is neither proven by a test nor named in {OWED}"
    ]


def test_a_row_in_both_lists_is_found(tmp_path: Path) -> None:
    """A row that is proven must be struck off in the same commit."""
    owed = '"FLOW-1" = "the flow"\n"P0-1" = "the table"'

    assert complaints(repository(tmp_path, owed=owed)) == [
        "P0-1 is proven by tests/core/test_x.py::test_found: strike it off"
    ]


def test_unknown_ids_are_found(tmp_path: Path) -> None:
    """A mark or a debt for a row that does not exist is a slip of the pen."""
    owed = '"FLOW-1" = "the flow"\n"FLOW-9" = "nothing"'
    tests = PROOF.replace('"P0-1"', '"P0-1", "P0-l"')

    assert complaints(repository(tmp_path, owed=owed, tests=tests)) == [
        "tests/core/test_x.py::test_found cites the unknown row P0-l",
        f"FLOW-9 is no row of {ROWS}",
    ]


def test_a_debt_without_a_reason_and_a_doubled_row_are_found(tmp_path: Path) -> None:
    """Every debt says first which of a few things it waits for, and an id names one row."""
    rows = TWO_ROWS + '\n[[requirement]]\nid = "P0-1"\ngroup = "faults"\nrequired = "again"\n'

    assert complaints(repository(tmp_path, owed='"FLOW-1" = "time: later"', rows=rows)) == [
        "P0-1 is listed twice",
        "FLOW-1 does not say first for which of these it waits: the flow, the table, nothing",
    ]


def test_an_unknown_group_is_refused(tmp_path: Path) -> None:
    """A row of a group that the page does not show would vanish."""
    with pytest.raises(ValueError, match="unknown group 'misc'"):
        read_register(repository(tmp_path, rows=TWO_ROWS.replace('"behaviour"', '"misc"')))


def test_the_page_names_proofs_and_debts(tmp_path: Path) -> None:
    """The page shows the test beside the proven row, and the reason beside the owed one."""
    page = render(read_register(repository(tmp_path)))

    assert "1 of 2 rows are proven" in page
    assert "| P0-1 | lost \\| found | is found | `tests/core/test_x.py::test_found` |" in page
    assert "| FLOW-1 | flows | owed: the flow |" in page


def test_an_outdated_page_is_found(tmp_path: Path) -> None:
    """A committed page that differs from what would be written now, or is missing, fails."""
    assert [finding.path for finding in pages.check(tmp_path, "docs/page.md", "new", "make it")] == [
        "docs/page.md"
    ]
    pages.write(tmp_path, "docs/page.md", "new")
    assert pages.check(tmp_path, "docs/page.md", "new", "make it") == []
    assert len(pages.check(tmp_path, "docs/page.md", "newer", "make it")) == 1


def test_marks_are_found_wherever_pytest_allows_them() -> None:
    """On functions, async ones, classes, methods, parameters and whole modules."""
    source = """
import pytest
pytestmark = [pytest.mark.requirement("A-1")]
@pytest.mark.requirement("A-2", "A-3")
async def test_a(): ...
@pytest.mark.requirement("A-4")
class TestB(Base):
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.requirement("A-5"))])
    def test_c(self, x): ...
"""
    found = [(proof.identifier, proof.test) for proof in proofs_in(module("tests/t.py", source))]

    assert found == [
        ("A-1", "tests/t.py"),
        ("A-2", "tests/t.py::test_a"),
        ("A-3", "tests/t.py::test_a"),
        ("A-4", "tests/t.py::TestB"),
        ("A-5", "tests/t.py::TestB::test_c"),
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('@pytest.mark.requirement("A-1")\ndef helper(): ...', "is marked but pytest does not collect it"),
        ("@pytest.mark.requirement()\ndef test_x(): ...", "has a requirement mark without an id"),
        (
            "@pytest.mark.requirement(A)\ndef test_x(): ...",
            "cites a row by something else than its id in quotes",
        ),
    ],
)
def test_a_mark_that_proves_nothing_is_a_problem(source: str, problem: str) -> None:
    """A mark on a helper, without an id, or with a computed id is reported."""
    assert [proof.problem for proof in proofs_in(module("tests/t.py", source))] == [problem]
