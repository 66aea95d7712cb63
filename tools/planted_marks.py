"""Every test that proves a P0, P1, SEC or ERR requirement is shown failing by a planted bug.

    python -m tools.planted_marks

A test is shown by a patch in tests/planted/ whose header names it (`# must-fail: ...`), with any of its
parameters; a marked class or module by one that names a test in it. A patch that names a test which is not
there is told as well.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from tools.requirement_marks import Proof, proofs
from tools.sources import ROOT, Finding, report

FOLDER = "tests/planted"
GUARDED = ("P0", "P1", "SEC", "ERR")

_MUST_FAIL = re.compile(r"^# must-fail: *(?P<test>\S.*?) *$", re.MULTILINE)
_PARAMETERS = re.compile(r"\[.*\]$")


def named_tests(root: Path) -> list[tuple[str, str]]:
    """Return (patch, test without its parameters) for every test that a patch names."""
    return [
        (patch.relative_to(root).as_posix(), _PARAMETERS.sub("", found["test"]))
        for patch in sorted((root / FOLDER).glob("*.patch"))
        for found in _MUST_FAIL.finditer(patch.read_text(encoding="utf-8"))
    ]


def check_marks(marks: Sequence[Proof], named: Collection[str]) -> list[Finding]:
    """Return every test that cites a guarded row and that no patch names, once."""
    findings = {
        mark.test: Finding(
            mark.path,
            mark.line,
            f"{mark.test} proves {mark.identifier} and no planted bug names it; see {FOLDER}/README.md",
        )
        for mark in marks
        if mark.identifier.partition("-")[0] in GUARDED
        and not any(test == mark.test or test.startswith(f"{mark.test}::") for test in named)
    }
    return list(findings.values())


def check_names(root: Path, named: Sequence[tuple[str, str]]) -> list[Finding]:
    """Return every name in a patch's header that is no test of ours."""
    return [
        Finding(patch, 1, f"names {test}, which is not there")
        for patch, test in named
        if not _is_there(root, test)
    ]


def _is_there(root: Path, test: str) -> bool:
    path, *_, name = test.split("::")
    file = root / path
    return file.is_file() and f"def {name}(" in file.read_text(encoding="utf-8")


def main() -> int:
    """Check the repository; return the exit code."""
    named = named_tests(ROOT)
    findings = check_marks(proofs(ROOT), {test for _, test in named}) + check_names(ROOT, named)
    return report("planted marks", findings)


if __name__ == "__main__":
    sys.exit(main())
