"""The gauntlet's page says what is played, and a story that proves nothing is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.gauntlet_marks import Story, stories, stories_in
from tools.gauntlet_page import NOT_PLAYED, Gauntlet, check_gauntlet, main, read_gauntlet, render
from tools.sources import Finding, module

PATH = "tests/gauntlet/test_lost.py"
TEST = f"{PATH}::test_some_bot_7_order_is_kept"
GOOD = '''
"""Lost orders: what the venue knows and the bot does not."""
import pytest

@pytest.mark.gauntlet("some/some-bot#7", "other/one#8", story="An order | was lost.")
def test_some_bot_7_order_is_kept() -> None:
    """It is kept.

    And more.
    """

def helper() -> None: ...
'''
DATA = """
waits_for = ["the moon"]
[[owed]]
ids = ["some/some-bot#9"]
story = "A stop was lost."
waits_for = "the moon"
[[outside]]
ids = ["some/some-bot#10"]
story = "A window was too small."
reason = "there are no windows"
"""


def repository(root: Path, tests: str = GOOD, data: str = DATA) -> Gauntlet:
    """Write a repository with one theme, and read its gauntlet."""
    (root / PATH).parent.mkdir(parents=True)
    (root / PATH).write_text(tests)
    (root / NOT_PLAYED).parent.mkdir(parents=True)
    (root / NOT_PLAYED).write_text(data)
    return read_gauntlet(root)


def complaint(source: str) -> str:
    """Return what is wrong with the only test of a module."""
    [finding] = stories_in(module(PATH, source))
    assert isinstance(finding, Finding)
    return finding.message


def test_a_story_is_read_from_its_mark(tmp_path: Path) -> None:
    """Issues, what happened there, the docstring's first line, the module's title; helpers are no stories."""
    repository(tmp_path)

    assert stories(tmp_path) == (
        [
            Story(
                ("some/some-bot#7", "other/one#8"),
                "An order | was lost.",
                "It is kept.",
                "Lost orders",
                TEST,
                6,
            )
        ],
        [],
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("@pytest.mark.gauntlet", "@pytest.mark.other", "has no single @pytest.mark.gauntlet"),
        (', story="An order | was lost."', "", "has no single @pytest.mark.gauntlet"),
        ('story="An order', 'story=1, other="An order', "has no single @pytest.mark.gauntlet"),
        ('"some/some-bot#7", "other/one#8", ', "", "has no single @pytest.mark.gauntlet"),
        ("other/one#8", "other#8", "cites 'other#8'"),
        ("def test_some_bot_7_order", "def test_order", "test_some_bot_7_"),
        ('    """It is kept.\n\n    And more.\n    """', "    pass", "has no docstring"),
        ("Lost orders: what", "what", "does not begin with a title"),
    ],
)
def test_a_mark_that_tells_no_story_is_found(old: str, new: str, said: str) -> None:
    """Without ids, a story, a docstring, a title, or with the name of another issue."""
    assert old in GOOD
    assert said in complaint(GOOD.replace(old, new))


def test_a_story_that_no_planted_bug_shows_failing_is_found(tmp_path: Path) -> None:
    """A test that was never seen failing proves nothing."""
    gauntlet = repository(tmp_path)

    [finding] = check_gauntlet(gauntlet, {"tests/core/test_other.py::test_it"})

    assert (finding.path, finding.line) == (PATH, 6)
    assert "is named by no planted bug" in finding.message
    assert check_gauntlet(gauntlet, {TEST}) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("some-bot#9", "some-bot#7", "some/some-bot#7 is listed twice, here or in the tests"),
        ("some-bot#10", "some-bot#9", "some/some-bot#9 is listed twice, here or in the tests"),
        ('waits_for = "the moon"', 'waits_for = "the sun"', "some/some-bot#9 waits for none of: the moon"),
        ("some-bot#10", "some-bot 10", "some/some-bot 10 is not written owner/repository#number"),
    ],
)
def test_a_list_that_contradicts_itself_is_found(tmp_path: Path, old: str, new: str, said: str) -> None:
    """One place for each issue, and a debt says first what it waits for."""
    findings = check_gauntlet(repository(tmp_path, data=DATA.replace(old, new)), {TEST})

    assert [finding.message for finding in findings] == [said]


def test_the_page_shows_what_is_played_owed_and_left_out(tmp_path: Path) -> None:
    """One table a theme; issues are links, and a bar in a sentence breaks no table."""
    page = render(repository(tmp_path))

    assert "Played: 1 story of 2 issues." in page
    assert "\n## Lost orders\n" in page
    assert (
        "| [some/some-bot#7](https://github.com/some/some-bot/issues/7)<br>"
        "[other/one#8](https://github.com/other/one/issues/8) "
        f"| An order \\| was lost. | It is kept. | `{TEST}` |"
    ) in page
    assert "| A stop was lost. | the moon |" in page
    assert "| A window was too small. | there are no windows |" in page


def test_the_repository_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Each story of this repository is told once and shown failing, and the page is as it must be."""
    assert main(["--check"]) == 0, capsys.readouterr().out
