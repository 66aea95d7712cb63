"""The operating guide is carried out as written: its files, its commands, what they print."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from fairlead.domain.anomalies import AnomalyKind
from tests.e2e.operate.guide import GuideBroken, commands, fits, steps
from tests.e2e.operate.site import PAGES, Site

IN_ORDER = ("deploy.md", "go-live.md", "incidents.md", "recover.md")


async def _followed(home: Path) -> None:
    site = Site(home)
    try:
        for page in IN_ORDER:
            await site.follow(page)
    except BaseException as error:  # supervision point: it goes on, with what bot and venue said
        error.add_note(site.log())
        raise
    finally:
        await site.leave()


@pytest.mark.campaign
@pytest.mark.requirement("OPS-2")
def test_the_guide_holds_as_written(short_folder: Path) -> None:
    """One operator follows it from the first page to the last, while everything goes wrong that it tells of.

    With the campaigns, because it takes a minute in which processes start and stop, and once is enough.
    """
    asyncio.run(_followed(short_folder))


def test_every_page_can_be_followed() -> None:
    """Each is one of those that are; each block is written or run, and what happens can happen."""
    assert {page.name for page in PAGES.glob("*.md")} == {"index.md", *IN_ORDER}
    for page in IN_ORDER:
        told = list(steps((PAGES / page).read_text(encoding="utf-8")))
        assert all(hasattr(Site, step.value) for step in told if step.kind == "happens")
        assert [step for step in told if step.kind == "console"]


def test_every_anomaly_is_told() -> None:
    """The table of incidents says of each what happened and what to do."""
    page = (PAGES / "incidents.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert {kind.value for kind in AnomalyKind} <= set(told)
    assert len([name for name in told if name in set(AnomalyKind)]) == len(AnomalyKind)


def test_a_page_that_does_not_hold_is_found() -> None:
    """Another output, a block of no kind and a line too many are told; the dots are anything."""
    assert list(commands("$ one \\\n  two\n1\n...\n$ three")) == [("one \\\n  two", "1\n..."), ("three", "")]
    assert fits("a ... c\n...", "a b c\nd\n\ne\n")
    assert fits("", "\n")
    assert not fits("a", "a\nb\n")
    assert not fits("...\nb", "b\na\n")
    with pytest.raises(GuideBroken, match="neither written"):
        list(steps("```sh\nrm\n```"))
