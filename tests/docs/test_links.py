"""Pages lead where they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.code_blocks import documents

ROOT = Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"\]\((?!https?://|#|mailto:)(?P<target>[^)#\s]+)")


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead to nothing."""
    targets = [match["target"] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    return [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in documents(ROOT)]
)
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file or folder of the repository."""
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A link to a page that is not there is named; one to a neighbour is not."""
    page = tmp_path / "page.md"
    page.write_text("[a](page.md) [b](gone.md#x) [c](https://example.org) [d](#here)")

    assert broken_links(page) == ["gone.md"]
