"""Pages with commands are carried out as written; each block of a page is run, here or elsewhere."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import blocks, pages
from tests.docs.reader import Reader, typed
from tests.docs.test_code_blocks import ROOT
from tests.e2e.operate.guide import GuideBroken

FOLLOWED = (
    "README.md",
    "docs/how-to/archive-and-back-up.md",
    "docs/how-to/reconcile.md",
    "docs/how-to/simulate-your-bot.md",
    "docs/how-to/write-a-risk-check.md",
    "docs/tutorials/first-bot.md",
)
ELSEWHERE = {
    "docs/explanation/paper-venue.md": "tests/docs/test_served_venue.py",
    "docs/how-to/operate/deploy.md": "tests/e2e/operate/test_operating_guide.py",
    "docs/how-to/operate/go-live.md": "tests/e2e/operate/test_operating_guide.py",
    "docs/how-to/operate/incidents.md": "tests/e2e/operate/test_operating_guide.py",
    "docs/how-to/operate/recover.md": "tests/e2e/operate/test_operating_guide.py",
    "docs/tutorials/get-told.md": "tests/docs/test_get_told.py",
}
"""Pages whose commands need more than one terminal, and what carries them out."""
RUN_BY = {
    "python": "tests/docs/test_code_blocks.py",
    "toml": "tests/docs/test_toml_blocks.py",
    "sql": "tests/sqlstore/test_tables_page.py",
}
"""What runs, reads or makes the blocks of a language, on every page."""
SHOWN = {"text", "mermaid"}
"""Blocks that nobody could run: what something prints, and drawings."""


@pytest.fixture
def home() -> Iterator[Path]:
    """Return an empty folder with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="fairlead-") as name:
        yield Path(name)


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_holds_as_written(page: str, home: Path) -> None:
    """Its files are saved, its commands typed, and each prints what the page shows."""
    reader = Reader(home)
    try:
        assert asyncio.run(reader.follow(page, (ROOT / page).read_text(encoding="utf-8"))) > 0
    finally:
        reader.leave()


def test_no_block_is_left_out() -> None:
    """A block is of a language that is run everywhere, or its page is followed here or elsewhere."""
    for path in pages(ROOT):
        page = str(path.relative_to(ROOT))
        for block in blocks(path.read_text(encoding="utf-8")):
            if block.happens or block.language in RUN_BY or block.language in SHOWN:
                continue
            assert page in FOLLOWED or page in ELSEWHERE, f"{page}:{block.line}: nothing runs this block"
    for runner in {*ELSEWHERE.values(), *RUN_BY.values()}:
        assert (ROOT / runner).is_file(), runner


def test_a_page_that_does_not_hold_is_found(home: Path) -> None:
    """Another output and a command that fails are told with their place."""
    for text in ("```console\n$ echo one\ntwo\n```\n", "```sh\nfalse\n```\n"):
        (home / ".venv").unlink(missing_ok=True)
        with pytest.raises(GuideBroken, match=r"page\.md:1"):
            asyncio.run(Reader(home).follow("page.md", text))
    (install,) = blocks("```sh\n.venv/bin/pip install x\n```\n")
    assert list(typed(install)) == []
