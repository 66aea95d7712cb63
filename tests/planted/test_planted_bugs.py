"""Every planted bug is found by the test that its patch names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted.mechanism import Run, copy_sources, found, passed, plant, read_bug, run_tests

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATCHES = sorted(HERE.glob("*.patch"))


@pytest.fixture(scope="module")
def sound_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All named tests, run once over sources without a patch."""
    copy = copy_sources(ROOT, tmp_path_factory.mktemp("sound") / "copy")
    return run_tests(copy, sorted({test for patch in PATCHES for test in read_bug(patch).must_fail}))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_planted_bug_is_found(patch: Path, tmp_path: Path, sound_run: Run) -> None:
    """The named tests pass without the patch and fail, by assertion, with it."""
    bug = read_bug(patch)
    copy = copy_sources(ROOT, tmp_path / "copy")
    plant(bug, copy)

    run = run_tests(copy, bug.must_fail)

    for test in bug.must_fail:
        assert passed(sound_run, test), f"{test} must pass without the patch:\n{sound_run.output}"
        assert found(run, test, bug.fails_with), f"{test} did not find {patch.name}:\n{run.output}"
