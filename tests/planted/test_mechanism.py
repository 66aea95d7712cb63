"""The mechanism of planted bugs tells a found bug from every way of fooling oneself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.planted import verdict
from tests.planted.mechanism import (
    FAILED_ASSERTION,
    MechanismError,
    Run,
    copy_sources,
    found,
    passed,
    plant,
    read_bug,
    run_tests,
)

TEST = "tests/test_sample.py::test_limit"

DIFF = """\
# why: the limit is not kept
# must-fail: tests/test_sample.py::test_limit
--- a/framework/src/fairlead_sample/__init__.py
+++ b/framework/src/fairlead_sample/__init__.py
@@ -1,2 +1,2 @@
 def limit(value):
-    return min(value, 10)
+    {line}
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A repository in small: one package, one test, and the child's plugin."""
    root = tmp_path / "sample"
    package = root / "framework/src/fairlead_sample"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def limit(value):\n    return min(value, 10)\n")
    (root / "tests/planted").mkdir(parents=True)
    shutil.copy(verdict.__file__, root / "tests/planted/verdict.py")
    (root / "tests/test_sample.py").write_text(
        "from fairlead_sample import limit\n\n\ndef test_limit():\n    assert limit(11) == 10\n"
    )
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n')
    return root


def run_with(sample: Path, line: str) -> Run:
    """Plant a bug that replaces the sample's only line, and run its test."""
    patch = sample.parent / "bug.patch"
    patch.write_text(DIFF.format(line=line))
    copy = copy_sources(sample, sample.parent / "copy")
    plant(read_bug(patch), copy)
    return run_tests(copy, [TEST])


def test_a_removed_safeguard_is_found(sample: Path) -> None:
    """A patch under which the assertion fails counts as found, and the original is untouched."""
    run = run_with(sample, "return value")

    assert found(run, TEST, FAILED_ASSERTION)
    assert "min(value, 10)" in (sample / "framework/src/fairlead_sample/__init__.py").read_text()


def test_a_harmless_patch_is_not_found(sample: Path) -> None:
    """A patch that changes nothing the test sees does not count."""
    run = run_with(sample, "return min(10, value)")

    assert not found(run, TEST, FAILED_ASSERTION)
    assert passed(run, TEST)


@pytest.mark.parametrize("line", ["return min(value, ten)", "raise TypeError"])
def test_a_broken_patch_is_not_found(sample: Path, line: str) -> None:
    """A patch that breaks the sources fails the test for the wrong reason and does not count."""
    run = run_with(sample, line)

    assert not found(run, TEST, FAILED_ASSERTION)
    assert not passed(run, TEST)


def test_a_patch_that_cannot_be_imported_is_refused(sample: Path) -> None:
    """A syntax error is a failed collection: nothing of ours was tested."""
    with pytest.raises(MechanismError, match="it imported none"):
        run_with(sample, "return min(value, 10")


def test_another_error_counts_when_the_header_names_it(sample: Path) -> None:
    """`fails-with` widens what counts to exactly the named error."""
    run = run_with(sample, "raise OverflowError")

    assert found(run, TEST, frozenset({"OverflowError"}))
    assert not found(run, TEST, FAILED_ASSERTION)


def test_a_patch_that_no_longer_applies_is_refused(sample: Path) -> None:
    """Sources that moved on make the patch an error, not a pass."""
    (sample / "framework/src/fairlead_sample/__init__.py").write_text("limit = min\n")

    with pytest.raises(MechanismError, match="does not apply any more"):
        run_with(sample, "return value")


def test_sources_from_elsewhere_are_refused(sample: Path) -> None:
    """A child that imported the package from another place has proven nothing."""
    elsewhere = sample.parent / "elsewhere"
    (sample / "framework/src/fairlead_sample").rename(elsewhere)
    test = sample / "tests/test_sample.py"
    test.write_text(
        "import importlib.util, sys\n"
        f"place = {str(elsewhere / '__init__.py')!r}\n"
        "spec = importlib.util.spec_from_file_location('fairlead_sample', place)\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['fairlead_sample'] = module\n"
        "spec.loader.exec_module(module)\n" + test.read_text()
    )

    with pytest.raises(MechanismError, match="did not test the copy's sources"):
        run_tests(copy_sources(sample, sample.parent / "copy"), [TEST])


def test_a_test_that_does_not_exist_neither_passes_nor_finds(sample: Path) -> None:
    """A header that names no test proves nothing."""
    missing = "tests/test_sample.py::test_nothing"

    run = run_tests(copy_sources(sample, sample.parent / "copy"), [missing, TEST])

    assert not passed(run, missing)
    assert not found(run, missing, FAILED_ASSERTION)


@pytest.mark.parametrize("missing", ["# why:", "# must-fail:", "+++ b/"])
def test_a_header_must_be_whole(tmp_path: Path, missing: str) -> None:
    """A patch without a reason, a test or a diff is refused."""
    patch = tmp_path / "bug.patch"
    patch.write_text(DIFF.format(line="return value").replace(missing, "##"))

    with pytest.raises(MechanismError, match="needs the lines"):
        read_bug(patch)
