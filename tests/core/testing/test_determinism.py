"""The same seed gives the same run: on every Python, under every hash seed, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run_on
from tests.core.testing.deterministic_program import DIGESTS_OF, digest_of, trade

# Steps, microseconds and digest. The matrix runs this on every supported Python, so equal figures here
# prove that the versions agree. They change when the loop's rules or the program change, and then
# regression seeds lose their meaning.
EXPECTED = (
    "303 1741861 13d8af35c651f0919e94b11001fdef25",
    "312 1698205 d1a43fb40ee04563d8eba47e57001f37",
    "303 1741861 143f84a0ee17ddc8810e212cf9203033",
    "304 1741861 8759faa42ce8d3a5d5c679d8c3169dc2",
)
PROGRAM = Path(__file__).with_name("deterministic_program.py")


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_another_process_with_another_hash_seed_makes_the_same_steps(hash_seed: str) -> None:
    """Steps, virtual time and digest of a fresh interpreter are the committed ones."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    finished = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, check=True
    )
    assert tuple(finished.stdout.splitlines()) == EXPECTED


def test_the_second_run_in_one_process_makes_the_same_steps() -> None:
    """Nothing leaks from run to run, such as asyncio's count of tasks."""
    for _ in range(2):
        assert tuple(digest_of(seed, interleaving) for seed, interleaving in DIGESTS_OF) == EXPECTED


def test_every_seed_has_a_digest_of_its_own() -> None:
    """The digest sees the differences: fifty seeds, fifty digests."""
    assert len({digest_of(seed, "uniform") for seed in range(50)}) == 50


def test_the_digest_sees_a_difference_in_data_alone() -> None:
    """A note of the test that differs changes the digest though every step is the same."""
    digests = set()
    for text in ("one", "another"):
        loop = SeededLoop(1)

        async def main(loop: SeededLoop = loop, text: str = text) -> None:
            loop.note(text)
            await trade(loop)

        run_on(loop, main)
        digests.add(loop.trace.digest())
    assert len(digests) == 2
