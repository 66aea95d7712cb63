"""Many seeds: on several processes, counted together, and not lived twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairlead.errors import InvalidInput
from fairlead.testing.seed_campaign import BLOCK, SeedCampaign, SeedTotals, live_seeds
from tests.core.testing.toy_lives import FAILING, life, life_with_a_failure

LIFE = "tests.core.testing.toy_lives:life"
WITH_A_FAILURE = "tests.core.testing.toy_lives:life_with_a_failure"


def test_a_failure_is_noted_with_its_seed_and_the_rest_is_lived() -> None:
    """One seed of fifteen fails: fourteen are counted whole, and one says why, with its report."""
    totals = live_seeds(life_with_a_failure, 1, 15)
    assert totals.seeds == 15
    assert totals.steps == sum(life(seed).steps for seed in range(1, 16) if seed != FAILING)
    (failure,) = totals.failures
    assert failure.seed == FAILING
    assert "the thirteenth" in failure.said


def test_totals_come_back_from_plain_data() -> None:
    """What a line of the file holds is the totals again."""
    totals = live_seeds(life_with_a_failure, 10, 15)
    assert SeedTotals.from_json(totals.as_json()) == totals


def test_what_was_lived_is_not_lived_again(tmp_path: Path) -> None:
    """Interrupted and said again with more seeds: only what is missing is lived, also after a cut line."""
    campaign = SeedCampaign(LIFE, tmp_path / "done.jsonl")
    first = campaign.run(BLOCK + 10, workers=2)
    assert first == live_seeds(life, 1, BLOCK) + live_seeds(life, BLOCK + 1, BLOCK + 10)

    lines = campaign.file.read_text().splitlines(keepends=True)
    campaign.file.write_text(lines[0] + lines[1][: len(lines[1]) // 2])
    blocks: list[int] = []
    again = campaign.run(BLOCK + 10, on_block=lambda block: blocks.append(block.seeds))
    assert again == first
    assert sum(blocks) == BLOCK + 10
    assert len(blocks) == 2  # what was there, and what was lived
    assert campaign.run(BLOCK + 10, on_block=lambda block: blocks.append(block.seeds)) == first
    assert len(blocks) == 3  # nothing was left to live


def test_seeds_from_the_middle_have_blocks_at_the_same_places(tmp_path: Path) -> None:
    """A campaign that begins at 41 ends its first block where one from 1 does."""
    campaign = SeedCampaign(WITH_A_FAILURE, tmp_path / "done.jsonl")
    totals = campaign.run(15, first=BLOCK - 9)
    assert totals.seeds == 15
    lines = [json.loads(line) for line in campaign.file.read_text().splitlines()]
    assert sorted((line["first"], line["last"]) for line in lines) == [
        (BLOCK - 9, BLOCK),
        (BLOCK + 1, BLOCK + 5),
    ]


@pytest.mark.parametrize("text", ["my notes", "my notes\n", '{"first": 1}\n', "[1]\n"])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(text: str, tmp_path: Path) -> None:
    """Nothing is lived and nothing is written."""
    file = tmp_path / "notes"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="new"):
        SeedCampaign(LIFE, file).run(3)
    assert file.read_text() == text


def test_lives_of_another_bot_do_not_count(tmp_path: Path) -> None:
    """A file that another function's lives are kept in is refused, and so is a folder that is not there."""
    file = tmp_path / "done.jsonl"
    SeedCampaign(LIFE, file).run(3)
    with pytest.raises(InvalidInput, match="toy_lives:life"):
        SeedCampaign(WITH_A_FAILURE, file).run(3)
    with pytest.raises(InvalidInput):
        SeedCampaign(LIFE, tmp_path / "nowhere" / "done.jsonl").run(3)
