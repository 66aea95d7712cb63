"""The soak, in small: it lives, kills, judges and compares as the two-hour one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.kill.arena import Broken
from tests.e2e.kill.memory_samples import Sample, growths, resident_mib
from tests.e2e.kill.soak import VENUE_EVERY, Plan, soaked_in

STEP_S = 5


def life(minutes: int, *, young_mib: float, per_minute_mib: float = 0) -> list[Sample]:
    """Return the samples of a life that grows evenly after its first minute."""
    ages = range(STEP_S, minutes * 60 + STEP_S, STEP_S)
    return [Sample(age, young_mib + per_minute_mib * max(0, age / 60 - 1), 40) for age in ages]


def test_a_short_soak_loses_and_doubles_nothing_and_leaves_nothing_untold(short_folder: Path) -> None:
    """Four short lives, the venue killed with the last: files, journal and receiver are judged as ever."""
    folder, samples = short_folder / "f", short_folder / "samples.csv"
    folder.mkdir()
    soaked = soaked_in(folder, Plan(0, 0.4, 0.6, seed=1, lives_min=VENUE_EVERY), samples)
    assert (soaked.kills, soaked.venue_kills) == (VENUE_EVERY, 1)
    assert soaked.report["lost"] == soaked.report["duplicated"] == 0
    assert soaked.report["acknowledged"] > 0
    assert soaked.notices > soaked.report["acknowledged"]
    assert soaked.growths == [], "so short a life is compared with nothing"
    assert soaked.is_flat is None
    assert len(samples.read_text("ascii").splitlines()) > VENUE_EVERY, "a heading and some of each life"
    assert not folder.exists()


def test_a_soak_that_finds_something_keeps_the_files(
    short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An acknowledged order that nobody knows is a lost one: the soak breaks, and its files stay."""
    (short_folder / "acknowledgements").write_text("never-sent\n", "ascii")
    with pytest.raises(Broken, match='"lost": 1'):
        soaked_in(short_folder, Plan(0, 0.4, 0.6, seed=1))
    assert (short_folder / "kernel.sqlite").exists()
    assert f"the files are kept in {short_folder}" in capsys.readouterr().err


def test_what_grows_from_life_to_life_is_not_flat() -> None:
    """Each life begins with a little more than the one before: the last quarter shows it."""
    [between, within] = growths([life(5, young_mib=90 + number) for number in range(12)])
    assert (between.lives, between.before_mib, between.after_mib) == (12, 91, 100)
    assert not between.is_flat
    assert within.is_flat


def test_what_grows_within_a_life_is_not_flat() -> None:
    """Two MiB a minute after the second minute are seen at the end of a life of ten."""
    [between, within] = growths([life(10, young_mib=90, per_minute_mib=2) for _ in range(4)])
    assert between.is_flat
    assert within.rate == pytest.approx(108 / 92 - 1)
    assert not within.is_flat


def test_lives_that_stay_as_they_are_count_as_flat() -> None:
    """What is within five in a hundred is flat; lives too short to compare are left out."""
    lives = [life(5, young_mib=90 + number % 3) for number in range(8)] + [life(0, young_mib=1)]
    assert [growth.is_flat for growth in growths(lives)] == [True, True]


def test_a_living_process_has_a_size() -> None:
    """This one does, and it is more than an empty interpreter's."""
    assert resident_mib(os.getpid()) > 10
